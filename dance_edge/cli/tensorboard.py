"""`--tensorboard`: what a job says, as scalars for TensorBoard. The only door to that package.

Records are written here and now, not by a SummaryWriter's thread: that one loses minutes when the process is killed,
and in the releases for Python 3.6 it dies of a full disk unheard, after which the training would wait for it forever.
Nor can torch 1.10 import its SummaryWriter beside the setuptools of that Python.
"""
import contextlib
import io
import os
import time
from types import TracebackType
from typing import IO, Any, Dict, Optional, Type

from dance_edge import history
from dance_edge.errors import ConfigError
from dance_edge.events import Event, OnEvent, Opened, Scored, StageDone, StepDone, Warned, ignore

FOLDER = "tensorboard"


class TensorBoard:
    """An `on_event` that writes scalars into RUN/tensorboard, used as a context manager; a killed run keeps them all.

    The folder is made with the first step after `Opened`. Where it cannot be written (a full disk), `on_event` gets a
    warning, no more is written, and the job goes on. `ConfigError` where the package is missing.
    """

    def __init__(self, on_event: OnEvent = ignore) -> None:
        self._vendor = _Vendor()
        self._on_event = on_event
        self._folder = ""
        self._file: Optional[IO[bytes]] = None
        self._failed = False
        self._pending: Dict[str, float] = {}

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Opened):
            self._folder = os.path.join(event.folder, FOLDER)
        elif isinstance(event, Scored):
            self._pending["miou"] = event.miou
        elif isinstance(event, StageDone):  # it comes just before its step is done, without a step of its own
            self._pending.update(stage_scalars(event))
        elif isinstance(event, StepDone) and self._folder and not self._failed:
            scalars, self._pending = dict(step_scalars(event), **self._pending), {}
            try:
                self._add(event.step, scalars)
            except OSError as reason:
                self._failed = True
                self._on_event(Warned("no scalars for TensorBoard from step %d on: %s" % (
                    event.step, reason.strerror or reason)))

    def _add(self, step: int, scalars: Dict[str, float]) -> None:
        if self._file is None:
            self._file = _next_file(self._folder)
            self._file.write(self._vendor.head(step))
        self._file.write(self._vendor.record(step, scalars))
        self._file.flush()


def _next_file(folder: str) -> IO[bytes]:
    """One more file for one more start of the run. TensorBoard reads them in the order of their names, and a board's
    clock, which usually gives the name, may say 1970: they are counted."""
    os.makedirs(folder, exist_ok=True)
    return open(os.path.join(folder, "events.out.tfevents.%06d" % (1 + len(os.listdir(folder)))), "wb")


class _Vendor:
    """TensorBoard's records as bytes."""

    def __init__(self) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event as Record, SessionLog
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as reason:
            raise ConfigError("--tensorboard needs the package tensorboard: %s" % reason, "pip install tensorboard, or "
                              "leave --tensorboard out: RUN/%s has the same figures" % history.FILE)
        self._record, self._session, self._summary, self._writer = Record, SessionLog, Summary, RecordWriter

    def head(self, step: int) -> bytes:
        """How a file begins: its format, and the word to forget what earlier files hold of `step` and later ones."""
        session = self._session(status=self._session.START)
        return self._framed(file_version="brain.Event:2") + self._framed(step=step, session_log=session)

    def record(self, step: int, scalars: Dict[str, float]) -> bytes:
        """The scalars of one step, by tag."""
        values = [self._summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        return self._framed(step=step, summary=self._summary(value=values))

    def _framed(self, **fields: Any) -> bytes:
        """With length and check sums, so that a record which a dying process tore is known as such."""
        framed = io.BytesIO()
        self._writer(framed).write(self._record(wall_time=time.time(), **fields).SerializeToString())
        return framed.getvalue()


def step_scalars(event: StepDone) -> Dict[str, float]:
    """A step's figures by tag."""
    return {"loss": event.loss, "learning_rate": event.learning_rate, "mean_p": event.mean_p,
            "pixels_ratio": event.pixels_ratio, "size/height": event.size.height, "size/width": event.size.width}


def stage_scalars(event: StageDone) -> Dict[str, float]:
    """A prune's figures by tag."""
    return {"prune/channels_kept": event.channels_kept, "prune/weights_kept": event.weights_kept,
            "prune/macs_ratio": event.macs_ratio, "prune/logit_change": event.logit_change}
