"""What `dance-edge power` does between flags and exit code: a window over the sensor, and what is said of it."""
import contextlib
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from dance_edge.cli import metered_command
from dance_edge.cli.power_table import PowerTable, figure
from dance_edge.energy.conditions import Conditions, conditions
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.sensors import metered
from dance_edge.energy.trace import Trace
from dance_edge.errors import DeviceError
from dance_edge.events import Event, Note, OnEvent, Warned
from dance_edge.interrupt import StopRequest

FORMAT = 1
STEP_S = 0.1  # how soon Ctrl-C is heeded
RAIL_COLUMNS = ("rail", "J", "mean W")
NO_SENSOR = "power: no sensor here"
ESTIMATED = ": joules are estimated"


class Metered(NamedTuple):
    """A window's reading and all that stands beside it. `idle` is the baseline's reading, None where none was asked
    for; `cost` is our processor time as a share of a core, None without a sensor."""

    reading: EnergyReading
    started_unix_s: float
    started_monotonic_s: float
    sample_s: Optional[float]
    idle_w: Optional[float]
    idle: Optional[EnergyReading]
    cost: Optional[float]
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


class Samples(NamedTuple):
    """The raw trace and what its file says of the sensor."""

    trace: Trace
    source: str
    averages: bool

    def write(self, path: str) -> None:
        """Append them to the file `path`."""
        self.trace.write_csv(path, self.source, self.averages)


def measure(config: Any, listener: Any) -> Tuple[Metered, Samples]:
    """Meter as a `PowerConfig` asks; nothing is printed but the table while it lasts. `DeviceError` where there is no
    sensor and no command either."""
    shown = PowerTable(listener, config.for_s)
    with opened(config, shown) as meter:
        idle = _idle(meter, config.idle_s, shown)
        before = conditions()
        with meter.window("power") as window:
            started_unix_s = time.time() - window.elapsed_s
            cpu_s = time.process_time()
            code = metered_command.run(config.words) if config.words else _wait(config.for_s, meter, window, shown)
            cpu_s = time.process_time() - cpu_s
        after = conditions()
        reading = window.reading()
        cost = cpu_s / reading.duration_s if meter.sensor is not None and reading.duration_s > 0.0 else None
        sensor = meter.sensor
        samples = Samples(meter.trace, sensor.name if sensor else "none", bool(sensor and sensor.averages))
        return Metered(reading, started_unix_s, window.start_s, meter.refresh_s, meter.idle_w, idle, cost, before,
                       after, tuple(config.words), code), samples


@contextlib.contextmanager
def opened(config: Any, on_event: OnEvent) -> Iterator[EnergyMeter]:
    """The meter of a `PowerConfig`. Where `auto` finds no sensor a command is run without, and said to be."""
    why: List[str] = []

    def heard(event: Event) -> None:
        if isinstance(event, Note) and event.text.startswith(NO_SENSOR):  # here nothing is estimated
            why.append(event.text[len("power: "):].split(ESTIMATED)[0])
        else:
            on_event(event)

    with metered(config.power or "auto", config.interval_s, heard) as meter:
        if meter.sensor is None and config.power != "none":
            meter.no_sensor = why[0] if why else "no sensor here"
            if not config.words:
                raise DeviceError(meter.no_sensor, "dance-edge doctor says what helps; a recorded trace plays with "
                                                   "--power replay:FILE")
            on_event(Warned("%s: the command runs unmetered" % meter.no_sensor))
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


def _wait(seconds: Optional[float], meter: EnergyMeter, window: Any, shown: PowerTable) -> int:
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
    found = [("energy", _energy(reading)), ("sensor", _sensor(reading)), ("power", _power(reading)),
             ("idle", _idle_line(result)), ("samples", _samples(result))]
    if result.cost is not None:
        found.append(("meter", "%.2g %% of a core" % (100.0 * result.cost)))
    before, after = result.before.summary(), result.after.summary()
    if before or after:
        found.append(("board", before if before == after else "%s; in the end %s" % (before, after)))
    return ["%-9s %s" % one for one in found if one[1]]


def rails_label(reading: EnergyReading) -> str:
    """What stands over the joules of single rails."""
    return "measured (%s)%s; they overlap and are not added up" % (
        reading.source, ", uncalibrated" if reading.calibrated else "")


def rail_rows(reading: EnergyReading) -> List[List[str]]:
    """Cells under `RAIL_COLUMNS`, the rail that feeds all first."""
    names = sorted(reading.rails_j, key=lambda name: (name != reading.scope, name))
    return [[name, figure(reading.rails_j[name]), figure(reading.rails_j[name] / reading.duration_s)]
            for name in names]


def _energy(reading: EnergyReading) -> str:
    if reading.gross_j is None or reading.low_j is None or reading.high_j is None:
        return reading.label
    return "%s J, %s to %s J (95 %%), %s" % (figure(reading.gross_j), figure(reading.low_j), figure(reading.high_j),
                                             reading.label)


def _sensor(reading: EnergyReading) -> str:
    if reading.gross_j is None:
        return ""
    parts = ["calibrated" if reading.calibrated else "uncalibrated"]
    if reading.sensor_j is not None:
        parts.append("may be off by %s J either way, by its %s" % (
            figure(reading.sensor_j), "calibration's residual" if reading.calibrated else "data sheet"))
    return ", ".join(parts) + ("; " + reading.reason if reading.reason else "")


def _power(reading: EnergyReading) -> str:
    if reading.gross_j is None or reading.duration_s <= 0.0:
        return "no figure, over %.4g s" % reading.duration_s
    return "%s W over %.4g s" % (figure(reading.gross_j / reading.duration_s), reading.duration_s)


def _idle_line(result: Metered) -> str:
    if result.idle_w is None or result.idle is None:
        return ""
    net = result.reading.net_j
    return "%s W over %.4g s%s" % (figure(result.idle_w), result.idle.duration_s, "" if net is None else
                                   "; net of it %s J, %s" % (figure(net), result.reading.label))


def _samples(result: Metered) -> str:
    reading = result.reading
    if not reading.sample_count:
        return ""
    often = "" if result.sample_s is None else ", one every %.3g s" % result.sample_s
    new = "" if reading.refresh_s is None else ", a new value every %.3g s" % reading.refresh_s
    gaps = "no gaps" if not reading.gaps else "%d gap%s" % (reading.gaps, "" if reading.gaps == 1 else "s")
    return "%d%s%s, %s" % (reading.sample_count, often, new, gaps)
