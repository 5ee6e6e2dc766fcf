"""How much a channel matters, by one of three criteria; and the L1 that pulls the gammas of what does not to zero."""
from typing import Any, Callable, Dict, Iterable, List

import torch
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.pruning.groups import ChannelGroup

Importance = Callable[[ChannelGroup], torch.Tensor]  # of each of the group's channels, (width,) float32 on the CPU
TaylorSums = Dict[str, torch.Tensor]  # by group, of each of its channels


def criterion(name: str, sums: TaylorSums) -> Importance:
    """The importance that `--criterion` names: bn, magnitude, or taylor, which looks up its `sums`."""
    def taylor_importance(group: ChannelGroup) -> torch.Tensor:
        return sums[group.name].cpu()

    return {"bn": gamma_importance, "magnitude": magnitude_importance, "taylor": taylor_importance}[name]


def gamma_importance(group: ChannelGroup) -> torch.Tensor:
    """Mean |gamma| over the group's BatchNorms (network slimming, Liu et al. 2017)."""
    gammas = [_gamma(module).detach().abs().cpu()[channels] for module, channels in group.batchnorms]
    return torch.stack(gammas).mean(dim=0)


def magnitude_importance(group: ChannelGroup) -> torch.Tensor:
    """L2 norm of the weights that produce a channel, as a multiple of its layer's mean norm; mean over the layers.

    BatchNorm undoes the scale of the layer before it, so that norms say nothing across layers: 1 is the average
    channel of whatever layer.
    """
    relative = []
    for layer, channels in group.producers:
        norms = _filters(layer).norm(dim=1).cpu()[channels]
        relative.append(norms / norms.mean().clamp(min=1e-12))
    return torch.stack(relative).mean(dim=0)


def add_taylor(sums: TaylorSums, groups: Iterable[ChannelGroup]) -> None:
    """Add |sum(gamma * its gradient + beta * its gradient)| of every channel, over its BatchNorms, to `sums`.

    It is what the loss would change by, to first order, if the channel's gammas and betas went to zero (Molchanov et
    al. 2017, 2019). The same sum over the weights of a convolution before BatchNorm is zero for every channel, since
    their scale has no effect. Call it between `backward` and whatever else is added to the gradients.
    """
    for group in groups:
        change: Any = 0.0
        for module, channels in group.batchnorms:
            parts = [p.detach() * p.grad for p in module.parameters(recurse=False) if p.grad is not None]
            if parts:
                change = change + torch.stack(parts).sum(dim=0)[channels.to(parts[0].device)]
        if isinstance(change, torch.Tensor):
            sums[group.name] = sums[group.name] + change.abs() if group.name in sums else change.abs()


def refuse_frozen(groups: Iterable[ChannelGroup]) -> None:
    """`ConfigError` where a group has no gamma or beta that learns: `taylor` would have no gradient to look at."""
    for group in groups:
        if not any(p.requires_grad for module, _channels in group.batchnorms for p in module.parameters(recurse=False)):
            raise ConfigError("--criterion taylor has no gradient of the BatchNorms behind %s" % group.name,
                              "take another criterion where gammas and betas are frozen: --criterion magnitude")


def pull_gammas_to_zero(groups: List[ChannelGroup], weight: float) -> None:
    """Add the subgradient of `weight` * sum |gamma| to the gammas' gradients: L1 on the scope, on nothing else."""
    for group in groups:
        for module, channels in group.batchnorms:  # a BatchNorm behind a concatenation is of several groups
            gamma = _gamma(module)
            if gamma.grad is not None:
                at = channels.to(gamma.device)
                gamma.grad[at] += weight * gamma.detach()[at].sign()


def _filters(layer: Any) -> torch.Tensor:
    """The weights of a convolution or linear layer, (out, the rest)."""
    weight: torch.Tensor = layer.weight.detach()
    if isinstance(layer, nn.ConvTranspose2d) and layer.groups == 1:
        weight = weight.transpose(0, 1)
    return weight.flatten(1)


def _gamma(module: Any) -> nn.parameter.Parameter:
    gamma: nn.parameter.Parameter = module.weight
    return gamma
