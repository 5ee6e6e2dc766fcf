"""Samples of power as they came: a long run keeps millions of them, so they lie in flat arrays."""
import math
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from typing import Callable, ContextManager, Deque, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from dance_edge.energy.reading import PowerSample

FORMAT = 2  # 1 had neither since_s nor what the first line says of delay and volts
AVERAGES = ", averages"  # ends the first line of a trace whose samples are means, each since the one before
SINCE = "since_s"  # the title of that column, in a trace of means
MAX_W = 2000.0  # no sensor here feeds more; what is above is nonsense


class Columns(NamedTuple):
    """`times_s` float64 (N,), strictly increasing; `rails_w` by name, float64 (N,), nan where a sample lacked it;
    `since_s` float64 (N,), when a sample's mean begins, nan where it did not say."""

    times_s: np.ndarray
    rails_w: Dict[str, np.ndarray]
    total: Optional[str]
    since_s: Optional[np.ndarray] = None

    def part(self, low: int, high: int) -> "Columns":
        """Samples `low` to `high`, the latter left out; views, no copies."""
        return Columns(self.times_s[low:high], {name: watts[low:high] for name, watts in self.rails_w.items()},
                       self.total, None if self.since_s is None else self.since_s[low:high])


class Trace:
    """Samples in the order of time. The rails and the total are those of the first sample.

    `append` takes a `PowerSample`: it is kept, or counted as repeated or as nonsense. New ones wait in a queue until
    somebody asks: the thread that samples has just been woken and finds the processor's caches cold, where many that
    are sorted in at once cost what one does.
    """

    __slots__ = ("_repeated", "_nonsense", "_times", "_since", "_rails", "_total", "_fresh", "_lock", "append")

    def __init__(self) -> None:
        self._repeated = 0
        self._nonsense = 0
        self._times = array("d")
        self._since = array("d")
        self._rails: Dict[str, "array[float]"] = {}
        self._total: Optional[str] = None
        self._fresh: Deque[PowerSample] = deque()
        self._lock = threading.Lock()
        self.append: Callable[[PowerSample], None] = self._fresh.append

    def __len__(self) -> int:
        with self._sorted_in():
            return len(self._times)

    @property
    def repeated(self) -> int:
        """How many samples bore a time stamp already seen. Equal values are kept: power may well stay the same."""
        with self._sorted_in():
            return self._repeated

    @property
    def nonsense(self) -> int:
        """How many samples' total was not a finite power."""
        with self._sorted_in():
            return self._nonsense

    @property
    def total(self) -> Optional[str]:
        """The rail that feeds all; None without one, and without samples."""
        with self._sorted_in():
            return self._total

    @property
    def last_s(self) -> float:
        """The newest time stamp; minus infinity without one."""
        with self._sorted_in():
            return self._newest_s()

    @property
    def last_w(self) -> Optional[float]:
        """The newest sample of the rail that feeds all; None without one."""
        with self._sorted_in():
            return self._rails[self._total][-1] if self._total and self._times else None

    @property
    def last_rails_w(self) -> Dict[str, float]:
        """The newest sample's watts by rail; empty without one."""
        with self._sorted_in():
            return {name: values[-1] for name, values in self._rails.items()} if self._times else {}

    def columns(self, start_s: float = -math.inf, end_s: float = math.inf, around: int = 0) -> Columns:
        """A copy, safe while samples go on coming in: of those from `start_s` to `end_s`, and of so many `around`."""
        with self._sorted_in():
            low = max(0, bisect_left(self._times, start_s) - around)
            high = bisect_right(self._times, end_s) + around
            return Columns(np.array(self._times[low:high], dtype=np.float64),
                           {name: np.array(values[low:high], dtype=np.float64) for name, values in self._rails.items()},
                           self._total, np.array(self._since[low:high], dtype=np.float64))

    def sort_in(self) -> None:
        """Sort in what waits."""
        with self._lock:
            while self._fresh:
                self._sort_in(self._fresh.popleft())

    def _sorted_in(self) -> ContextManager[bool]:
        """The lock, once nothing waits."""
        self.sort_in()
        return self._lock

    def _newest_s(self) -> float:
        return self._times[-1] if self._times else -math.inf

    def _sort_in(self, sample: PowerSample) -> None:
        rails_w = sample.rails_w
        if not sample.monotonic_s > self._newest_s():
            self._repeated += 1
            return
        if not self._rails:
            self._total = sample.total
            self._rails = {name: array("d") for name in rails_w}
        if self._total:
            sane = _sane(rails_w.get(self._total, math.nan))
        else:
            sane = bool(rails_w) and all(_sane(watts) for watts in rails_w.values())
        if not sane:
            self._nonsense += 1
            return
        self._times.append(sample.monotonic_s)
        self._since.append(math.nan if sample.since_s is None else sample.since_s)
        for name, values in self._rails.items():
            values.append(rails_w.get(name, math.nan))

    def write_csv(self, path: str, source: str, averages: bool = False, delay_s: float = 0.0,
                  volts: Optional[float] = None) -> None:
        """One line a sample: monotonic seconds, of means also since when each holds, then watts by rail; the first
        line says what they are. `source`, `averages`, `delay_s` and `volts` are the sensor's.

        What is in the file stays: a resumed run appends its own part, head lines and all, since after a reboot the
        monotonic clock starts anew.
        """
        columns = self.columns()
        lines = ["# format: %d, source: %s, total: %s%s%s%s" % (
            FORMAT, source, columns.total or "none", ", delay_s: %.6g" % delay_s if delay_s else "",
            ", volts: %.6g" % volts if volts else "", AVERAGES if averages else "")]
        rows: List[Tuple[str, str, np.ndarray]] = [("monotonic_s", "%.6f", columns.times_s)]
        if averages and columns.since_s is not None:
            rows.append((SINCE, "%.6f", columns.since_s))
        rows += [(name + "_w", "%.4f", watts) for name, watts in columns.rails_w.items()]
        lines.append(",".join(title for title, _, _ in rows))
        pattern = ",".join(style for _, style, _ in rows)
        lines += [pattern % values for values in zip(*(values.tolist() for _, _, values in rows))]
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def _sane(watts: float) -> bool:
    return -1.0 < watts < MAX_W  # nan is not; at idle an offset may bring a rail just below 0
