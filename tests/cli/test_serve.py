"""`dance-edge serve` as a user types it: promised keys, ends, and one line for what cannot be."""
import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from dance_edge.cli import main
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.size import Size

FLAT = np.full((128, 192, 3), 60, dtype=np.uint8)
BUSY = np.repeat(np.random.RandomState(0).randint(0, 2, size=(128, 192, 1)).astype(np.uint8) * 200, 3, axis=2)


@pytest.fixture
def place(tmp_path, monkeypatch, switch_manifest, write_switch, write_clip):
    """A current folder with a run `r` and a clip `v.avi` of 12 frames."""
    monkeypatch.chdir(str(tmp_path))
    (tmp_path / "r").mkdir()
    write_switch(tmp_path / "r" / "model.onnx", switch_manifest())
    write_clip(tmp_path / "v.avi", [FLAT, BUSY, FLAT, FLAT] * 3)
    return tmp_path


def frame_count(path):
    capture = cv2.VideoCapture(str(path))
    return sum(1 for _ in iter(capture.grab, False))


def refused(capsys, code, arguments):
    before = sorted(os.listdir("."))
    assert main.run(["serve"] + arguments) == code
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith(("error:", "hint:"))]
    assert out == "" and [line.split(":")[0] for line in lines] == ["error", "hint"] and "Traceback" not in err
    assert sorted(os.listdir(".")) == before
    return " ".join(lines)


def test_a_clip_comes_out_overlaid_logged_and_counted(place, capsys):
    assert main.run(["serve", "r", "--video", "v.avi", "--out", "o.mp4", "--log", "l.jsonl", "--json", "s.json"]) == 0
    facts = json.load(open("s.json"))
    assert set(facts) >= {"format", "frames", "dropped", "duration_s", "fps", "latency_ms", "sizes",
                          "energy_j_per_image", "energy_source", "energy", "conditions", "meter_cost"}
    assert set(facts["conditions"]) == {"start", "end"} and "power_mode" in facts["conditions"]["start"]
    assert facts["frames"] == 12 and facts["dropped"] == 0 and facts["sizes"] == {"64x96": 9, "128x192": 3}
    assert set(facts["latency_ms"]) == {"p50", "p99"} and facts["latency_ms"]["p50"] > 0
    assert facts["energy_j_per_image"] > 0 and facts["energy_source"] and facts["backend"] == "onnxruntime"
    lines = [json.loads(line) for line in open("l.jsonl")]
    assert [line["frame"] for line in lines] == list(range(12)) == list(range(frame_count("o.mp4")))
    assert set(lines[0]) == {"frame", "p", "height", "width", "complexity_ms", "engine_ms", "total_ms"}
    before, after = cv2.VideoCapture("v.avi").read()[1], cv2.VideoCapture("o.mp4").read()[1]
    assert np.abs(before.astype(int) - after).mean() >= 6
    out, err = capsys.readouterr()
    assert "12 frames" in out and "64x96: 9, 128x192: 3" in out and facts["energy_source"] in out
    low, high = (facts["energy"][key] for key in ("low_j", "high_j"))
    assert " J an image (%.3g to %.3g), estimated (TX2 model)" % (low, high) in out
    assert "serve 12/12" in err and "backend: onnxruntime, r/model.onnx" in err


def test_what_measures_is_chosen_by_power(place, capsys, monkeypatch):
    (place / "chip" / "iio:device1").mkdir(parents=True)
    for name, text in (("rail_name_0", "VDD_IN"), ("in_power0_input", "8000")):
        (place / "chip" / "iio:device1" / name).write_text(text + "\n")
    monkeypatch.setattr("dance_edge.energy.ina3221.ROOT", str(place / "chip"))
    found = {}
    for kind in ("none", "estimate", "ina3221", "auto"):
        assert main.run(["serve", "r", "--video", "v.avi", "--power", kind, "--json", "s.json"]) == 0
        found[kind] = json.load(open("s.json"))
    assert found["none"]["energy_j_per_image"] is None
    assert found["none"]["energy_source"] == "none (not metered: --power none)"
    assert found["estimate"]["energy_source"] == "estimated (TX2 model)"
    for kind in ("ina3221", "auto"):  # twelve frames take too short for a figure, and no estimate stands in its place
        assert found[kind]["energy"]["source"] == "ina3221" and found[kind]["energy"]["scope"] == "VDD_IN"
    assert found["none"]["meter_cost"] is None and 0.0 <= found["ina3221"]["meter_cost"] < 1.0
    assert found["ina3221"]["energy"]["net_j"] is None  # no idle machine was measured
    assert set(found["ina3221"]["energy"]) >= {"sensor_j", "refresh_s", "gaps", "low_j", "high_j", "label"}
    assert "power: ina3221, rail VDD_IN" in capsys.readouterr().err


def test_the_sensor_is_told_where_the_network_runs(place, monkeypatch):
    from dance_edge.energy import sensors

    asked, own = [], sensors.metered
    monkeypatch.setattr(sensors, "metered", lambda kind, on_event, place: asked.append(place) or own("none"))
    assert main.run(["serve", "r", "--video", "v.avi", "--frames", "1"]) == 0
    assert asked == ["cpu"]


@pytest.mark.parametrize("kind, code, said", [("solar", 2, "solar"), ("replay:", 2, "replay:FILE"),
                                              ("replay:no.csv", 3, "no.csv"), ("rapl", 6, "no RAPL zones")])
def test_a_sensor_that_cannot_be_leaves_no_file(place, capsys, monkeypatch, kind, code, said):
    monkeypatch.setattr("dance_edge.energy.rapl.ROOT", str(place))
    assert said in refused(capsys, code, ["r", "--video", "v.avi", "--out", "o.mp4", "--power", kind])


def test_json_on_stdout_is_the_object_alone(place, capsys):
    assert main.run(["serve", "r/model.onnx", "--video", "v.avi", "--frames", "3", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr()[0])["frames"] == 3
    assert sorted(os.listdir(".")) == ["r", "v.avi"]


def test_runs_latest_is_the_default(place):
    (place / "runs").mkdir()
    os.symlink("../r", "runs/latest")
    assert main.run(["serve", "--video", "v.avi", "--frames", "1", "--json", "s.json"]) == 0
    assert json.load(open("s.json"))["run"] == os.path.realpath("r")


def test_a_profile_of_its_own_and_the_warning_of_one_that_does_not_fit(place, capsys):
    profile = ComplexityProfile(0.0, 50.0, Size(128, 192), 9, 0.1, "another world", "sobel")
    json.dump(profile.to_dict(), open("p.json", "w"))
    assert main.run(["serve", "r", "--video", "v.avi", "--profile", "p.json", "--json", "s.json"]) == 0
    facts = json.load(open("s.json"))
    assert facts["sizes"] == {"64x96": 12} and facts["profile"]["scale"] == 50.0
    assert len(facts["warnings"]) == 1 and "100 % of the frames" in facts["warnings"][0]
    assert "scan VIDEO" in facts["warnings"][0] and "another world" in capsys.readouterr()[1]


def test_realtime_accounts_for_every_frame_and_keeps_the_length(place, write_clip):
    write_clip(place / "t.avi", [FLAT] * 20, fps=40.0)
    assert main.run(["serve", "r", "--video", "t.avi", "--realtime", "--out", "o.mp4", "--json", "s.json"]) == 0
    facts = json.load(open("s.json"))
    assert facts["frames"] + facts["dropped"] == 20 and facts["duration_s"] > 0.3
    assert 0.5 * facts["frames"] <= frame_count("o.mp4") <= 40.0 * facts["duration_s"] + 2  # as long as it took


@pytest.mark.parametrize("signum, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_whole_files(place, write_clip, signum, code):
    write_clip(place / "t.avi", [FLAT] * 60, fps=2.0)
    command = [sys.executable, "-m", "dance_edge", "serve", "r", "--video", "t.avi", "--realtime", "--out", "o.mp4",
               "--log", "l.jsonl", "--json", "s.json"]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True,
                               env=dict(os.environ, PYTHONPATH=root))
    try:
        deadline_s = time.monotonic() + 60.0
        while not any(name.startswith(".l.jsonl") for name in os.listdir(".")) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        process.send_signal(signum)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    frames = json.load(open("s.json"))["frames"]
    assert process.returncode == code and 1 <= frames < 60 and "Traceback" not in err
    assert len([json.loads(line) for line in open("l.jsonl")]) == frames and frame_count("o.mp4") >= frames - 1
    assert "stopped after %d frames" % frames in err and "%d frames" % frames in out
    assert not [name for name in os.listdir(".") if "part" in name]


def test_no_camera_says_so_and_what_to_try(place, capsys):
    said = refused(capsys, 6, ["r", "--camera", "77", "--out", "o.mp4"])
    assert "camera 77 cannot be opened" in said and "--video FILE" in said


@pytest.mark.parametrize("code, arguments, said", [
    (2, [], "--video or from --camera"), (2, ["--video", "v.avi", "--camera", "0"], "not both"),
    (2, ["--camera", "0", "--realtime"], "--realtime"), (2, ["--video", "v.avi", "--frames", "0"], "frames"),
    (2, ["--video", "v.avi", "--out", "o.gif"], "o.gif"), (2, ["--video", "v.avi", "--out", "none/o.mp4"], "none"),
    (2, ["--video", "v.avi", "--log", "none/l"], "none"),
    (6, ["--video", "v.avi", "--backend", "tensorrt"], "TensorRT is not installed"),
    (2, ["--video", "v.avi", "--backend", "torch"], "no checkpoint"),
    (3, ["--video", "none.mp4", "--out", "o.mp4"], "there is no video"),
    (3, ["--video", "r/model.onnx", "--out", "o.mp4", "--log", "l"], "cannot be read as a video"),
    (3, ["--video", "v.avi", "--out", "o.mp4", "--profile", "none.json"], "profile"),
    (3, ["--video", "r"], "no image")])
def test_what_a_user_gets_wrong(place, capsys, code, arguments, said):
    assert said in refused(capsys, code, ["r"] + arguments)


def test_a_run_without_a_model_and_a_file_that_is_none(place, capsys, switch_manifest, write_switch):
    (place / "hollow").mkdir()
    (place / "junk.onnx").write_bytes(b"junk")
    write_switch(place / "foreign.onnx", switch_manifest(), metadata=False)
    write_switch(place / "unmeasured.onnx", switch_manifest(profile=None))
    for code, run in ((4, "hollow"), (4, "none"), (4, "junk.onnx"), (2, "foreign.onnx"), (2, "unmeasured.onnx")):
        assert "error:" in refused(capsys, code, [run, "--video", "v.avi", "--out", "o.mp4"])
