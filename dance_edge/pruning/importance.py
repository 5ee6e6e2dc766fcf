"""How much a channel matters: |gamma| of its BatchNorm (network slimming, Liu et al. 2017)."""
from typing import Any, List

import torch
from torch import nn

from dance_edge.pruning.groups import ChannelGroup


def channel_importance(group: ChannelGroup) -> torch.Tensor:
    """Mean |gamma| over the group's BatchNorms, (width,) float32 on the CPU."""
    gammas = [_gamma(module).detach().abs().cpu()[channels] for module, channels in group.batchnorms]
    return torch.stack(gammas).mean(dim=0)


def pull_gammas_to_zero(groups: List[ChannelGroup], weight: float) -> None:
    """Add the subgradient of `weight` * sum |gamma| to the gammas' gradients: L1 on the scope, on nothing else."""
    for group in groups:
        for module, _channels in group.batchnorms:
            gamma = _gamma(module)
            if gamma.grad is not None:
                gamma.grad.add_(gamma.detach().sign(), alpha=weight)


def _gamma(module: nn.Module) -> nn.parameter.Parameter:
    weight: Any = module.weight
    gamma: nn.parameter.Parameter = weight
    return gamma
