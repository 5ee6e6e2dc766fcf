import json
import os

import pytest

from dance_edge.cli.evaluate import shown_groups
from dance_edge.cli.main import run


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


def test_an_unknown_split_and_a_missing_run(small_run, small_set, capfd):
    assert run(["eval", small_run, "--data", small_set, "--split", "holiday"]) == 3
    assert run(["eval", "nowhere"]) == 4
    assert capfd.readouterr().err.count("hint:") == 2
