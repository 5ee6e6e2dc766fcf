"""A file a rung, behind the one that names them."""
import copy
import json
import os
import shutil

import numpy as np
import pytest
import torch

from dance_edge.checkpoint import read_checkpoint, restore, save_model
from dance_edge.cli.backend import manifest_of, open_engines
from dance_edge.cli.exporting import parity_samples
from dance_edge.cli.main import run
from dance_edge.events import Warned, ignore
from dance_edge.export.gate import Side, compare
from dance_edge.run import open_run
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.training import rung_statistics


@pytest.fixture(scope="module")
def export_once(quick_run, tmp_path_factory):
    """A copy of the quick run with two of its sizes, exported with a file a rung; `e.json` beside its files is what
    export said. Two images are enough here for a rung to have statistics of its own."""
    folder = str(tmp_path_factory.mktemp("per_rung") / "r")
    shutil.copytree(quick_run, folder)
    checkpoint = read_checkpoint(folder + "/model.pt")
    rungs = checkpoint.manifest.rungs
    save_model(folder + "/model.pt", restore(checkpoint, "", 0), checkpoint.manifest._replace(rungs=rungs[1::2]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rung_statistics, "MIXED_IMAGES", 2)
        assert run(["-q", "export", folder, "--per-rung", "--json", folder + "/e.json"]) == 0
    return folder


@pytest.fixture
def exported(tmp_path, monkeypatch, export_once):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(export_once, "r")
    return manifest_of(open_run("r"))


def read(path):
    with open(path) as file:
        return json.load(file)


def contents(folder="r"):
    found = {}
    for name in os.listdir(folder):
        if name.endswith(".onnx") or ".tmp" in name:
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = file.read()
    return found


def test_every_rung_has_a_file_that_its_manifest_names(exported):
    assert len(exported.rungs) == 2
    assert exported.rung_files == {rung.size.hxw: "model-%s.onnx" % rung.size.hxw for rung in exported.rungs}
    for rung in exported.rungs:
        own = manifest_of(open_run("r/model-%s.onnx" % rung.size.hxw))
        assert own.only_size == rung.size and own.weights_sha256 == exported.weights_sha256 and not own.rung_files


def test_the_figures_of_a_rung_are_of_the_file_that_serves_it_with_labels(exported, small_set):
    said = read("r/e.json")
    manifest = manifest_of(open_run("r"))
    samples = parity_samples(os.path.realpath("r"), "", manifest)
    assert len(samples) == 4 and all(sample.label is not None for sample in samples)
    assert [rung["file"] for rung in said["rungs"]] == [exported.rung_files[one.size.hxw] for one in exported.rungs]
    assert {rung["file"] for rung in said["common"]} == {"model.onnx"}
    for key in ("rungs", "common"):
        for rung, told in zip(exported.rungs, said[key]):
            side = Side(open_onnxruntime("r/" + told["file"]), manifest._replace(rungs=(rung,)))
            found = compare(side, side, samples)[0]
            assert told["miou_after"] == pytest.approx(found.miou_after, abs=1e-9) and 0 < told["miou_before"] < 1
            assert abs(told["miou_change"]) <= 1e-3 and told["max_logit_error"] <= 1e-4
            assert told["label_agreement"] >= 0.999
    # like is compared with like: PyTorch's own score moves with the statistics too
    assert any(abs(own["miou_before"] - one["miou_before"]) > 1e-3 for own, one in zip(said["rungs"], said["common"]))
    kept = read("r/run.json")["parity"]["model.onnx"]
    assert kept == {"rungs": said["rungs"], "common": said["common"], "why_not": [], "forced": False}


@pytest.fixture
def blind(monkeypatch):
    """Makes the export of the file whose `only_size` is this give class 0 where another is, nearly everywhere."""
    from dance_edge.export import to_onnx

    def make(only_size):
        real = to_onnx.export_onnx

        def export_onnx(network, manifest, *rest):
            if manifest.only_size == only_size:
                network = copy.deepcopy(network)
                with torch.no_grad():
                    network.out.bias[0] += 100
            real(network, manifest, *rest)

        monkeypatch.setattr(to_onnx, "export_onnx", export_onnx)
    return make


@pytest.mark.parametrize("which", ["a rung's file", "the common file"])
def test_files_appear_together_or_not_at_all(exported, blind, capfd, which):
    size = exported.rungs[-1].size if which == "a rung's file" else None
    name = exported.rung_files[size.hxw] if size else "model.onnx"
    blind(size)
    before, state = contents(), read("r/run.json")
    assert run(["-q", "export", "r", "--per-rung", "--opset", "12"]) == 5
    assert "error: %s: the exported graph differs from the model at " % name in capfd.readouterr().err
    assert contents() == before and read("r/run.json") == state


def test_a_rungs_file_is_judged_by_labels_and_what_is_forced_is_recorded(exported, blind):
    size = exported.rungs[0].size
    blind(size)
    assert run(["-q", "export", "r", "--per-rung", "--force", "--json", "e.json"]) == 0
    said, state = read("e.json"), read("r/run.json")
    assert [abs(rung["miou_change"]) > 0.005 for rung in said["rungs"]] == [True] + [False] * (len(exported.rungs) - 1)
    assert all(abs(rung["miou_change"]) <= 0.005 for rung in said["common"])
    kept = state["parity"]["model.onnx"]
    assert kept["forced"] is True and len(kept["why_not"]) == 1 and state["state"] == "deployable"
    assert kept["why_not"][0].startswith("%s: " % exported.rung_files[size.hxw])


def test_what_is_there_is_made_anew_in_its_kind_and_files_that_nobody_names_are_removed(exported, capfd):
    import onnx

    own = ["model-%s.onnx" % rung.size.hxw for rung in exported.rungs]
    assert run(["export", "r", "--opset", "12"]) == 0
    assert "has a file a size, and gets them anew (--no-per-rung" in capfd.readouterr().err
    assert manifest_of(open_run("r")).rung_files == exported.rung_files
    assert all(onnx.load("r/" + name).opset_import[0].version == 12 for name in own)
    assert run(["export", "r", "--no-per-rung", "--json", "e.json"]) == 0
    said = capfd.readouterr().err
    assert all("removed %s, of an earlier export" % os.path.realpath("r/" + name) in said for name in own)
    assert sorted(contents()) == ["model.onnx", "source.onnx"]
    facts = read("e.json")
    assert facts["common"] is None and {rung["file"] for rung in facts["rungs"]} == {"model.onnx"}


def test_a_rung_is_run_by_its_own_file(exported):
    size = exported.rungs[0].size
    inputs = np.random.RandomState(0).randn(1, 3, size.height, size.width).astype(np.float32)
    wanted = open_engines(open_run("r/model-%s.onnx" % size.hxw), "onnxruntime", None, ignore).at(size).labels(inputs)
    together = open_engines(open_run("r"), "onnxruntime", None, ignore).at(size).labels(inputs)
    shutil.copy("r/model.onnx", "alone.onnx")
    heard = []
    alone = open_engines(open_run("alone.onnx"), "onnxruntime", None, heard.append).at(size).labels(inputs)
    assert np.array_equal(together, wanted) and alone.shape == wanted.shape
    missing = [event.text for event in heard if isinstance(event, Warned)]
    assert len(missing) == len(exported.rungs) and "is missing: alone.onnx serves its size" in missing[0]


def test_a_rungs_file_of_other_weights_is_not_taken(exported, quick_run):
    import onnx

    name = "r/" + exported.rung_files[exported.rungs[0].size.hxw]
    model = onnx.load(name)
    facts = json.loads(model.metadata_props[0].value)
    onnx.helper.set_model_props(model, {"dance_edge": json.dumps(dict(facts, weights_sha256="other"))})
    onnx.save(model, name)
    heard = []
    open_engines(open_run("r"), "onnxruntime", None, heard.append)
    assert [event.text for event in heard if isinstance(event, Warned)] == [
        "%s is of other weights: model.onnx serves its size" % os.path.realpath(name)]


def test_a_rungs_file_that_is_normalised_otherwise_is_not_taken(exported):
    shutil.copytree("r", "inside")
    assert run(["-q", "export", "inside", "--per-rung", "--normalization", "inside"]) == 0
    name = exported.rung_files[exported.rungs[0].size.hxw]
    shutil.copy("inside/" + name, "r/" + name)
    heard = []
    open_engines(open_run("r"), "onnxruntime", None, heard.append)
    assert [event.text.split(" is ")[1] for event in heard if isinstance(event, Warned)] == [
        "normalised otherwise: model.onnx serves its size"]


def test_serve_and_eval_take_them(exported, small_set, capfd):
    assert run(["-q", "serve", "r", "--video", os.path.join(small_set, "images", "val"), "--json", "s.json"]) == 0
    assert run(["-q", "eval", "r", "--json", "e.json"]) == 0
    with open("e.json") as file:
        assert 0 < json.load(file)["miou"] <= 1
