"""Which channels must go together: torch-pruning's dependency graph, and nothing else of it."""
from typing import Any, Dict, List, Sequence, Tuple

import torch
import torch_pruning
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.deployed import outputs_of

EXAMPLE_STRIDES = 2  # the traced image is this many strides high and wide: the smallest that every network takes


class ChannelGroup:
    """Channels that are removed together: channel i of every layer in the group, or none.

    `name` is the convolution that produces them, `width` their number; `batchnorms` holds each BatchNorm of the
    group with, for every channel of the group, the channel of that BatchNorm.
    """

    __slots__ = ("name", "width", "batchnorms")

    def __init__(self, name: str, width: int, batchnorms: List[Tuple[nn.Module, torch.Tensor]]) -> None:
        self.name = name
        self.width = width
        self.batchnorms = batchnorms


class ChannelGraph:
    """A network's channel groups, traced once per prune in training mode, so that auxiliary heads are seen too."""

    def __init__(self, network: nn.Module, stride: int, scope: str) -> None:
        if scope not in ("head", "all"):
            raise ConfigError("unknown scope %r" % scope, "take head or all")
        if scope == "head" and not hasattr(network, "backbone"):
            raise ConfigError("the model has no `backbone` attribute, so its head is not known",
                              "prune the whole network with --scope all, or name the backbone `backbone`")
        self._network = network
        self._names = {module: name for name, module in network.named_modules()}
        backbone: Any = getattr(network, "backbone", None)
        self._spared = set(backbone.modules()) if scope == "head" else set()
        self._graph = _trace(network, stride)

    def groups(self) -> List[ChannelGroup]:
        """The groups in scope, in the order of the network's layers. A group without BatchNorm has no gamma: left."""
        found = []
        for members in self._graph.get_all_groups(root_module_types=[nn.Conv2d, nn.ConvTranspose2d, nn.Linear]):
            group = self._group(members)
            if group is not None:
                found.append(group)
        order = {name: i for i, name in enumerate(self._names.values())}
        return sorted(found, key=lambda group: order[group.name])

    def _group(self, members: Any) -> Any:
        root = members[0].dep.target.module
        width = len(members[0].idxs)
        batchnorms: Dict[nn.Module, torch.Tensor] = {}
        for item in members:
            module = item.dep.target.module
            if module in self._spared and self._graph.is_out_channel_pruning_fn(item.dep.handler):
                return None
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
                channels = torch.full((width,), -1, dtype=torch.long)
                channels[torch.tensor(item.root_idxs)] = torch.tensor(item.idxs)
                batchnorms[module] = channels
        complete = [(module, channels) for module, channels in batchnorms.items() if int(channels.min()) >= 0]
        return ChannelGroup(self._names[root], width, complete) if complete else None

    def remove(self, name: str, channels: Sequence[int]) -> None:
        """Take `channels` out of the group `name`: physically, from every layer that makes or reads them."""
        root = dict(self._network.named_modules())[name]
        pruner = self._graph.get_pruner_of_module(root)
        self._graph.get_pruning_group(root, pruner.prune_out_channels, list(channels)).prune()


def _trace(network: nn.Module, stride: int) -> Any:
    modes = [(module, module.training) for module in network.modules()]
    device = next(network.parameters()).device
    side = stride * EXAMPLE_STRIDES
    try:
        with torch.enable_grad():
            return torch_pruning.DependencyGraph().build_dependency(
                network, torch.rand(1, 3, side, side, device=device), forward_fn=_training_forward, verbose=False)
    finally:
        for module, mode in modes:
            module.training = mode


def _training_forward(network: nn.Module, inputs: torch.Tensor) -> List[torch.Tensor]:
    """All outputs in training mode, with BatchNorm held still: torch-pruning itself sets eval mode before this."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    return outputs_of(network(inputs))
