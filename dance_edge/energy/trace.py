"""Samples of power as they came: a long run keeps millions of them, so they lie in flat arrays."""
import math
import threading
from array import array
from typing import Dict, List, NamedTuple, Optional

import numpy as np

from dance_edge.energy.reading import PowerSample

FORMAT = 1
AVERAGES = ", averages"  # ends the first line of a trace whose samples are means, each since the one before
MAX_W = 2000.0  # no sensor here feeds more; what is above is nonsense


class Columns(NamedTuple):
    """`times_s` float64 (N,), strictly increasing; `rails_w` by name, float64 (N,), nan where a sample lacked it."""

    times_s: np.ndarray
    rails_w: Dict[str, np.ndarray]
    total: Optional[str]


class Trace:
    """Samples in the order of time. The rails and the total are those of the first sample.

    `repeated` counts samples that bore a time stamp already seen (equal values are kept: power may well stay the
    same), `nonsense` those whose total was not a finite power.
    """

    __slots__ = ("repeated", "nonsense", "_times", "_rails", "_total", "_lock")

    def __init__(self) -> None:
        self.repeated = 0
        self.nonsense = 0
        self._times = array("d")
        self._rails: Dict[str, "array[float]"] = {}
        self._total: Optional[str] = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._times)

    @property
    def last_s(self) -> float:
        """The newest time stamp; minus infinity without one."""
        return self._times[-1] if self._times else -math.inf

    @property
    def last_w(self) -> Optional[float]:
        """The newest sample of the rail that feeds all; None without one."""
        with self._lock:
            return self._rails[self._total][-1] if self._total and self._times else None

    @property
    def last_rails_w(self) -> Dict[str, float]:
        """The newest sample's watts by rail; empty without one."""
        with self._lock:
            return {name: values[-1] for name, values in self._rails.items()} if self._times else {}

    def append(self, sample: PowerSample) -> bool:
        """Keep `sample`, or count it as repeated or as nonsense and say False."""
        with self._lock:
            if not sample.monotonic_s > self.last_s:
                self.repeated += 1
                return False
            if not self._rails:
                self._total = sample.total
                self._rails = {name: array("d") for name in sample.rails_w}
            rails_w = sample.rails_w
            if self._total:
                sane = _sane(rails_w.get(self._total, math.nan))
            else:
                sane = bool(rails_w) and all(_sane(watts) for watts in rails_w.values())
            if not sane:
                self.nonsense += 1
                return False
            self._times.append(sample.monotonic_s)
            for name, values in self._rails.items():
                values.append(rails_w.get(name, math.nan))
            return True

    def columns(self) -> Columns:
        """A copy, safe while samples go on coming in."""
        with self._lock:
            return Columns(np.array(self._times, dtype=np.float64),
                           {name: np.array(values, dtype=np.float64) for name, values in self._rails.items()},
                           self._total)

    def write_csv(self, path: str, source: str, averages: bool = False) -> None:
        """One line a sample: monotonic seconds, then watts by rail; the first line says what they are. `source` and
        `averages` are the sensor's.

        What is in the file stays: a resumed run appends its own part, head lines and all, since after a reboot the
        monotonic clock starts anew.
        """
        columns = self.columns()
        names = list(columns.rails_w)
        lines: List[str] = ["# format: %d, source: %s, total: %s%s" % (
            FORMAT, source, columns.total or "none", AVERAGES if averages else ""),
                            ",".join(["monotonic_s"] + [name + "_w" for name in names])]
        for i, time_s in enumerate(columns.times_s):
            lines.append(",".join(["%.6f" % time_s] + ["%.4f" % columns.rails_w[name][i] for name in names]))
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def _sane(watts: float) -> bool:
    return -1.0 < watts < MAX_W  # nan is not; at idle an offset may bring a rail just below 0
