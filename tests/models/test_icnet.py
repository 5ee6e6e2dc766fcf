import pytest
import torch
from torch.nn import functional as F

from dance_edge.models.blocks import resized
from dance_edge.models.catalog import build
from dance_edge.models.icnet import ICNet, PyramidPooling


def test_logits_at_a_quarter_and_an_output_of_each_branch(check_shapes, quick_weights):
    check_shapes(ICNet(5, "resnet18"), 4, auxiliary=(8, 16))


def test_branches_lie_at_a_sixteenth_and_a_thirtysecond_of_the_image():
    network = ICNet(5, "resnet18").eval()
    with torch.no_grad():
        medium, small = network._branches(torch.rand(1, 3, 48, 80))  # half of 96 x 160
    assert medium.shape == (1, 128, 6, 10) and small.shape == (1, 256, 3, 5)


def test_the_medium_branch_is_the_backbones_second_stage_begun():
    network = ICNet(5, "resnet18").eval()
    half = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        second = network.backbone(half)[1]
        assert torch.equal(network.backbone.layer2[1](network._branches(half)[0]), second)


def test_the_pyramid_is_the_sum_of_adaptive_poolings():
    torch.manual_seed(0)
    pyramid = PyramidPooling(4, 8).eval()
    x = torch.randn(2, 4, 5, 9)
    with torch.no_grad():
        wanted = x + sum(resized(F.adaptive_avg_pool2d(x, bins), x) for bins in (1, 2, 3, 6))
        assert torch.allclose(pyramid(x), pyramid.project(wanted), atol=1e-5)


def test_logits_may_be_resized_after_the_classifier():
    torch.manual_seed(0)
    x, layer = torch.randn(1, 4, 3, 5), torch.nn.Conv2d(4, 2, 1)
    with torch.no_grad():
        later, sooner = (F.interpolate(one, scale_factor=2.0, mode="bilinear", align_corners=False)
                         for one in (layer(x), x))
        assert torch.allclose(later, layer(sooner), atol=1e-6)


@pytest.mark.parametrize("backbone, opset", [("resnet18", 11), ("resnet50", 13)])
def test_exports(check_export, backbone, opset):
    check_export(ICNet(5, backbone), opset)


def test_channels_of_the_whole_network_go(check_pruning):
    assert "backbone.layer2.0.conv1" in check_pruning(build("icnet", 5), "all")


def test_channels_of_the_head_go(check_pruning):
    # either side of a fusion is one group: they are added
    assert check_pruning(ICNet(5, "resnet18"), "head") == {
        "detail.0.0": 32, "detail.1.0": 32, "detail.2.0": 64, "pyramid.project.0": 256,
        "fusion16.fine.0": 128, "fusion8.fine.0": 128}
