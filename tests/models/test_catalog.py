import math
import sys

import pytest
import torch
from torch.nn import functional as F

from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.models import catalog
from dance_edge.models.deployed import outputs_of

FACTORY = """
open("imported", "w").close()
from torch import nn

def make(num_classes):
    return nn.Conv2d(3, num_classes, 1)

def number(num_classes):
    return num_classes
"""


@pytest.fixture()
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_factory.py").write_text(FACTORY)
    yield tmp_path
    sys.modules.pop("own_factory", None)


def test_a_factory_of_the_current_folder(own):
    path = list(sys.path)
    network = catalog.build("own_factory:make", 4)
    assert network(torch.zeros(1, 3, 2, 2)).shape == (1, 4, 2, 2) and catalog.stride_of(network) == 32
    assert sys.path == path


@pytest.mark.parametrize("spec", ["own_factory:other", "nowhere_at_all:make", "own_factory:number"])
def test_a_factory_that_is_none_is_refused(own, spec):
    with pytest.raises(ConfigError):
        catalog.build(spec, 4)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        catalog.build("segnet", 4)
    assert "bisenet" in caught.value.hint


def test_code_is_imported_only_when_the_user_names_it(own):
    with pytest.raises(CheckpointError) as caught:
        catalog.check_named_by_user("own_factory:make", "")
    assert "--model own_factory:make" in caught.value.hint and not (own / "imported").exists()
    assert catalog.check_named_by_user("own_factory:make", "own_factory:make") == "own_factory:make"
    assert catalog.check_named_by_user("bisenet", "") == "bisenet"


@pytest.mark.parametrize("model", sorted(catalog.MODELS))
def test_every_backbone_that_a_model_offers(model, quick_weights):
    for backbone in catalog.MODELS[model].backbones:
        network = catalog.build(model, 3, backbone)
        assert type(network.backbone).__name__ == (
            "EfficientNetLite0" if backbone == "efficientnet_lite0" else "ResNet")
        with torch.no_grad():
            logits = network.eval()(torch.zeros(1, 3, 2 * network.stride, 2 * network.stride))
        assert logits.shape[:2] == (1, 3)


def test_the_papers_backbones_are_the_defaults(quick_weights):
    for model, name in (("deeplabv3plus", "resnet50"), ("pspnet", "resnet50"), ("icnet", "resnet50"),
                        ("bisenet", "resnet18")):
        own, named = (catalog.build(model, 3, backbone).backbone.state_dict() for backbone in ("", name))
        assert {key: value.shape for key, value in own.items()} == {key: value.shape for key, value in named.items()}


def test_what_brings_scales_together_is_named(quick_weights):
    for model in catalog.MODELS:
        network = catalog.build(model, 3, "resnet18")
        modules = dict(network.named_modules())
        assert network.multi_scale and all(name in modules for name in network.multi_scale)


@pytest.mark.parametrize("model, output_stride, stride", [
    ("deeplabv3plus", 0, 16), ("deeplabv3plus", 16, 16), ("deeplabv3plus", 8, 8), ("pspnet", 0, 8), ("pspnet", 16, 16)])
def test_the_output_stride_is_the_networks_stride(quick_weights, model, output_stride, stride):
    assert catalog.stride_of(catalog.build(model, 3, "resnet18", output_stride)) == stride


@pytest.mark.parametrize("model, backbone, output_stride, hint", [
    ("icnet", "efficientnet_lite0", 0, "resnet18, resnet34, resnet50, resnet101"),
    ("bisenet", "mobilenet", 0, "efficientnet_lite0"),
    ("icnet", "", 16, "leave it out"),
    ("pspnet", "", 32, "8, 16"),
    ("deeplabv3plus", "", 32, "16, 8"),
    ("own_factory:make", "resnet18", 0, "leave out"),
    ("own_factory:make", "", 8, "leave out"),
])
def test_what_a_model_does_not_come_with_is_refused(own, model, backbone, output_stride, hint):
    with pytest.raises(ConfigError) as caught:
        catalog.build(model, 3, backbone, output_stride)
    assert hint in caught.value.hint and not (own / "imported").exists()


@pytest.mark.parametrize("name", sorted(catalog.MODELS))
def test_training_begins_at_the_loss_of_chance(name):
    torch.manual_seed(0)
    outputs = outputs_of(catalog.build(name, 11).train()(torch.randn(2, 3, 64, 96)))
    for logits in outputs:
        labels = torch.randint(0, 11, (2,) + tuple(logits.shape[2:]))
        assert float(F.cross_entropy(logits, labels).detach()) == pytest.approx(math.log(11), rel=0.02)
