"""PyTorch: the network as it is, for runs that were not exported."""
from itertools import chain
from typing import Optional

import numpy as np
import torch
from torch import nn

from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.runtime.engine import Engine, Engines


class TorchEngine(Engine):
    """A module that gives labels, run without gradients; all rungs share it."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self._model = model
        self._device = device

    def labels(self, inputs: np.ndarray) -> np.ndarray:
        """See `Engine.labels`."""
        with torch.no_grad():
            labels = self._model(torch.from_numpy(inputs).to(self._device))
        if labels.dtype not in (torch.int32, torch.int64, torch.uint8):
            raise CheckpointError("the model gives %s; integer labels were expected" % labels.dtype,
                                  "wrap it: dance_edge.models.deployed.Deployed(model)")
        return np.asarray(labels.cpu().numpy(), dtype=np.int32)


class TorchEngines(Engines):
    """One module for all rungs: it takes any size."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        engine = TorchEngine(model, device)
        super().__init__(lambda size: engine, "torch", "" if device.type == "cpu" else str(device))
        self._device = device
        self._own_bytes = sum(one.numel() * one.element_size() for one in chain(model.parameters(), model.buffers()))
        self._before_bytes = 0
        self.watch_memory()

    def watch_memory(self) -> None:
        """See `Engines.watch_memory`."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before_bytes = int(torch.cuda.memory_allocated(self._device))

    def gpu_memory_bytes(self) -> Optional[int]:
        """See `Engines.gpu_memory_bytes`: the weights, and PyTorch's other tensors at their most; CUDA's own context is
        not in it."""
        if self._device.type != "cuda":
            return None
        return self._own_bytes + max(0, int(torch.cuda.max_memory_allocated(self._device)) - self._before_bytes)


def open_torch(model: nn.Module, device: str = "auto") -> Engines:
    """Engines of `model`, which maps float32 (N, 3, H, W) to integer labels (N, H, W): `models.deployed.Deployed`.

    Errors are those of `ready`.
    """
    return TorchEngines(model, ready(model, device))


def ready(model: nn.Module, device: str = "auto") -> torch.device:
    """Put `model` in eval mode on `device`, and say which that is: `auto` is a GPU where PyTorch has one.

    `DeviceError` where the device is not to be had.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
        model.to(place)
    except (RuntimeError, AssertionError) as reason:  # torch without CUDA asserts
        raise DeviceError("PyTorch cannot use the device %r: %s" % (device, str(reason).splitlines()[0]),
                          "take the device cpu")
    model.eval()
    return place
