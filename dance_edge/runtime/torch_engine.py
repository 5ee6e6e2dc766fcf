"""PyTorch: the network as it is, for runs that were not exported."""
import numpy as np
import torch
from torch import nn

from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.runtime.engine import Engine, Engines
from dance_edge.size import Size


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


def open_torch(model: nn.Module, device: str = "auto") -> Engines:
    """Engines of `model`, which maps float32 (N, 3, H, W) to integer labels (N, H, W): `models.deployed.Deployed`.

    Errors are those of `ready`.
    """
    place = ready(model, device)
    engine = TorchEngine(model, place)

    def open_at(size: Size) -> Engine:
        return engine  # a module takes any size: nothing belongs to a rung

    return Engines(open_at, "torch", "" if place.type == "cpu" else str(place))


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
