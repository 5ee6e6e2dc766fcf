"""Removing channels: the ranking, the cut, and what is left of the optimizer's momentum."""
from typing import Any, Dict, List, NamedTuple, Tuple

import torch
from torch import nn

from dance_edge.errors import CheckpointError
from dance_edge.pruning.groups import ChannelGraph, ChannelGroup
from dance_edge.pruning.importance import Importance, gamma_importance

MULTIPLE = 8        # TensorRT gains nothing from widths between multiples of 8
KEEP_AT_LEAST = 0.1  # of a group's original channels, lest a global ranking empties a branch
_RESIZED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.modules.batchnorm._BatchNorm)


class PruneStep(NamedTuple):
    """One prune: the channels kept by group, how many went in all, and the groups that have none left to give."""

    stage: int
    kept_channels: Dict[str, int]
    removed: int
    capped: Tuple[str, ...]


def choose(groups: List[ChannelGroup], count: int,
           importance_of: Importance = gamma_importance) -> Tuple[Dict[str, List[int]], List[str]]:
    """The `count` least important channels over all groups, in chunks that leave multiples of 8.

    Returns the channels to remove by group name, and the groups that then have none left to give: at least 8 stay, and
    a tenth of the original ones.
    """
    chunks: List[Tuple[float, str, int, List[int]]] = []
    for group in groups:
        importance = importance_of(group)
        order = _stable_order(importance)
        floor = max(MULTIPLE, int(-(-group.original * KEEP_AT_LEAST // MULTIPLE)) * MULTIPLE)
        at, worst = 0, 0.0
        while group.width - at > floor:
            take = (group.width - at) % MULTIPLE or MULTIPLE
            members = order[at:at + take]
            # never less than the chunk before, so that a group's chunks are taken in their order
            worst = max(worst, float(importance[members].mean()))
            chunks.append((worst, group.name, at, members))
            at += take
    removals: Dict[str, List[int]] = {}
    removed = 0
    for _importance, name, _at, members in sorted(chunks, key=lambda chunk: (chunk[0], chunk[1], chunk[2])):
        if removed + len(members) // 2 >= count:
            break
        removals.setdefault(name, []).extend(members)
        removed += len(members)
    to_give = {name: sum(len(members) for _importance, one, _at, members in chunks if one == name)
             for name in (group.name for group in groups)}
    capped = [name for name, possible in to_give.items() if len(removals.get(name, ())) == possible]
    return removals, capped


def _stable_order(importance: torch.Tensor) -> List[int]:
    values: List[float] = importance.tolist()
    return sorted(range(len(values)), key=lambda i: values[i])


def prune(network: nn.Module, optimizer: torch.optim.Optimizer, graph: ChannelGraph, stage: int, count: int,
          importance_of: Importance = gamma_importance) -> PruneStep:
    """Remove about `count` channels from `network` and give `optimizer` the new parameters, its momentum cut to fit.

    The cut carries a parameter's gradient along, so the momentum travels in its place.
    """
    groups = graph.groups()
    removals, capped = choose(groups, count, importance_of)
    momentum_of = {id(parameter): state.get("momentum_buffer") for parameter, state in optimizer.state.items()}
    before = list(network.named_parameters())
    group_of = {id(parameter): i for i, group in enumerate(optimizer.param_groups) for parameter in group["params"]}
    home = {name: group_of[id(parameter)] for name, parameter in before}
    learns = {name: parameter.requires_grad for name, parameter in before}
    for _name, parameter in before:
        buffer = momentum_of.get(id(parameter))
        parameter.grad = None if buffer is None else buffer.clone()
    for name, channels in removals.items():
        graph.remove(name, channels)
    optimizer.state.clear()
    for group in optimizer.param_groups:
        group["params"] = []
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(learns[name])  # what was frozen stays so, in whatever new parameter
        optimizer.param_groups[home[name]]["params"].append(parameter)
        if parameter.grad is not None:
            optimizer.state[parameter]["momentum_buffer"] = parameter.grad
            parameter.grad = None
    kept = {group.name: group.width - len(removals.get(group.name, ())) for group in groups}
    return PruneStep(stage, kept, sum(len(channels) for channels in removals.values()), tuple(sorted(capped)))


def channel_plan(network: nn.Module) -> Dict[str, List[int]]:
    """[out, in, groups] of every layer that pruning can change, by module name."""
    return {name: _widths(module) for name, module in network.named_modules() if isinstance(module, _RESIZED)}


def changed_channels(network: nn.Module, dense: nn.Module) -> Dict[str, List[int]]:
    """The entries of `network`'s channel plan that differ from `dense`'s: what a manifest stores."""
    original = channel_plan(dense)
    return {name: widths for name, widths in channel_plan(network).items() if widths != original.get(name)}


def apply_plan(network: nn.Module, plan: Dict[str, List[int]]) -> None:
    """Give the layers of a dense `network` the widths of `plan`, with zero weights to be loaded over."""
    modules = dict(network.named_modules())
    for name, widths in plan.items():
        module = modules.get(name)
        if not isinstance(module, _RESIZED):
            raise CheckpointError("the channel plan names %s, which the model does not have" % name,
                                  "give the architecture that the model was pruned from: --model")
        if _widths(module) != widths:
            _resize(module, *(int(width) for width in widths))


def _widths(module: Any) -> List[int]:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        return [int(module.out_channels), int(module.in_channels), int(module.groups)]
    if isinstance(module, nn.Linear):
        return [int(module.out_features), int(module.in_features), 1]
    return [int(module.num_features), int(module.num_features), 1]


def _resize(module: Any, outputs: int, inputs: int, groups: int) -> None:
    weight = [outputs]
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        module.out_channels, module.in_channels, module.groups = outputs, inputs, groups
        first, second = (inputs, outputs) if isinstance(module, nn.ConvTranspose2d) else (outputs, inputs)
        weight = [first, second // groups] + [int(side) for side in module.kernel_size]
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = outputs, inputs
        weight = [outputs, inputs]
    else:
        module.num_features = outputs
        for name in ("running_mean", "running_var"):
            if getattr(module, name) is not None:
                setattr(module, name, torch.zeros(outputs))
    for name, shape in (("weight", weight), ("bias", [outputs])):
        old = getattr(module, name)
        if old is not None:
            setattr(module, name, nn.parameter.Parameter(torch.zeros(shape), requires_grad=old.requires_grad))
