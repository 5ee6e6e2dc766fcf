"""`dance-edge power --calibrate`: loads that are typed or read, and what becomes of them."""
import io
import json
import sys

import pytest

from dance_edge.cli import main, powering
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading

pytestmark = pytest.mark.usefixtures("own_config")


class Loads(EnergyMeter):
    """A sensor that reads so many watts in each window; None is no figure, an error is raised."""

    def __init__(self, watts):
        super().__init__(None)
        self.watts = iter(watts)

    def between(self, start_s, end_s):
        watts, seconds = next(self.watts), end_s - start_s
        if isinstance(watts, BaseException):
            raise watts
        return EnergyReading(gross_j=None if watts is None else watts * seconds, duration_s=seconds, measured=True,
                             source="scripted", scope="VDD_IN", reason="too few samples" if watts is None else "")


def read(path):
    return json.loads(path.read_text())


@pytest.fixture
def calibrate(monkeypatch, put_meter):
    """calibrate(watts, typed, ...) is the exit code where the sensor reads `watts`, load by load."""
    def run(watts, typed, *arguments):
        put_meter(Loads(watts))
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return main.run(["power", "--calibrate", "--for", "0.01"] + list(arguments))

    return run


def test_a_calibration_is_typed_load_by_load(calibrate, tmp_path, capsys):
    path = tmp_path / "k.json"  # the meter has 1.2 times the sensor's watts, and 2 W of the carrier
    assert calibrate([3.0, 5.0, 10.0], "5.6\n8\nabout 14\n14\n\n", "--json", str(path)) == 0
    out, err = capsys.readouterr()
    assert "load 1: sensor 3.000 W, meter 5.600 W" in err and "'about 14' is not a number of watts" in err
    assert "slope     1.2\n" in out and "offset    2 W" in out and "residual" in out
    kept = tmp_path / "config" / "dance-edge" / "calibration-scripted.json"
    assert str(kept) in out
    result = read(path)
    assert result["path"] == str(kept) and result["calibration"]["loads"] == 3
    assert result["calibration"]["slope"] == pytest.approx(1.2)
    assert [pair["meter_w"] for pair in result["pairs"]] == [5.6, 8.0, 14.0]
    assert read(kept)["offset_w"] == pytest.approx(2.0)


def test_a_load_without_a_figure_does_not_count_and_the_end_of_input_is_done(calibrate, capsys):
    assert calibrate([3.0, None, 5.0, 10.0], "5.6\n7\n8\n14") == 0
    err = capsys.readouterr().err
    assert "does not count: too few samples" in err and "load 3: sensor 10.00 W" in err


def test_an_early_empty_line_says_what_is_missing_and_asks_on(calibrate, tmp_path, capsys):
    assert calibrate([5.0, 5.1, 5.2, 3.0, 10.0], "\n8\n8.1\n\n8.2\n\n5.6\n\n14\n\n") == 0
    err = capsys.readouterr().err
    assert "not yet: a calibration takes 3 loads or more, got 0" in err and "got 2" in err
    assert err.count("not yet: the loads are too much alike") == 2 and "an idle board" in err
    assert "load 5: sensor 10.00 W" in err and "--calibrate-from" not in err
    kept = read(tmp_path / "config" / "dance-edge" / "calibration-scripted.json")
    assert kept["loads"] == 5 and kept["high_w"] == 10.0


@pytest.mark.parametrize("sensor_w", [0.0, -0.1])
def test_a_sensor_at_zero_does_not_count(calibrate, capsys, sensor_w):
    assert calibrate([sensor_w, 3.0, 5.0, 10.0], "2\n5.6\n8\n14\n\n") == 0
    assert "does not count: it reads 0 W or less" in capsys.readouterr().err


def test_the_loads_of_an_input_that_ends_too_early_are_not_lost(calibrate, tmp_path, capsys):
    assert calibrate([3.0, 5.0], "5.6\n8\n") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2].startswith("error: a calibration takes 3 loads or more, got 2")
    assert not (tmp_path / "config").exists()
    shown_at = lines.index("the loads so far, as a file for --calibrate-from:")
    assert lines[shown_at + 1:-2] == ["sensor_w,meter_w", "3,5.6", "5,8"]
    file = tmp_path / "loads.csv"
    file.write_text("\n".join(lines[shown_at + 1:-2] + ["10,14"]) + "\n")
    assert main.run(["power", "--calibrate-from", str(file)]) == 0
    assert "slope     1.2\n" in capsys.readouterr().out


@pytest.mark.parametrize("code", [130, 2])
def test_nothing_that_ends_it_loses_the_loads(calibrate, tmp_path, capsys, code):
    """Ctrl-C while the next load is measured; a result that cannot be kept."""
    if code == 2:
        (tmp_path / "config").write_text("no folder")
    last = KeyboardInterrupt() if code == 130 else 11.0
    assert calibrate([3.0, 5.0, 10.0, last], "5.6\n8\n14\n15.2\n\n") == code
    err = capsys.readouterr().err
    assert "sensor_w,meter_w\n3,5.6\n5,8\n10,14\n%s" % ("11,15.2\n" if code == 2 else "") in err
    assert ("error: interrupted" if code == 130 else "error: cannot write ") in err


def test_loads_of_a_file_are_not_shown_again(tree, monkeypatch, tmp_path, capsys):
    (tmp_path / "pairs.csv").write_text("sensor_w,meter_w\n3,5.6\n5,8\n")
    assert main.run(["power", "--power", "ina3221", "--calibrate-from", str(tmp_path / "pairs.csv")]) == 2
    assert "the loads so far" not in capsys.readouterr().err


def test_joules_are_calibrated_from_a_file_of_pairs(tree, tmp_path, capsys):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("# a bench supply\nload, sensor_w, meter_w\nidle,3,5.6\n\nwork,5,8\nfull,10,14\n")
    assert main.run(["power", "--power", "ina3221", "--calibrate-from", str(pairs)]) == 0
    assert main.run(["power", "--power", "ina3221", "--interval", "0.02", "--for", "0.6",
                     "--json", str(tmp_path / "p.json")]) == 0
    result = read(tmp_path / "p.json")
    assert result["energy"]["calibrated"] is True
    assert result["mean_power_w"] == pytest.approx(1.2 * 8.0 + 2.0)
    assert result["rails_j"]["VDD_IN"] == pytest.approx(8.0 * result["duration_s"])  # the sensor's own word
    out = capsys.readouterr().out
    assert "VDD_IN), calibrated, +- " in out and "calibrated at 3 loads to within" in out


@pytest.mark.parametrize("text, said", [
    (None, "cannot read"), ("", "has no columns"), ("3,5\n4,6\n", "has no columns"),
    ("sensor_w,meter_w\n3,5\n4,lots\n", "line 3 is not two numbers: 4,lots"), ("sensor_w,meter_w\n3\n", "line 2"),
    ("sensor_w,meter_w\n3,nan\n", "line 2"), ("sensor_w,meter_w\n", "has no load"),
    ("sensor_w,meter_w\n\n# 3,5\n", "has no load"), (b"\xff\xfe\x00", "cannot read")])
def test_a_file_that_holds_no_pairs_is_one_clear_line(monkeypatch, tmp_path, capsys, text, said):
    monkeypatch.setattr(powering, "find_sensor", lambda *given: pytest.fail("a sensor was opened"))
    path = tmp_path / "pairs.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main.run(["power", "--calibrate-from", str(path)]) == 3
    error, hint = capsys.readouterr().err.splitlines()
    assert said in error and "sensor_w,meter_w" in hint
