"""One variant against another, in pairs of their turns in the same pass: what drifts slowly, drifts for both."""
import math
from typing import Any, Dict, NamedTuple, Optional, Sequence

import numpy as np

from dance_edge.energy.reading import EnergyReading
from dance_edge.report.joules import alike

# Student's t for a two-sided 95 % interval, by degrees of freedom from 1 on.
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
         2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
_NORMAL_95 = 1.959964
NOT_KNOWN = "the sensor's own error is not known"
TOO_LARGE = "the sensor may be off by as much as it read"


class Ratio(NamedTuple):
    """after / before, geometric mean over `pairs`, with its 95 % interval; `low` and `high` are None where that is not
    known, as of one pair. `reason` says what the interval lacks, or why there is none; mostly there is nothing to say.
    """

    value: float
    low: Optional[float]
    high: Optional[float]
    pairs: int
    reason: str = ""

    @property
    def seen(self) -> bool:
        """Whether a difference was seen: the interval is known and does not hold 1."""
        return self.low is not None and self.high is not None and not self.low <= 1.0 <= self.high

    @property
    def change(self) -> str:
        """In words: `-32 % (-35 to -29)`, `no difference seen (-3 to +2 %)`."""
        if self.low is None or self.high is None:
            return "%+.1f %%" % _percent(self.value)
        if not self.seen:
            return "no difference seen (%+.1f to %+.1f %%)" % (_percent(self.low), _percent(self.high))
        return "%+.1f %% (%+.1f to %+.1f)" % (_percent(self.value), _percent(self.low), _percent(self.high))

    @property
    def measured_change(self) -> str:
        """As `change`, of what was measured: with what is to be said of its interval."""
        unknown = "interval not known" if self.low is None or self.high is None else ""
        return ", ".join(part for part in (self.change, unknown, self.reason) if part)

    def to_dict(self) -> Dict[str, Any]:
        """The fields, and whether a difference was seen."""
        return dict(self._asdict(), seen=self.seen)


def paired_ratio(before: Sequence[Optional[float]], after: Sequence[Optional[float]]) -> Optional[Ratio]:
    """From what each pair measured; pairs that lack a figure are left out. None where no pair has both, above 0.

    Over the logarithms, so that 2 and 1/2 are equally far from 1.
    """
    logs = np.array([np.log(second / first) for first, second in zip(before, after)
                     if first is not None and second is not None and first > 0.0 and second > 0.0])
    if logs.size == 0:
        return None
    middle = float(np.mean(logs))
    if logs.size == 1:
        return Ratio(float(np.exp(middle)), None, None, 1)
    half = t_95(logs.size - 1) * float(np.std(logs, ddof=1)) / float(np.sqrt(logs.size))
    return Ratio(float(np.exp(middle)), float(np.exp(middle - half)), float(np.exp(middle + half)), int(logs.size))


def t_95(freedom: int) -> float:
    """Student's t of a two-sided 95 % interval with `freedom` degrees of freedom, at least 1."""
    if freedom <= len(_T_95):
        return _T_95[freedom - 1]
    z = _NORMAL_95  # and what Cornish and Fisher's expansion adds to the normal distribution's
    first, second = (z ** 3 + z) / 4.0, (5.0 * z ** 5 + 16.0 * z ** 3 + 3.0 * z) / 96.0
    return z + first / freedom + second / freedom ** 2


def quotient(before: EnergyReading, after: EnergyReading) -> Optional[float]:
    """after / before of two figures; None where one of them is missing, or they are not alike."""
    if not before.gross_j or after.gross_j is None or not alike([before, after]):
        return None
    return after.gross_j / before.gross_j


def widened(ratio: Ratio, before: EnergyReading, after: EnergyReading, one_board: bool = True) -> Ratio:
    """`ratio` of the joules of the two, by what the sensor itself may be off by, which falls out of no quotient.

    A board's offset and gain are the same in both, up or down. What a calibration leaves over is not: it may be up at
    one load and down at another; nor are the errors of two boards. Where the sensor may be off by all that it read
    there is no upper bound, and the interval is not known.
    """
    if ratio.low is None or ratio.high is None:
        return ratio
    if before.sensor_j is None or after.sensor_j is None:
        return ratio._replace(reason=NOT_KNOWN)
    first, second = _share(before), _share(after)
    if first >= 1.0 or not math.isfinite(second):
        return ratio._replace(low=None, high=None, reason=TOO_LARGE)
    along = 1.0 if one_board and not (before.calibrated or after.calibrated) else -1.0
    moved = [max(0.0, 1.0 + sign * second) / (1.0 + along * sign * first) for sign in (-1.0, 1.0)]
    return ratio._replace(low=ratio.low * min(moved + [1.0]), high=ratio.high * max(moved + [1.0]))


def _share(energy: EnergyReading) -> float:
    """What the sensor may be off by, of what it read."""
    if not energy.gross_j or energy.gross_j < 0.0:
        return math.inf
    return (energy.sensor_j or 0.0) / energy.gross_j


def _percent(ratio: float) -> float:
    return 100.0 * (ratio - 1.0)
