import pytest
import torch
from torch.nn import functional as F

from dance_edge.models.catalog import build
from dance_edge.models.pspnet import PSPNet, PyramidPooling


@pytest.mark.parametrize("output_stride", [8, 16])
def test_logits_and_the_auxiliary_output_at_the_output_stride(check_shapes, quick_weights, output_stride):
    check_shapes(PSPNet(5, "resnet18", output_stride), output_stride, auxiliary=(output_stride,))


def test_the_pyramid_is_adaptive_pooling_beside_the_features():
    torch.manual_seed(0)
    pyramid = PyramidPooling(8).eval()
    x = torch.randn(2, 8, 7, 5)
    with torch.no_grad():
        wanted = [x] + [F.interpolate(level(F.adaptive_avg_pool2d(x, bins)), size=(7, 5), mode="bilinear",
                                      align_corners=False) for level, bins in zip(pyramid.levels, (1, 2, 3, 6))]
        assert torch.allclose(pyramid(x), torch.cat(wanted, dim=1), atol=1e-6)
    assert pyramid(x).shape == (2, 16, 7, 5)


@pytest.mark.parametrize("backbone, opset", [("resnet18", 11), ("resnet50", 13)])
def test_exports(check_export, backbone, opset):
    check_export(PSPNet(5, backbone), opset)


def test_channels_of_the_whole_network_go(check_pruning):
    assert "backbone.layer4.0.conv2" in check_pruning(build("pspnet", 5), "all")


def test_channels_of_the_head_go(check_pruning):
    assert check_pruning(PSPNet(5, "resnet18"), "head") == dict(
        {"pyramid.levels.%d.0" % i: 128 for i in range(4)}, **{"output.conv.0": 512, "auxiliary.conv.0": 256})
