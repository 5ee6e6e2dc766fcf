import pytest

from dance_edge.bench import paper
from dance_edge.bench.findings import Findings
from dance_edge.bench.measured import Against, Measured
from dance_edge.bench.paper import PAPER, section, to_dict
from dance_edge.bench.ratio import Ratio
from dance_edge.bench.training import TrainingCost
from dance_edge.energy.conditions import Conditions
from dance_edge.energy.reading import EnergyReading
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
    assert [(row.table, row.data, row.model) for row in PAPER] == [
        (table, data, model) for table, data in ((1, "Cityscapes"), (2, "CamVid"), (3, "BDD100K"))
        for model in ("deeplabv3plus", "pspnet", "icnet", "bisenet")]
    assert [(row.macs_g, row.image_j) for row in PAPER] == [
        (743.64, 41.32), (582.54, 30.99), (45.20, 6.51), (157.41, 9.93), (254.62, 20.19), (208.77, 14.64),
        (16.33, 4.21), (54.17, 6.77), (339.46, 27.67), (290.57, 19.37), (21.68, 5.17), (72.27, 7.94)]
    assert [(row.training_macs_p, row.training_mj) for row in PAPER] == [
        (198.31, 45.21), (153.61, 35.16), (39.33, 10.82), (73.64, 18.40), (37.19, 7.30), (27.27, 4.71), (6.01, 1.78),
        (6.46, 2.72), (97.01, 17.74), (72.56, 11.82), (58.27, 15.73), (45.32, 7.48)]
    # its headline: energy saved in training and in inference, by data set and network
    assert [[round(-row.training_energy_change_percent) for row in PAPER if row.table == table]
            for table in (1, 2, 3)] == [[40, 35, 45, 26], [32, 32, 49, 32], [77, 25, 61, 28]]
    assert [[round(-row.energy_change_percent) for row in PAPER if row.table == table] for table in (1, 2, 3)] == [
        [45, 43, 48, 31], [44, 41, 56, 34], [44, 40, 37, 38]]
    assert [row.miou_points for row in PAPER] == [3.44, 1.93, 13.34, -0.71, 1.51, 2.82, 1.40, -0.27, 0.12, 5.51, 0.47,
                                                  0.27]
    assert PAPER[0].miou == pytest.approx(0.6805) and PAPER[-1].miou == pytest.approx(0.562)


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


def test_ours_in_json_are_numbers_by_name():
    (ours,) = to_dict(findings([("plain", cost(1.0)), ("adapted", cost(0.4))]))["ours"]
    assert ours == pytest.approx({
        "name": "adapted", "against": "source", "model": "bisenet", "training_macs_change_percent": -60.0,
        "training_energy_change_percent": -60.0, "training_energy_source": "estimated (TX2 model)",
        "macs_change_percent": -50.0, "energy_change_percent": -50.0, "energy_low_percent": -52.0,
        "energy_high_percent": -48.0, "energy_source": "measured (jtop, VDD_IN), uncalibrated",
        "time_change_percent": -40.0, "time_low_percent": -42.0, "time_high_percent": -38.0, "miou_points": None})
    assert set(ours) >= {"macs_change_percent", "energy_change_percent", "miou_points"} <= set(PAPER[0]._fields)


def test_ours_in_json_have_null_where_there_is_nothing_to_compare():
    found = findings([("adapted", cost(1.0))])
    bare = found._replace(measured=[found.measured[0]._replace(macs=None), found.measured[1]._replace(model="")],
                          against=[found.against[0]._replace(energy=None, time=None)])
    (ours,) = to_dict(bare)["ours"]
    assert {key for key, value in ours.items() if value is None} == {
        "model", "training_macs_change_percent", "training_energy_change_percent", "macs_change_percent",
        "energy_change_percent", "energy_low_percent", "energy_high_percent", "time_change_percent",
        "time_low_percent", "time_high_percent", "miou_points"}
    scored = found._replace(measured=[one._replace(miou=miou) for one, miou in zip(found.measured, (0.5, 0.53))])
    assert to_dict(scored)["ours"][0]["miou_points"] == pytest.approx(3.0)
