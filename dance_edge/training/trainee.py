"""The network in training, its optimizer, and what pruning must know of both."""
from typing import Dict, List

import torch
from torch import nn

from dance_edge.pruning.flops import count_macs, count_training_macs
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.importance import TaylorSums, criterion
from dance_edge.pruning.masks import WeightMasks
from dance_edge.pruning.surgery import PruneStep, prune
from dance_edge.size import Size
from dance_edge.training.config import AdaptConfig
from dance_edge.training.precision import Precision
from dance_edge.training.recalibrate import pooled_batchnorms


class Trainee:
    """The network in training with its optimizer, and the MACs of an image at each size it was seen at.

    `masks` are there where single weights are to be pruned. `taylor` sums the importance of channels over the steps
    since the last prune, for the criterion of that name.
    """

    __slots__ = ("network", "optimizer", "device", "precision", "masks", "taylor", "_macs", "_training_macs", "_pooled")

    def __init__(self, network: nn.Module, config: AdaptConfig, device: torch.device) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = device
        self.optimizer = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9, weight_decay=config.weight_decay)
        self.precision = Precision(config.amp, device)
        single_weights = config.unstructured and config.prunes() > 0
        self.masks = WeightMasks(self.network, config.scope) if single_weights else None
        self.taylor: TaylorSums = {}
        self._macs: Dict[Size, float] = {}
        self._training_macs: Dict[Size, float] = {}
        self._pooled: Dict[Size, List[nn.Module]] = {}

    def macs_at(self, size: Size) -> float:
        """Forward MACs of one image at `size`, as deployed, with the channels of now."""
        if size not in self._macs:
            self._macs[size] = count_macs(self.network, size)
        return self._macs[size]

    def training_macs_at(self, size: Size) -> float:
        """MACs that one image at `size` takes in a training step, forward and backward, with the channels of now."""
        if size not in self._training_macs:
            self._training_macs[size] = count_training_macs(self.network, size)
        return self._training_macs[size]

    def pooled_at(self, size: Size) -> List[nn.Module]:
        """The BatchNorms that see one value a channel and image at `size`: asked for once, at the cost of a pass."""
        if size not in self._pooled:
            self._pooled[size] = list(pooled_batchnorms(self.network, size))
        return self._pooled[size]

    def step(self, rate: float) -> None:
        """One step of SGD along the gradients that are there; masked weights stay zero."""
        for settings in self.optimizer.param_groups:
            settings["lr"] = rate
        self.precision.step(self.optimizer)
        if self.masks is not None:
            self.masks.apply(self.optimizer)

    def prune(self, graph: ChannelGraph, stage: int, count: int, by: str) -> PruneStep:
        """Remove about `count` channels, those that matter least `by` the criterion of that name."""
        done = prune(self.network, self.optimizer, graph, stage, count, criterion(by, self.taylor))
        self.network.to(memory_format=torch.channels_last)  # the cut gave plain tensors
        self.taylor.clear()
        self._macs.clear()
        self._training_macs.clear()
        self._pooled.clear()
        return done

    def mask(self, count: int, by: str) -> Dict[str, int]:
        """Zero `count` single weights for good, those that matter least `by` the criterion; what is left by layer."""
        if self.masks is None:
            return {}
        self.masks.remove(count, by)
        self.masks.apply(self.optimizer)
        return self.masks.kept()
