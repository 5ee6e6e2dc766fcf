"""A real jtop service whose board's power goes by a schedule: joules against the exact ones, and all that can fail."""
import json
import os
import subprocess
import sys

import pytest
import torch

from dance_edge.checkpoint import load_tensors

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WHOLE_SECONDS = [(4.0, 3.0), (10.0, 2.0)]  # watts, seconds
ODD = [(4.0, 2.3), (10.0, 1.4)]  # 3.7 s: a period of whole samples would be met at the same points each time
STEPS, KILLED_AT = 160, 80  # of a tenth of a second


def off_and_width(result, keep):
    """How far the joules are off and how wide the interval is to either side, as shares of the exact joules. `keep`
    puts the figures into a report of the tests (--junitxml)."""
    reading, exact_j = result["reading"], result["exact_j"]
    off, width = reading["gross_j"] / exact_j - 1.0, (reading["high_j"] - reading["low_j"]) / 2.0 / exact_j
    for name, value in (("exact_j", exact_j), ("off", off), ("width", width), ("samples", reading["sample_count"]),
                        ("sample_s", result["sample_s"]), ("coverage", reading["coverage"])):
        keep(name, value)
    return off, width


def holds(result):
    return result["reading"]["low_j"] <= result["exact_j"] <= result["reading"]["high_j"]


@pytest.mark.slow
def test_half_a_minute_at_a_tenth_of_a_second_is_within_a_percent(jtop_rig, record_property):
    result = jtop_rig("window", interval_s=0.1, seconds=30.0, steps=WHOLE_SECONDS)
    off, width = off_and_width(result, record_property)
    assert 170.0 < result["exact_j"] < 215.0 and result["reading"]["sample_count"] > 200
    assert abs(off) < 0.01 and holds(result) and width < 0.05
    assert result["reading"]["gaps"] == 0 and result["reading"]["label"] == "measured (jtop, VDD_IN)"


@pytest.mark.slow
@pytest.mark.parametrize("steps", [WHOLE_SECONDS, ODD])
def test_half_a_minute_at_a_second_is_within_what_the_meter_states(steps, jtop_rig, record_property):
    result = jtop_rig("window", interval_s=1.0, seconds=30.0, steps=steps)
    _off, width = off_and_width(result, record_property)
    assert 170.0 < result["exact_j"] < 215.0 and 20 < result["reading"]["sample_count"] < 32
    # A bound so wide that it holds anything would say nothing: each step between two samples leaves half of its 6 W for
    # the time between them, and the chip's delay moves both ends.
    most_j = 2.0 * 30.0 / sum(seconds for _, seconds in steps) * 3.0 * result["sample_s"] + 0.42 * 6.0
    assert holds(result) and 0.02 < width < 1.1 * most_j / result["exact_j"]


@pytest.fixture(scope="module")
def said():
    """What the rig heard, once it was asked."""
    return {}


@pytest.mark.parametrize("state, message, hint", [
    ("no service", "jtop: The jtop.service is not active",
     "start it: sudo systemctl start jtop (once: sudo jtop --install-service)"),
    ("no permission", "jtop: I can't access jtop.service",
     "join its group: sudo usermod -aG jtop $USER, then log in again"),
    ("another version", "jtop: Mismatch version jtop service: [1.2.3] and client: [",
     "bring service and library to one version: sudo pip install -U jetson-stats, then restart jtop"),
])
def test_each_refusal_has_its_line_and_stops_no_auto(state, message, hint, said, jtop_rig):
    if not said:
        said.update(jtop_rig("refusals"))
    (found, remedy), notes = said[state]
    assert found.startswith(message) and "\n" not in found and remedy == hint
    assert sum(found in note for note in notes) == 1  # auto goes on without it, and says why
    assert said["well"] == [[], ["power: jtop, rail VDD_IN"]]


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_a_service_that_restarts_in_a_window_leaves_a_gap(times, jtop_rig, record_property):
    result = jtop_rig("restart", interval_s=0.5, seconds=8.0, steps=WHOLE_SECONDS, times=times)
    _off, width = off_and_width(result, record_property)
    reading, warnings = result["reading"], result["warnings"]
    assert len(warnings) == 2 * times
    assert all(one.startswith("the power sensor failed: jtop") and one.endswith("; the work goes on")
               for one in warnings[::2])
    assert set(warnings[1::2]) == {"the power sensor is back"}
    assert all("not active" in one for one in result["while_away"])
    assert reading["gaps"] == times and 0.5 < reading["coverage"] < 0.95
    assert holds(result) and width < 0.3 and reading["reason"].startswith("%d gap" % times)


def adapt(small_set, power, name):
    return [sys.executable, "-m", "dance_edge", "adapt", "--model", "small_networks:slow", "--target", small_set,
            "--steps", str(STEPS), "--batch-size", "4", "--stages", "2", "--pruning-ratio", "0.5", "--scope", "all",
            "--power", power, "--out", name, "--json", name + ".json"]


@pytest.mark.slow
def test_a_service_that_dies_costs_no_training(jtop_rig, small_set, tmp_path, monkeypatch, record_property):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([ROOT, os.path.join(ROOT, "tests", "training")]))
    result = jtop_rig("command", words=adapt(small_set, "auto", "dies"), log="dies/adapt.log",
                      until="step %d/%d" % (KILLED_AT, STEPS))
    assert result["code"] == 0 and result["killed_under_way"], result["said"]
    facts = json.loads((tmp_path / "dies.json").read_text())
    energy = facts["energy"]
    record_property("label", energy["label"])
    assert facts["steps"] == STEPS and os.path.exists("dies/model.onnx")
    assert "power: jtop, rail VDD_IN" in result["said"]
    assert result["said"].count("the power sensor failed: jtop") == 1
    assert 0.2 < energy["coverage"] < 0.9 and energy["sample_count"] >= 5
    assert energy["gross_j"] is None and energy["reason"].startswith("samples cover ")
    assert energy["label"] in (tmp_path / "dies" / "report.md").read_text()
    subprocess.check_call(adapt(small_set, "none", "unmetered"))
    metered, unmetered = (load_tensors(name + "/model.pt")["state_dict"] for name in ("dies", "unmetered"))
    assert sorted(metered) == sorted(unmetered)
    assert all(torch.equal(metered[name], unmetered[name]) for name in metered)
