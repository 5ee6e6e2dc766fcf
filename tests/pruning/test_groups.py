import pytest
import torch
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.catalog import build
from dance_edge.pruning.groups import ChannelGraph, spared_modules


def test_the_head_is_all_outside_the_backbone_auxiliary_heads_too():
    names = [group.name for group in ChannelGraph(build("bisenet", 4), 32, "head").groups()]
    assert not any(name.startswith("backbone") for name in names)
    assert {"auxiliary8.conv.0", "auxiliary16.conv.0", "output.conv.0"} <= set(names)
    everything = [group.name for group in ChannelGraph(build("bisenet", 4), 32, "all").groups()]
    assert set(names) < set(everything) and "backbone.conv1" in everything


def test_the_trace_moves_no_statistics_and_leaves_the_mode_as_it_was():
    network = build("bisenet", 4)
    network.train()
    network.arm16.eval()
    modes = [module.training for module in network.modules()]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    ChannelGraph(network, 32, "head").groups()
    assert modes == [module.training for module in network.modules()]
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_residual_channels_go_together():
    groups = {group.name: group for group in ChannelGraph(build("bisenet", 4), 32, "all").groups()}
    # layer1 adds its two blocks to the stem: one group of three BatchNorms
    assert len(groups["backbone.conv1"].batchnorms) == 3 and groups["backbone.conv1"].width == 64


def test_a_model_without_backbone_has_no_head():
    with pytest.raises(ConfigError) as caught:
        ChannelGraph(nn.Conv2d(3, 4, 1), 8, "head")
    assert "--scope all" in caught.value.hint


class Cat(nn.Module):
    """Two branches side by side: the second one's channels are 8 and on in what follows."""

    def __init__(self):
        super().__init__()
        self.one, self.two = (nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU()) for _ in range(2))
        self.norm = nn.BatchNorm2d(16)
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        return self.out(self.norm(torch.cat([self.one(x), self.two(x)], 1)))


def test_a_concatenation_maps_channels_of_each_branch():
    graph = ChannelGraph(Cat(), 8, "all")
    second = [group for group in graph.groups() if group.name == "two.0"][0]
    mapped = [channels.tolist() for _module, channels in second.batchnorms]
    assert sorted(mapped) == [list(range(8)), list(range(8, 16))]


def test_a_backbone_that_is_no_module_is_none():
    network = nn.Sequential(nn.Conv2d(3, 16, 1))
    network.backbone = "resnet18"
    with pytest.raises(ConfigError, match="no module `backbone`"):
        spared_modules(network, "head")
