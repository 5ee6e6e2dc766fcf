"""One variant against another, in pairs of turns that follow each other: what drifts, drifts for both."""
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

# Student's t for a two-sided 95 % interval, by degrees of freedom from 1 on; beyond them the normal distribution's.
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
         2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
_NORMAL_95 = 1.96


class Ratio(NamedTuple):
    """after / before, geometric mean over `pairs`, with its 95 % interval; `low` and `high` are None for one pair."""

    value: float
    low: Optional[float]
    high: Optional[float]
    pairs: int

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
        """As `change`, of what was measured: where its interval is not known that is said."""
        return self.change + (", interval not known" if self.low is None or self.high is None else "")

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
    return _T_95[freedom - 1] if freedom <= len(_T_95) else _NORMAL_95


def widened(ratio: Ratio, before: Tuple[float, float], after: Tuple[float, float]) -> Ratio:
    """`ratio` of two sums of joules, each (joules, most that the sensor may be off by): the same offset lies in both,
    up or down, and does not fall out of a quotient."""
    if ratio.low is None or ratio.high is None:
        return ratio
    value = after[0] / before[0]
    moved = [(after[0] + sign * after[1]) / (before[0] + sign * before[1]) / value for sign in (-1.0, 1.0)
             if before[0] + sign * before[1] > 0.0 and after[0] + sign * after[1] > 0.0]
    return ratio._replace(low=ratio.low * min(moved + [1.0]), high=ratio.high * max(moved + [1.0]))


def _percent(ratio: float) -> float:
    return 100.0 * (ratio - 1.0)
