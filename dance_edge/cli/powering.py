"""What `dance-edge power` does between flags and exit code: a window over the sensor, and what is said of it."""
import contextlib
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from dance_edge.cli import metered_command
from dance_edge.cli.power_config import PowerConfig
from dance_edge.cli.power_table import PowerTable
from dance_edge.cli.progress import Listener
from dance_edge.energy.conditions import Conditions, conditions
from dance_edge.energy.meter import EnergyMeter, Window
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.sensors import find_sensor, meter_over
from dance_edge.errors import DeviceError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.interrupt import StopRequest
from dance_edge.report.joules import energy_words, joules, kind, net_interval, rail_kind, watts
from dance_edge.report.numbers import percent

FORMAT = 1
STEP_S = 0.1  # how soon Ctrl-C is heeded
RAIL_COLUMNS = ("rail", "J", "mean W", "energy")


class Metered(NamedTuple):
    """A window's reading and all that stands beside it. `idle` is the baseline's reading, None where none was asked
    for; `sample_s` the time between samples of the sensor that it comes from; `cost` the meter's own processor time as
    a share of a core; `total` the rail that feeds all. None without a sensor."""

    reading: EnergyReading
    started_unix_s: float
    started_monotonic_s: float
    sample_s: Optional[float]
    idle_w: Optional[float]
    idle: Optional[EnergyReading]
    cost: Optional[float]
    total: Optional[str]
    before: Conditions
    after: Conditions
    words: Tuple[str, ...]
    exit_code: int

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `power --json`."""
        reading = self.reading
        joules, seconds = reading.gross_j, reading.duration_s
        return {
            "format": FORMAT, "energy_j": joules, "energy_source": reading.label,
            "energy_scope": reading.scope or None, "measured": reading.measured,
            "mean_power_w": joules / seconds if joules is not None and seconds > 0.0 else None,
            "idle_power_w": self.idle_w, "duration_s": seconds,
            # The wall clock is looked at once: it may jump while the monotonic one measures.
            "started_unix_s": self.started_unix_s, "ended_unix_s": self.started_unix_s + seconds,
            "started_monotonic_s": self.started_monotonic_s, "sample_count": reading.sample_count,
            "sample_s": self.sample_s, "refresh_s": reading.refresh_s,
            "gaps": reading.gaps if reading.sample_count else None, "rails_j": dict(reading.rails_j),
            "meter_cost": self.cost, "energy": reading.to_dict(),
            "idle": None if self.idle is None else self.idle.to_dict(),
            "conditions": {"start": self.before.to_dict(), "end": self.after.to_dict()},
            "command": list(self.words) or None, "exit_code": self.exit_code}


@contextlib.contextmanager
def measured(config: PowerConfig, listener: Listener) -> Iterator[Tuple[Metered, EnergyMeter]]:
    """Meter as `config` asks: what came of it, and the meter, stopped, with its samples. Inside, an impatient Ctrl-C
    does not end us: the report is still to come. Nothing is printed but the table while it lasts. `DeviceError` where
    there is no sensor and no command either."""
    shown = PowerTable(listener, config.for_s)
    with contextlib.ExitStack() as until_reported:
        with opened(config, shown) as meter:
            idle = _idle(meter, config.idle_s, shown)
            before = conditions()
            signals = until_reported.enter_context(metered_command.Signals(bool(config.words)))
            with meter.window("power") as window:
                started_unix_s = time.time() - window.elapsed_s
                code = (metered_command.run(config.words, signals) if config.words
                        else _wait(config.for_s, meter, window, shown))
            after = conditions()
            reading = window.reading()
            sampler = meter.sampler_of(reading.source)
            sample_s, total = (None, None) if sampler is None else (sampler.sample_s, sampler.trace.total)
            metered = Metered(reading, started_unix_s, window.start_s, sample_s, meter.shown_idle_w, idle, meter.cost,
                              total, before, after, tuple(config.words), code)
        yield metered, meter


@contextlib.contextmanager
def opened(config: PowerConfig, on_event: OnEvent) -> Iterator[EnergyMeter]:
    """The meter that `config` asks for. Where `auto` finds no sensor a command is run without, and said to be."""
    found = find_sensor(config.power or "auto", config.interval_s)
    lacking = found.sensor is None and found.kind != "none"
    if lacking and not config.words:
        raise DeviceError(found.reason, "dance-edge doctor says what helps; a recorded trace plays with "
                                        "--power replay:FILE")
    with meter_over(found, config.interval_s, on_event, is_said=not lacking) as meter:
        if lacking:  # here nothing is estimated
            on_event(Warned("%s: the command runs unmetered" % found.reason))
        yield meter


def _idle(meter: EnergyMeter, seconds: Optional[float], on_event: OnEvent) -> Optional[EnergyReading]:
    """The baseline, where one is asked for and there is a sensor."""
    if not seconds or meter.sensor is None:
        return None
    on_event(Note("power: the idle machine for %g s" % seconds))
    reading = meter.measure_idle(seconds)
    if meter.idle_w is None:
        on_event(Warned("no idle baseline: " + reading.reason))
    return reading


def _wait(seconds: Optional[float], meter: EnergyMeter, window: Window, shown: PowerTable) -> int:
    """For `seconds`, or until Ctrl-C or SIGTERM; their exit code, else 0."""
    with StopRequest() as stop, shown.over(meter, window):
        while not stop.exit_code:
            left_s = STEP_S if seconds is None else min(STEP_S, seconds - window.elapsed_s)
            if left_s <= 0.0:
                break
            time.sleep(left_s)
            shown.draw()
        return stop.exit_code


def lines(result: Metered) -> List[str]:
    """The report for people."""
    reading = result.reading
    found = [("energy", energy_words(reading)), ("power", _power(reading)), ("idle", _idle_line(result)),
             ("samples", _samples(result))]
    if result.cost is not None:
        found.append(("meter", percent(result.cost) + " of a core"))
    before, after = result.before.summary(), result.after.summary()
    if before or after:
        found.append(("board", before if before == after else "%s; in the end %s" % (before, after)))
    return ["%-9s %s" % one for one in found if one[1]]


def rail_rows(reading: EnergyReading, total: Optional[str] = None) -> List[List[str]]:
    """Cells under `RAIL_COLUMNS`, the rail that feeds all first: `total`, or where that is not given the reading's
    scope (a played trace's says more than the rail). All are as the sensor has them: a calibration is of the figure
    above alone."""
    names = sorted(reading.rails_j, key=lambda name: (name != (total or reading.scope), name))
    return [[name, joules(reading.rails_j[name]), watts(reading.rails_j[name] / reading.duration_s),
             rail_kind(reading, name)]
            for name in names]


def _power(reading: EnergyReading) -> str:
    if reading.gross_j is None or reading.duration_s <= 0.0:
        return "no figure, over %.4g s" % reading.duration_s
    return "%s W over %.4g s" % (watts(reading.gross_j / reading.duration_s), reading.duration_s)


def _idle_line(result: Metered) -> str:
    if result.idle_w is None or result.idle is None:
        return ""
    reading = result.reading
    net = "" if reading.net_j is None else "; net of it %s J%s, %s" % (
        joules(reading.net_j), net_interval(reading), kind(reading))
    return "%s W over %.4g s%s" % (watts(result.idle_w), result.idle.duration_s, net)


def _samples(result: Metered) -> str:
    reading = result.reading
    if not reading.sample_count:
        return ""
    often = "" if result.sample_s is None else ", one every %.3g s" % result.sample_s
    new = "" if reading.refresh_s is None else ", a new value every %.3g s" % reading.refresh_s
    gaps = "no gaps" if not reading.gaps else "%d gap%s" % (reading.gaps, "" if reading.gaps == 1 else "s")
    return "%d%s%s, %s" % (reading.sample_count, often, new, gaps)
