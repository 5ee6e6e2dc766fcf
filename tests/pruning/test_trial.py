"""Layers whose channels torch-pruning misreads are found on a copy, named, and left as they are."""
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dance_edge.errors import ConfigError
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.trial import find_prunable, trial_channels


def block(inputs, outputs, **options):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False, **options), nn.BatchNorm2d(outputs),
                         nn.ReLU())


class Through(nn.Module):
    """Four blocks, the second of which goes through `way` on to a third of `width` inputs."""

    def __init__(self, way=None, width=32, **options):
        super().__init__()
        self.one, self.two = block(3, 32), block(32, 32, **options)
        self.three, self.four = block(width, 32), block(32, 32)
        self.out = nn.Conv2d(32, 4, 1)
        if way is not None:
            self.way = way

    def forward(self, x):
        return self.out(self.four(self.three(self.way(self.two(self.one(x))))))


def shuffle(x):
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def swap_halves(x):
    first, second = x.chunk(2, dim=1)
    return torch.cat([second, first], dim=1)


def split_unevenly(x):
    small, large = torch.split(x, [8, 24], dim=1)
    return torch.cat([small, 2 * large], dim=1)


def gate(x):
    value, weight = x.chunk(2, dim=1)
    return value * torch.sigmoid(weight)


MISREAD = {"shuffle": (shuffle, 32, "transpose"),
           "chunk": (swap_halves, 32, "two"),
           "split": (split_unevenly, 32, "split"),
           "slice": (lambda x: x[:, :16], 16, "slice"),
           "pixel shuffle": (lambda x: F.pixel_shuffle(x, 2), 8, "two"),
           "gate": (gate, 16, "split"),
           "softmax": (lambda x: x.softmax(1), 32, "softmax"),
           "mean over channels": (lambda x: x - x.mean(1, keepdim=True), 32, "mean")}


@pytest.mark.parametrize("name", sorted(MISREAD))
def test_what_is_misread_is_left_dense_by_name_and_the_rest_is_pruned(name):
    way, width, said = MISREAD[name]
    torch.manual_seed(1)
    network = Through(way, width)
    found = find_prunable(network, 4, "all")
    assert found.widths == {"one.0": 32, "three.0": 32, "four.0": 32}
    assert "two.0" in found.left_dense and said in found.left_dense and "three.0" not in found.left_dense
    graph = ChannelGraph(network, 4, "all", found.widths)
    assert [group.name for group in graph.groups()] == ["one.0", "three.0", "four.0"]


WELL_READ = {"nothing": lambda x: x, "a view there and back": lambda x: x.flatten(2).view(x.shape),
             "a constant that a channel of zeros would still give": lambda x: torch.sigmoid(x) + 1,
             "its own gate": lambda x: x * torch.sigmoid(x)}


@pytest.mark.parametrize("name", sorted(WELL_READ))
def test_what_is_read_aright_is_pruned(name):
    found = find_prunable(Through(WELL_READ[name]), 4, "all")
    assert list(found.widths) == ["one.0", "two.0", "three.0", "four.0"] and found.left_dense == ""


class Dropping(Through):
    def way(self, x):
        return F.dropout(x, 0.5, self.training)


def test_numbers_drawn_in_training_mode_are_no_fault():
    assert list(find_prunable(Dropping(), 4, "all").widths) == ["one.0", "two.0", "three.0", "four.0"]


class Scaled(Through):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(1, 32, 1, 1))

    def way(self, x):
        return x * self.scale


class Normed(Through):
    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(4, 32)

    def way(self, x):
        return self.norm(x)


@pytest.mark.parametrize("make, said", [(Scaled, "a parameter that belongs to no layer"), (Normed, "GroupNorm norm")])
def test_weights_that_a_channel_plan_could_not_store_keep_their_channels(make, said):
    found = find_prunable(make(), 4, "all")
    assert list(found.widths) == ["one.0", "three.0", "four.0"] and "two.0 (" in found.left_dense
    assert said in found.left_dense


def test_a_grouped_convolution_keeps_what_it_reads_and_what_it_makes():
    found = find_prunable(Through(lambda x: x, groups=4), 4, "all")
    assert list(found.widths) == ["three.0", "four.0"] and found.left_dense.count("two.0 has 4 groups") == 2
    depthwise = find_prunable(Through(lambda x: x, groups=32), 4, "all")
    assert list(depthwise.widths) == ["two.0", "three.0", "four.0"]  # what it reads goes with what it makes


def test_an_output_keeps_its_channels():
    found = find_prunable(nn.Sequential(block(3, 32), block(32, 16)), 4, "all")
    assert list(found.widths) == ["0.0"] and "1.0" in found.left_dense


def test_where_nothing_can_be_pruned_one_error_names_the_layers_and_the_operation():
    network = nn.Sequential(block(3, 32), nn.PixelShuffle(2), nn.Conv2d(8, 4, 1))
    named = r"nothing in scope all can be pruned: .*0\.0 \(.*(pixelshuffle|permute)"
    with pytest.raises(ConfigError, match=named) as caught:
        find_prunable(network, 4, "all")
    assert "--pruning-ratio 0" in caught.value.hint and "--scope head" in caught.value.hint
    with pytest.raises(ConfigError, match=r"0\.0 \(8 channels, which all stay\)"):
        find_prunable(nn.Sequential(block(3, 8), nn.Conv2d(8, 4, 1)), 4, "all")
    with pytest.raises(ConfigError, match="no convolution has a BatchNorm"):
        find_prunable(nn.Conv2d(3, 4, 1), 4, "all")


def test_a_network_that_cannot_be_traced_is_one_error_too():
    class Numbers(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.conv(x.view(x.shape[0], 5, -1))

    with pytest.raises(ConfigError, match="cannot follow the network: RuntimeError") as caught:
        find_prunable(Numbers(), 4, "all")
    assert "--pruning-ratio 0" in caught.value.hint


def test_the_network_its_mode_and_the_random_numbers_stay_as_they_were():
    network = Through(shuffle)
    network.four.eval()
    with torch.no_grad():
        network.two[1].weight.zero_()  # a fault that the network's own weights would hide
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    random = torch.get_rng_state()
    assert "two.0" in find_prunable(network, 4, "all").left_dense
    assert torch.equal(random, torch.get_rng_state()) and modes == [module.training for module in network.modules()]
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_trial_leaves_no_split_balanced():
    for width in range(9, 70):
        channels = trial_channels(width)
        assert len(channels) == len(set(channels)) == min(8, width - 8) and max(channels) < width
    for width, parts in ((16, 2), (32, 2), (64, 2), (64, 4), (96, 3)):
        lost = [sum(one * parts // width == part for one in trial_channels(width)) for part in range(parts)]
        assert len(set(lost)) > 1, (width, parts)
