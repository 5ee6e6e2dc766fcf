import json
import os
import shutil

import pytest

from dance_edge.cli.main import run


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_export_writes_a_checked_file_and_says_how_well_it_agrees(small_run, capfd):
    shutil.copytree(small_run, "r")
    os.remove("r/model.onnx")
    assert run(["-q", "export", "r", "--opset", "11", "--json", "-"]) == 0
    result = json.loads(capfd.readouterr().out)
    assert (result["output"], result["normalization"]) == ("labels", "outside")
    assert result["common"] is None and result["engines"] is None
    assert result["opset"] == 11 and result["bytes"] == os.path.getsize("r/model.onnx") and result["format"] == 1
    for rung in result["rungs"]:
        assert set(rung) == {"height", "width", "max_logit_error", "label_agreement", "miou_before", "miou_after",
                             "miou_change", "file"}
        assert rung["file"] == "model.onnx"
        assert abs(rung["miou_change"]) <= 0.005 and 0 < rung["miou_before"] < 1
        # a network that has hardly been trained lies near ties: the bound is the export's own
        assert rung["max_logit_error"] <= 1e-4 and rung["label_agreement"] >= 0.999


def test_every_form_scores_alike_on_every_backend(quick_run, small_set, capfd):
    """What a file gives, and where it normalises, is nobody's concern who takes it; PyTorch beside it is not misled."""
    found = {}
    for form in ([], ["--output", "logits"], ["--normalization", "inside"],
                 ["--output", "logits", "--normalization", "inside"]):
        folder = "r" + "".join(form[1::2])
        shutil.copytree(quick_run, folder)
        assert run(["-q", "export", folder, "--json", "-"] + form) == 0
        result = json.loads(capfd.readouterr().out)
        assert (result["output"] == "logits", result["normalization"] == "inside") \
            == ("logits" in form, "inside" in form)
        for name, backend in ((folder + "/model.onnx", "onnxruntime"), (folder, "auto"), (folder, "torch")):
            assert run(["-q", "eval", name, "--data", small_set, "--backend", backend, "--json", "e.json"]) == 0
            with open("e.json") as file:
                found[tuple(form), name, backend] = json.load(file)["miou"]
        assert run(["-q", "eval", folder, "--data", small_set, "--upsample", "logits", "--json", "e.json"]) == 0
        capfd.readouterr()
        with open("e.json") as file:
            found[tuple(form), "upsampled"] = json.load(file)["upsampled_logits"]["miou"]
    deployed = [miou for key, miou in found.items() if len(key) == 3]
    field = [miou for key, miou in found.items() if len(key) == 2]
    assert len(deployed) == 12 and max(deployed) - min(deployed) <= 1e-4 < min(deployed)
    assert len(field) == 4 and max(field) - min(field) <= 1e-4


def test_a_checkpoint_alone_takes_data_to_compare_on(small_run, small_set, capfd):
    shutil.copy(os.path.join(small_run, "model.pt"), "m.pt")
    assert run(["export", "m.pt"]) == 2
    assert "--data" in capfd.readouterr().err and not os.path.exists("model.onnx")
    assert run(["-q", "export", "m.pt", "--data", small_set, "--out", "m.onnx"]) == 0
    assert os.path.exists("m.onnx")


def test_an_onnx_file_is_not_exported_again(small_run, capfd):
    path = os.path.join(small_run, "model.onnx")
    assert run(["export", path]) == 4
    said = capfd.readouterr().err
    assert "error: %s is exported already" % os.path.realpath(path) in said and "--engines" in said


@pytest.mark.parametrize("flags, named", [
    (["--opset", "13"], "--opset"), (["--output", "labels"], "--output"), (["--out", "n.onnx"], "--out"),
    (["--normalization", "outside"], "--normalization"), (["--per-rung"], "--per-rung"),
    (["--no-per-rung"], "--no-per-rung"), (["--model", "bisenet"], "--model"),
    (["--opset", "11", "--per-rung"], "--opset and --per-rung")])
def test_flags_of_writing_a_file_are_refused_for_one_that_is_there(small_run, small_set, capfd, flags, named):
    os.mkdir("alone")
    shutil.copy(os.path.join(small_run, "model.onnx"), "alone/model.onnx")
    for name in ("alone/model.onnx", "alone"):
        assert run(["export", name, "--engines", "--data", small_set] + flags) == 2
        assert "stays as it is: %s cannot change it" % named in capfd.readouterr().err
    assert os.listdir("alone") == ["model.onnx"]


def test_what_would_be_ignored_or_fail_in_the_end_is_refused_at_once(small_run, capfd):
    assert run(["export", small_run, "--precision", "fp16"]) == 2
    assert "add --engines" in capfd.readouterr().err
    assert run(["export", small_run, "--out", "nowhere/m.onnx"]) == 2
    assert "there is no folder for --out nowhere/m.onnx" in capfd.readouterr().err
    os.mkdir("there")
    assert run(["export", small_run, "--out", "there"]) == 2
    error, hint = capfd.readouterr().err.splitlines()
    assert "--out there is a folder" in error and "--out there/model.onnx" in hint and os.listdir("there") == []


@pytest.mark.parametrize("given", [["r/model.pt"], ["r", "--out", "r/model.onnx"]])
def test_a_runs_model_is_judged_anew_however_it_was_named(small_run, small_set, given):
    """Else run.json would go on to call deployable what is not there any more."""
    shutil.copytree(small_run, "r")
    with open("r/run.json") as file:
        state = json.load(file)
    with open("r/run.json", "w") as file:
        json.dump(dict(state, parity={"model.onnx": state["parity"]["model.onnx"],
                                      "engines": {"why_not": [], "forced": False}}), file)
    assert run(["-q", "export", "--data", small_set, "--json", "e.json"] + given) == 0
    with open("r/run.json") as file, open("e.json") as said:
        parity = json.load(file)["parity"]
        assert set(parity) == {"model.onnx"} and parity["model.onnx"]["rungs"] == json.load(said)["rungs"]
