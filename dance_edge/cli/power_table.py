"""Power as it is measured: a table that renews itself on a terminal, a line now and then elsewhere."""
import contextlib
import sys
import threading
import time
from typing import Any, Iterator, List, Optional

import click

from dance_edge.cli.progress import PLAIN_INTERVAL_S, Listener, duration
from dance_edge.energy.calibration import calibrated
from dance_edge.energy.meter import EnergyMeter, Window
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.trapezoid import MIN_SAMPLES
from dance_edge.events import Event
from dance_edge.report.joules import cell, interval, joules, kind, rail_kind, watts

REDRAW_S = 0.5
MOST_DRAWING = 0.02  # of the time: a trace of days takes long to add up, and drawing costs power too


class PowerTable:
    """The `on_event` of a measurement, and what is seen of it: `with table.over(meter, window): ... table.draw()`.

    What is heard goes to `listener`, above the table. With `-q` nothing is drawn.
    """

    def __init__(self, listener: Listener, for_s: Optional[float] = None) -> None:
        self._listener = listener
        self._for_s = for_s
        self._meter: Optional[EnergyMeter] = None
        self._window: Optional[Window] = None
        self._live: Any = None
        self._due_s = 0.0
        self._lock = threading.RLock()  # the sampler's thread is heard too

    def __call__(self, event: Event) -> None:
        with self._lock:
            if self._live is None:
                self._listener(event)
                return
            self._live.stop()  # it is erased; what is said stays above the next one
            self._listener(event)
            self._live.start()

    @contextlib.contextmanager
    def over(self, meter: EnergyMeter, window: Window) -> Iterator["PowerTable"]:
        """What `draw` shows, until it is left; the table is gone then."""
        self._meter, self._window = meter, window
        live = _open_live() if sys.stderr.isatty() and not self._listener.quiet else None
        self._due_s = time.monotonic() + (REDRAW_S if live is not None else PLAIN_INTERVAL_S)
        with self._lock:
            self._live = live
        try:
            yield self
        finally:
            with self._lock:
                if self._live is not None:
                    self._live.stop()
                self._live = None

    def draw(self) -> None:
        """Show how it stands, if that is due."""
        began_s = time.monotonic()
        if began_s < self._due_s or self._meter is None or self._window is None or self._listener.quiet:
            return
        reading = _so_far(self._meter, self._window)
        with self._lock:
            if self._live is None:
                click.echo(plain_line(self._window.elapsed_s, self._meter, reading), err=True)
            else:
                self._live.update(_table(self._window.elapsed_s, self._for_s, self._meter, reading), refresh=True)
        took_s = time.monotonic() - began_s
        self._due_s = began_s + max(PLAIN_INTERVAL_S if self._live is None else REDRAW_S, took_s / MOST_DRAWING)


def plain_line(elapsed_s: float, meter: EnergyMeter, reading: EnergyReading) -> str:
    """How a measurement stands, in one line."""
    return "%s  %s W now  %s" % (duration(elapsed_s), watts(_shown_w(meter)), _joules(reading))


def live_rows(meter: EnergyMeter, reading: EnergyReading) -> List[List[str]]:
    """Cells of rail, watts now, mean watts, joules and what these are, the rail that feeds all first: that is the
    reading's own row, calibrated where it is. The others are as the sensor has them."""
    total, rails_w = meter.trace.total, meter.rails_w
    rows = []
    for name in sorted(rails_w, key=lambda one: (one != total, one)):
        if name == total:
            rows.append([name, watts(_shown_w(meter)), watts(_mean_w(reading.gross_j, reading)), cell(reading),
                         "" if reading.gross_j is None else kind(reading)])
        else:
            rail_j = reading.rails_j.get(name)
            rows.append([name, watts(rails_w[name]), watts(_mean_w(rail_j, reading)), joules(rail_j),
                         "" if rail_j is None else rail_kind(reading, name)])
    return rows


def _mean_w(rail_j: Optional[float], reading: EnergyReading) -> Optional[float]:
    return rail_j / reading.duration_s if rail_j is not None and reading.duration_s > 0.0 else None


def _shown_w(meter: EnergyMeter) -> Optional[float]:
    """The latest watts of the rail that feeds all, as an external meter would have them where there is a calibration:
    the joules beside them are."""
    now_w, sensor = meter.power_w, meter.sensor
    if now_w is None or sensor is None or meter.calibration is None:
        return now_w
    return calibrated(EnergyReading(gross_j=now_w, duration_s=1.0, source=sensor.name, scope=sensor.scope),
                      meter.calibration).gross_j


def _so_far(meter: EnergyMeter, window: Window) -> EnergyReading:
    """Up to where the samples tell of by now, so that none is waited for."""
    delay_s = meter.sensor.delay_s if meter.sensor is not None else 0.0
    return meter.between(window.start_s, max(window.start_s, meter.trace.last_s - delay_s - 1e-6))


def _joules(reading: EnergyReading) -> str:
    if reading.gross_j is not None:
        return "%s J so far%s, %s" % (joules(reading.gross_j), interval(reading), kind(reading))
    return "no joules yet" if reading.sample_count < MIN_SAMPLES else reading.label


def _table(elapsed_s: float, for_s: Optional[float], meter: EnergyMeter, reading: EnergyReading) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD)
    for i, column in enumerate(("rail", "W now", "mean W", "J", "energy")):
        drawn.add_column(Text(column), justify="right" if 0 < i < 4 else "left", no_wrap=i < 4)
    for row in live_rows(meter, reading):
        drawn.add_row(*[Text(cell) for cell in row])
    stands = "%s%s  %s" % (duration(elapsed_s), " of " + duration(for_s) if for_s else "", _joules(reading))
    return Group(Text(stands), drawn, Text("Ctrl-C ends"))


def _open_live() -> Any:
    from rich.console import Console
    from rich.live import Live

    live = Live(console=Console(file=sys.stderr), auto_refresh=False, transient=True, redirect_stdout=False,
                redirect_stderr=False)
    live.start()
    return live
