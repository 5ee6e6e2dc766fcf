import pytest

from dance_edge.bench.compare import COLUMNS, joules, markdown, rows, savings, training_line
from dance_edge.bench.inference import Measured
from dance_edge.bench.training import TrainingCost
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import inference_reading
from dance_edge.metrics.latency import Latency

MEASURED_J = EnergyReading(gross_j=2.0, low_j=1.9, high_j=2.1, measured=True, source="jtop", scope="VDD_IN")
COST = TrainingCost(EnergyReading(gross_j=1234.5, source="tx2_model"), 40, 0.005, 60.0)


def measured(name, scale, energy):
    return Measured(name, Latency(20.0 * scale, 30.0 * scale, 50.0 / scale), 40e9 * scale, int(12e6 * scale), energy,
                    {"128x192": 3, "64x96": 1}, 0.8125, "onnxruntime")


@pytest.fixture
def pair():
    return [measured("source", 1.0, inference_reading(40e9, 1, 0.02)),
            measured("adapted", 0.5, inference_reading(20e9, 1, 0.01))]


def test_no_joules_without_a_label(pair):
    for row in rows(pair):
        assert len(row) == len(COLUMNS) and row[-1] == "estimated (TX2 model)"
    page = markdown(pair, COST, "4 images", ["mind the gap"])
    for line in page.splitlines():
        if " J " in line:
            assert "estimated" in line or line.startswith("| model")
    assert "joules (estimated)" in savings(pair) and "mind the gap" in page and "64x96: 1, 128x192: 3" in page


def test_what_was_saved(pair):
    line = savings(pair)
    assert line.startswith("adapted against source: time -50 %, MACs -50 %, parameters -50 %")
    assert savings(pair[:1]) == ""


def test_a_measurement_is_not_held_against_an_estimate(pair):
    assert "joules" not in savings([pair[0], pair[1]._replace(energy=MEASURED_J)])


def test_a_figure_that_could_not_be_had_is_a_dash(pair):
    gone = pair[0]._replace(energy=EnergyReading(reason="the sensor gave no sample"))
    assert rows([gone])[0][-2:] == ["-", "none (the sensor gave no sample)"]
    assert training_line(TrainingCost(EnergyReading(reason="no report"), None, None, None)) \
        == "training: joules: none (no report)"
    assert training_line(COST) == "training: 40 images, 0.005 PMAC, 60 s, 1234 J estimated (TX2 model)"


def test_a_graph_that_nobody_counted_has_dashes_and_no_savings(pair):
    foreign = pair[0]._replace(macs=None, params=None, energy=EnergyReading(reason="its MACs are not known"))
    assert rows([foreign])[0][4:] == ["-", "-", "-", "none (its MACs are not known)"]
    assert savings([foreign, pair[1]]) == "adapted against source: time -50 %"


def test_joules_read_well():
    assert [joules(value) for value in (3.7923, 0.04237, 12345.6, None)] == ["3.79", "0.0424", "12346", "-"]
