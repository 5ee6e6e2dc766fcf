"""How busy other programs kept the processors while we measured: a time from a busy machine is not the network's."""
import os
import time
from types import TracebackType
from typing import Optional, Type

from dance_edge.report.numbers import percent

STAT = "/proc/stat"
DISTURBED = 0.1  # of the machine's processor time; what is above is worth a warning


class Disturbance:
    """Used as `with Disturbance() as others: ...`; then `others.share` is the part of all processors' time, 0-1, that
    went to other programs. None where the system does not tell. Our own worker processes would count as others."""

    def __init__(self) -> None:
        self.share: Optional[float] = None
        self._busy_s: Optional[float] = None
        self._own_s = 0.0
        self._wall_s = 0.0

    def __enter__(self) -> "Disturbance":
        self._busy_s, self._own_s, self._wall_s = _busy_s(), time.process_time(), time.monotonic()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        busy_s, wall_s = _busy_s(), time.monotonic() - self._wall_s
        if busy_s is None or self._busy_s is None or wall_s <= 0.0:
            return
        others_s = (busy_s - self._busy_s) - (time.process_time() - self._own_s)
        self.share = max(0.0, others_s / (wall_s * (os.cpu_count() or 1)))

    def warning(self) -> str:
        """What to say of it, empty where there is nothing to say."""
        if self.share is None or self.share < DISTURBED:
            return ""
        return "other programs took %s of the processors' time meanwhile: on an idle machine times are shorter" % (
            percent(self.share))


def _busy_s() -> Optional[float]:
    """Seconds that all processors together have been busy since the start (user, nice, system, interrupts)."""
    try:
        with open(STAT, encoding="ascii") as file:
            fields = file.readline().split()
        user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in fields[1:8])
    except (OSError, ValueError):
        return None
    return float(user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
