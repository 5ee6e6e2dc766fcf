"""How much of the machine's memory a training step takes, and how many images fit in it at once."""
import math
import re
import resource
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


def activation_budget(asked: str, network: nn.Module, device: torch.device) -> float:
    """Bytes that a step's activations may take.

    Of `asked`, the whole of what the process is to hold, what it holds already, the gradients and the momentum are
    taken off; where nothing was asked for it is half of what is free. `ConfigError` where nothing is left.
    """
    if not asked:
        return 0.5 * free_bytes(device)
    held = held_bytes(device) + 2.0 * sum(one.numel() * one.element_size() for one in network.parameters())
    left = parse_bytes(asked) - held
    if left <= 0:
        raise ConfigError("--memory-budget is %s, %.2f GB are taken before the first image" % (asked, held / 1e9),
                          "give more, such as %.0fGB" % math.ceil(2.0 * held / 1e9))
    return left


def held_bytes(device: torch.device) -> float:
    """Memory that this process holds now: of the GPU, or of the machine."""
    if device.type == "cuda":
        return float(torch.cuda.memory_allocated(device))
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return float(file.read().split()[1]) * resource.getpagesize()
    except OSError:  # no /proc here: at most what it ever held
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024.0


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


def ran_out(reason: BaseException) -> bool:
    """Whether `reason` is torch's or Python's way to say that memory ran out; torch has one error for all it meets."""
    text = str(reason).lower()
    return isinstance(reason, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def let_go(device: torch.device) -> None:
    """Give back what torch keeps for later, so that a smaller try finds it free."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


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
