import json
import os
import shutil
from types import SimpleNamespace

import pytest

from dance_edge.cli.evaluate import EvalConfig, _target, shown_groups
from dance_edge.cli.main import run
from dance_edge.data.streets import write_streets
from dance_edge.errors import ConfigError, DataError
from dance_edge.events import ignore
from dance_edge.size import Size
from dance_edge.training.target import open_target


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def score(arguments):
    assert run(["-q", "eval"] + arguments + ["--json", "e.json"]) == 0
    with open("e.json") as file:
        return json.load(file)


def test_the_score_is_adapt_s_own_on_every_backend(small_run):
    with open(os.path.join(small_run, "report.json")) as file:
        wanted = json.load(file)["miou_after"]
    for backend in ("onnxruntime", "torch"):
        found = score([small_run, "--backend", backend])
        assert found["miou"] == pytest.approx(wanted, abs=1e-3) and found["resolution"] == "adaptive"
        assert found["backend"] == backend and found["format"] == 1 and 0.25 <= found["pixels_ratio"] <= 1


def test_the_curve_of_fixed_sizes_stands_beside_it(small_run):
    found = score([small_run, "--curve"])
    ratios = [one["ratio"] for one in found["fixed"]]
    assert ratios == sorted(ratios) and ratios[-1] == 1.0
    pixels = [one["pixels_ratio"] for one in found["fixed"]]
    assert pixels == sorted(pixels) and pixels[-1] == 1.0
    one = score([small_run, "--ratio", "1.0"])
    assert one["resolution"] == 1.0 and one["miou"] == pytest.approx(found["fixed"][-1]["miou"])


def test_groups_are_by_sequence_brightness_and_p(small_run, capfd):
    assert run(["-q", "eval", small_run, "--json", "e.json"]) == 0
    with open("e.json") as file:
        found = json.load(file)
    assert all(sorted(one) == ["images", "kind", "miou", "name"] for one in found["groups"])
    for kind, count in (("brightness", 4), ("p", 3)):
        some = [one for one in found["groups"] if one["kind"] == kind]
        assert len(some) == count and sum(one["images"] for one in some) == found["images"] == 4
        assert all(0 <= one["miou"] <= 1 for one in some)
    out = capfd.readouterr().out
    assert "darkest quarter" in out and "high p" in out
    with open(os.path.join(small_run, "report.json")) as file:
        assert [one["name"] for one in json.load(file)["after"]["groups"]] == [one["name"] for one in found["groups"]]


def test_the_fields_number_stands_beside_the_deployed_one(small_run, capfd):
    plain = score([small_run])
    found = score([small_run, "--upsample", "logits"])
    assert plain["upsampled_logits"] is None and found["miou"] == plain["miou"]
    assert found["upsampled_logits"]["miou"] == pytest.approx(found["miou"], abs=0.05)
    assert sorted(found["upsampled_logits"]["per_class"]) == sorted(found["per_class"])
    assert "the same, logits upsampled" in capfd.readouterr().out
    assert run(["eval", os.path.join(small_run, "model.onnx"), "--upsample", "logits"]) == 2
    assert "model.pt" in capfd.readouterr().err


def test_only_groups_that_can_be_compared_are_shown():
    def of(kind, count):
        return [{"kind": kind, "name": str(i), "images": 1, "miou": None} for i in range(count)]

    assert shown_groups(of("sequence", 1) + of("p", 3)) == of("p", 3)
    assert shown_groups(of("sequence", 21) + of("brightness", 4)) == of("brightness", 4)
    assert len(shown_groups(of("sequence", 2) + of("brightness", 4) + of("p", 3))) == 9


def test_a_file_alone_needs_data(small_run, small_set, capfd):
    model = os.path.join(small_run, "model.onnx")
    assert run(["eval", model]) == 2
    assert "--data" in capfd.readouterr().err
    found = score([model, "--data", small_set, "--split", "train"])
    assert found["images"] == 14 and "train" in found["data"]


def test_images_that_were_trained_on_are_labelled_so(small_run):
    assert "trained on" in score([small_run, "--split", "train"])["data"]


def test_a_split_of_the_run_s_own_target_goes_by_its_name(tmp_path):
    folder = str(tmp_path / "town")
    write_streets(folder, "day", 3, 2, Size(96, 160), 3)
    for kind in ("images", "labels"):
        shutil.copytree(os.path.join(folder, kind, "val"), os.path.join(folder, kind, "test"))
    target = open_target(folder, "", "", None, ignore)
    of_run = SimpleNamespace(path="r", state=lambda: {"target": target.to_dict()})
    ask = EvalConfig(*[None] * len(EvalConfig._fields))

    def chosen(split, data=None):
        asked = ask._replace(split=split, data=data)
        return _target(of_run, asked, SimpleNamespace(classes=target.classes), ignore)

    assert {one.split for one in chosen("test").val} == {"test"} and "split test" in chosen("test").how
    assert chosen(None).val == chosen("val").val == target.val and chosen("train").val == target.train
    for data in (None, folder):  # however the images are named, those that were trained on are told
        told = {split: "trained on" in chosen(split, data).how for split in (None, "train", "val", "test")}
        assert told == {None: False, "train": True, "val": False, "test": False}
    with pytest.raises(DataError, match="holiday"):
        chosen("holiday")


def test_a_single_file_is_scored_on_the_data_that_is_named_for_it(tmp_path):
    write_streets(str(tmp_path), "day", 3, 2, Size(96, 160), 3)
    alone = SimpleNamespace(path="m.onnx", state=lambda: {})
    classes = SimpleNamespace(classes=open_target(str(tmp_path), "", "", None, ignore).classes)
    ask = EvalConfig(*[None] * len(EvalConfig._fields))
    assert len(_target(alone, ask._replace(data="."), classes, ignore).val) == 2  # the current folder, too
    for nothing_to_read in (ask, ask._replace(layout="folder"), ask._replace(label_map="m.json")):
        with pytest.raises(ConfigError, match="data"):
            _target(alone, nothing_to_read, classes, ignore)


def test_an_unknown_split_and_a_missing_run(small_run, small_set, capfd):
    assert run(["eval", small_run, "--data", small_set, "--split", "holiday"]) == 3
    assert run(["eval", "nowhere"]) == 4
    assert capfd.readouterr().err.count("hint:") == 2
