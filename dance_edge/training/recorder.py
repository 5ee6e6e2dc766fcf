"""The run's history, written while it is told."""
from typing import Optional

from dance_edge.energy.meter import Window
from dance_edge.events import Event, OnEvent, Scored, StepDone
from dance_edge.history import History, Scalars
from dance_edge.training.counts import Counts


class Recorder:
    """An `on_event` that adds a row to `history` for every step, and passes on what it hears."""

    def __init__(self, history: History, counts: Counts, window: Window, on_event: OnEvent) -> None:
        self._history = history
        self._counts = counts
        self._window = window
        self._on_event = on_event
        self._miou: Optional[float] = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Scored):  # said before its step is done
            self._miou = event.miou
        elif isinstance(event, StepDone):
            prunes = self._counts.prunes
            self._history.add(Scalars(
                event.step, self._counts.duration_s, event.loss, event.learning_rate, event.mean_p, event.size.height,
                event.size.width, event.pixels_ratio, float(prunes[-1]["channels_kept"]) if prunes else 1.0,
                self._counts.macs / 1e15, self._window.power_w, self._miou))
            self._miou = None
        self._on_event(event)
