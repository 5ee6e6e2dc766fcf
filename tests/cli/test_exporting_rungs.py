"""Which files of rungs belong to which ONNX file, and what is left of those that belong to none."""
import os

import onnx
import pytest

from dance_edge.cli.exporting_engines import facts_of_onnx
from dance_edge.cli.exporting_rungs import has_rung_files, remove_unused, rung_path
from dance_edge.data.transforms import Normalization
from dance_edge.events import Note, Warned, ignore
from dance_edge.size import Size

NAMES = ["model-128x192.onnx", "model-64x96.onnx", "model-96x128.onnx"]


@pytest.fixture
def write(tmp_path, monkeypatch, switch_manifest, write_switch):
    """Writes NAME with these `rung_files`, and the files of all rungs beside it."""
    monkeypatch.chdir(tmp_path)
    manifest = switch_manifest(weights_sha256="abc")

    def make(name="model.onnx", rung_files=(), own=True):
        write_switch(name, manifest._replace(
            rung_files={file.rsplit("-", 1)[1][:-len(".onnx")]: file for file in rung_files}))
        for rung in manifest.rungs if own else ():
            write_switch(rung_path(name, rung.size), manifest._replace(rungs=(rung,), only_size=rung.size))

    return make


def files():
    return sorted(os.listdir("."))


def test_a_rungs_file_stands_beside_the_common_one():
    assert rung_path("r/model.onnx", Size(64, 96)) == "r/model-64x96.onnx"


def test_what_is_named_stays_and_the_rest_goes_and_is_said(write):
    write(rung_files=NAMES[:1])
    heard = []
    remove_unused("model.onnx", heard.append)
    assert files() == [NAMES[0], "model.onnx"]
    assert heard == [Note("removed %s, of an earlier export: model.onnx does not name it" % name)
                     for name in NAMES[1:]]


def test_what_another_file_names_or_an_export_did_not_write_stays(write, switch_manifest, write_switch):
    write()
    write("kept.onnx", NAMES[:1], own=False)
    write("other.onnx")  # has files of its own, which nobody names: they are not this one's
    write_switch(NAMES[1], switch_manifest(), metadata=False)
    write_switch("model-32x32.onnx", switch_manifest())  # of all sizes
    with open("model-9x9.onnx", "w") as file:
        file.write("no model")
    before = files()
    remove_unused("model.onnx", ignore)
    assert sorted(set(before) - set(files())) == [NAMES[2]]


def test_what_cannot_be_removed_is_said_and_no_failure(write, monkeypatch):
    write()

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "remove", refuse)
    heard = []
    remove_unused("model.onnx", heard.append)
    assert len(heard) == 3 and all(isinstance(one, Warned) and "not used any more" in one.text for one in heard)


def test_a_file_has_rung_files_where_it_is_of_the_same_weights_and_names_some(write):
    write(rung_files=NAMES)
    assert has_rung_files("model.onnx", "abc")
    assert not has_rung_files("model.onnx", "other") and not has_rung_files("missing.onnx", "abc")
    write()
    assert not has_rung_files("model.onnx", "abc")
    with open("model.onnx", "w") as file:
        file.write("no model")
    assert not has_rung_files("model.onnx", "abc")


def test_of_a_file_that_was_here_is_told_what_it_says_itself_and_the_rest_is_null(write, switch_manifest, write_switch):
    write(rung_files=NAMES[:2])
    os.remove(NAMES[0])  # named, and gone: the common file serves its size
    facts = facts_of_onnx("model.onnx")
    rungs = facts.pop("rungs")
    assert facts == {"path": "model.onnx", "opset": 13, "output": "labels", "normalization": "outside", "common": None,
                     "bytes": os.path.getsize("model.onnx")}
    assert [(one.pop("height"), one.pop("width"), one.pop("file")) for one in rungs] == [
        (64, 96, NAMES[1]), (96, 128, "model.onnx"), (128, 192, "model.onnx")]
    assert rungs == [dict.fromkeys(["max_logit_error", "label_agreement", "miou_before", "miou_after",
                                    "miou_change"])] * 3
    pixels = Normalization((0.0,) * 3, (1 / 255.0,) * 3)
    write_switch("p.onnx", switch_manifest(pixels, output="logits"), logits=True)
    facts = facts_of_onnx("p.onnx")
    assert (facts["output"], facts["normalization"]) == ("logits", "inside")
    assert onnx.load("p.onnx").opset_import[0].version == facts["opset"]
