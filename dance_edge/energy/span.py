"""A window's part of a trace of power, cut at the window's ends, and the sums over it."""
from typing import NamedTuple, Optional, Tuple

import numpy as np

GAP_FACTOR = 2.0  # an interval this much longer than the usual one is a gap,
BREAK_S = 0.001   # a mean that begins this much after the last sample leaves a gap
LATE_S = 0.25     # where it is longer than this too: a busy machine wakes the reader a little late now and then


class Span(NamedTuple):
    """`times_s` and `watts` (N,) at a window's samples and at both its ends; `means_w` and `is_gap` (N - 1,) of the
    intervals between them; `edge_s`, the seconds of gap at the ends, where no sample lies beyond."""

    times_s: np.ndarray
    watts: np.ndarray
    means_w: np.ndarray
    is_gap: np.ndarray
    edge_s: float

    @property
    def steps_s(self) -> np.ndarray:
        """The length of each interval."""
        return np.diff(self.times_s)

    @property
    def gap_s(self) -> float:
        """The length of all gaps together."""
        return float(np.sum(self.steps_s[self.is_gap]))

    @property
    def joules(self) -> float:
        """Of the whole window; in a gap power is taken to have gone straight from one sample to the next."""
        return float(np.sum(self.means_w * self.steps_s))

    @property
    def covered_j(self) -> float:
        """Of the window without its gaps."""
        return float(np.sum((self.means_w * self.steps_s)[~self.is_gap]))


def usual_interval(times_s: np.ndarray) -> Optional[float]:
    """The median time between samples; None with fewer than two."""
    return float(np.median(np.diff(times_s))) if times_s.size > 1 else None


def cut(times_s: np.ndarray, watts: np.ndarray, start_s: float, end_s: float, averages: bool = False,
        since_s: Optional[np.ndarray] = None) -> Span:
    """The window's part of a trace. Where no sample lies beyond an end, the last known value is held.

    Between samples of a moment power goes straight from one to the next (the trapezoid, its ends interpolated);
    with `averages` each sample is the mean over the whole interval before it, however long, so that it is no gap; but
    where a mean begins later than the last sample (`since_s`, nan: not said), what lies between is one.
    """
    unknown = np.zeros(times_s.size, dtype=bool)
    if averages and since_s is not None:
        times_s, watts, unknown = _with_breaks(times_s, watts, since_s)
    longest = max(GAP_FACTOR * (usual_interval(times_s) or 0.0), LATE_S)
    low, high = _inside(times_s, start_s, end_s)
    after = np.arange(low, high + 1)  # of each interval of the window: the sample at its end, or beyond it
    inside_s, inside_w = times_s[low:high], watts[low:high]
    times = np.concatenate([[start_s], inside_s, [end_s]])
    if averages:
        ends = np.minimum(after, times_s.size - 1)
        means, unknown = watts[ends], unknown[ends]
        first = min(int(np.searchsorted(times_s, start_s)), times_s.size - 1)
        values = np.concatenate([watts[first:first + 1], means])
    else:
        at_ends = np.interp([start_s, end_s], times_s, watts)
        values = np.concatenate([at_ends[:1], inside_w, at_ends[1:]])
        means = (values[:-1] + values[1:]) / 2.0
    lengths, beyond = _sampled_lengths(times_s, times, after)
    is_gap = (lengths > longest) & (beyond | (not averages))
    if averages:
        is_gap |= unknown
    return Span(times, values, means, is_gap, float(np.sum(np.diff(times)[is_gap & beyond])))


def joules_between(times_s: np.ndarray, watts: np.ndarray, start_s: float, end_s: float) -> float:
    """Of samples of a moment, as `cut` has them, and in a fraction of its time."""
    low, high = _inside(times_s, start_s, end_s)
    at_ends = np.interp([start_s, end_s], times_s, watts)
    times = np.concatenate([[start_s], times_s[low:high], [end_s]])
    values = np.concatenate([at_ends[:1], watts[low:high], at_ends[1:]])
    return float(np.dot(values[1:] + values[:-1], np.diff(times))) / 2.0


def _inside(times_s: np.ndarray, start_s: float, end_s: float) -> Tuple[int, int]:
    low = int(np.searchsorted(times_s, start_s, side="right"))
    return low, max(low, int(np.searchsorted(times_s, end_s)))


def _sampled_lengths(times_s: np.ndarray, times: np.ndarray, after: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """For each interval of a window how far apart the samples around it are (they may lie outside the window), or
    its own length where it lies beyond all samples; and whether it does."""
    beyond = (after == 0) | (after == times_s.size)
    after = np.clip(after, 1, times_s.size - 1)
    return np.where(beyond, np.diff(times), times_s[after] - times_s[after - 1]), beyond


def _with_breaks(times_s: np.ndarray, watts: np.ndarray,
                 since_s: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(times, watts, whether unknown): the trace with a sample of the mean between its neighbours where each break
    ends, marked as unknown."""
    with np.errstate(invalid="ignore"):  # nan is no break
        breaks = np.nonzero(since_s[1:] - times_s[:-1] > BREAK_S)[0] + 1
    unknown = np.insert(np.zeros(times_s.size, dtype=bool), breaks, True)
    between_w = (watts[breaks - 1] + watts[breaks]) / 2.0
    return np.insert(times_s, breaks, since_s[breaks]), np.insert(watts, breaks, between_w), unknown
