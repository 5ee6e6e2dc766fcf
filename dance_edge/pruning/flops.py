"""Multiply-accumulates of a network at a given input size: what the paper calls FLOPs."""
from typing import Any, List

import torch
from torch import nn

from dance_edge.size import Size

TRAINING_FACTOR = 3.0  # forward, gradient by the input, gradient by the weights: one forward's MACs each


def count_macs(network: nn.Module, size: Size) -> float:
    """MACs of one image (3, H, W) through convolutions and linear layers, in eval mode; leaves the mode as it was."""
    counted: List[float] = []

    def hook(module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        weight: Any = module.weight
        if isinstance(module, nn.ConvTranspose2d):  # every input pixel meets the whole kernel
            counted.append(float(weight.numel()) * _inputs[0].shape[2] * _inputs[0].shape[3])
        elif isinstance(module, nn.Conv2d):
            counted.append(float(weight.numel()) * output.shape[2] * output.shape[3])
        else:
            counted.append(float(weight.numel()))

    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    handles = [module.register_forward_hook(hook) for module in network.modules() if isinstance(module, kinds)]
    modes = [(module, module.training) for module in network.modules()]
    device = next(network.parameters()).device
    try:
        network.eval()
        with torch.no_grad():
            network(torch.zeros(1, 3, size.height, size.width, device=device))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    return sum(counted)


def count_params(network: nn.Module) -> int:
    """How many weights the network has."""
    return sum(parameter.numel() for parameter in network.parameters())
