"""Multiply-accumulates of a network at a given input size: what the paper calls FLOPs."""
from typing import Any, List, Tuple

import torch
from torch import nn

from dance_edge.models.probe import probe
from dance_edge.pruning.rehearsal import rehearsal, training_forward
from dance_edge.size import Size

_COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def count_macs(network: nn.Module, size: Size) -> float:
    """MACs of one image (3, H, W) through convolutions and linear layers, in eval mode; leaves the mode as it was."""
    counted: List[float] = []

    def hook(layer: Any, inputs: Any, output: torch.Tensor) -> None:
        counted.append(_layer_macs(layer, inputs, output))

    probe(network, size, _counted_layers(network), hook)
    return sum(counted)


def count_training_macs(network: nn.Module, size: Size) -> float:
    """MACs of one image (3, H, W) through a training step: forward, and backward to the weights and to the inputs.

    Each of the three takes a forward pass's MACs in every layer, but for the gradients that nobody asks for: those by
    the inputs of layers that see the image itself, and those of frozen weights. Auxiliary heads are counted too.
    Nothing is kept for a backward pass, so that it takes a forward pass's memory.
    """
    counted: List[float] = []

    def hook(layer: Any, inputs: Any, output: torch.Tensor) -> None:
        passes = 1 + int(layer.weight.requires_grad) + int(inputs[0].requires_grad)
        counted.append(passes * _layer_macs(layer, inputs, output))

    handles = [layer.register_forward_hook(hook) for layer in _counted_layers(network)]
    image = torch.zeros(1, 3, size.height, size.width, device=next(network.parameters()).device)
    try:
        with rehearsal(network), torch.enable_grad(), \
                torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor.shape, _never):
            training_forward(network, image)
    finally:
        for handle in handles:
            handle.remove()
    return sum(counted)


def count_params(network: nn.Module) -> int:
    """How many weights the network has."""
    return sum(parameter.numel() for parameter in network.parameters())


def _counted_layers(network: nn.Module) -> List[nn.Module]:
    return [module for module in network.modules() if isinstance(module, _COUNTED)]


def _layer_macs(layer: Any, inputs: Tuple[torch.Tensor, ...], output: torch.Tensor) -> float:
    if isinstance(layer, nn.ConvTranspose2d):  # every input pixel meets the whole kernel
        return float(layer.weight.numel()) * inputs[0].shape[2] * inputs[0].shape[3]
    if isinstance(layer, nn.Conv2d):
        return float(layer.weight.numel()) * output.shape[2] * output.shape[3]
    return float(layer.weight.numel()) * (output.numel() // output.shape[-1])  # a linear layer may see many vectors


def _never(_shape: Any) -> torch.Tensor:
    raise RuntimeError("a network that is counted has no backward pass")
