"""One forward pass of an empty image, to see what goes through a network's layers."""
from typing import Any, Callable, Iterable

import torch
from torch import nn

from dance_edge.size import Size

# What a network that is not ours may raise where an input does not suit it.
FAULTS = (RuntimeError, ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError, ArithmeticError)


def probe(network: nn.Module, size: Size, layers: Iterable[nn.Module], hook: Callable[..., Any]) -> None:
    """Run (1, 3, H, W) zeros of `size` in eval mode, without gradients; leaves every layer's mode as it was.

    `hook(layer, inputs, output)` hears each pass through one of `layers`; `inputs` is a tuple.
    """
    handles = [layer.register_forward_hook(hook) for layer in layers]
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
