import json
import os

import pytest

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
