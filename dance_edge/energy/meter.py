"""A thread that reads a power sensor, and windows over what it read."""
import threading
import time
from types import TracebackType
from typing import Callable, Optional, Type

from dance_edge.energy.reading import EnergyReading, PowerSensor
from dance_edge.energy.trace import Trace
from dance_edge.energy.trapezoid import integrate, usual_interval
from dance_edge.errors import DeviceError
from dance_edge.events import OnEvent, Warned, ignore

RETRY_S = 1.0        # between tries to reach a sensor that failed
FIRST_SAMPLE_S = 3.0  # the longest wait for the first one
NO_SENSOR = "no power sensor"


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
        return self._meter.trace.last_w

    def reading(self) -> EnergyReading:
        """Joules of the window; without a figure `gross_j` is None and `reason` says why."""
        end_s = self._meter.clock() if self.end_s is None else self.end_s
        return self._meter.between(self.start_s, end_s)


class EnergyMeter:
    """Reads `sensor` every `interval_s` (or as often as the sensor answers, if that is rarer) from entering to leaving.

    Times are of a monotonic clock: a Jetson's wall clock may jump by years. Without a sensor all windows still give
    their duration. A sensor that fails is tried again every second and never stops the work that is metered.
    `idle_w` is the baseline that net joules are less of, None where it was not measured. The meter does not close
    the sensor: who opened it does.
    """

    def __init__(self, sensor: Optional[PowerSensor], interval_s: float = 1.0, on_event: OnEvent = ignore,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.sensor = sensor
        self.interval_s = interval_s
        self.clock = clock
        self.idle_w: Optional[float] = None
        self.trace = Trace()
        self.failure = ""
        self._on_event = on_event
        self._thread: Optional[threading.Thread] = None
        self._stopped = threading.Event()
        self._sampled = threading.Condition()

    def __enter__(self) -> "EnergyMeter":
        if self.sensor is not None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._sample, args=(self.sensor,), name="power", daemon=True)
            self._thread.start()
            self._wait_beyond(self.trace.last_s, FIRST_SAMPLE_S + self.interval_s)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(FIRST_SAMPLE_S + 2.0 * self.interval_s)
            self._thread = None

    @property
    def refresh_s(self) -> Optional[float]:
        """The time between samples as it was seen, not as it was asked for; None without samples."""
        return usual_interval(self.trace.columns().times_s)

    def window(self, name: str) -> Window:
        """A window of this meter: `with meter.window("adapt") as window: ...`."""
        return Window(self, name)

    def between(self, start_s: float, end_s: float) -> EnergyReading:
        """Joules between two times of `clock`. Waits for the sample that lies beyond the end, if one will come."""
        if self.sensor is None:
            return EnergyReading(duration_s=max(0.0, end_s - start_s), reason=NO_SENSOR)
        if self._thread is not None and not self.failure:
            self._wait_beyond(end_s, 2.0 * max(self.interval_s, self.refresh_s or 0.0) + 0.1)
        reading = integrate(self.trace.columns(), start_s, end_s, self.sensor.name, self.sensor.scope, self.idle_w)
        if self.failure and reading.coverage < 1.0:
            reason = "; ".join(part for part in (reading.reason, self.failure) if part)
            reading = reading._replace(reason=reason)
        return reading

    def _sample(self, sensor: PowerSensor) -> None:
        """The thread: a sample each interval, and a last one after the stop so that the last window has its end."""
        due_s = self.clock()
        last = False
        while True:
            wait_s = self.interval_s
            try:
                self.trace.append(sensor.read())
                self._recovered()
            except DeviceError as error:
                wait_s = max(RETRY_S, wait_s)
                self._failed(error.message)
            except Exception as error:  # a vendor's library may raise anything; the job must go on
                wait_s = max(RETRY_S, wait_s)
                self._failed("%s: %s" % (type(error).__name__, error))
            with self._sampled:
                self._sampled.notify_all()
            if last:
                return
            due_s = max(due_s + wait_s, self.clock())
            last = self._stopped.wait(due_s - self.clock())
            if last and self.failure:
                return

    def _failed(self, message: str) -> None:
        if not self.failure:
            self._on_event(Warned("the power sensor failed: %s; the work goes on" % message))
        self.failure = message

    def _recovered(self) -> None:
        if self.failure:
            self._on_event(Warned("the power sensor is back"))
            self.failure = ""

    def _wait_beyond(self, time_s: float, timeout_s: float) -> None:
        """Until a sample newer than `time_s` is there, the sensor fails, or `timeout_s` has passed."""
        with self._sampled:
            self._sampled.wait_for(lambda: self.trace.last_s > time_s or bool(self.failure), timeout_s)
