"""Numbers of 32 bits, or of 16 where these do: the seam to torch's mixed precision, of 1.10 and of later."""
import contextlib
from typing import Any, Dict

import torch

from dance_edge.errors import ConfigError


class Precision:
    """How a training step computes and how its gradients come back: in float32 throughout, or `mixed`.

    Mixed is float16 on CUDA where autocast holds it for safe, with the loss scaled so that small gradients do not
    vanish. Order of a step: `computing`, `backward`, `unscale`, whatever else is done to gradients, `step`.
    """

    def __init__(self, mixed: bool, device: torch.device) -> None:
        if mixed and device.type != "cuda":
            raise ConfigError("--amp was given, and there is no CUDA device", "leave it out: the CPU trains in float32")
        self.mixed = mixed
        new: Any = getattr(torch, "amp", None)
        self._new = new if hasattr(new, "GradScaler") else None  # torch 2.3 and later; the older names warn there
        self._old: Any = torch.cuda.amp
        self._scaler = self._make_scaler() if mixed else None

    def _make_scaler(self) -> Any:
        return self._new.GradScaler("cuda") if self._new is not None else self._old.GradScaler()

    def computing(self) -> Any:
        """A context for the forward pass and the loss."""
        if not self.mixed:
            return contextlib.ExitStack()  # an empty one: what Python 3.7 calls nullcontext
        return self._new.autocast("cuda", dtype=torch.float16) if self._new is not None else self._old.autocast()

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of `loss`, scaled until `unscale`."""
        (loss if self._scaler is None else self._scaler.scale(loss)).backward()

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Bring the gradients to their true size."""
        if self._scaler is not None:
            self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """One step; in mixed precision none where a gradient overflowed, and a smaller scale from then on."""
        if self._scaler is None:
            optimizer.step()
            return
        self._scaler.step(optimizer)
        self._scaler.update()

    def state(self) -> Dict[str, Any]:
        """For a checkpoint."""
        return dict(self._scaler.state_dict()) if self._scaler is not None else {}

    def load(self, state: Dict[str, Any]) -> None:
        """Take up what `state` gave."""
        if self._scaler is not None and state:
            self._scaler.load_state_dict(state)
