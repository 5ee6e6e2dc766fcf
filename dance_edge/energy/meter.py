"""Windows of time over what power sensors say."""
import time
from types import TracebackType
from typing import Callable, Dict, List, Optional, Sequence, Type

from dance_edge.energy.calibration import Calibration, calibrated
from dance_edge.energy.reading import EnergyReading, PowerSensor, less_idle
from dance_edge.energy.sampler import Sampler
from dance_edge.energy.trace import Trace
from dance_edge.energy.trapezoid import MIN_SAMPLES, Stretch
from dance_edge.events import OnEvent, ignore

NO_SENSOR = "no power sensor"
Kept = Dict[int, Dict[Stretch, EnergyReading]]  # by sensor and window: the parts that are settled


class Window:
    """A stretch of time on a meter, used as a context manager; windows may nest and overlap. `reading()` may be
    asked again and again, also while the window is open (up to now) and after the meter has stopped."""

    __slots__ = ("name", "start_s", "end_s", "_meter")

    def __init__(self, meter: "EnergyMeter", name: str) -> None:
        self.name = name
        self.start_s = 0.0
        self.end_s: Optional[float] = None
        self._meter = meter

    def __enter__(self) -> "Window":
        self.start_s, self.end_s = self._meter.clock(), None
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.end_s = self._meter.clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds from the window's start to its end, or up to now."""
        return (self._meter.clock() if self.end_s is None else self.end_s) - self.start_s

    @property
    def power_w(self) -> Optional[float]:
        """The latest sample's watts; None without a sensor, or without a rail that feeds all."""
        return self._meter.power_w

    def reading(self) -> EnergyReading:
        """Joules of the window; without a figure `gross_j` is None and `reason` says why."""
        end_s = self._meter.clock() if self.end_s is None else self.end_s
        return self._meter.between(self.start_s, end_s)


class EnergyMeter:
    """Reads `sensor` every `interval_s` (its own usual interval where that is None) from entering to leaving.

    Times are of a monotonic clock: a Jetson's wall clock may jump by years. Without a sensor all windows still give
    their duration. A sensor that fails is tried again every second and never stops the work that is metered.
    `quick` is a second sensor of the same rail, for windows too short for the first. `idle_w` is the baseline that net
    joules are less of, as the sensor has it: never calibrated (`shown_idle_w` is); None where it was not measured. The
    mean is known to within `idle_error_w` (95 %). `no_sensor` is why there are no joules without a sensor,
    `may_estimate` whether a model may then speak. The meter does not close the sensors: who opened them does.
    """

    def __init__(self, sensor: Optional[PowerSensor], interval_s: Optional[float] = None, on_event: OnEvent = ignore,
                 clock: Callable[[], float] = time.monotonic, quick: Optional[PowerSensor] = None,
                 calibration: Optional[Calibration] = None) -> None:
        self.sensor = sensor
        self.clock = clock
        self.idle_w: Optional[float] = None
        self.idle_error_w = 0.0
        self.calibration = calibration
        self.no_sensor = NO_SENSOR
        self.may_estimate = sensor is None
        self._samplers: List[Sampler] = []
        if sensor is not None:
            self._samplers.append(Sampler(sensor, interval_s or sensor.interval_s, on_event, clock))
        if quick is not None:
            self._samplers.append(Sampler(quick, quick.interval_s, ignore, clock))
        self._started_s = 0.0
        self._stopped_s: Optional[float] = None

    def __enter__(self) -> "EnergyMeter":
        self._started_s, self._stopped_s = self.clock(), None
        for sampler in self._samplers:
            sampler.start()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        for sampler in self._samplers:
            sampler.stop()
        self._stopped_s = self.clock()

    @property
    def trace(self) -> Trace:
        """The samples of the first sensor; empty without one."""
        return self._samplers[0].trace if self._samplers else Trace()

    def sampler_of(self, source: str) -> Optional[Sampler]:
        """What read the sensor that a reading's `source` names; of two that it names the quick one, whose samples reach
        as far. The first sensor's where it names none of them, None without a sensor."""
        named = [one for one in self._samplers if one.sensor.name in source.split(" + ")]
        return next(reversed(named or self._samplers[:1]), None)

    @property
    def failure(self) -> str:
        """What is wrong with the first sensor now; empty where nothing is."""
        return self._samplers[0].failure if self._samplers else ""

    @property
    def interval_s(self) -> float:
        """Seconds between readings, as asked for; 0 without a sensor."""
        return self._samplers[0].interval_s if self._samplers else 0.0

    @property
    def sample_s(self) -> Optional[float]:
        """Seconds between samples, as seen; None without samples."""
        return self._samplers[0].sample_s if self._samplers else None

    @property
    def told_s(self) -> float:
        """The latest time of `clock` of which the first sensor's samples tell by now, so that a window up to it waits
        for none; now without a sensor, and where it is silent for longer than a figure takes."""
        now_s = self.clock()
        told_s = self._samplers[0].told_s if self._samplers else now_s
        return told_s if now_s - self.least_s < told_s < now_s else now_s

    @property
    def least_s(self) -> float:
        """How long a window must be for a figure of the first sensor, with some to spare; 0 without one."""
        if self.sensor is None:
            return 0.0
        return (MIN_SAMPLES + 2) * max(self.interval_s, self.refresh_s or 0.0, self.sensor.delay_s)

    @property
    def refresh_s(self) -> Optional[float]:
        """Seconds between new values, as seen, as in a reading; None without samples."""
        return self._samplers[0].refresh_s if self._samplers else None

    @property
    def shown_idle_w(self) -> Optional[float]:
        """The baseline as an external meter would have it where there is a calibration, for people and reports."""
        if self.idle_w is None or self.calibration is None or not self._samplers:
            return self.idle_w
        sensor = self._samplers[0].sensor
        return calibrated(EnergyReading(gross_j=self.idle_w, duration_s=1.0, source=sensor.name, scope=sensor.scope),
                          self.calibration).gross_j

    @property
    def power_w(self) -> Optional[float]:
        """The latest sample's watts; None without a sensor, or without a rail that feeds all."""
        return self.trace.last_w

    @property
    def rails_w(self) -> Dict[str, float]:
        """The latest sample's watts by rail; empty without one."""
        return self.trace.last_rails_w

    @property
    def cost(self) -> Optional[float]:
        """The processor time of the meter's own threads, those that the sensor keeps among them, as a share of one
        core, 0-1, since it was entered; None without a sensor."""
        end_s = self.clock() if self._stopped_s is None else self._stopped_s
        if not self._samplers or end_s <= self._started_s:
            return None
        return sum(one.cpu_s + one.sensor.cpu_s for one in self._samplers) / (end_s - self._started_s)

    def write_csv(self, path: str, source: str = "") -> None:
        """Append the samples of the sensor that a reading's `source` names, left out the first's, and what is known of
        it, to the file `path`; nothing without a sensor."""
        sampler = self.sampler_of(source)
        if sampler is not None:
            sensor = sampler.sensor
            sampler.trace.write_csv(path, sensor.recorded or sensor.name, sensor.averages, sensor.delay_s, sensor.volts)

    def window(self, name: str) -> Window:
        """A window of this meter: `with meter.window("adapt") as window: ...`."""
        return Window(self, name)

    def between(self, start_s: float, end_s: float) -> EnergyReading:
        """Joules between two times of `clock`: of the first sensor that has a figure."""
        return self.over([(start_s, end_s)])

    def over(self, windows: Sequence[Stretch], kept: Optional[Kept] = None) -> EnergyReading:
        """Joules of `windows` (start, end) together, one at least; many that are short may have a figure so. With the
        same `kept`, a dict, what has long ended is not integrated again."""
        reading = less_idle(self._as_sensed(windows, kept), self.idle_w, self.idle_error_w)
        return reading if self.calibration is None else calibrated(reading, self.calibration)

    def _as_sensed(self, windows: Sequence[Stretch], kept: Optional[Kept] = None) -> EnergyReading:
        if not self._samplers:
            return EnergyReading(duration_s=sum(max(0.0, end_s - start_s) for start_s, end_s in windows),
                                 reason=self.no_sensor)
        kept = {} if kept is None else kept
        first = self._samplers[0].over(windows, kept.setdefault(0, {}))
        for number, sampler in enumerate(self._samplers[1:], 1):
            if first.gross_j is not None:
                break
            quick = sampler.over(windows, kept.setdefault(number, {}))
            first = first if quick.gross_j is None else quick
        return first

    def measure_idle(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> EnergyReading:
        """Do nothing for `seconds`, and take the mean power meanwhile as the baseline from then on. The reading is as
        any other, calibrated where there is a calibration."""
        with self.window("idle") as window:
            sleep(seconds)
        end_s = self.clock() if window.end_s is None else window.end_s
        sensed = self._as_sensed([(window.start_s, end_s)])
        if sensed.gross_j is not None:
            self.idle_w = sensed.gross_j / sensed.duration_s
            bounds_j = [sensed.gross_j if bound is None else bound for bound in (sensed.low_j, sensed.high_j)]
            self.idle_error_w = max(abs(bound - sensed.gross_j) for bound in bounds_j) / sensed.duration_s
        return sensed if self.calibration is None else calibrated(sensed, self.calibration)
