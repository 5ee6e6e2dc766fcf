"""Multiply-accumulates of a network at a given input size: what the paper calls FLOPs."""
from typing import Any, List

import torch
from torch import nn

from dance_edge.models.probe import probe
from dance_edge.size import Size

TRAINING_FACTOR = 3.0  # forward, gradient by the input, gradient by the weights: one forward's MACs each


def count_macs(network: nn.Module, size: Size) -> float:
    """MACs of one image (3, H, W) through convolutions and linear layers, in eval mode; leaves the mode as it was."""
    counted: List[float] = []

    def hook(layer: Any, inputs: Any, output: torch.Tensor) -> None:
        weight = layer.weight
        if isinstance(layer, nn.ConvTranspose2d):  # every input pixel meets the whole kernel
            counted.append(float(weight.numel()) * inputs[0].shape[2] * inputs[0].shape[3])
        elif isinstance(layer, nn.Conv2d):
            counted.append(float(weight.numel()) * output.shape[2] * output.shape[3])
        else:
            counted.append(float(weight.numel()))

    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    probe(network, size, [module for module in network.modules() if isinstance(module, kinds)], hook)
    return sum(counted)


def count_params(network: nn.Module) -> int:
    """How many weights the network has."""
    return sum(parameter.numel() for parameter in network.parameters())
