"""A file a rung, behind the one that names them."""
import json
import os
import shutil

import numpy as np
import pytest

from dance_edge.cli.backend import manifest_of, open_engines
from dance_edge.cli.main import run
from dance_edge.events import Warned, ignore
from dance_edge.run import open_run


@pytest.fixture
def exported(tmp_path, monkeypatch, small_run):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small_run, "r")
    assert run(["-q", "export", "r", "--per-rung"]) == 0
    return manifest_of(open_run("r"))


def test_every_rung_has_a_file_that_its_manifest_names(exported):
    assert exported.rung_files == {rung.size.hxw: "model-%s.onnx" % rung.size.hxw for rung in exported.rungs}
    for rung in exported.rungs:
        own = manifest_of(open_run("r/model-%s.onnx" % rung.size.hxw))
        assert own.only_size == rung.size and own.weights_sha256 == exported.weights_sha256 and not own.rung_files


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


def test_a_rungs_file_of_other_weights_is_not_taken(exported, small_run):
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
