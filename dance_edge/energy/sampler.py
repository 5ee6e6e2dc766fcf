"""A thread that reads one power sensor into a trace, and outlives the sensor's failures."""
import threading
import time
from typing import Callable, Optional, Sequence, Tuple

from dance_edge.energy.reading import EnergyReading, PowerSensor
from dance_edge.energy.trace import Trace
from dance_edge.energy.trapezoid import SensorFacts, integrate_all, rhythm
from dance_edge.errors import DeviceError
from dance_edge.events import OnEvent, Warned

RETRY_S = 1.0         # between tries to reach a sensor that failed
FIRST_SAMPLE_S = 3.0  # the longest wait for the first one


class Sampler:
    """Reads `sensor` every `interval_s`, or as often as the sensor answers, if that is rarer, from `start` to `stop`.

    A sensor that fails is tried again every second; `failure` says what is wrong with it meanwhile. The sampler does
    not close the sensor: who opened it does.
    """

    def __init__(self, sensor: PowerSensor, interval_s: float, on_event: OnEvent,
                 clock: Callable[[], float]) -> None:
        self.sensor = sensor
        self.interval_s = interval_s
        self.trace = Trace()
        self.failure = ""
        self.cpu_s = 0.0
        self._clock = clock
        self._on_event = on_event
        self._thread: Optional[threading.Thread] = None
        self._going = threading.Lock()
        self._sampled = threading.Condition()
        self._awaited = 0

    def start(self) -> None:
        """Begin, and wait for the first sample."""
        self._going = threading.Lock()  # held while the thread is to go on; to wait for it costs less than for an Event
        self._going.acquire()
        self._thread = threading.Thread(target=self._sample, args=(self._going,), name="power", daemon=True)
        before_s = self.trace.last_s
        self._thread.start()
        self.wait_beyond(before_s, FIRST_SAMPLE_S + self.interval_s)

    def stop(self) -> None:
        """Take a last sample, and end."""
        if self._thread is not None:
            self._going.release()
            self._thread.join(FIRST_SAMPLE_S + 2.0 * self.interval_s)
            self._thread = None

    @property
    def refresh_s(self) -> Optional[float]:
        """The time between new values as it was seen, not as it was asked for; None without samples."""
        refresh = rhythm(self.trace.columns(), self.sensor.averages)
        return None if refresh is None else refresh.period_s

    def over(self, windows: Sequence[Tuple[float, float]], idle_w: Optional[float]) -> EnergyReading:
        """Joules of `windows` (start, end) of the clock together. Waits for the sample that lies beyond the last end,
        if one will come."""
        sensor = self.sensor
        if self._thread is not None and not self.failure:
            late_s = max(end_s for _, end_s in windows) + sensor.delay_s
            self.wait_beyond(late_s, sensor.delay_s + 2.0 * max(self.interval_s, self.refresh_s or 0.0) + 0.1)
        facts = SensorFacts(sensor.name, sensor.scope, sensor.averages, sensor.delay_s, sensor.step_w)
        reading = integrate_all(self.trace.columns(), windows, facts, idle_w)
        if self.failure and reading.coverage < 1.0:
            reason = "; ".join(part for part in (reading.reason, self.failure) if part)
            return reading._replace(reason=reason)
        if reading.gross_j is None:
            return reading
        error_w = sensor.error_w(reading.gross_j / reading.duration_s)
        return reading._replace(sensor_j=None if error_w is None else error_w * reading.duration_s)

    def wait_beyond(self, time_s: float, timeout_s: float) -> None:
        """Until a sample newer than `time_s` is there, the sensor fails, or `timeout_s` has passed."""
        with self._sampled:
            self._awaited += 1
            self._sampled.wait_for(lambda: self.trace.last_s > time_s or bool(self.failure), timeout_s)
            self._awaited -= 1

    def _sample(self, going: threading.Lock) -> None:
        """The thread: a sample each interval, and a last one after the stop so that the last window has its end."""
        due_s = self._clock()
        last = False
        while True:
            wait_s = self._read()
            self.cpu_s = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
            if self._awaited:
                with self._sampled:
                    self._sampled.notify_all()
            if last:
                return
            now_s = self._clock()
            due_s = max(due_s + wait_s, now_s)
            last = going.acquire(timeout=due_s - now_s)
            if last and self.failure:
                return

    def _read(self) -> float:
        """Take a sample; the seconds until the next one."""
        try:
            self.trace.append(self.sensor.read())
            self._recovered()
            return 0.0 if self.sensor.paced else self.interval_s
        except DeviceError as error:
            self._failed(error.message)
        except Exception as error:  # a vendor's library may raise anything; the job must go on
            self._failed("%s: %s" % (type(error).__name__, error))
        return max(RETRY_S, self.interval_s)

    def _failed(self, message: str) -> None:
        if not self.failure:
            self._on_event(Warned("the power sensor failed: %s; the work goes on" % message))
        self.failure = message

    def _recovered(self) -> None:
        if self.failure:
            self._on_event(Warned("the power sensor is back"))
            self.failure = ""
