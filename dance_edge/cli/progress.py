"""Turns what a job says into a progress bar on a terminal, plain lines elsewhere, and a plain log."""
import contextlib
import sys
import time
from types import TracebackType
from typing import IO, Any, Dict, List, Optional, Type

import click

from dance_edge.events import EpochDone, Event, Note, Progress, Scored, StageDone, StepDone, Warned

PLAIN_INTERVAL_S = 5.0  # between two lines of one task where there is no terminal
SIZES_NAMED = 8  # in an epoch's line: images of many sizes have a ladder each


class Listener:
    """The `on_event` of a command, used as `with Listener() as on_event: job(on_event)`.

    `warnings` holds the text of every warning heard. Nothing but warnings is shown with `-q`. `log` is a file that gets
    every line, appended; where its folder comes to be later, `log_to` opens it and gives it the lines so far.
    """

    def __init__(self, log: Optional[str] = None, stream: Optional[IO[str]] = None,
                 quiet: Optional[bool] = None) -> None:
        self.warnings: List[str] = []
        self._stream = sys.stderr if stream is None else stream
        self.quiet = _asked_for_quiet() if quiet is None else quiet
        self._bar: Any = None  # rich.progress.Progress, imported with the first step on a terminal
        self._tasks: Dict[str, Any] = {}
        self._last_line_s: Dict[str, float] = {}
        self._unlogged: List[str] = []
        self._log: Optional[IO[str]] = None
        self._log_lost = False
        if log is not None:
            self.log_to(log)

    def log_to(self, path: str) -> None:
        """Append every line to the file `path` from now on, after those that were said before."""
        self._close_log()
        self._log = open(path, "a", encoding="utf-8")
        unlogged, self._unlogged = self._unlogged, []
        for line in unlogged:
            self._write_log(line)

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._tasks = {}
        self._close_log()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.warnings.append(event.text)
            self._line("warning: " + event.text, always=True)
        elif isinstance(event, Note):
            self._line(event.text)
        elif isinstance(event, StageDone):
            self._line(stage_line(event))
        elif isinstance(event, Scored):
            self._line("step %d scores %.2f %% mIoU" % (event.step, 100.0 * event.miou))
        elif isinstance(event, EpochDone):
            self._line(epoch_line(event))
        elif isinstance(event, StepDone):
            self._write_log(step_line(event))
            self._advance("adapt", event.step, event.steps, step_line(event), step_figures(event))
        elif isinstance(event, Progress):
            line = "%s %d/%d" % (event.task, event.done, event.total)
            if event.done >= event.total:
                self._write_log(line)
            self._advance(event.task, event.done, event.total, line, "")

    def _line(self, text: str, always: bool = False) -> None:
        self._write_log(text)
        if self.quiet and not always:
            return
        if self._bar is not None:  # above the bar, which stays the last line
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text, file=self._stream)

    def _advance(self, task: str, done: int, total: int, line: str, figures: str) -> None:
        if self.quiet:
            return
        if self._stream.isatty():
            self._draw(task, done, total, figures)
            return
        now = time.monotonic()
        if done >= total or now - self._last_line_s.get(task, -PLAIN_INTERVAL_S) >= PLAIN_INTERVAL_S:
            self._last_line_s[task] = now
            click.echo(line, file=self._stream)

    def _draw(self, task: str, done: int, total: int, figures: str) -> None:
        if self._bar is None:
            self._bar = _open_bar(self._stream)
        if task not in self._tasks:
            self._tasks[task] = self._bar.add_task(task, total=total, figures="")
        self._bar.update(self._tasks[task], completed=done, total=total, figures=figures)

    def _write_log(self, line: str) -> None:
        if self._log_lost:
            return
        if self._log is None:
            self._unlogged.append(line)
            return
        try:
            self._log.write(line + "\n")
            self._log.flush()  # a job that is killed leaves what it said
        except OSError as reason:  # a full disk: what the job saves is its own to say
            self._close_log()
            self._log_lost = True
            self._line("warning: no more lines for the log: %s" % (reason.strerror or reason), always=True)

    def _close_log(self) -> None:
        if self._log is not None:
            with contextlib.suppress(OSError):
                self._log.close()
            self._log = None


def step_line(event: StepDone) -> str:
    """A step as a line of the log."""
    return "step %d/%d  %s  lr %.3g" % (event.step, event.steps, step_figures(event), event.learning_rate)


def step_figures(event: StepDone) -> str:
    """A step's figures, for the line and the bar. Rich counts an ETA of its own; the job's is the one that knows."""
    figures = "loss %.4f  p %.2f  %s  pixels saved %.0f %%" % (
        event.loss, event.mean_p, event.size.wxh, 100.0 * (1.0 - event.pixels_ratio))
    return figures if event.eta_s is None else figures + "  ETA " + duration(event.eta_s)


def epoch_line(event: EpochDone) -> str:
    """An epoch as a line: what it kept, in images and pixels, and at which sizes, the most frequent ones."""
    most = sorted(event.per_size, key=lambda one: (-one[1], one[0]))[:SIZES_NAMED]
    sizes = ["%s %d" % (size.wxh, count) for size, count in sorted(most)]
    rest = len(event.per_size) - len(most)
    return "epoch %d/%d  %d of %d images kept  %.1f %% of the pixels%s%s%s" % (
        event.epoch, event.epochs, event.kept, event.offered, 100.0 * event.pixels_ratio_offered,
        ": " + ", ".join(sizes) if sizes else "", " and %d sizes more" % rest if rest else "",
        "  (%d wait for a full batch)" % event.waiting if event.waiting else "")


def stage_line(event: StageDone) -> str:
    """A prune as a line."""
    weights = "" if event.weights_kept == 1 else "%.1f %% of the weights, " % (100.0 * event.weights_kept)
    return "stage %d/%d pruned: %s%.1f %% of the channels and %.1f %% of the MACs are left, logits moved by %.3g" % (
        event.stage, event.stages, weights, 100.0 * event.channels_kept, 100.0 * event.macs_ratio, event.logit_change)


def duration(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`."""
    whole = max(0, int(round(seconds)))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return "%d:%02d:%02d" % (hours, minutes, rest) if hours else "%d:%02d" % (minutes, rest)


def _open_bar(stream: IO[str]) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress as Bar, TextColumn

    bar = Bar(TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
              TextColumn("{task.completed:.0f}/{task.total:.0f}", markup=False),
              TextColumn("{task.fields[figures]}", markup=False), console=Console(file=stream))
    bar.start()
    return bar


def _asked_for_quiet() -> bool:
    """Whether `-q` stands before the command."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and getattr(context.find_root().obj, "quiet", False))
