"""Are the channel groups read aright? Every one is pruned once, on a copy, before training begins.

torch-pruning follows channels by rules for each operation. Where a network splits at fixed places, shuffles channels
or counts them, the rules are wrong, and nothing need crash: the pruned network is just another one.
"""
import copy
import math
from typing import Any, Dict, List, NamedTuple

import torch
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.deployed import outputs_of
from dance_edge.models.probe import FAULTS
from dance_edge.pruning.groups import EXAMPLE_STRIDES, ChannelGraph, ChannelGroup
from dance_edge.pruning.rehearsal import rehearsal, training_forward
from dance_edge.pruning.surgery import MULTIPLE, channel_plan

TOLERANCE = 1e-4  # of the largest output: float32 through a hundred layers; a misread channel moves outputs by percents


class Prunable(NamedTuple):
    """What may be pruned: `widths` by group, and for people why other groups are `left_dense`, "" where none is."""

    widths: Dict[str, int]
    left_dense: str


def find_prunable(network: nn.Module, stride: int, scope: str) -> Prunable:
    """The groups of `network` in `scope` that prune as they should; `ConfigError` where there is none.

    The network itself is not touched, nor are the global random numbers.
    """
    groups = ChannelGraph(network, stride, scope).groups()
    trial = _Trial(network, stride, scope)
    sound = trial.sound([group for group in groups if not group.obstacle])
    names = {group.name for group in sound}
    refused = [group for group in groups if group.name not in names]
    why = _why(refused, sound)
    if not sound:
        raise ConfigError("nothing in scope %s can be pruned: %s" % (scope, why or "no convolution has a BatchNorm"),
                          "train it as it is with --pruning-ratio 0%s, or prune single weights with --unstructured" % (
                              ", or prune the head alone with --scope head" if scope == "all" else ""))
    return Prunable({group.name: group.width for group in sound}, why)


def trial_channels(width: int) -> List[int]:
    """Up to 8 channels to remove: more from the front than elsewhere, so that no split or shuffle stays balanced."""
    count = min(MULTIPLE, width - MULTIPLE)
    front = count // 2 + 1 if count > 1 else count
    step = (width - front) // max(1, count - front)
    return list(range(front)) + [front + i * step + step // 2 for i in range(count - front)]


class _Trial:
    """A copy of a network, on the CPU, with weights drawn anew: a weight that happens to be zero would hide a fault."""

    def __init__(self, network: nn.Module, stride: int, scope: str) -> None:
        self._stride = stride
        self._scope = scope
        self._network = copy.deepcopy(network).cpu()
        with rehearsal(self._network):
            torch.manual_seed(0)
            for module in self._network.modules():
                _draw(module)
            self._image = torch.rand(2, 3, stride * EXAMPLE_STRIDES, stride * EXAMPLE_STRIDES)

    def sound(self, groups: List[ChannelGroup]) -> List[ChannelGroup]:
        """Those of `groups` that prune as they should, by halving where not all of them do."""
        found = self._search([group for group in groups if group.width > MULTIPLE])
        if 0 < len(found) < len(groups) and not self._holds(found):
            raise ConfigError("torch-pruning misreads the network, but not in any layer by itself",
                              "train it as it is with --pruning-ratio 0")
        narrow = [group for group in groups if group.width <= MULTIPLE]  # never pruned, yet of the scope's channels
        return found + narrow if found else []

    def _search(self, groups: List[ChannelGroup]) -> List[ChannelGroup]:
        if not groups or self._holds(groups):
            return groups
        if len(groups) == 1:
            return []
        middle = len(groups) // 2
        return self._search(groups[:middle]) + self._search(groups[middle:])

    def _holds(self, groups: List[ChannelGroup]) -> bool:
        """Whether the network without some channels of each group, and no others, is that where nobody reads them."""
        silenced, pruned = copy.deepcopy(self._network), copy.deepcopy(self._network)
        try:
            listening, cutting = (ChannelGraph(one, self._stride, self._scope) for one in (silenced, pruned))
            for group in groups:
                listening.silence(group.name, trial_channels(group.width))
                cutting.remove(group.name, trial_channels(group.width))
            asked = {group.name: group.width - len(trial_channels(group.width)) for group in groups}
            plan = channel_plan(pruned)
            return all(plan[name][0] == width for name, width in asked.items()) and all(
                _agrees(*pair) for pair in zip(self._outputs(silenced), self._outputs(pruned)))
        except FAULTS + (ConfigError,):
            return False

    def _outputs(self, network: nn.Module) -> List[torch.Tensor]:
        """In both modes. An output that differs from run to run (dropout by a function) becomes zeros: a shape."""
        with rehearsal(network), torch.no_grad():
            runs = [training_forward(network, self._image) for _ in range(2)]
            network.eval()
            steady = [one if torch.equal(one, other) else torch.zeros_like(one) for one, other in zip(*runs)]
            return steady + outputs_of(network(self._image))


def _agrees(wanted: torch.Tensor, got: torch.Tensor) -> bool:
    return wanted.shape == got.shape and float((got - wanted).abs().max()) <= TOLERANCE * float(wanted.abs().max())


def _draw(module: Any) -> None:
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        module.reset_parameters()
        if module.affine:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    elif isinstance(getattr(module, "weight", None), nn.parameter.Parameter) and module.weight.dim() > 1:
        nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / module.weight[0].numel()))


def _why(refused: List[ChannelGroup], sound: List[ChannelGroup]) -> str:
    """The refused layers with their obstacle, or with the operations that no sound group goes through; "" for none."""
    common = {operation for group in sound for operation in group.operations}
    lines = []
    for group in refused:
        reasons = ["%d channels, which all stay" % group.width] if group.width <= MULTIPLE else \
            [one for one in group.operations if one not in common] + [group.obstacle]
        how = ", ".join(reason for reason in reasons if reason)
        lines.append(group.name + (" (%s)" % how if how else ""))
    return "layers that do not prune as they should: " + ", ".join(lines) if lines else ""
