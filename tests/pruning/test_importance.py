"""What a channel is worth, by each criterion, with answers known beforehand."""
import pytest
import torch
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.catalog import build
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.importance import (
    add_taylor,
    criterion,
    magnitude_importance,
    pull_gammas_to_zero,
    refuse_frozen,
)

IMAGES = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class Sum(nn.Module):
    """Two convolutions whose channels go together, since their outputs are added."""

    def __init__(self, width=8):
        super().__init__()
        self.one = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.one_norm = nn.BatchNorm2d(width)
        self.two = nn.Conv2d(3, width, 1, bias=False)
        self.two_norm = nn.BatchNorm2d(width)
        self.out = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        return self.out(torch.relu(self.one_norm(self.one(x)) + self.two_norm(self.two(x))))


def group_of(network):
    return ChannelGraph(network, 8, "all").groups()[0]


def test_bn_is_the_mean_gamma_of_the_groups_batchnorms():
    network = Sum()
    with torch.no_grad():
        network.one_norm.weight.copy_(torch.tensor([0.5, -2, 1, 0, 3, 1, 1, 1]))
        network.two_norm.weight.copy_(torch.tensor([1.5, 2, 1, 0, -1, 1, 1, 1]))
    assert criterion("bn", {})(group_of(network)).tolist() == [1, 2, 1, 0, 2, 1, 1, 1]


def test_magnitude_is_relative_to_the_layer_so_that_a_layers_scale_says_nothing():
    network = Sum(4)
    with torch.no_grad():
        network.one.weight.zero_()
        network.one.weight[:, 0, 0, 0] = torch.tensor([3.0, 1, 2, 2])
        network.one.weight[0, 1, 1, 1] = 4  # an L2 norm of 5: a mean of 2.5 over the layer
        network.two.weight.zero_()
        network.two.weight[:, 2, 0, 0] = torch.tensor([1.0, -1, 0, 2])
    wanted = torch.tensor([(5 / 2.5 + 1) / 2, (1 / 2.5 + 1) / 2, (2 / 2.5 + 0) / 2, (2 / 2.5 + 2) / 2])
    assert torch.allclose(criterion("magnitude", {})(group_of(network)), wanted)
    with torch.no_grad():
        network.two.weight.mul_(1000)
    assert torch.allclose(magnitude_importance(group_of(network)), wanted)


def test_magnitude_reads_a_transposed_convolution_by_its_outputs():
    network = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ConvTranspose2d(6, 4, 2, 2), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].weight[5, :, 1, 1] = torch.tensor([1.0, 2, 3, 2])
    assert magnitude_importance(group_of(network)).tolist() == [0.5, 1, 1.5, 1]


def loss_of(network):
    return (network.train()(IMAGES) ** 2).mean()


def test_taylor_is_the_first_order_change_of_the_loss_without_the_channel():
    torch.manual_seed(0)
    network = Sum()
    for norm in (network.one_norm, network.two_norm):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    inputs, sums = IMAGES.double(), {}
    group = group_of(network)
    network.double()
    (network.train()(inputs) ** 2).mean().backward()
    add_taylor(sums, [group])
    shrink, found = 1e-6, []
    for channel in range(8):
        with torch.no_grad():
            before = float((network(inputs) ** 2).mean())
            kept = [one.clone() for norm in (network.one_norm, network.two_norm) for one in (norm.weight, norm.bias)]
            for norm in (network.one_norm, network.two_norm):
                norm.weight[channel] *= 1 - shrink
                norm.bias[channel] *= 1 - shrink
            found.append(abs(float((network(inputs) ** 2).mean()) - before) / shrink)
            for one, old in zip((network.one_norm.weight, network.one_norm.bias, network.two_norm.weight,
                                 network.two_norm.bias), kept):
                one.copy_(old)
    assert torch.allclose(criterion("taylor", sums)(group), torch.tensor(found, dtype=torch.double), rtol=1e-3)
    assert max(found) > 3 * min(found) > 0
    # the weights themselves know nothing of it: BatchNorm takes their scale away
    through = (network.one.weight * network.one.weight.grad).sum(dim=(1, 2, 3)).detach()
    assert float(through.abs().max()) < 1e-3 * max(found)


def test_taylor_adds_up_over_steps_and_is_refused_where_nothing_learns():
    network, sums = Sum(), {}
    group = group_of(network)
    refuse_frozen([group])
    loss_of(network).backward()
    add_taylor(sums, [group])
    once = sums[group.name].clone()
    add_taylor(sums, [group])
    assert torch.equal(sums[group.name], 2 * once) and float(once.max()) > 0
    for module, _channels in group.batchnorms:
        module.requires_grad_(False)
    with pytest.raises(ConfigError, match="taylor has no gradient of the BatchNorms behind two"):
        refuse_frozen([group])


def test_l1_touches_the_scope_and_nothing_else():
    network = build("bisenet", 4)
    groups = ChannelGraph(network, 32, "head").groups()
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    pull_gammas_to_zero(groups, 0.5)
    moved = {name for name, parameter in network.named_parameters() if parameter.grad.abs().sum() > 0}
    gammas = {name + ".weight" for name, module in network.named_modules()
              if any(module is one for group in groups for one, _channels in group.batchnorms)}
    assert moved == gammas and not any(name.startswith("backbone") for name in moved)
    assert all(set(dict(network.named_parameters())[name].grad.tolist()) == {0.5} for name in moved)


class Joined(nn.Module):
    """One BatchNorm behind a concatenation of the backbone and two branches."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 16, 1)
        self.left, self.right = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1)
        self.norm = nn.BatchNorm2d(48)
        self.out = nn.Conv2d(48, 2, 1)

    def forward(self, x):
        x = self.backbone(x)
        return self.out(self.norm(torch.cat([x, self.left(x), self.right(x)], 1)))


def test_l1_pulls_a_shared_batchnorm_once_and_only_at_the_scopes_channels():
    network = Joined()
    network.norm.weight.grad = torch.zeros(48)
    pull_gammas_to_zero(ChannelGraph(network, 8, "head").groups(), 0.5)
    assert network.norm.weight.grad.tolist() == [0.0] * 16 + [0.5] * 32
