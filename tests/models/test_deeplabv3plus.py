import pytest
import torch

from dance_edge.models.catalog import build
from dance_edge.models.deeplabv3plus import DeepLabV3Plus
from dance_edge.pruning.flops import count_macs
from dance_edge.size import Size


def test_macs_and_the_headers_share_are_the_papers(last, quick_weights):
    # DANCE, section 3.3: 13.3 G for a patch of 224 x 224, 52.98 % of it in the header
    network = build("deeplabv3plus", 19)
    total, backbone = (count_macs(one, Size(224, 224)) for one in (network, last(network.backbone)))
    assert total / 1e9 == pytest.approx(13.25, abs=0.005)
    assert 1.0 - backbone / total == pytest.approx(0.5315, abs=5e-5)


@pytest.mark.parametrize("backbone, output_stride", [
    ("resnet18", 16), ("resnet18", 8), ("efficientnet_lite0", 16), ("efficientnet_lite0", 8)])
def test_logits_at_a_quarter(check_shapes, quick_weights, backbone, output_stride):
    network = DeepLabV3Plus(5, backbone, output_stride)
    assert network.stride == output_stride
    check_shapes(network, 4)


def test_rates_are_twice_as_wide_at_output_stride_8(quick_weights):
    for output_stride, rates in ((16, [6, 12, 18]), (8, [12, 24, 36])):
        aspp = DeepLabV3Plus(5, "resnet18", output_stride).aspp
        assert [branch[0].dilation[0] for branch in aspp.atrous] == rates


def test_the_pyramid_sees_the_whole_image():
    network = DeepLabV3Plus(5, "resnet18").eval()
    x = torch.rand(1, 512, 40, 40, requires_grad=True)
    network.aspp(x)[0, :, 0, 0].sum().backward()
    assert (x.grad.abs().sum(dim=1) > 0).all()  # by the mean; the widest rate reaches 18 of 40


@pytest.mark.parametrize("backbone, output_stride, opset", [
    ("resnet50", 16, 13), ("resnet18", 16, 11), ("resnet18", 8, 13), ("efficientnet_lite0", 16, 13)])
def test_exports(check_export, backbone, output_stride, opset):
    check_export(DeepLabV3Plus(5, backbone, output_stride), opset)


@pytest.mark.parametrize("backbone", ["resnet50", "efficientnet_lite0"])
def test_channels_of_the_whole_network_go(check_pruning, backbone):
    assert check_pruning(DeepLabV3Plus(5, backbone), "all")["aspp.image.0"] == 256


def test_channels_of_the_head_go(check_pruning):
    assert check_pruning(DeepLabV3Plus(5), "head") == dict(
        {"aspp.%s.0" % name: 256 for name in ("point", "atrous.0", "atrous.1", "atrous.2", "image", "project")},
        **{"detail.0": 48, "decoder.0.0": 256, "decoder.1.0": 256})
