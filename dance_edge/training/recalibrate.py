"""BatchNorm statistics: measured anew on what will be served, and held still where a batch cannot give any."""
from typing import Any, Iterable, List

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dance_edge.models.probe import probe
from dance_edge.size import Size

MEASURED_SHARE = 0.5
BEGINNING = 0.01  # of what running statistics began with, so much or more in them, and they are not worth keeping
RECALIBRATION_IMAGES = 128
MIXED_IMAGES = 8  # of a batch at least; nothing is kept for a backward pass, so they are light


def batchnorms(network: nn.Module) -> List[_BatchNorm]:
    """Every BatchNorm of the network."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def pooled_batchnorms(network: nn.Module, size: Size) -> List[_BatchNorm]:
    """Those that see one value a channel and image (pooled features): in a batch of one they have nothing to norm."""
    found: List[_BatchNorm] = []

    def hook(layer: _BatchNorm, inputs: Any, _output: torch.Tensor) -> None:
        if inputs[0].shape[2:].numel() == 1:
            found.append(layer)

    probe(network, size, batchnorms(network), hook)
    return found


def recalibrate(network: nn.Module, inputs: Iterable[torch.Tensor], share: float = MEASURED_SHARE) -> int:
    """Move running statistics by `share` to their mean over `inputs`, batches (N, 3, H, W); returns the images used.

    Every image counts the same, whatever the size of its batch, and every batch is to be a mix of all images: training
    saw batches of one size, whose images are alike, so that the running variances lack what differs between the sizes,
    and the averages lean towards the sizes seen last and, by dropping, towards complex images. What is measured on a
    few images is noisy in its turn, so by default each keeps half: of three runs tried none lost by that. A layer that
    saw too few batches to have left its beginning behind keeps nothing: a seventh of mean 0 and variance 1, layer
    after layer, spoils what comes out.
    """
    layers = batchnorms(network)
    former = [_State(layer, share) for layer in layers]
    training = network.training
    for layer in layers:
        layer.reset_running_stats()
    network.train()
    used = 0
    with torch.no_grad():
        for batch in inputs:
            used += len(batch)
            for layer in layers:
                layer.momentum = len(batch) / float(used)  # a cumulative mean by images
            network(batch)
    network.train(training)
    for layer, before in zip(layers, former):
        before.blend_into(layer)
    return used


class _State:
    """What a layer was before it was measured anew."""

    def __init__(self, layer: _BatchNorm, share: float) -> None:
        self._momentum, self._training = layer.momentum, layer.training
        self._buffers = {name: value.clone() for name, value in layer.named_buffers(recurse=False)}
        beginning = 0.0
        if layer.momentum is not None and "num_batches_tracked" in self._buffers:
            beginning = (1.0 - layer.momentum) ** int(self._buffers["num_batches_tracked"])
        self._share = 1.0 if beginning > BEGINNING else share

    def blend_into(self, layer: _BatchNorm) -> None:
        """Give `layer` its settings back, its share of the statistics, and the count of training's batches, which the
        next run's share goes by."""
        layer.momentum, layer.training = self._momentum, self._training
        for name, value in layer.named_buffers(recurse=False):
            before = self._buffers[name]
            if name == "num_batches_tracked":
                value.copy_(before)
            else:
                value.mul_(self._share).add_(before, alpha=1.0 - self._share)


def running_statistics(network: nn.Module) -> List[torch.Tensor]:
    """The running means and variances, always in the same order."""
    return [buffer for name, buffer in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
