"""How much of the machine's memory a training step takes, and how many images fit in it at once."""
import re
from typing import Any, List

import torch
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.probe import probe
from dance_edge.size import Size

GRADIENT_FACTOR = 2.0  # each activation is kept for the backward pass, and has a gradient
UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}


def bytes_per_pixel(network: nn.Module, stride: int) -> float:
    """Training memory per input pixel: all outputs of the leaf modules of a small forward pass, and their gradients."""
    seen: List[int] = []

    def hook(layer: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and not getattr(layer, "inplace", False):
            seen.append(output.numel() * output.element_size())

    size = Size(2 * stride, 2 * stride)
    probe(network, size, [module for module in network.modules() if not list(module.children())], hook)
    return GRADIENT_FACTOR * sum(seen) / size.pixels


def free_bytes(device: torch.device) -> float:
    """Memory that is free now: the GPU's own, or the machine's (a TX2's GPU and CPU share it)."""
    mem_get_info: Any = getattr(torch.cuda, "mem_get_info", None)  # torch 1.11 and later
    if device.type == "cuda" and mem_get_info is not None:
        return float(mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return float(line.split()[1]) * 1024.0
    except OSError:
        pass
    return 4e9  # no /proc here: what is left on a TX2 beside its desktop


def parse_bytes(text: str) -> float:
    """`6GB`, `500MB` or a plain number of bytes; `ConfigError` for anything else."""
    match = re.match(r"^\s*([0-9.]+)\s*([kmg]?)i?b?\s*$", text.lower())
    try:
        value = float(match.group(1)) * UNITS[match.group(2)] if match else 0.0
    except ValueError:
        value = 0.0
    if value <= 0:
        raise ConfigError("--memory-budget is %r" % text, "give a size such as 6GB or 500MB")
    return value


def micro_batch(batch_size: int, full: Size, per_pixel: float, budget: float) -> int:
    """How many of `batch_size` images of size `full` fit into `budget` bytes at once: at least one."""
    return max(1, min(batch_size, int(budget / (per_pixel * full.pixels))))
