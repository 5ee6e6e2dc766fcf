import pytest

from dance_edge.bench import paper
from dance_edge.bench.findings import Findings
from dance_edge.bench.measured import Against, Measured
from dance_edge.bench.paper import PAPER, section, to_dict
from dance_edge.bench.ratio import Ratio
from dance_edge.bench.training import TrainingCost
from dance_edge.energy.conditions import Conditions
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import INFERENCE_PAIRS, TRAINING_PAIRS
from dance_edge.metrics.latency import Latency


def measured(name, scale):
    energy = EnergyReading(gross_j=4.0 * scale, measured=True, source="jtop", scope="VDD_IN")
    return Measured(name, Latency(1.0, 1.0, 1.0), 40e9 * scale, 12, energy, {}, 1.0, "onnxruntime", model="bisenet")


def findings(costs):
    ratio = Ratio(0.6, 0.58, 0.62, 6)
    return Findings("run", "4 images", "", 3, [measured("source", 1.0), measured("adapted", 0.5)],
                    [Against("adapted", "source", ratio, Ratio(0.5, 0.48, 0.52, 6), measured("adapted", 0.5).energy)],
                    costs, None, None, None,
                    Conditions(), Conditions(), [])


def cost(scale):
    energy = EnergyReading(gross_j=1000.0 * scale, source="tx2_model")
    return TrainingCost(energy, 40, 0.01 * scale, 60.0)


def test_the_table_is_the_papers():
    assert [(row.macs_g, row.image_j) for row in PAPER] == list(INFERENCE_PAIRS)
    assert [(row.training_macs_p, row.training_mj) for row in PAPER] == list(TRAINING_PAIRS)
    # its headline: energy saved in training and in inference, by data set and network
    assert [[round(-row.training_energy_change) for row in PAPER if row.table == table] for table in (1, 2, 3)] == [
        [40, 35, 45, 26], [32, 32, 49, 32], [77, 25, 61, 28]]
    assert [[round(-row.energy_change) for row in PAPER if row.table == table] for table in (1, 2, 3)] == [
        [45, 43, 48, 31], [44, 41, 56, 34], [44, 40, 37, 38]]
    assert [row.miou_points for row in PAPER] == [3.44, 1.93, 13.34, -0.71, 1.51, 2.82, 1.40, -0.27, 0.12, 5.51, 0.47,
                                                  0.27]


def test_ours_stand_on_top_and_the_same_network_comes_next():
    shown = section(findings([("adapted", cost(1.0))]))
    assert len(shown.rows) == 13 and all(len(row) == len(paper.COLUMNS) for row in shown.rows)
    assert shown.rows[0] == ["ours: adapted against source", "as above", "bisenet", "-", "-", "-50.0 %",
                             "-50.0 % (-52.0 to -48.0), measured (jtop, VDD_IN), uncalibrated",
                             "-40.0 % (-42.0 to -38.0)", "-", "measured (jtop, VDD_IN), uncalibrated"]
    assert [row[2] for row in shown.rows[1:4]] == ["BiSeNet"] * 3 and shown.rows[1][5:7] == ["-39.3 %", "-31.3 %"]
    assert "Only ratios compare" in shown.lines[0]


def test_training_is_held_against_the_first_models_run():
    shown = section(findings([("plain", cost(1.0)), ("adapted", cost(0.4))]))
    assert shown.rows[0][3:5] == ["-60.0 %", "-60.0 %, estimated (TX2 model)"]
    metered = cost(0.4)._replace(energy=EnergyReading(gross_j=400.0, measured=True, source="jtop", scope="VDD_IN"))
    other = section(findings([("plain", cost(1.0)), ("adapted", metered)]))
    assert other.rows[0][3:5] == ["-60.0 %", "-"]


def test_every_joule_of_the_paper_is_labelled_in_json():
    facts = to_dict(findings([("adapted", cost(1.0))]))
    assert len(facts["rows"]) == 12 and "Tables 1 to 3" in facts["source"]
    assert {row["energy_source"] for row in facts["rows"]} == {"measured (paper, Jetson TX2)"}
    assert facts["rows"][3]["training_mj"] == pytest.approx(18.40) and len(facts["ours"]) == 1
