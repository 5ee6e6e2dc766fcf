"""Which channels must go together: torch-pruning's dependency graph, and nothing else of it."""
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import torch
import torch_pruning
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.probe import FAULTS
from dance_edge.pruning.rehearsal import rehearsal, training_forward

EXAMPLE_STRIDES = 2  # the traced image is this many strides high and wide: the smallest that every network takes
WITH_CHANNELS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_STORED = WITH_CHANNELS + (nn.modules.batchnorm._BatchNorm,)  # the layers whose widths a channel plan holds

Member = Tuple[nn.Module, torch.Tensor]


class ChannelGroup(NamedTuple):
    """Channels that are removed together: channel i of every layer in the group, or none.

    `name` is the layer that produces them, `width` their number, `original` what it was before the first prune.
    `batchnorms` and `producers` (convolutions and linear layers) hold each layer of the group with, for every channel
    of the group, the channel of that layer, (width,) int64. `operations` are what the channels go through on their
    way, by autograd's names; `obstacle` says what keeps the group from being pruned, "" where nothing does.
    """

    name: str
    width: int
    original: int
    batchnorms: List[Member]
    producers: List[Member]
    operations: Tuple[str, ...]
    obstacle: str


class ChannelGraph:
    """A network's channel groups, traced once per prune in training mode, so that auxiliary heads are seen too.

    `widths`: the groups that may be pruned with their original widths, None for all that there are, as they are.
    """

    def __init__(self, network: nn.Module, stride: int, scope: str, widths: Optional[Dict[str, int]] = None) -> None:
        self._network = network
        self._names: Dict[Any, str] = {module: name for name, module in network.named_modules()}
        self._spared = spared_modules(network, scope)
        self._widths = widths
        self._graph = _trace(network, stride)

    def groups(self) -> List[ChannelGroup]:
        """The groups in scope, in the order of the network's layers. A group without BatchNorm has no gamma: left."""
        found = []
        for members in self._graph.get_all_groups(root_module_types=list(WITH_CHANNELS)):
            name = self._names[members[0].dep.target.module]
            if (self._widths is None or name in self._widths) and not self._touches_spared(members):
                group = self._group(name, members)
                if group.batchnorms or group.obstacle:
                    found.append(group)
        order = {name: i for i, name in enumerate(self._names.values())}
        return sorted(found, key=lambda group: order[group.name])

    def remove(self, name: str, channels: Sequence[int]) -> None:
        """Take `channels` out of the group `name`: physically, from every layer that makes or reads them."""
        self._members(name, channels).prune()

    def silence(self, name: str, channels: Sequence[int]) -> None:
        """Zero the weights by which other layers read `channels` of the group `name`; no width changes."""
        for item in self._members(name, channels):
            layer = item.dep.target.module
            if isinstance(layer, WITH_CHANNELS) and not self._graph.is_out_channel_pruning_fn(item.dep.handler):
                read = layer.weight.detach()
                (read if isinstance(layer, nn.ConvTranspose2d) else read.transpose(0, 1))[item.idxs] = 0

    def _members(self, name: str, channels: Sequence[int]) -> Any:
        root = dict(self._network.named_modules())[name]
        pruner = self._graph.get_pruner_of_module(root)
        return self._graph.get_pruning_group(root, pruner.prune_out_channels, list(channels))

    def _touches_spared(self, members: Any) -> bool:
        return any(item.dep.target.module in self._spared and self._graph.is_out_channel_pruning_fn(item.dep.handler)
                   for item in members)

    def _group(self, name: str, members: Any) -> ChannelGroup:
        width = _width(members[0].dep.target.module)
        layers: Dict[nn.Module, torch.Tensor] = {}
        operations, obstacle = set(), ""
        for item in members:
            layer = item.dep.target.module
            if not isinstance(layer, nn.Module):
                obstacle = "a parameter that belongs to no layer"
            elif layer not in self._names:
                operations.add(_operation(layer))
            else:
                makes = self._graph.is_out_channel_pruning_fn(item.dep.handler)
                obstacle = obstacle or _obstacle(layer, self._names[layer], item.idxs if makes else [])
                if makes and isinstance(layer, _STORED) and not obstacle:
                    layers[layer] = torch.full((width,), -1, dtype=torch.long)
                    layers[layer][torch.tensor(item.root_idxs)] = torch.tensor(item.idxs)
        whole = [(layer, channels) for layer, channels in layers.items() if int(channels.min()) >= 0]
        return ChannelGroup(name, width, (self._widths or {}).get(name, width),
                            [member for member in whole if _has_gamma(member[0])],
                            [member for member in whole if isinstance(member[0], WITH_CHANNELS)],
                            tuple(sorted(operations)), obstacle)


def spared_modules(network: nn.Module, scope: str) -> Set[nn.Module]:
    """What `scope` leaves alone: the backbone with all in it for `head`, nothing for `all`."""
    if scope not in ("head", "all"):
        raise ConfigError("unknown scope %r" % scope, "take head or all")
    backbone: Any = getattr(network, "backbone", None)
    if scope == "head" and not isinstance(backbone, nn.Module):
        raise ConfigError("the model has no module `backbone`, so its head is not known",
                          "prune the whole network with --scope all, or name the backbone `backbone`")
    return set(backbone.modules()) if scope == "head" else set()


def _has_gamma(layer: Any) -> bool:
    return isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.weight is not None


def _width(layer: Any) -> int:
    """How many channels come out of `layer`, one of those that a channel plan holds."""
    for name in ("out_channels", "out_features"):
        if hasattr(layer, name):
            return int(getattr(layer, name))
    return int(layer.num_features)


def _obstacle(layer: Any, name: str, channels: List[int]) -> str:
    """Why `layer` keeps its group from being pruned, "" if it does not. `channels`: those that it makes of them."""
    if not isinstance(layer, _STORED):  # of these a channel plan holds no widths
        return "%s %s" % (type(layer).__name__, name) if any(True for _ in layer.parameters()) else ""
    groups: int = getattr(layer, "groups", 1)
    if groups not in (1, getattr(layer, "in_channels", 1)):
        return "%s has %d groups" % (name, groups)
    return "%s is taken for a layer of more channels" % name if max(channels, default=0) >= _width(layer) else ""


def _operation(node: nn.Module) -> str:
    """What torch-pruning's `node` stands for: autograd's name of an operation, or torch-pruning's own."""
    traced: Any = getattr(node, "_grad_fn", None)
    if traced is not None:
        return re.sub(r"Backward\d*$", "", str(traced)).lower()
    return type(node).__name__.strip("_").replace("Op", "").lower()


def _trace(network: nn.Module, stride: int) -> Any:
    device = next(network.parameters()).device
    side = stride * EXAMPLE_STRIDES
    try:
        with torch.enable_grad(), rehearsal(network):
            return torch_pruning.DependencyGraph().build_dependency(
                network, torch.rand(1, 3, side, side, device=device), forward_fn=training_forward, verbose=False)
    except FAULTS as reason:
        raise ConfigError("torch-pruning cannot follow the network: %s: %s" % (type(reason).__name__, reason),
                          "train it as it is with --pruning-ratio 0, or prune single weights with --unstructured")
