"""What a bench leaves in a folder, and what it says of what it could not write."""
import os

import pytest

from dance_edge.bench.findings import Findings
from dance_edge.bench.measured import Measured
from dance_edge.bench.training import TrainingCost
from dance_edge.bench.turn import Turn
from dance_edge.cli import bench_pages
from dance_edge.cli.bench_pages import HTML, JSON, PAGE, TRACE, write_pages
from dance_edge.cli.benching import Benched
from dance_edge.energy.conditions import Conditions
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.replay import read_csv
from dance_edge.events import Warned
from dance_edge.metrics.latency import Latency
from dance_edge.size import Size


@pytest.fixture
def benched(tmp_path):
    """Makes a bench of one model, to be written into `out`, by a meter."""
    def make(meter):
        energy = EnergyReading(gross_j=4.0, low_j=3.9, high_j=4.1, measured=True, source="scripted", scope="VDD_IN")
        one = Measured("adapted", Latency(1.0, 2.0, 3.0), 4e9, 5000000, energy, {"64x96": 1}, 0.5, "onnxruntime",
                       turns=(Turn([0.5], [Size(64, 96)], energy, 1.0, 1.5),))
        cost = TrainingCost(EnergyReading(reason="no report"), None, None, None)
        found = Findings("run", "4 images", "ab", 3, [one], [], [("adapted", cost)], None, None, None, Conditions(),
                         Conditions(), [])
        return Benched(found, str(tmp_path / "out"), meter)

    return make


def test_all_is_written_and_nothing_else(benched, steady_meter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    heard = []
    assert write_pages(benched(steady_meter(5.0)), heard.append) == os.path.join("out", PAGE)
    assert sorted(os.listdir("out")) == sorted([HTML, JSON, PAGE, TRACE]) and heard == []


def test_a_trace_that_cannot_be_written_leaves_nothing_behind_and_takes_no_page_along(benched, steady_meter, tmp_path,
                                                                                      monkeypatch):
    monkeypatch.chdir(tmp_path)
    meter, heard = steady_meter(5.0), []

    def half(path, source):
        with open(path, "w") as file:
            file.write("# format: 2")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(meter, "write_csv", half)
    assert write_pages(benched(meter), heard.append) == os.path.join("out", PAGE)
    assert sorted(os.listdir("out")) == sorted([HTML, JSON, PAGE])
    assert heard == [Warned("not written: bench_power.csv ([Errno 28] No space left on device)")]


def test_a_page_that_cannot_be_written_is_not_shown(benched, steady_meter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out" / PAGE).mkdir(parents=True)
    heard = []
    assert write_pages(benched(steady_meter(5.0)), heard.append) is None
    assert sorted(os.listdir("out")) == sorted([HTML, JSON, PAGE, TRACE])
    assert len(heard) == 1 and heard[0].text.startswith("not written: bench.md (")


def test_a_folder_that_cannot_be_is_said_once(benched, steady_meter, tmp_path):
    (tmp_path / "out").write_text("a file")
    heard = []
    assert write_pages(benched(steady_meter(5.0)), heard.append) is None
    assert len(heard) == 1 and heard[0].text.startswith("not written: bench.json, bench.md, bench.html, bench_power")


def test_without_a_sensor_an_earlier_trace_is_taken_away(benched, steady_meter, tmp_path):
    trace = tmp_path / "out" / TRACE
    write_pages(benched(steady_meter(5.0)), pytest.fail)
    assert read_csv(str(trace)).columns.rails_w["VDD_IN"][0] == 5.0
    write_pages(benched(EnergyMeter(None)), pytest.fail)
    assert not trace.exists() and (tmp_path / "out" / JSON).exists()
    write_pages(benched(EnergyMeter(None)), pytest.fail)  # and where there is none there is none to take away


def test_without_matplotlib_the_pages_stand_without_charts(benched, steady_meter, tmp_path, monkeypatch):
    from dance_edge.errors import ConfigError

    def none(*arguments):
        raise ConfigError("matplotlib is not installed", "install it")

    monkeypatch.setattr(bench_pages, "charts", none)
    heard = []
    assert write_pages(benched(steady_meter(5.0)), heard.append)
    assert [one.text for one in heard] == ["bench.html without its charts: matplotlib is not installed"]
