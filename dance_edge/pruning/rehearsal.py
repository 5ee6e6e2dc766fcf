"""Trying a network out before or between its training steps, without leaving a trace in it."""
import contextlib
from typing import Iterator, List

import torch
from torch import nn

from dance_edge.models.deployed import outputs_of

_STILL = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm, nn.modules.dropout._DropoutNd)


@contextlib.contextmanager
def rehearsal(network: nn.Module) -> Iterator[None]:
    """Within it `network` may be run in any mode: its modes and the global random numbers are as they were after it."""
    modes = [(module, module.training) for module in network.modules()]
    device = next(network.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode


def training_forward(network: nn.Module, inputs: torch.Tensor) -> List[torch.Tensor]:
    """All outputs in training mode, auxiliary ones too, with BatchNorm's statistics and dropout held still."""
    network.train()
    for module in network.modules():
        if isinstance(module, _STILL):
            module.eval()
    return outputs_of(network(inputs))
