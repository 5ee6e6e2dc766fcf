"""A thread that reads one power sensor into a trace, and outlives the sensor's failures."""
import threading
import time
from typing import Callable, Dict, Optional, Sequence

from dance_edge.energy.reading import EnergyReading, PowerSensor
from dance_edge.energy.span import usual_interval
from dance_edge.energy.trace import Columns, Trace
from dance_edge.energy.trapezoid import RHYTHM_SAMPLES, SensorFacts, Stretch, integrate_all, rhythm
from dance_edge.errors import DeviceError
from dance_edge.events import OnEvent, Warned

RETRY_S = 1.0         # between tries to reach a sensor that failed
FIRST_SAMPLE_S = 3.0  # the longest wait for the first one
SLEPT_S = 0.02        # a wait that stop() may as well sit out: to sleep costs less than to wait for it
TIDIED_S = 0.5        # between times that samples are sorted into the trace and the thread's processor time is taken
BEFORE_S = 1e-6       # a window's last sample lies beyond its end, not at it
SETTLED_S = 30.0      # after a window's end its samples, and the rhythm around it, change no more


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
        """Wait until what the sensor says of now has come, take a last sample, and end."""
        if self._thread is not None:
            if self.late_s:
                self._wait_for(self._clock())
            self._going.release()
            self._thread.join(FIRST_SAMPLE_S + 2.0 * self.interval_s)
            self._thread = None

    @property
    def refresh_s(self) -> Optional[float]:
        """The time between new values as it was seen, not as it was asked for; None without samples."""
        refresh = rhythm(self._latest(), self.sensor.averages)
        return None if refresh is None else refresh.period_s

    @property
    def sample_s(self) -> Optional[float]:
        """The time between samples as it was seen; None without them."""
        return usual_interval(self._latest().times_s)

    @property
    def late_s(self) -> float:
        """The most that what a value tells of lies before it, by the data sheet or as it was seen."""
        refresh = rhythm(self._latest(), self.sensor.averages)
        return max(self.sensor.delay_s, 0.0 if refresh is None else refresh.delay_s)

    @property
    def told_s(self) -> float:
        """The latest time of which the samples tell by now; a window up to it has to wait for none. Minus infinity
        without samples; now where the sensor has failed, since nothing more is waited for then."""
        return self._clock() if self.failure else self.trace.last_s - self.late_s - BEFORE_S

    def over(self, windows: Sequence[Stretch],
             kept: Optional[Dict[Stretch, EnergyReading]] = None) -> EnergyReading:
        """Joules of `windows` (start, end) of the clock together. Waits for the sample that lies beyond the last end,
        if one will come. `kept`, as in `integrate_all`, spares integrating what has long ended again and again."""
        sensor, kept = self.sensor, {} if kept is None else kept
        self._wait_for(max(end_s for _, end_s in windows))
        left = [one for one in windows if one not in kept] or windows[-1:]
        columns = self.trace.columns(min(start_s for start_s, _ in left), max(end_s for _, end_s in left),
                                     RHYTHM_SAMPLES)
        facts = SensorFacts(sensor.name, sensor.scope, sensor.averages, sensor.delay_s, sensor.step_w)
        reading = integrate_all(columns, windows, facts, kept, self.trace.last_s - self.late_s - SETTLED_S)
        if reading.gross_j is not None:
            error_w = sensor.error_w(reading.gross_j / reading.duration_s)
            reading = reading._replace(sensor_j=None if error_w is None else error_w * reading.duration_s)
        if self.failure and reading.coverage < 1.0:
            reading = reading._replace(reason="; ".join(part for part in (reading.reason, self.failure) if part))
        return reading

    def _latest(self) -> Columns:
        return self.trace.columns(self.trace.last_s, around=RHYTHM_SAMPLES)

    def _wait_for(self, time_s: float) -> None:
        """Until the samples tell of `time_s`, if they will."""
        if self._thread is not None and not self.failure:
            late_s = self.late_s
            self.wait_beyond(time_s + late_s, late_s + 2.0 * max(self.interval_s, self.sample_s or 0.0) + 0.1)

    def wait_beyond(self, time_s: float, timeout_s: float) -> None:
        """Until a sample newer than `time_s` is there, the sensor fails, or `timeout_s` has passed."""
        with self._sampled:
            self._awaited += 1
            self._sampled.wait_for(lambda: self.trace.last_s > time_s or bool(self.failure), timeout_s)
            self._awaited -= 1

    def _sample(self, going: threading.Lock) -> None:
        """The thread: a sample each interval, and a last one after the stop so that the last window has its end.

        Woken a hundred times a second it finds the processor's caches cold: what it touches costs, not what it does.
        """
        read, keep, clock = self.sensor.read, self.trace.append, self._clock
        due_s, tidied_s, last = clock(), 0.0, False
        interval_s = 0.0 if self.sensor.paced else self.interval_s
        while True:
            wait_s = interval_s
            try:
                keep(read())
                if self.failure:
                    self._recovered()
            except Exception as error:  # a vendor's library may raise anything; the job must go on
                wait_s = max(RETRY_S, self.interval_s)
                self._failed(error)
            now_s = clock()
            if last or now_s - tidied_s >= TIDIED_S:
                self.trace.sort_in()
                tidied_s, self.cpu_s = now_s, time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
            if self._awaited:
                with self._sampled:
                    self._sampled.notify_all()
            if last:
                return
            due_s = max(due_s + wait_s, now_s)
            last = _ended_within(due_s - now_s, going)
            if last and self.failure:
                return

    def _failed(self, error: Exception) -> None:
        message = error.message if isinstance(error, DeviceError) else "%s: %s" % (type(error).__name__, error)
        if not self.failure:
            self._on_event(Warned("the power sensor failed: %s; the work goes on" % message))
        self.failure = message

    def _recovered(self) -> None:
        self._on_event(Warned("the power sensor is back"))
        self.failure = ""


def _ended_within(wait_s: float, going: threading.Lock) -> bool:
    """Whether `going` is let go of before `wait_s` has passed, or was at its end."""
    if wait_s > SLEPT_S:
        return going.acquire(timeout=wait_s)
    time.sleep(wait_s)
    return not going.locked()
