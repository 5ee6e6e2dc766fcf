"""The network as it is deployed: labels out, so that as little as possible leaves the device."""
from typing import Any, List, Optional, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from dance_edge.errors import ConfigError


def outputs_of(result: Any) -> List[torch.Tensor]:
    """All logits that a network gave, the main one first: a tensor, a tuple or list, or a dict with out or logits.

    What stands beside the main one and has other channels (features, a label of the whole image) is no logits.
    """
    if isinstance(result, torch.Tensor):
        return [result]
    given = "a " + type(result).__name__
    if isinstance(result, dict):
        given = "a dict of " + ", ".join(str(key) for key in result)
        main = result.get("out", result.get("logits"))
        others = [value for key, value in result.items() if key not in ("out", "logits")]
        result = [main] + others
    if isinstance(result, (tuple, list)) and result and isinstance(result[0], torch.Tensor):
        main = result[0]
        return [main] + [one for one in result[1:] if isinstance(one, torch.Tensor) and one.dim() == 4
                         and one.shape[1] == main.shape[1]]
    raise ConfigError("the model gave %s, not logits" % given,
                      "return a tensor, a tuple or list of them, or a dict with 'out' or 'logits'")


def auxiliary_weights_of(network: nn.Module) -> Tuple[float, ...]:
    """How much each output after the main one counts in the loss: the network's own `auxiliary_weights`, if any."""
    return tuple(getattr(network, "auxiliary_weights", ()))


def full_logits(network: nn.Module, inputs: torch.Tensor, size: Optional[Tuple[int, int]] = None) -> torch.Tensor:
    """Main logits (N, C, H, W) float32 at the input's size or at `size`, bilinear with half-pixel centres."""
    logits = outputs_of(network(inputs))[0]
    full: torch.Tensor = F.interpolate(logits, size=size or inputs.shape[2:], mode="bilinear", align_corners=False)
    return full


class FullLogits(nn.Module):
    """`full_logits` as a network: the deployed one before its argmax."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return full_logits(self.network, inputs)


class Deployed(nn.Module):
    """(N, 3, H, W) float32 to class ids (N, H, W) int32: logits, bilinear to the input's size, argmax."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return full_logits(self.network, inputs).argmax(dim=1).to(torch.int32)
