import pytest
import torch

from dance_edge.models.catalog import build
from dance_edge.models.deployed import Deployed
from dance_edge.pruning.flops import count_macs, count_params
from dance_edge.size import Size


def test_logits_at_an_eighth_and_auxiliary_outputs_in_training_only():
    network = build("bisenet", 5)
    image = torch.rand(2, 3, 64, 96)
    outputs = network.train()(image)
    assert [tuple(one.shape) for one in outputs] == [(2, 5, 8, 12), (2, 5, 8, 12), (2, 5, 4, 6)]
    with torch.no_grad():
        assert network.eval()(image).shape == (2, 5, 8, 12)


@pytest.mark.parametrize("size", [(64, 64), (96, 128), (160, 64)])
def test_any_multiple_of_the_stride(size):
    network = build("bisenet", 3).eval()
    with torch.no_grad():
        labels = Deployed(network)(torch.rand(1, 3, *size))
    assert labels.shape == (1,) + size and labels.dtype == torch.int32


def test_backbone_names_are_torchvisions():
    names = set(build("bisenet", 3).backbone.state_dict())
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
            "layer4.1.bn2.bias"} <= names
    assert len(names) == 120  # torchvision's ResNet-18 has 122, two of them the classifier's


def test_backbone_has_resnet18s_weights():
    assert count_params(build("bisenet", 3).backbone) == 11176512  # 11 689 512 less the classifier's 513 000


def test_macs_of_resnet18():
    # ResNet-18 has 1.814 GMAC at 224 x 224 (the literature's 1.8), its classifier 0.5 MMAC
    class Flat(torch.nn.Module):
        def __init__(self, backbone):
            super().__init__()
            self.backbone = backbone

        def forward(self, x):
            return self.backbone(x)[-1]

    assert count_macs(Flat(build("bisenet", 3).backbone), Size(224, 224)) == pytest.approx(1.8136e9, rel=1e-3)


@pytest.mark.parametrize("backbone, opset", [("resnet18", 11), ("resnet18", 13), ("efficientnet_lite0", 13)])
def test_exports(check_export, backbone, opset):
    check_export(build("bisenet", 5, backbone), opset)


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_lite0"])
def test_channels_of_the_whole_network_go(check_pruning, backbone):
    assert "average.0" in check_pruning(build("bisenet", 5, backbone), "all")
