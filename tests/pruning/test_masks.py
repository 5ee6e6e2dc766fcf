"""Single weights that go, and stay gone."""
import pytest
import torch
from torch import nn

from dance_edge.pruning.masks import WeightMasks


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.head = nn.Conv2d(4, 2, 1)
        self.up = nn.ConvTranspose2d(2, 2, 2, 2)

    def forward(self, x):
        return self.up(self.head(self.backbone(x)))


def sgd(network):
    return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)


def backward(network):
    network.zero_grad()
    (network(torch.rand(4, 3, 8, 8)) ** 2).mean().backward()


def test_the_scope_s_convolutions_and_nothing_else():
    assert WeightMasks(Two(), "head").kept() == {"head": 8, "up": 16}
    assert WeightMasks(Two(), "all").kept() == {"backbone.0": 12, "head": 8, "up": 16}


def test_the_smallest_go_relative_to_their_layer():
    network = Two()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([1.0, -1, 1, 1, 0.1, -0.2, 1, 1]).view(2, 4, 1, 1))
        network.up.weight.fill_(0.001)  # as small as can be, but all of one size
    masks = WeightMasks(network, "head")
    masks.remove(2, "bn")
    masks.apply(sgd(network))
    assert masks.kept() == {"head": 6, "up": 16}
    assert network.head.weight.flatten().tolist() == [1, -1, 1, 1, 0, 0, 1, 1]
    masks.remove(3, "magnitude")  # the head's are now 1 of a root mean square of 1, the others too
    assert sum(masks.kept().values()) == 19


def test_taylor_goes_by_weight_times_gradient():
    torch.manual_seed(0)
    network = Two()
    backward(network)
    scores = (network.head.weight * network.head.weight.grad).abs().detach().flatten()
    masks = WeightMasks(network, "head")
    masks.remove(12, "taylor")
    others = (network.up.weight * network.up.weight.grad).abs().detach().flatten()
    threshold = torch.cat([scores, others]).sort().values[11]
    assert torch.equal(masks.state()["head"].flatten(), scores > threshold)


def test_masked_weights_stay_zero_with_their_momentum_and_the_others_move():
    torch.manual_seed(0)
    network = Two()
    optimizer = sgd(network)
    backward(network)
    optimizer.step()
    masks = WeightMasks(network, "head")
    masks.remove(10, "magnitude")
    masks.apply(optimizer)
    gone = {name: ~mask for name, mask in masks.state().items()}
    before = network.head.weight.detach().clone()
    for _ in range(3):
        backward(network)
        optimizer.step()
        masks.apply(optimizer)
        for name, layer in (("head", network.head), ("up", network.up)):
            assert float(layer.weight[gone[name]].abs().sum()) == 0
            assert float(optimizer.state[layer.weight]["momentum_buffer"][gone[name]].abs().sum()) == 0
    assert int((network.head.weight != before).sum()) == int((~gone["head"]).sum()) > 0
    masks.remove(4, "magnitude")
    assert sum(masks.kept().values()) == 10


def test_a_weight_that_is_zero_by_chance_lives_on_in_masks_that_were_stored():
    network = Two()
    masks = WeightMasks(network, "head")
    masks.remove(5, "magnitude")
    with torch.no_grad():
        kept = masks.state()["up"].nonzero()[0].tolist()
        network.up.weight[tuple(kept)] = 0
    again = WeightMasks(network, "head")
    again.load({name: mask.clone() for name, mask in masks.state().items()})
    assert again.kept() == masks.kept() and bool(again.state()["up"][tuple(kept)])


@pytest.mark.parametrize("count", [0, 24])
def test_none_and_all(count):
    network = Two()
    masks = WeightMasks(network, "head")
    masks.remove(count, "bn")
    masks.apply(sgd(network))
    assert sum(masks.kept().values()) == 24 - count
