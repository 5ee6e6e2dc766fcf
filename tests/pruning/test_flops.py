"""Multiply-accumulates by hand, and as torch counts them where it does."""
import pytest
import torch
from torch import nn

from dance_edge.models.catalog import build
from dance_edge.models.deployed import outputs_of
from dance_edge.pruning.flops import count_macs, count_params, count_training_macs
from dance_edge.size import Size


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.bn(self.up(self.depthwise(self.conv(x))))


FIRST, DEPTHWISE, UP = (macs * 8 * 16 for macs in (3 * 8 * 9, 8 * 9, 8 * 4 * 4))  # at 8x16, the transposed one's inputs


def test_macs_by_hand():
    assert count_macs(Small(), Size(16, 32)) == FIRST + DEPTHWISE + UP


def test_a_training_step_takes_three_passes_but_for_gradients_that_nobody_asks_for():
    network = Small()
    assert count_training_macs(network, Size(16, 32)) == 2 * FIRST + 3 * DEPTHWISE + 3 * UP
    network.conv.weight.requires_grad = False  # then nothing before the second layer needs a gradient
    assert count_training_macs(network, Size(16, 32)) == FIRST + 2 * DEPTHWISE + 3 * UP


def test_a_linear_layer_counts_every_vector():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Linear(3, 5)

        def forward(self, x):
            return self.mix(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    assert count_macs(Tokens(), Size(4, 8)) == 3 * 5 * 32
    assert count_training_macs(Tokens(), Size(4, 8)) == 2 * 3 * 5 * 32


def test_counting_leaves_mode_statistics_and_random_numbers_alone():
    network = nn.Sequential(Small(), nn.Dropout(0.5)).train()
    network[0].conv.eval()
    before = [tensor.clone() for tensor in network.state_dict().values()]
    random = torch.get_rng_state()
    for count in (count_macs, count_training_macs):
        count(network, Size(16, 16))
        assert network.training and not network[0].conv.training and torch.equal(random, torch.get_rng_state())
        assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values()))


def torchs_own(network, size):
    """Forward and all MACs of a training step at batch 1; torch counts two operations for one MAC."""
    counter = pytest.importorskip("torch.utils.flop_counter", reason="torch 1.10 has no counter")
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    with counter.FlopCounterMode(display=False) as mode:
        outputs = outputs_of(network(torch.zeros((1, 3) + size)))
        forward = mode.get_total_flops()
        torch.stack([output.sum() for output in outputs]).sum().backward()
        return forward / 2.0, mode.get_total_flops() / 2.0


@pytest.mark.parametrize("size", [Size(64, 64), Size(64, 96), Size(96, 160)])
def test_torch_counts_the_same_at_every_rung_forward_and_backward_auxiliary_heads_too(size):
    network = build("bisenet", 19)
    forward, training = torchs_own(network, size)
    assert count_training_macs(network, size) == training
    heads = sum(3.0 * count for count in auxiliary_macs(network, size))
    assert count_macs(network, size) == forward - heads / 3.0
    assert not 2.999 < training / forward < 3.001  # the two layers that see the image have no gradient by it


@pytest.mark.parametrize("name, uncounted", [("deeplabv3plus", 0.0), ("pspnet", 1e-3), ("icnet", 1e-3)])
def test_the_others_as_torch_counts_them_but_for_pooling(name, uncounted):
    # torch counts the small matrices by which pooled features are averaged over bins as well
    network, size = build(name, 19, "resnet18"), Size(96, 160)
    theirs, ours = torchs_own(network, size)[1], count_training_macs(network, size)
    assert theirs * (1 - uncounted) <= ours <= theirs


def auxiliary_macs(network, size):
    at8 = size.height * size.width / 64.0
    for head, pixels in ((network.auxiliary8, at8), (network.auxiliary16, at8 / 4)):
        yield pixels * sum(module.weight.numel() for module in head.modules() if isinstance(module, nn.Conv2d))


def test_a_frozen_backbone_as_torch_counts_it():
    network = build("bisenet", 4)
    for parameter in network.backbone.parameters():
        parameter.requires_grad = False
    assert count_training_macs(network, Size(64, 64)) == torchs_own(network, Size(64, 64))[1]


def test_transposed_convolutions_as_torch_counts_them_and_depthwise_ones_forward():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 4, 3, 2), nn.Conv2d(4, 2, 1))
    assert count_training_macs(network, Size(16, 24)) == torchs_own(network, Size(16, 24))[1]
    # backward, torch takes the weights' gradient of a grouped layer for that of a full one
    assert count_macs(Small(), Size(16, 32)) == torchs_own(Small(), Size(16, 32))[0]


def test_params():
    assert count_params(Small()) == 3 * 8 * 9 + (8 * 9 + 8) + (8 * 4 * 4 + 4) + 8
