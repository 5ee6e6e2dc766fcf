"""Models and files from outside the package, as they are typed: through every command, or refused by each."""
import json
import os
import shutil
import signal
import sys

import pytest
import torch

from dance_edge.cli.main import run

FACTORY = '''
open("imported", "a").close()
import torch
from torch import nn


def block(inputs, outputs, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False), nn.BatchNorm2d(outputs),
                         nn.ReLU())


class Small(nn.Module):
    """Depthwise, pointwise, a residual, a transposed convolution, a skip by concatenation; logits in a dict."""

    stride = 4

    def __init__(self, classes):
        super().__init__()
        self.one = block(3, 32, 2)
        self.two = nn.Sequential(block(32, 32, 2, groups=32), nn.Conv2d(32, 64, 1), nn.BatchNorm2d(64), nn.ReLU())
        self.same = block(64, 64)
        self.up = nn.ConvTranspose2d(64, 32, 2, 2)
        self.join = block(64, 64)
        self.last = nn.Conv2d(64, classes, 1)

    def forward(self, x):
        one = self.one(x)
        two = self.two(one)
        two = two + self.same(two)
        joined = self.join(torch.cat([one, self.up(two)], 1))
        return {"features": joined, "out": nn.functional.interpolate(
            self.last(joined), size=x.shape[2:], mode="bilinear", align_corners=False)}


def make(num_classes):
    import made_beside  # found in the current folder while the factory is called

    return Small(num_classes)
'''
UNET = '''
import segmentation_models_pytorch as smp


def make(num_classes):
    return smp.Unet("resnet18", encoder_weights=None, classes=num_classes)
'''


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("small_net", "made_beside", "unet_net"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "small_net.py").write_text(FACTORY)
    (tmp_path / "made_beside.py").write_text("")


def adapt(factory, target):
    return run(["-q", "adapt", "--model", factory, "--target", target, "--steps", "4", "--stages", "2", "--scope",
                "all", "--pruning-ratio", "0.5", "--batch-size", "3", "--out", "f", "--json", "a.json"])


def shrunk(dense):
    """Parameters left in the exported graph, as a share of those of `dense`."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load("f/model.onnx").graph
    slim = sum(numpy_helper.to_array(one).size for one in graph.initializer)
    return slim / sum(one.numel() for one in dense.parameters())


def test_a_model_from_outside_adapts_shrinks_exports_and_is_imported_only_when_named(small_set, capfd):
    assert adapt("small_net:make", small_set) == 0
    assert "for longer: dance-edge adapt --source f --target %s --steps 16 --model small_net:make" % small_set \
        in capfd.readouterr().out
    dense = sys.modules["small_net"].make(3)
    assert shrunk(dense) < 0.8 and os.getcwd() not in sys.path
    del sys.modules["small_net"]
    os.remove("imported")
    for command in (["export", "f"], ["eval", "f", "--backend", "torch"], ["bench", "f", "--backend", "torch"],
                    ["adapt", "--source", "f", "--target", small_set, "--steps", "1"],
                    ["adapt", "--config", "f/run.json", "--out", "g"], ["adapt", "--out", "f"]):
        assert run(command) == 4, command
        assert "--model small_net:make" in capfd.readouterr().err, command
        assert not os.path.exists("imported"), command
    named = ["--model", "small_net:make"]
    assert run(["export", "f", "--json", "e.json"] + named) == 0
    assert "features, out: `out` is taken as its logits" in capfd.readouterr().err
    with open("e.json") as file:
        assert min(one["label_agreement"] for one in json.load(file)["rungs"]) >= 0.999
    with open("a.json") as file:
        wanted = json.load(file)["miou_after"]
    assert run(["-q", "eval", "f", "--backend", "torch", "--json", "s.json"] + named) == 0
    with open("s.json") as file:
        assert json.load(file)["miou"] == pytest.approx(wanted, abs=1e-3)
    assert run(["-q", "bench", "f", "--backend", "torch", "--images", "1", "--json", "b.json"] + named) == 0
    with open("b.json") as file:
        macs = [one["macs_g"] for one in json.load(file)["inference"]]
    assert macs[1] < macs[0]


def test_a_stopped_run_goes_on_by_the_command_it_gave(small_set):
    from dance_edge.errors import Interrupted
    from dance_edge.events import StepDone
    from dance_edge.training.adapt import adapt as job
    from dance_edge.training.config import AdaptConfig

    def stop(event):
        if isinstance(event, StepDone):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        job(AdaptConfig(small_set, model="small_net:make", steps=2, stages=0, batch_size=2, workers=0, out="s"), stop)
    assert caught.value.hint == "dance-edge adapt --config s/run.json --out s --model small_net:make"
    assert run(["-q"] + caught.value.hint.split()[1:] + ["--json", "s.json"]) == 0
    with open("s.json") as file:
        assert json.load(file)["resumed_from_step"] == 1


def test_the_unet_of_segmentation_models_pytorch(small_set, tmp_path):
    pytest.importorskip("segmentation_models_pytorch", reason="segmentation_models_pytorch is not installed")
    (tmp_path / "unet_net.py").write_text(UNET)
    assert adapt("unet_net:make", small_set) == 0
    assert shrunk(sys.modules["unet_net"].make(3)) < 0.8


@pytest.mark.parametrize("text, code, words", [
    ("def make(): pass", 2, "num_classes"), ("def make(num_classes): return 5", 2, "a int, not a torch.nn.Module"),
    ("import nowhere_at_all", 2, "nowhere_at_all"), ("def make(", 2, "SyntaxError"), ("other = 1", 2, "make"),
    ("import torch\ndef make(num_classes): return torch.nn.Conv2d(3, 99, 1)", 2, r"(1, 99, 64, 64)"),
    ("import torch\ndef make(num_classes): return torch.nn.Conv2d(5, num_classes, 1)", 2, "does not take an image")])
def test_a_factory_that_does_not_serve_is_named_before_training(small_set, tmp_path, text, code, words, capfd):
    (tmp_path / "small_net.py").write_text(text)
    assert adapt("small_net:make", small_set) == code
    said = capfd.readouterr().err
    assert words in said and "hint:" in said and "Traceback" not in said and not os.path.exists("f")


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize("content, zipped", [({"state_dict": {"a": Bomb()}}, True), (Bomb(), True),
                                             ({"state_dict": {"a": Bomb()}}, False)])
def test_no_command_executes_a_file(small_set, content, zipped, capfd):
    torch.save(content, "m.pt", _use_new_zipfile_serialization=zipped)
    for command in (["eval", "m.pt", "--data", small_set], ["export", "m.pt"], ["bench", "m.pt"],
                    ["adapt", "--source", "m.pt", "--target", small_set, "--steps", "1"],
                    ["adapt", "--model", "bisenet", "--backbone-weights", "m.pt", "--target", small_set],
                    ["serve", "m.pt", "--video", small_set, "--out", "o.mp4"]):
        assert run(command) == 4, command
        said = capfd.readouterr().err
        assert "error:" in said and "hint:" in said and "Traceback" not in said, command
        assert not os.path.exists("exploded"), command


@pytest.fixture
def plain(small_set):
    """A small network's weights in plain.pt, and with facts, for the classes of `small_set`, in ours.pt."""
    from dance_edge.checkpoint import read_checkpoint, save_model
    from dance_edge.cli.backend import facts_of
    from dance_edge.events import ignore
    from dance_edge.models.catalog import build
    from dance_edge.run import open_run

    torch.manual_seed(0)
    with open(os.path.join(small_set, "classes.json")) as file:
        network = build("small_net:make", len(json.load(file)["classes"]))
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, "plain.pt")
    manifest = facts_of(open_run("plain.pt"), small_set, "small_net:make", ignore).manifest
    save_model("ours.pt", network, manifest)
    assert read_checkpoint("plain.pt").manifest is None
    return "plain.pt"


def test_weights_alone_score_export_and_bench_as_the_model_that_they_are(plain, small_set, capfd):
    named = ["--model", "small_net:make", "--data", small_set]

    def score(name, *more):
        assert run(["eval", name, "--json", "e.json"] + named + list(more)) == 0
        with open("e.json") as file:
            return json.load(file)

    assert score("ours.pt", "--ratio", "1")["miou"] == score(plain, "--ratio", "1")["miou"] > 0
    said = capfd.readouterr().err
    assert "ImageNet's normalisation" in said and "(taken: state_dict; skipped: epoch)" in said
    adaptive = score(plain, "--upsample", "logits")
    assert adaptive["pixels_ratio"] < 1 and adaptive["upsampled_logits"]["miou"] > 0
    assert run(["-q", "export", plain, "--out", "p.onnx"] + named) == 0
    alone = score("p.onnx")  # it travels with classes and a profile
    assert alone["pixels_ratio"] == adaptive["pixels_ratio"]
    assert alone["miou"] == pytest.approx(adaptive["miou"], abs=1e-3)
    assert run(["-q", "bench", plain, "--images", "1", "--json", "b.json"] + named) == 0
    with open("b.json") as file:
        (row,) = json.load(file)["inference"]
    assert row["macs_g"] > 0 and row["pixels_ratio"] <= 1


def test_adapt_takes_weights_alone_and_new_heads_have_no_score_before(plain, small_set, tmp_path):
    def adapted(out, target, *more):
        assert run(["-q", "adapt", "--source", plain, "--model", "small_net:make", "--target", target, "--steps", "1",
                    "--stages", "0", "--batch-size", "2", "--out", out, "--json", out + ".json"] + list(more)) == 0
        with open(out + ".json") as file:
            return json.load(file)

    assert adapted("same", small_set)["miou_before"] > 0
    shutil.copytree(small_set, "less")
    with open("less.json", "w") as file:
        json.dump({"road": "way", "car": "thing"}, file)
    less = adapted("less-run", "less", "--label-map", "less.json", "--reset-head")
    assert less["miou_before"] is None and len(less["after"]["per_class"]) == 2


@pytest.mark.parametrize("command, code, words", [
    (["eval", "plain.pt"], 2, "--data"), (["export", "plain.pt"], 2, "--data"), (["bench", "plain.pt"], 2, "--data"),
    (["serve", "plain.pt", "--video", "SET"], 4, "dance-edge export"),
    (["eval", "plain.pt", "--data", "SET"], 4, "--model"), (["export", "plain.pt", "--data", "SET"], 4, "--model"),
    (["bench", "plain.pt", "--data", "SET"], 4, "--model"),
    (["adapt", "--source", "plain.pt", "--target", "SET"], 4, "--model"),
    (["adapt", "--source", "plain.pt", "--backbone-weights", "w.pt", "--target", "SET"], 2, "--backbone-weights"),
    (["adapt", "--model", "bisenet", "--reset-head", "--target", "SET"], 2, "leave it out")])
def test_what_weights_alone_lack_is_asked_for(small_set, command, code, words, capfd, monkeypatch):
    from dance_edge.models import catalog

    monkeypatch.setattr(catalog, "MODELS", {"bisenet": catalog.MODELS["bisenet"]})
    torch.save({"odd.weight": torch.zeros(3, 3)}, "plain.pt")
    assert run([small_set if one == "SET" else one for one in command]) == code
    said = capfd.readouterr().err
    assert words in said.split("hint:")[1] and "Traceback" not in said
