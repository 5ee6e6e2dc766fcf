"""Single weights that are gone: unstructured pruning, for the ablation of DANCE 4.3.4 (Table 7).

The masked weights are zeros, the layers keep their widths: nothing gets faster by it.
"""
from typing import Any, Dict

import torch
from torch import nn

from dance_edge.pruning.groups import spared_modules

_MASKED = (nn.Conv2d, nn.ConvTranspose2d)


class WeightMasks:
    """Which weights of the scope's convolutions that learn stand: a bool tensor of each one's shape, by layer.

    They are kept beside the weights, in checkpoints too: a weight may be zero by chance, and lives on.
    """

    def __init__(self, network: nn.Module, scope: str) -> None:
        spared = spared_modules(network, scope)
        self._layers: Dict[str, Any] = {name: module for name, module in network.named_modules()
                                        if isinstance(module, _MASKED) and module not in spared
                                        and module.weight.requires_grad}
        self._standing = {name: torch.ones_like(layer.weight, dtype=torch.bool)
                          for name, layer in self._layers.items()}

    def kept(self) -> Dict[str, int]:
        """How many weights of each layer stand."""
        return {name: int(mask.sum()) for name, mask in self._standing.items()}

    def remove(self, count: int, criterion: str) -> None:
        """Mask the `count` weights that matter least over all layers.

        By `taylor` that is |weight * gradient|, the gradient being that of the step just taken; else |weight| as a
        multiple of its layer's root mean square, since BatchNorm undoes a layer's scale (so did the pruning that the
        paper adopts: a threshold in standard deviations of each layer).
        """
        score = _taylor if criterion == "taylor" else _magnitude
        standing = [mask.flatten() for mask in self._standing.values()]
        scores = [score(layer.weight, self._standing[name]).flatten() for name, layer in self._layers.items()]
        flat = torch.cat(scores).masked_fill(~torch.cat(standing), float("inf"))
        gone = torch.topk(flat, count, largest=False).indices
        left = torch.cat(standing)
        left[gone] = False
        for name, part in zip(self._standing, left.split([len(mask) for mask in standing])):
            self._standing[name] = part.view_as(self._standing[name])

    def apply(self, optimizer: torch.optim.Optimizer) -> None:
        """Zero the masked weights and their momentum, which would move them: to be called after every step."""
        with torch.no_grad():
            for name, layer in self._layers.items():
                layer.weight.mul_(self._standing[name])
                momentum = optimizer.state[layer.weight].get("momentum_buffer")
                if momentum is not None:
                    momentum.mul_(self._standing[name])

    def state(self) -> Dict[str, torch.Tensor]:
        """The masks by layer, for a checkpoint."""
        return dict(self._standing)

    def load(self, masks: Dict[str, torch.Tensor]) -> None:
        """Take up what `state` gave."""
        self._standing = {name: mask.to(self._layers[name].weight.device) for name, mask in masks.items()}


def _magnitude(weight: torch.Tensor, standing: torch.Tensor) -> torch.Tensor:
    size = weight.detach().abs()
    root_mean_square = (size[standing] ** 2).mean().sqrt()
    return size.div(root_mean_square.clamp(min=1e-12))


def _taylor(weight: torch.Tensor, _standing: torch.Tensor) -> torch.Tensor:
    change: torch.Tensor = weight.detach() * weight.grad
    return change.abs()
