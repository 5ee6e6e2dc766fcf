"""A window's part of a trace of power, cut at the window's ends, and the sums over it."""
from typing import NamedTuple, Optional, Tuple

import numpy as np

GAP_FACTOR = 2.0  # an interval this much longer than the usual one is a gap,
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


def cut(times_s: np.ndarray, watts: np.ndarray, start_s: float, end_s: float, averages: bool = False) -> Span:
    """The window's part of a trace. Where no sample lies beyond an end, the last known value is held.

    Between samples of a moment power goes straight from one to the next (the trapezoid, its ends interpolated);
    with `averages` each sample is the mean over the whole interval before it, however long, so that it is no gap.
    """
    longest = max(GAP_FACTOR * (usual_interval(times_s) or 0.0), LATE_S)
    inside = (times_s > start_s) & (times_s < end_s)
    times = np.concatenate([[start_s], times_s[inside], [end_s]])
    if averages:
        values = watts[np.minimum(np.searchsorted(times_s, times), times_s.size - 1)]
        means = values[1:]
    else:
        at_ends = np.interp([start_s, end_s], times_s, watts)
        values = np.concatenate([at_ends[:1], watts[inside], at_ends[1:]])
        means = (values[:-1] + values[1:]) / 2.0
    lengths, beyond = _sampled_lengths(times_s, times)
    is_gap = (lengths > longest) & (beyond | (not averages))
    return Span(times, values, means, is_gap, float(np.sum(np.diff(times)[is_gap & beyond])))


def _sampled_lengths(times_s: np.ndarray, times: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """For each interval of a window how far apart the samples around it are (they may lie outside the window), or
    its own length where it lies beyond all samples; and whether it does."""
    middles = (times[:-1] + times[1:]) / 2.0
    after = np.searchsorted(times_s, middles)
    beyond = (after == 0) | (after == times_s.size)
    after = np.clip(after, 1, times_s.size - 1)
    return np.where(beyond, np.diff(times), times_s[after] - times_s[after - 1]), beyond
