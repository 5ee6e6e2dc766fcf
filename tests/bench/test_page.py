import pytest

from dance_edge.bench import charts as bench_charts
from dance_edge.bench.charts import charts
from dance_edge.bench.findings import Findings, idle_power_w, machine
from dance_edge.bench.measured import Against, Measured
from dance_edge.bench.page import POWER, SCORES, energy_lines, sections
from dance_edge.bench.training import TrainingCost
from dance_edge.bench.turn import Turn
from dance_edge.energy.conditions import Conditions
from dance_edge.energy.reading import EnergyReading, PowerSample
from dance_edge.energy.trace import Trace
from dance_edge.metrics.latency import Latency
from dance_edge.report.page import markdown
from dance_edge.size import Size

IDLE = EnergyReading(gross_j=10.0, low_j=9.9, high_j=10.1, duration_s=5.0, measured=True, source="jtop",
                     scope="VDD_IN", coverage=1.0)
ENERGY = IDLE._replace(gross_j=4.0, net_j=3.0, low_j=3.9, high_j=4.1)


@pytest.fixture
def found():
    turn = Turn([0.5], [Size(64, 96)], ENERGY, 1.0, 1.5)
    one = Measured("adapted", Latency(1.0, 2.0, 3.0), 4e9, 5000000, ENERGY, {"64x96": 1}, 0.5, "onnxruntime", miou=0.5,
                   miou_images=3, turns=(turn,))
    cost = TrainingCost(EnergyReading(reason="no report"), None, None, None)
    return Findings("run", "4 images of town", "ab", 3, [one], [], [("adapted", cost)], IDLE, 0.013, 0.25,
                    Conditions(power_mode="MAXN", temperatures_c={"CPU": 40.0}),
                    Conditions(power_mode="MAXN", temperatures_c={"CPU": 61.5}), ["mind the gap"])


def test_a_page_says_all_there_is(found):
    page = markdown("Bench", sections(found))
    for text in ("4 images of town", "idle: 2.000 W, 10 J (9.9 to 10.1), measured (jtop, VDD_IN), uncalibrated",
                 "the meter itself took 1.3 % of a core", "start: power mode MAXN, 40.0 C (CPU)",
                 "end: power mode MAXN, 61.5 C (CPU)", "25.0 % of the processors' time", "adapted over 3",
                 "mind the gap", "training of adapted: joules: none (no report)"):
        assert text in page
    assert "Each against the first" not in page


def test_a_page_of_three_models_says_how_their_turns_are_paired(found):
    three = found._replace(measured=found.measured * 3, against=[Against("adapted", "adapted", None, None)] * 2)
    page = markdown("Bench", sections(three))
    assert "turns in the same pass" in page and "there and back" in page and "follow each other" not in page


def test_without_a_sensor_there_is_no_idle_line(found):
    lines = energy_lines(found._replace(idle=None, meter_cost=None))
    assert len(lines) == 1 and lines[0].startswith("adapted: 4 J an image (3.9 to 4.1), measured")


def test_the_json_has_what_a_later_bench_needs(found):
    facts = found.to_dict()
    assert facts["format"] == 1 and facts["machine"] == machine() and "cores" in machine()
    assert facts["inference"][0]["turns"][0]["seconds_per_image"] == 0.5 and facts["idle_power_w"] == 2.0
    assert facts["conditions"]["end"]["temperatures_c"] == {"CPU": 61.5} and facts["training_steps"] is None
    assert idle_power_w(None) is None and idle_power_w(EnergyReading()) is None


@pytest.fixture
def trace():
    trace = Trace()
    for i in range(30):
        trace.append(PowerSample(0.1 * i, {"VDD_IN": 5.0}, "VDD_IN"))
    return trace


@pytest.mark.parametrize("calibrated, label", [(False, "VDD_IN"), (True, "VDD_IN, as the sensor has them")])
def test_watts_are_the_sensors_also_where_joules_are_calibrated(found, trace, monkeypatch, calibrated, label):
    labels = []
    monkeypatch.setattr(bench_charts, "power_chart", lambda times_s, watts, turns, label: labels.append(label))
    charts(found._replace(measured=[found.measured[0]._replace(energy=ENERGY._replace(calibrated=calibrated))]),
           trace.columns())
    assert labels == [label]


def test_which_charts_there_are(found, trace):
    assert sorted(charts(found, trace.columns())) == [POWER, SCORES]
    unscored = found._replace(measured=[found.measured[0]._replace(miou=None)])
    assert sorted(charts(unscored, None)) == [] and sorted(charts(found, Trace().columns())) == [SCORES]
