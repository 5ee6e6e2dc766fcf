"""adapt as it is typed: the run folder, the JSON, the refusals."""
import json
import os
import re
import shutil

import pytest
import torch

from dance_edge.cli.main import run

KEYS = {"run", "steps", "resumed_from_step", "images_offered", "images_kept", "pixels_ratio", "pixels_ratio_offered",
        "macs_p", "channels_kept", "duration_s", "energy_j", "energy_source", "energy", "conditions", "meter_cost",
        "miou_before", "miou_after", "format"}
FILES = {"run.json", "model.pt", "model.onnx", "source.pt", "source.onnx", "report.json", "report.md", "report.html",
         "adapt.log", "checkpoints", "scalars.csv", "curves.png"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small_adapt(here, small_set):
    """The words of an adapt of two steps into `r`, of seven layers: their exports take a tenth of the time."""
    shutil.copy(os.path.join(os.path.dirname(__file__), "..", "training", "small_networks.py"), ".")
    return ["adapt", "--model", "small_networks:make", "--target", small_set, "--steps", "2", "--batch-size", "3",
            "--out", "r"]


def test_the_run_folder_is_whole(small_run):
    assert FILES <= set(os.listdir(small_run))
    state = json.load(open(os.path.join(small_run, "run.json")))
    assert state["state"] == "deployable" and state["format"] == 1
    assert state["target"]["train"] and state["target"]["val"] and state["config"]["steps"] == 6
    latest = os.path.join(os.path.dirname(small_run), "runs", "latest")
    assert os.path.islink(latest) and os.path.realpath(latest) == os.path.realpath(small_run)


def test_the_json_s_keys_are_a_promise(small_run):
    facts = json.load(open(os.path.join(os.path.dirname(small_run), "a.json")))
    assert KEYS <= set(facts)
    assert KEYS <= set(json.load(open(os.path.join(small_run, "report.json"))))


def test_no_joule_stands_naked_in_a_report(small_run):
    for name in ("report.md", "report.html"):
        text = open(os.path.join(small_run, name), encoding="utf-8").read()
        lines = [line for line in text.splitlines() if re.search(r"[\d.]+ k?J\b", line)]
        assert lines and all("estimated" in line or "measured" in line for line in lines)


def test_the_log_has_every_step(small_run):
    text = open(os.path.join(small_run, "adapt.log"), encoding="utf-8").read()
    assert all("step %d/6" % step in text for step in range(1, 7)) and "pixels saved" in text
    assert re.search(r"^epoch 1/\d+  \d+ of 14 images kept  [\d.]+ % of the pixels: ", text, re.M)


def test_a_finished_run_says_so_and_touches_no_model(small_adapt, capfd):
    assert run(["-q"] + small_adapt) == 0
    stamps = {name: os.stat(os.path.join("r", name)).st_mtime_ns for name in ("model.pt", "model.onnx", "source.onnx")}
    os.remove("runs/latest")
    capfd.readouterr()
    assert run(small_adapt) == 0
    assert "finished" in capfd.readouterr().err
    assert stamps == {name: os.stat(os.path.join("r", name)).st_mtime_ns for name in stamps}


def test_only_what_is_missing_is_made(small_adapt):
    assert run(["-q"] + small_adapt) == 0
    os.remove("r/model.onnx")
    state = json.load(open("r/run.json"))
    with open("r/run.json", "w") as file:
        facts = dict(state["facts"], warnings=["memory was short"])
        json.dump(dict(state, state="running", facts=facts), file)  # as if the power had gone before the export
    stamp = os.stat("r/model.pt").st_mtime_ns
    assert run(small_adapt) == 0
    assert os.path.exists("r/model.onnx") and os.stat("r/model.pt").st_mtime_ns == stamp
    state = json.load(open("r/run.json"))
    assert state["state"] == "deployable" and state["facts"]["warnings"][0] == "memory was short"
    assert "memory was short" in open("r/report.md").read()
    assert open("r/adapt.log").read().count("wrote r/model.onnx") == 2


def test_latest_is_moved_before_a_run_says_that_it_is_finished(small_adapt, monkeypatch):
    import dance_edge.run

    with monkeypatch.context() as patch:
        patch.setattr(dance_edge.run, "mark_latest", None)  # the power goes at this moment
        assert run(["-q"] + small_adapt) == 1
    assert json.load(open("r/run.json"))["state"] == "running" and not os.path.exists("runs/latest")
    assert run(["-q"] + small_adapt) == 0
    assert json.load(open("r/run.json"))["state"] == "deployable" and os.path.realpath("runs/latest").endswith("/r")


def test_the_settings_of_an_earlier_run_are_taken_and_flags_win(small_adapt, capfd):
    assert run(["-q"] + small_adapt + ["--scope", "all"]) == 0
    capfd.readouterr()
    assert run(["-q", "adapt", "--config", "r/run.json", "--model", small_adapt[2], "--steps", "3", "--out", "s",
                "--json", "-"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert facts["steps"] == 3 and json.load(open("s/run.json"))["config"]["scope"] == "all"
    assert json.load(open("r/run.json"))["config"]["steps"] == 2


def test_a_dry_run_prints_the_plan_and_makes_nothing(small_set, capfd):
    command = ["-q", "adapt", "--model", "bisenet", "--target", small_set, "--steps", "6", "--batch-size", "3",
               "--stages", "2", "--pruning-ratio", "0.5", "--dry-run"]
    assert run(command) == 0
    said = capfd.readouterr().out
    assert "prune after step 2" in said and "prune after step 4" in said and "of 3 images" in said
    assert run(command + ["--json", "-"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert {"steps", "images", "offered", "macs_p", "duration_s", "energy_j", "energy_source", "energy", "stages",
            "layers", "micro_batch", "format"} <= set(facts)
    assert facts["steps"] == 6 and facts["images"] == 18 and "estimated" in facts["energy_source"]
    assert os.listdir(".") == []


@pytest.mark.parametrize("flag, setting, value", [
    ("--time 2h", "time", "2h"), ("--energy 40kJ", "energy", "40kJ"), ("--macs 1P", "macs", "1P"),
    ("--amp", "amp", True), ("--clip-norm 1", "clip_norm", 1.0), ("--score-every 5", "score_every", 5),
    ("--patience 3", "patience", 3), ("--source-data day", "source_data", "day"),
    ("--class-weights median-frequency", "class_weights", "median-frequency"),
    ("--checkpoint-minutes 2.5", "checkpoint_minutes", 2.5),
    ("--no-augment", "augment", False), ("--no-flip", "flip", False), ("--no-scale-crop", "scale_crop", False),
    ("--no-color-jitter", "color_jitter", False), ("--full-decode", "full_decode", True),
    ("--drop-range 0.75 0.25", "drop_range", (0.75, 0.25)), ("--weight-range 1 2", "weight_range", (1.0, 2.0)),
    ("--ratio-range 0.5 0.75", "ratio_range", (0.5, 0.75)), ("--keep-floor 0.25", "keep_floor", 0.25),
    ("--anneal 0.125", "anneal", 0.125), ("--p inverse", "p_rule", "inverse"), ("--no-drop", "drop", False)])
def test_flags_of_data_slimming_augmentation_and_decoding_are_settings(flag, setting, value):
    from dance_edge.cli.adapt import _settings, command
    from dance_edge.training.config import AdaptConfig

    flags = command.make_context("adapt", ["--target", "t", "--model", "bisenet"] + flag.split()).params
    others = ("json_path", "config", "dry_run", "tensorboard")
    flags = {name: given for name, given in flags.items() if name not in others}
    assert _settings(None, flags) == AdaptConfig(target="t", model="bisenet")._replace(**{setting: value})


@pytest.mark.parametrize("flags, code, words", [
    (["--model", "bisenet", "--target", "nowhere"], 3, "nowhere"),
    (["--source", "missing.pt", "--target", "SET"], 4, "missing.pt"),
    (["--target", "SET"], 2, "--source"), (["--model", "bisenet"], 2, "--target"),
    (["--model", "bisenet", "--target", "SET", "--steps", "minus"], 2, "minus"),
    (["--model", "bisenet", "--target", "SET", "--steps", "3", "--epochs", "2"], 2, "--epochs"),
    (["--model", "bisenet", "--target", "SET", "--weight-range", "2.0", "1.0"], 2, "--weight-range"),
    (["--model", "bisenet", "--target", "SET", "--p", "sideways"], 2, "sideways"),
    (["--model", "bisenet", "--target", "SET", "--label-map", "none.json"], 3, "none.json"),
    (["--model", "bisenet", "--target", "SET", "--config", "none.json"], 2, "none.json"),
    (["--source", "OTHER", "--target", "SET"], 4, "its 1 tensors are not those of one of bisenet, deeplabv3plus, "
     "icnet, pspnet, on whatever backbone")])
def test_what_a_user_gets_wrong(small_set, flags, code, words, capfd, tmp_path):
    other = str(tmp_path / "other.pt")
    torch.save({"weight": torch.zeros(2, 3)}, other)
    command = ["adapt", "--out", "bad"] + [{"SET": small_set, "OTHER": other}.get(flag, flag) for flag in flags]
    assert run(command) == code
    said = capfd.readouterr().err
    assert re.search("^error: .*%s" % re.escape(words), said, re.M) and re.search("^hint: ", said, re.M)
    assert "Traceback" not in said and not os.path.exists("bad")
