"""The run folder's one writer: what rank 0 leaves there, each file whole or not at all."""
import os
from typing import Any, Callable, Dict, Optional

from torch import nn

from dance_edge import history, run as run_folder
from dance_edge.checkpoint import save_model
from dance_edge.errors import DeviceError
from dance_edge.events import OnEvent
from dance_edge.manifest import Manifest
from dance_edge.ranks import Ranks
from dance_edge.training.counts import Counts
from dance_edge.training.resume import save_best, save_checkpoint
from dance_edge.training.trainee import Trainee


class RunWriter:
    """Writes into `folder` where this rank is the first of `ranks`; the others' calls do nothing.

    `DeviceError` for a disk that is full, or gone: what was written before is whole.
    """

    def __init__(self, folder: str, ranks: Ranks) -> None:
        self._folder = folder
        self._writes = ranks.first

    def source(self, network: nn.Module, manifest: Manifest) -> None:
        """The network that the run began with, once."""
        path = os.path.join(self._folder, "source.pt")
        if not os.path.exists(path):
            self._write(save_model, path, network, manifest)

    def state(self, content: Dict[str, Any]) -> None:
        """run.json."""
        self._write(run_folder.write_state, self._folder, content)

    def checkpoint(self, trainee: Trainee, counts: Counts) -> None:
        """What the run can be gone on from."""
        self._write(save_checkpoint, self._folder, trainee, counts)

    def best(self, trainee: Trainee, counts: Counts) -> None:
        """The network that scored best so far."""
        self._write(save_best, self._folder, trainee, counts)

    def model(self, network: nn.Module, manifest: Manifest) -> Manifest:
        """model.pt; its facts, as they are stored there."""
        stored: Optional[Manifest] = self._write(save_model, os.path.join(self._folder, "model.pt"), network, manifest)
        return stored or manifest

    def history(self, after_step: int, on_event: OnEvent) -> Optional[history.History]:
        """scalars.csv, to be added to after a step and closed; None where another rank does it."""
        opened: Optional[history.History] = self._write(
            history.History, os.path.join(self._folder, history.FILE), after_step, on_event)
        return opened

    def _write(self, write: Callable[..., Any], *arguments: Any) -> Any:
        if not self._writes:
            return None
        try:
            return write(*arguments)
        except OSError as reason:
            raise DeviceError("cannot write into %s: %s" % (self._folder, reason.strerror or reason),
                              "make room there; nothing that was saved before is lost")
