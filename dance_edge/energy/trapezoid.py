"""From samples of power to joules, with what the samples cannot know as a bound."""
from typing import Dict, NamedTuple, Optional, Tuple

import numpy as np

from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.trace import Columns

MIN_SAMPLES = 5        # a figure from fewer is a guess
GAP_FACTOR = 2.0       # an interval this much longer than the usual one is a gap
MAX_UNCOVERED_EDGE = 0.05  # of the window: more at its ends without samples, and there is no figure
MIN_COVERAGE = 0.5     # less of it free of gaps, and there is no figure


class Span(NamedTuple):
    """A window's part of a trace: `times_s` and `watts` (N,) at its samples and at both its ends, `is_gap` (N - 1,)
    for the intervals between them, and `edge_s`, the seconds of gap at the ends, where no sample lies beyond."""

    times_s: np.ndarray
    watts: np.ndarray
    is_gap: np.ndarray
    edge_s: float

    @property
    def steps_s(self) -> np.ndarray:
        """The length of each interval."""
        return np.diff(self.times_s)


def usual_interval(times_s: np.ndarray) -> Optional[float]:
    """The median time between samples; None with fewer than two."""
    return float(np.median(np.diff(times_s))) if times_s.size > 1 else None


def integrate(columns: Columns, start_s: float, end_s: float, source: str, scope: str,
              idle_w: Optional[float] = None) -> EnergyReading:
    """Joules from `start_s` to `end_s` by the trapezoid, the ends interpolated between their neighbours.

    The samples may reach beyond the window. Between two samples power is taken to lie between the two, in a gap
    anywhere that it was seen in the window: `low_j` and `high_j` are those sums. Rails are never added up: the
    figure is the total rail's, and without one there is none.
    """
    duration_s = end_s - start_s
    reading = EnergyReading(duration_s=max(duration_s, 0.0), source=source, scope=scope)
    inside = (columns.times_s >= start_s) & (columns.times_s <= end_s)
    reading = reading._replace(sample_count=int(np.count_nonzero(inside)))
    refusal = _too_few(columns, reading)
    if refusal:
        return reading._replace(reason=refusal)
    rails_j: Dict[str, float] = {}
    for name, watts in columns.rails_w.items():
        known = np.isfinite(watts)
        if np.all(known[inside]):
            rails_j[name] = _trapezoid(_cut(columns.times_s[known], watts[known], start_s, end_s))
    reading = reading._replace(rails_j=rails_j)
    if columns.total is None:
        return reading._replace(coverage=1.0, reason="no total rail among %s, and rails are not added up"
                                % ", ".join(sorted(columns.rails_w)))
    span = _cut(columns.times_s, columns.rails_w[columns.total], start_s, end_s)
    return _judged(reading, span, idle_w)


def _too_few(columns: Columns, reading: EnergyReading) -> str:
    if reading.sample_count >= MIN_SAMPLES:
        return ""
    if columns.times_s.size == 0:
        return "the sensor gave no sample"
    interval = usual_interval(columns.times_s)
    if interval is None:
        return "the sensor gave a single sample"
    return "%d samples in %.3g s are too few: at one every %.3g s run for at least %.3g s" % (
        reading.sample_count, reading.duration_s, interval, (MIN_SAMPLES + 1) * interval)


def _cut(times_s: np.ndarray, watts: np.ndarray, start_s: float, end_s: float) -> Span:
    """The window's part of a trace. Where no sample lies beyond an end, the last known value is held."""
    longest = GAP_FACTOR * (usual_interval(times_s) or 0.0)
    inside = (times_s > start_s) & (times_s < end_s)
    at_ends = np.interp([start_s, end_s], times_s, watts)
    times = np.concatenate([[start_s], times_s[inside], [end_s]])
    values = np.concatenate([at_ends[:1], watts[inside], at_ends[1:]])
    lengths, beyond = _sampled_lengths(times_s, times)
    is_gap = lengths > longest
    return Span(times, values, is_gap, float(np.sum(np.diff(times)[is_gap & beyond])))


def _sampled_lengths(times_s: np.ndarray, times: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """For each interval of a window how far apart the samples around it are (they may lie outside the window), or
    its own length where it lies beyond all samples; and whether it does."""
    middles = (times[:-1] + times[1:]) / 2.0
    after = np.searchsorted(times_s, middles)
    beyond = (after == 0) | (after == times_s.size)
    after = np.clip(after, 1, times_s.size - 1)
    return np.where(beyond, np.diff(times), times_s[after] - times_s[after - 1]), beyond


def _trapezoid(span: Span) -> float:
    return float(np.sum((span.watts[:-1] + span.watts[1:]) / 2.0 * span.steps_s))


def _bounds(span: Span) -> Tuple[float, float]:
    low = np.minimum(span.watts[:-1], span.watts[1:])
    high = np.maximum(span.watts[:-1], span.watts[1:])
    low = np.where(span.is_gap, np.min(span.watts), low)
    high = np.where(span.is_gap, np.max(span.watts), high)
    return float(np.sum(low * span.steps_s)), float(np.sum(high * span.steps_s))


def _judged(reading: EnergyReading, span: Span, idle_w: Optional[float]) -> EnergyReading:
    """Whether what was covered makes a figure, and what is to be said of it."""
    duration_s = reading.duration_s
    gaps = int(np.count_nonzero(span.is_gap))
    gap_s = float(np.sum(span.steps_s[span.is_gap]))
    coverage = max(0.0, 1.0 - gap_s / duration_s)
    reading = reading._replace(coverage=coverage)
    covered_j = float(np.sum(((span.watts[:-1] + span.watts[1:]) / 2.0 * span.steps_s)[~span.is_gap]))
    if span.edge_s > MAX_UNCOVERED_EDGE * duration_s or coverage < MIN_COVERAGE:
        return reading._replace(rails_j={}, reason="samples cover %.3g of %.3g s (%.4g J in that part)"
                                % (duration_s * coverage, duration_s, covered_j))
    gross_j = _trapezoid(span)
    low_j, high_j = _bounds(span)
    reason = ""
    if gaps:
        reason = "%d gap%s, %.3g of %.3g s: the error may reach %.3g J" % (
            gaps, "" if gaps == 1 else "s", gap_s, duration_s, max(high_j - gross_j, gross_j - low_j))
    net_j = None if idle_w is None else gross_j - idle_w * duration_s
    return reading._replace(measured=True, gross_j=gross_j, net_j=net_j, low_j=low_j, high_j=high_j, reason=reason)
