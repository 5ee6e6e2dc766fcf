"""ResNets against what is known of torchvision's: names, weights, multiply-accumulates; and what dilation does."""
import pytest
import torch
from torch import nn

from dance_edge.models.resnet import ResNet
from dance_edge.pruning.flops import count_macs, count_params
from dance_edge.size import Size

CLASSIFIER = {"resnet18": 513000, "resnet34": 513000, "resnet50": 2049000, "resnet101": 2049000}
# torchvision's documentation, parameters with the classifier
PARAMS = {"resnet18": 11689512, "resnet34": 21797672, "resnet50": 25557032, "resnet101": 44549160}
GMACS = {"resnet18": 1.814, "resnet34": 3.664, "resnet50": 4.089, "resnet101": 7.801}  # at 224 x 224
DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _torchvisions_names(name):
    """The keys of torchvision's state dict, without its classifier's."""
    convolutions = 2 if name in ("resnet18", "resnet34") else 3
    layers = [("conv1", "bn1")]
    for stage, depth in enumerate(DEPTHS[name], 1):
        for block in range(depth):
            at = "layer%d.%d." % (stage, block)
            layers += [("%sconv%d" % (at, i), "%sbn%d" % (at, i)) for i in range(1, convolutions + 1)]
            if block == 0 and (stage > 1 or convolutions == 3):
                layers.append((at + "downsample.0", at + "downsample.1"))
    return {conv + ".weight" for conv, _ in layers} | {"%s.%s" % (norm, one) for _, norm in layers for one in NORM}


@pytest.mark.parametrize("name", sorted(DEPTHS))
def test_names_and_weights_are_torchvisions(name, quick_weights):
    network = ResNet(name)
    assert set(network.state_dict()) == _torchvisions_names(name)
    assert count_params(network) == PARAMS[name] - CLASSIFIER[name]


def test_a_literal_list_of_torchvisions_names(quick_weights):
    names = set(ResNet("resnet50").state_dict())
    assert len(names) == 318 and {
        "conv1.weight", "bn1.running_mean", "layer1.0.conv3.weight", "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.num_batches_tracked", "layer2.3.bn2.bias", "layer3.5.conv2.weight",
        "layer4.2.bn3.running_var"} <= names
    assert "layer1.1.downsample.0.weight" not in names and "fc.weight" not in names


@pytest.mark.parametrize("name", sorted(DEPTHS))
def test_macs_are_the_literatures(name, last, quick_weights):
    network = ResNet(name)
    macs = count_macs(last(network), Size(224, 224)) + 1000 * network.channels[3]
    assert macs / 1e9 == pytest.approx(GMACS[name], abs=1e-3)


def test_the_stride_is_on_the_3x3_convolution():
    first = ResNet("resnet50").layer2[0]
    assert (first.conv1.stride, first.conv2.stride, first.downsample[0].stride) == ((1, 1), (2, 2), (2, 2))


@pytest.mark.parametrize("name, output_stride", [("resnet18", 16), ("resnet18", 8), ("resnet50", 16), ("resnet50", 8)])
def test_a_dilated_network_computes_the_same_and_the_places_between(name, output_stride):
    torch.manual_seed(0)
    plain, dilated = ResNet(name).eval(), ResNet(name, output_stride).eval()
    dilated.load_state_dict(plain.state_dict())
    with torch.no_grad():
        image = torch.randn(1, 3, 64, 96)
        wanted, got = plain(image), dilated(image)
    for stride, channels, a, b in zip((4, 8, 16, 32), dilated.channels, wanted, got):
        step = max(1, stride // output_stride)
        assert b.shape == (1, channels, 64 * step // stride, 96 * step // stride)
        assert torch.allclose(b[:, :, ::step, ::step], a, rtol=1e-4, atol=1e-4 * float(a.abs().max()))


def test_no_convolution_is_dilated_at_output_stride_32(quick_weights):
    assert all(layer.dilation == (1, 1) for layer in ResNet("resnet101").modules() if isinstance(layer, nn.Conv2d))
