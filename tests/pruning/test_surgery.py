"""The cut: what goes, what stays, and what the optimizer still knows."""
import pytest
import torch
from torch import nn

from dance_edge.errors import CheckpointError
from dance_edge.models.catalog import build
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.surgery import apply_plan, changed_channels, channel_plan, choose, prune

PROBE = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


class Chain(nn.Module):
    stride = 8

    def __init__(self, width=32):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, x):
        return self.second(torch.relu(self.norm(self.first(x))))


def sgd(network):
    return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)


def step(network, optimizer):
    network.train()
    optimizer.zero_grad()
    outputs = network(PROBE)
    sum((one ** 2).mean() for one in (outputs if isinstance(outputs, list) else [outputs])).backward()
    optimizer.step()


def run(network):
    network.eval()
    with torch.no_grad():
        return network(PROBE)


def test_gamma_and_beta_zero_on_every_other_channel_removes_exactly_those():
    network = Chain()
    with torch.no_grad():
        network.norm.weight[::2] = 0
        network.norm.bias[::2] = 0
    kept = network.first.weight[1::2].clone()
    before = run(network)
    done = prune(network, sgd(network), ChannelGraph(network, 8, "all"), 1, 16)
    assert done.removed == 16 and done.kept_channels == {"first": 16}
    assert torch.equal(network.first.weight, kept)
    assert float((run(network) - before).abs().max()) <= 1e-5


def test_gamma_near_zero_is_not_a_zero_channel_while_beta_stands():
    network = Chain()
    with torch.no_grad():
        network.norm.weight[::2] = 1e-6
        network.norm.bias[::2] = 2
    before = run(network)
    prune(network, sgd(network), ChannelGraph(network, 8, "all"), 1, 16)
    assert float((run(network) - before).abs().max()) > 0.1  # adapt's StageDone reports it as logit_change


def test_after_a_prune_every_tensor_moves_and_the_optimizer_holds_the_models_own():
    network = build("bisenet", 4)
    optimizer = sgd(network)
    step(network, optimizer)
    graph = ChannelGraph(network, 32, "head")
    total = sum(group.width for group in graph.groups())
    done = prune(network, optimizer, graph, 1, total // 2)
    assert abs(done.removed - total // 2) <= 8 and all(width % 8 == 0 for width in done.kept_channels.values())
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert [id(one) for one in held] == [id(one) for one in network.parameters()]
    assert all(optimizer.state[one]["momentum_buffer"].shape == one.shape for one in held)
    before = [one.detach().clone() for one in network.parameters()]
    step(network, optimizer)  # auxiliary heads included
    assert all(not torch.equal(old, new) for old, new in zip(before, network.parameters()))


def test_momentum_is_cut_with_its_weights():
    network = Chain()
    optimizer = sgd(network)
    step(network, optimizer)
    with torch.no_grad():
        network.norm.weight[:8] = 0
        network.norm.bias[:8] = 0
    wanted = optimizer.state[network.first.weight]["momentum_buffer"][8:].clone()
    inward = optimizer.state[network.second.weight]["momentum_buffer"][:, 8:].clone()
    prune(network, optimizer, ChannelGraph(network, 8, "all"), 1, 8)
    assert torch.equal(optimizer.state[network.first.weight]["momentum_buffer"], wanted)
    assert torch.equal(optimizer.state[network.second.weight]["momentum_buffer"], inward)


def test_a_pruned_network_equals_the_dense_one_with_the_channels_zeroed():
    torch.manual_seed(3)
    network = build("bisenet", 4)
    graph = ChannelGraph(network, 32, "head")
    removals, _capped = choose(graph.groups(), 400)
    with torch.no_grad():
        for group in graph.groups():
            for module, channels in group.batchnorms:
                gone = channels[torch.tensor(removals.get(group.name, []), dtype=torch.long)]
                module.weight[gone] = 0
                module.bias[gone] = 0
    # excite has no BatchNorm and gates through a sigmoid, arms gate with BatchNorm's beta: a zeroed channel stays zero
    zeroed = run(network)
    prune(network, sgd(network), graph, 1, 400)
    pruned = run(network)
    assert float((pruned - zeroed).abs().max() / zeroed.abs().max()) <= 1e-5


def test_no_branch_is_emptied_and_the_cap_is_reported():
    network = build("bisenet", 4)
    with torch.no_grad():
        network.spatial[0][1].weight.zero_()
    done = prune(network, sgd(network), ChannelGraph(network, 32, "head"), 1, 64)
    assert done.kept_channels["spatial.0.0"] == 8 and done.capped == ("spatial.0.0",)


class Wide(nn.Module):
    """Branches of several widths, side by side: what a cap is for."""

    def __init__(self, widths):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(nn.Conv2d(3, width, 1), nn.BatchNorm2d(width)) for width in widths)
        self.out = nn.Conv2d(sum(widths), 2, 1)

    def forward(self, x):
        return self.out(torch.cat([branch(x) for branch in self.branches], 1))


@pytest.mark.parametrize("percent", range(20, 90, 10))
def test_every_ratio_is_reached_to_half_a_chunk_and_widths_stay_multiples_of_8(percent):
    torch.manual_seed(percent)
    network = Wide([64, 128, 256, 72])
    for branch in network.branches:
        nn.init.uniform_(branch[1].weight)
    wanted = percent * 520 // 100
    done = prune(network, sgd(network), ChannelGraph(network, 8, "all"), 1, wanted)
    assert abs(done.removed - wanted) <= 4 and done.removed == 520 - sum(done.kept_channels.values())
    assert all(width % 8 == 0 for width in done.kept_channels.values())
    assert network.out.in_channels == 520 - done.removed
    assert torch.isfinite(run(network)).all()


def test_odd_widths_come_down_to_multiples_of_8_and_narrow_ones_stay():
    widths = [6, 8, 12, 20, 100]
    network = Wide(widths)
    done = prune(network, sgd(network), ChannelGraph(network, 8, "all"), 1, 140)
    assert list(done.kept_channels.values()) == [6, 8, 8, 8, 16]  # a tenth of 100, in eights, is 16
    assert done.removed == 100 and len(done.capped) == 5
    graph = ChannelGraph(network, 8, "all", dict(zip(done.kept_channels, widths)))
    again = prune(network, sgd(network), graph, 2, 40)
    assert again.removed == 0 and again.kept_channels == done.kept_channels  # a tenth of what there was at first


def test_the_least_important_chunks_go_whatever_layer_they_are_in():
    network = Wide([16, 16, 16])
    with torch.no_grad():
        for branch, gamma in zip(network.branches, (0.9, 0.1, 0.5)):
            branch[1].weight.fill_(gamma)
        network.branches[0][1].weight[3:11] = 0.2
    kept = network.branches[0][0].weight[[0, 1, 2, 11, 12, 13, 14, 15]].clone()
    done = prune(network, sgd(network), ChannelGraph(network, 8, "all"), 1, 16)
    assert done.kept_channels == {"branches.0.0": 8, "branches.1.0": 8, "branches.2.0": 16}
    assert torch.equal(network.branches[0][0].weight, kept) and done.capped == ("branches.0.0", "branches.1.0")


def test_a_network_can_be_pruned_again_saved_and_rebuilt():
    network = build("bisenet", 4)
    optimizer = sgd(network)
    for stage in (1, 2):
        step(network, optimizer)
        prune(network, optimizer, ChannelGraph(network, 32, "all"), stage, 600)
    plan = changed_channels(network, build("bisenet", 4))
    again = build("bisenet", 4)
    apply_plan(again, plan)
    assert channel_plan(again) == channel_plan(network)
    again.load_state_dict(network.state_dict())
    assert torch.equal(run(again), run(network))


def test_depthwise_and_transposed_convolutions_are_rebuilt_too():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(3, 32, 1)
            self.n = nn.BatchNorm2d(32)
            self.d = nn.Conv2d(32, 32, 3, padding=1, groups=32)
            self.m = nn.BatchNorm2d(32)
            self.u = nn.ConvTranspose2d(32, 16, 2, 2)
            self.k = nn.BatchNorm2d(16)
            self.o = nn.Conv2d(16, 2, 1)

        def forward(self, x):
            return self.o(self.k(self.u(self.m(self.d(self.n(self.a(x)))))))

    network, again = Odd(), Odd()
    prune(network, sgd(network), ChannelGraph(network, 8, "all"), 1, 24)
    assert network.d.groups == network.d.out_channels < 32 or network.u.out_channels < 16
    apply_plan(again, changed_channels(network, Odd()))
    again.load_state_dict(network.state_dict())
    assert torch.equal(run(again), run(network))


def test_a_plan_of_another_architecture_is_refused():
    with pytest.raises(CheckpointError, match="head.7"):
        apply_plan(Chain(), {"head.7": [8, 8, 1]})
