import pytest

from dance_edge.bench.compare import (
    AGAINST_COLUMNS,
    COLUMNS,
    RUNG_COLUMNS,
    against_rows,
    energy_line,
    rows,
    rung_rows,
    savings,
    size_lines,
    training_line,
)
from dance_edge.bench.measured import Against, Measured, RungCost
from dance_edge.bench.ratio import Ratio
from dance_edge.bench.training import TrainingCost
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import inference_reading
from dance_edge.metrics.latency import Latency
from dance_edge.size import Size

MEASURED_J = EnergyReading(gross_j=2.0, low_j=1.9, high_j=2.1, sensor_j=0.3, measured=True, source="jtop",
                           scope="VDD_IN", coverage=1.0)
COST = TrainingCost(EnergyReading(gross_j=1234.5, source="tx2_model"), 40, 0.005, 60.0)
HALF = Against("adapted", "source", Ratio(0.5, 0.49, 0.51, 6), None)


def measured(name, scale, energy):
    rung = RungCost(Size(64, 96), 4, Latency(10.0 * scale, 15.0 * scale, 100.0 / scale), 10e9 * scale, energy)
    return Measured(name, Latency(20.0 * scale, 30.0 * scale, 50.0 / scale), 40e9 * scale, int(12e6 * scale), energy,
                    {"128x192": 3, "64x96": 1}, 0.8125, "onnxruntime", memory_bytes=25000000, rungs=(rung,), miou=0.5,
                    miou_images=4)


@pytest.fixture
def pair():
    return [measured("source", 1.0, inference_reading(40e9, 1, 0.02)),
            measured("adapted", 0.5, inference_reading(20e9, 1, 0.01))]


def test_no_joules_without_a_label(pair):
    for row in rows(pair):
        assert len(row) == len(COLUMNS) and row[-1] == "estimated (TX2 model)"
    for row in rung_rows(pair):
        assert len(row) == len(RUNG_COLUMNS) and row[-1] == "estimated (TX2 model)"
    assert rows(pair)[0][:9] == ["source", "50.0 %", "20.0", "30.0", "50.0", "40.00", "12.00", "25", "-"]
    assert rung_rows(pair)[1][:7] == ["adapted", "64x96", "4", "5.0", "7.5", "200.0", "5.00"]


def test_what_was_saved(pair):
    (row,) = against_rows(pair, [HALF])
    assert len(row) == len(AGAINST_COLUMNS) and row[2] == "-50.0 % (-51.0 to -49.0)" and row[-1] == "+0.0 points"
    saved = pair[1].energy.gross_j / pair[0].energy.gross_j - 1.0
    assert savings(pair, [HALF]) == [
        "adapted against source: time -50.0 %% (-51.0 to -49.0), joules %+.1f %%, estimated (TX2 model), "
        "MACs -50.0 %%, parameters -50.0 %%, mIoU +0.0 points" % (100 * saved)]
    assert savings(pair[:1], []) == []


def test_a_saving_whose_interval_holds_none_is_no_difference(pair):
    same = HALF._replace(time=Ratio(0.99, 0.97, 1.02, 6), energy=Ratio(0.9, 0.85, 0.95, 6), of=MEASURED_J)
    line = savings(pair, [same])[0]
    assert "time no difference seen (-3.0 to +2.0 %)" in line
    assert "joules -10.0 % (-15.0 to -5.0), measured (jtop, VDD_IN), uncalibrated" in line


def test_a_measurement_is_not_held_against_an_estimate(pair):
    assert "joules" not in savings([pair[0], pair[1]._replace(energy=MEASURED_J)], [HALF])[0]


def test_a_measured_row_holds_its_interval_and_whether_it_was_calibrated(pair):
    one = pair[0]._replace(energy=MEASURED_J, gpu_memory_bytes=77000000,
                           rungs=(pair[0].rungs[0]._replace(energy=MEASURED_J._replace(calibrated=True)),))
    assert rows([one])[0][8:] == ["77", "2 (1.9 to 2.1)", "-", "0.5", "measured (jtop, VDD_IN), uncalibrated"]
    assert rung_rows([one])[0][-2:] == ["2 (1.9 to 2.1)", "measured (jtop, VDD_IN), calibrated"]


def test_a_ratio_in_json_says_what_its_joules_are():
    facts = HALF._replace(energy=Ratio(0.9, 0.85, 0.95, 6), of=MEASURED_J).to_dict()["energy"]
    assert facts == {"value": 0.9, "low": 0.85, "high": 0.95, "pairs": 6, "seen": True, "reason": "", "measured": True,
                     "source": "jtop", "scope": "VDD_IN", "calibrated": False, "label": "measured (jtop, VDD_IN)"}
    assert HALF.to_dict()["energy"] is None


def test_what_is_to_be_said_of_a_ratios_interval_stands_beside_it(pair):
    told = HALF._replace(energy=Ratio(0.9, 0.85, 0.95, 6, "the sensor's own error is not known"), of=MEASURED_J)
    assert against_rows(pair, [told])[0][3] == (
        "-10.0 % (-15.0 to -5.0), the sensor's own error is not known, measured (jtop, VDD_IN), uncalibrated")


def test_a_figure_that_could_not_be_had_is_a_dash(pair):
    gone = pair[0]._replace(energy=EnergyReading(reason="the sensor gave no sample"), memory_bytes=None, miou=None)
    row = rows([gone])[0]
    assert row[-4:] == ["-", "-", "-", "none (the sensor gave no sample)"] and row[1] == row[7] == row[8] == "-"
    assert training_line(TrainingCost(EnergyReading(reason="no report"), None, None, None)) \
        == "training: joules: none (no report)"
    assert training_line(COST) == "training: 40 images, 0.005 PMAC, 60 s, 1234 J, estimated (TX2 model)"


def test_a_graph_that_nobody_counted_has_dashes_and_no_savings(pair):
    foreign = pair[0]._replace(macs=None, params=None, miou=None, energy=EnergyReading(reason="its MACs are not known"))
    assert rows([foreign])[0][5:7] == ["-", "-"] and rows([foreign])[0][-1] == "none (its MACs are not known)"
    assert savings([foreign, pair[1]], [HALF]) == ["adapted against source: time -50.0 % (-51.0 to -49.0)"]


def test_a_measured_line_says_its_interval_and_what_the_sensor_cannot_know(pair):
    assert energy_line(pair[0]._replace(energy=MEASURED_J)) == (
        "2 J an image (1.9 to 2.1), measured (jtop, VDD_IN), uncalibrated, "
        "+- 0.3 J by the sensor's own offset and gain")


def test_sizes_are_told_the_smallest_first(pair):
    assert size_lines(pair)[0] == "source (onnxruntime): 64x96: 1, 128x192: 3; 81.2 % of the pixels at full size"
