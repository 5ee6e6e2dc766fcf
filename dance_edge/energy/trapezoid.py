"""From samples of power to joules, with what the samples cannot know as an interval."""
import math
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.energy.interval import Z_95, cut_averages, cut_periods, interval, rounding_error, sampling_error
from dance_edge.energy.reading import EnergyReading, add_up
from dance_edge.energy.refresh import Refresh, seen_refresh
from dance_edge.energy.span import Span, cut
from dance_edge.energy.trace import Columns

MIN_SAMPLES = 5        # a figure from fewer is a guess
MAX_UNCOVERED_EDGE = 0.05  # of the window: more at its ends without samples, and there is no figure
MIN_COVERAGE = 0.5     # less of it free of gaps, and there is no figure


class SensorFacts(NamedTuple):
    """What is known of the sensor behind a trace, as `PowerSensor` has it."""

    source: str
    scope: str
    averages: bool = False
    delay_s: float = 0.0
    step_w: float = 0.0


def integrate(columns: Columns, start_s: float, end_s: float, sensor: SensorFacts,
              idle_w: Optional[float] = None) -> EnergyReading:
    """Joules from `start_s` to `end_s`, as in `integrate_all`."""
    return integrate_all(columns, [(start_s, end_s)], sensor, idle_w)


def integrate_all(columns: Columns, windows: Sequence[Tuple[float, float]], sensor: SensorFacts,
                  idle_w: Optional[float] = None) -> EnergyReading:
    """Joules of all `windows` (start, end) together; the samples may reach beyond them, and better do.

    Rails are never added up: the figure is the total rail's, and without one there is none. A chip that averages gives
    the mean of the period before, so where such a rhythm is seen a window is read a period later. The interval
    (`low_j`, `high_j`) holds every delay that the sensor may have. Many short windows have a figure together where
    none of them has one alone.
    """
    refresh = rhythm(columns, sensor.averages)
    reading = EnergyReading(
        duration_s=sum(max(end_s - start_s, 0.0) for start_s, end_s in windows), source=sensor.source,
        scope=sensor.scope, sample_count=sum(int(np.count_nonzero(_inside(columns, one))) for one in windows),
        refresh_s=None if refresh is None else refresh.period_s)
    refusal = _too_few(columns, reading, refresh)
    if refusal or refresh is None:
        return reading._replace(reason=refusal)
    return add_up([_of_window(columns, one, sensor, refresh, idle_w) for one in windows])


def _of_window(columns: Columns, window: Tuple[float, float], sensor: SensorFacts, refresh: Refresh,
               idle_w: Optional[float]) -> EnergyReading:
    inside = _inside(columns, window)
    start_s, end_s = window[0] + refresh.delay_s, window[1] + refresh.delay_s
    reading = EnergyReading(
        duration_s=max(end_s - start_s, 0.0), source=sensor.source, scope=sensor.scope,
        sample_count=int(np.count_nonzero(inside)), refresh_s=refresh.period_s,
        rails_j=_rails(columns, start_s, end_s, sensor.averages, inside))
    if columns.total is None:
        return reading._replace(coverage=1.0, reason="no total rail among %s, and rails are not added up"
                                % ", ".join(sorted(columns.rails_w)))
    total_w = columns.rails_w[columns.total]
    span = cut(columns.times_s, total_w, start_s, end_s, sensor.averages)
    reading = _covered(reading, span)
    if reading.reason:
        return reading
    low_j, high_j = _interval(columns.times_s, total_w, span, sensor, refresh)
    return _figure(reading, span, (low_j, high_j), idle_w)


def _inside(columns: Columns, window: Tuple[float, float]) -> np.ndarray:
    inside: np.ndarray = (columns.times_s >= window[0]) & (columns.times_s <= window[1])
    return inside


def rhythm(columns: Columns, averages: bool) -> Optional[Refresh]:
    """How often the sensor has a new value; None with fewer than two samples. A counter's (`averages`) is new at each
    sample, and not late."""
    rails = list(columns.rails_w.values())
    watts = columns.rails_w[columns.total] if columns.total is not None else rails[0] if rails else columns.times_s
    refresh = seen_refresh(columns.times_s, watts)
    if refresh is None or not averages:
        return refresh
    return Refresh(float(np.median(np.diff(columns.times_s))), False)


def _rails(columns: Columns, start_s: float, end_s: float, averages: bool, inside: np.ndarray) -> Dict[str, float]:
    """Joules of each rail that was there all the time."""
    rails_j = {}
    for name, watts in columns.rails_w.items():
        known = np.isfinite(watts)
        if np.all(known[inside]):
            rails_j[name] = cut(columns.times_s[known], watts[known], start_s, end_s, averages).joules
    return rails_j


def _too_few(columns: Columns, reading: EnergyReading, refresh: Optional[Refresh]) -> str:
    if columns.times_s.size == 0:
        return "the sensor gave no sample"
    if refresh is None:
        return "the sensor gave a single sample"
    values = reading.sample_count
    if refresh.held:
        values = min(values, int(reading.duration_s / refresh.period_s))
    if values >= MIN_SAMPLES:
        return ""
    return "%d samples in %.3g s are too few: at one every %.3g s run for at least %.3g s" % (
        values, reading.duration_s, refresh.period_s, (MIN_SAMPLES + 1) * refresh.period_s)


def _covered(reading: EnergyReading, span: Span) -> EnergyReading:
    """`reading` with what the samples cover, and the reason where that is too little for a figure."""
    duration_s = reading.duration_s
    coverage = max(0.0, 1.0 - span.gap_s / duration_s)
    reading = reading._replace(coverage=coverage, gaps=int(np.count_nonzero(span.is_gap)))
    if span.edge_s > MAX_UNCOVERED_EDGE * duration_s or coverage < MIN_COVERAGE:
        return reading._replace(rails_j={}, reason="samples cover %.3g of %.3g s (%.4g J in that part)"
                                % (duration_s * coverage, duration_s, span.covered_j))
    return reading


def _interval(times_s: np.ndarray, watts: np.ndarray, span: Span, sensor: SensorFacts,
              refresh: Refresh) -> Tuple[float, float]:
    """(low, high) in joules over every delay from none to the sensor's longest."""
    spread_j = None
    if refresh.held:
        spread_j = cut_periods(times_s, watts, span, refresh.period_s) + Z_95 * math.hypot(
            sampling_error(span), rounding_error(span, refresh.period_s, sensor.step_w))
    elif sensor.averages:
        return interval(span, cut_averages(times_s, watts, span, sensor.delay_s))
    low_j, high_j = interval(span, spread_j)
    delay_s = refresh.delay_s
    longest_s = max(sensor.delay_s, delay_s)
    start_s, end_s = float(span.times_s[0]) - delay_s, float(span.times_s[-1]) - delay_s
    moved_j = [cut(times_s, watts, start_s + part * longest_s, end_s + part * longest_s, sensor.averages).joules
               - span.joules for part in ((0.0, 0.5, 1.0) if longest_s else (0.0,))]
    return low_j + min(moved_j + [0.0]), high_j + max(moved_j + [0.0])


def _figure(reading: EnergyReading, span: Span, bounds_j: Tuple[float, float],
            idle_w: Optional[float]) -> EnergyReading:
    low_j, high_j = bounds_j
    reason = ""
    if reading.gaps:
        reason = "%d gap%s, %.3g of %.3g s: the error may reach %.3g J" % (
            reading.gaps, "" if reading.gaps == 1 else "s", span.gap_s, reading.duration_s,
            max(high_j - span.joules, span.joules - low_j))
    net_j = None if idle_w is None else span.joules - idle_w * reading.duration_s
    return reading._replace(measured=True, gross_j=span.joules, net_j=net_j, low_j=low_j, high_j=high_j, reason=reason)
