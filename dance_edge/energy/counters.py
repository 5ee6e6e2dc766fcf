"""Counters of energy, as some chips have them, told as power: the mean between two readings at which they had moved."""
import time
from typing import Callable, Dict, Mapping, NamedTuple, Optional

from dance_edge.errors import DeviceError

MIN_S = 0.005      # between two samples: a counter's own beat is a millisecond, and would show as noise
FIRST_S = 1.0      # the longest wait for the first step of a counter
STANDSTILL_S = 5.0  # without a step a counter counts no more
POLL_S = 0.002
STANDS_STILL = "the energy counter stands still"
STILL_HINT = "virtual machines often have one that counts nothing: --power estimate, or none"


class Means(NamedTuple):
    """Mean watts by rail from `since_s` (that of the sample before, but where the counters began anew) to `at_s`."""

    at_s: float
    rails_w: Dict[str, float]
    since_s: float


class Counters:
    """Joules by rail as `read` counts them, each from 0 again at its `turns_j` (None: it never turns).

    A reading at which no counter has moved gives the last sample again, which bears the same time stamp, so that no
    mean is taken over a beat that is not full. Counters that fall, or may have turned more than once at `most_w`,
    begin anew. `beat_s` is how often they were seen to move when this began.
    """

    def __init__(self, read: Callable[[], Dict[str, float]], turns_j: Mapping[str, Optional[float]], most_w: float,
                 clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._read = read
        self._turns_j = turns_j
        self._longest_s = min([turn_j / most_w for turn_j in turns_j.values() if turn_j], default=float("inf"))
        self._clock = clock
        self._sleep = sleep
        self.beat_s = 0.0
        self._last = self._begin()

    def means(self) -> Means:
        """The newest sample; `DeviceError` where the counters have long stood still."""
        counts_j, now_s = self._read(), self._clock()
        elapsed_s = now_s - self._last.at_s
        steps_j = self._steps(counts_j)
        if steps_j is None or elapsed_s > self._longest_s:
            self._last = self._begin()
        elif not any(steps_j.values()):
            if elapsed_s > STANDSTILL_S:
                raise DeviceError(STANDS_STILL, STILL_HINT)
        elif elapsed_s >= MIN_S:
            self._take(counts_j, now_s, steps_j)
        return self._last

    def _take(self, counts_j: Dict[str, float], now_s: float, steps_j: Dict[str, float]) -> Means:
        elapsed_s = now_s - self._last.at_s
        self._counts_j = counts_j
        self._last = Means(now_s, {name: step_j / elapsed_s for name, step_j in steps_j.items()}, self._last.at_s)
        return self._last

    def _begin(self) -> Means:
        """The first sample: from one step of the counters, for which they are waited for, to the next."""
        self._counts_j, now_s = self._read(), self._clock()
        self._last = Means(now_s, {}, now_s)
        first = self._next_step(0.0)
        second = self._next_step(MIN_S)
        self.beat_s = second.at_s - first.at_s
        return second

    def _next_step(self, least_s: float) -> Means:
        began_s = self._last.at_s
        while self._clock() - began_s < FIRST_S:
            self._sleep(POLL_S)
            counts_j, now_s = self._read(), self._clock()
            steps_j = self._steps(counts_j)
            if steps_j and any(steps_j.values()) and now_s - began_s >= least_s:
                return self._take(counts_j, now_s, steps_j)
        raise DeviceError(STANDS_STILL, STILL_HINT)

    def _steps(self, counts_j: Dict[str, float]) -> Optional[Dict[str, float]]:
        """Joules by rail since the last sample; None where a counter without a turn fell, or a rail came or went."""
        if set(counts_j) != set(self._counts_j):
            return None
        steps_j = {}
        for name, count_j in counts_j.items():
            step_j, turn_j = count_j - self._counts_j[name], self._turns_j.get(name)
            if step_j < 0.0:
                if not turn_j:
                    return None
                step_j += turn_j
            steps_j[name] = step_j
        return steps_j
