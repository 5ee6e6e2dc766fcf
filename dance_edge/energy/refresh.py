"""How often a sensor has a new value, which is not how often it is read."""
from typing import NamedTuple, Optional

import numpy as np

MIN_CHANGES = 8      # fewer say nothing of a rhythm
LONGEST_S = 1.2      # no chip averages longer; what changes more rarely is the load itself
LIKE_THE_USUAL = 0.6  # the share of changes that come one usual period, or a whole number of them, after the last
REPEATS = 1.5        # readings a value, from which on a value is held rather than new each time


class Refresh(NamedTuple):
    """`period_s` between new values. `held`: the sensor gives each of them again until the next, as a chip does that
    averages: then a value tells of the period before the one in which it is read."""

    period_s: float
    held: bool

    @property
    def delay_s(self) -> float:
        """How much later than power itself its values come, where that could be seen."""
        return self.period_s if self.held else 0.0


def seen_refresh(times_s: np.ndarray, watts: np.ndarray) -> Optional[Refresh]:
    """The rhythm of samples at `times_s` (N,) of `watts` (N,), nan where one is missing; None with fewer than two.

    Two values of a chip may be equal, so a pause of two or three periods between changes is as good as one.
    """
    if times_s.size < 2:
        return None
    read_s = float(np.median(np.diff(times_s)))
    changes_s = times_s[1:][np.diff(watts) != 0.0]
    pauses_s = np.diff(changes_s)
    if pauses_s.size < MIN_CHANGES:
        return Refresh(read_s, False)
    period_s = _usual(pauses_s, read_s)
    if not REPEATS * read_s < period_s <= LONGEST_S:
        return Refresh(read_s, False)
    off_s = np.abs(pauses_s - np.maximum(np.rint(pauses_s / period_s), 1.0) * period_s)
    if float(np.mean(off_s <= 1.5 * read_s)) < LIKE_THE_USUAL:
        return Refresh(read_s, False)
    return Refresh(period_s, True)


def _usual(pauses_s: np.ndarray, read_s: float) -> float:
    """The mean of those pauses that are about as long as the shorter ones: the reading's own step evens out in it."""
    short_s = float(np.percentile(pauses_s, 25))
    return float(np.mean(pauses_s[np.abs(pauses_s - short_s) <= 1.5 * read_s]))
