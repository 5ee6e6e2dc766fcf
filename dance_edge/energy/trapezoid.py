"""From samples of power to joules, with what the samples cannot know as an interval."""
import math
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.energy.interval import Z_95, cut_averages, cut_periods, interval, rounding_error, sampling_error
from dance_edge.energy.reading import MIN_COVERAGE, EnergyReading, add_up
from dance_edge.energy.refresh import Refresh, seen_refresh
from dance_edge.energy.span import Span, cut, joules_between
from dance_edge.energy.trace import Columns

MIN_SAMPLES = 5        # a figure from fewer is a guess
MAX_UNCOVERED_EDGE = 0.05  # of the window: more at its ends without samples, and there is no figure
RHYTHM_SAMPLES = 5000  # that a sensor's rhythm is taken from
NEAR_S = 3.0           # around a window its samples tell of it too: more than the longest delay, and than two periods
NEAR_SAMPLES = 100     # and so many, for what is usual
Stretch = Tuple[float, float]  # its start and its end, in seconds of the samples' clock


class SensorFacts(NamedTuple):
    """What is known of the sensor behind a trace, as `PowerSensor` has it."""

    source: str
    scope: str
    averages: bool = False
    delay_s: float = 0.0
    step_w: float = 0.0


def integrate_all(columns: Columns, windows: Sequence[Stretch], sensor: SensorFacts,
                  kept: Optional[Dict[Stretch, EnergyReading]] = None, settled_s: float = -math.inf) -> EnergyReading:
    """Joules of all `windows` (start, end) together; the samples may reach beyond them, and better do.

    Rails are never added up: the figure is the total rail's, and without one there is none. A chip that averages gives
    the mean of the period before, so where such a rhythm is seen a window is read a period later. The interval
    (`low_j`, `high_j`) holds every delay that the sensor may have. Many short windows have a figure together where
    none of them has one alone. `kept` holds the parts of windows of which `columns` need not have samples any more;
    those that end before `settled_s` are put into it.
    """
    kept = {} if kept is None else kept
    refresh = rhythm(columns, sensor.averages, max(end_s for _, end_s in windows))
    parts = {one: kept[one] if one in kept else _of_window(columns, one, sensor, refresh) for one in windows}
    kept.update((one, part) for one, part in parts.items() if one[1] < settled_s)
    whole = EnergyReading(
        duration_s=sum(part.duration_s for part in parts.values()), source=sensor.source, scope=sensor.scope,
        sample_count=sum(part.sample_count for part in parts.values()),
        refresh_s=None if refresh is None else refresh.period_s)
    refusal = _too_few(columns, whole, refresh)
    return whole._replace(reason=refusal) if refusal else add_up([parts[one] for one in windows])


def _of_window(columns: Columns, window: Stretch, sensor: SensorFacts, refresh: Optional[Refresh]) -> EnergyReading:
    first, beyond = np.searchsorted(columns.times_s, [window[0], np.nextafter(window[1], math.inf)])
    reading = EnergyReading(duration_s=max(window[1] - window[0], 0.0), source=sensor.source, scope=sensor.scope,
                            sample_count=max(int(beyond - first), 0),
                            refresh_s=None if refresh is None else refresh.period_s)
    if refresh is None or reading.duration_s <= 0.0:
        return reading._replace(reason="a window without a length" if refresh else "too few samples")
    columns = _near(columns, window)
    if columns.total is None:
        return reading._replace(coverage=1.0, rails_j=_rails(columns, window, sensor, refresh),
                                reason="no total rail among %s, and rails are not added up"
                                       % ", ".join(sorted(columns.rails_w)))
    total_w = columns.rails_w[columns.total]
    span = cut(columns.times_s, total_w, window[0] + refresh.delay_s, window[1] + refresh.delay_s, sensor.averages,
               columns.since_s)
    reading = _covered(reading, span)
    if reading.reason:
        return reading
    reading = reading._replace(rails_j=_rails(columns, window, sensor, refresh))
    return _figure(reading, span, _interval(columns.times_s, total_w, span, sensor, refresh))


def _near(columns: Columns, window: Stretch) -> Columns:
    """The samples in `window`, and enough around it for its edges and for what is usual."""
    low, high = np.searchsorted(columns.times_s, [window[0] - NEAR_S, window[1] + NEAR_S])
    return columns.part(max(0, int(low) - NEAR_SAMPLES), int(high) + NEAR_SAMPLES)


def rhythm(columns: Columns, averages: bool, end_s: float = math.inf) -> Optional[Refresh]:
    """How often the sensor has a new value, by its latest samples around `end_s`, or by earlier ones where those tell
    of no rhythm; None with fewer than two samples. A counter's (`averages`) is new at each sample, and not late."""
    high = int(np.searchsorted(columns.times_s, end_s + NEAR_S))
    found = None
    for share in (1.0, 0.67, 0.33, 0.0):
        low = int(share * max(0, high - RHYTHM_SAMPLES))
        part = columns.part(low, max(2, low + RHYTHM_SAMPLES))
        refresh = _rhythm_of(part, averages)
        found = found or refresh
        if refresh is None or refresh.held or averages or high <= RHYTHM_SAMPLES:
            return refresh or found
    return found


def _rhythm_of(columns: Columns, averages: bool) -> Optional[Refresh]:
    rails = list(columns.rails_w.values())
    watts = columns.rails_w[columns.total] if columns.total is not None else rails[0] if rails else columns.times_s
    refresh = seen_refresh(columns.times_s, watts)
    if refresh is None or not averages:
        return refresh
    return Refresh(float(np.median(np.diff(columns.times_s))), False)


def _rails(columns: Columns, window: Stretch, sensor: SensorFacts, refresh: Refresh) -> Dict[str, float]:
    """Joules of each rail that was there all the time."""
    rails_j = {}
    low, high = np.searchsorted(columns.times_s, window)
    for name, watts in columns.rails_w.items():
        known = np.isfinite(watts)
        if np.all(known[low:high]):
            times_s, since_s = columns.times_s, columns.since_s
            if not np.all(known):
                times_s, watts, since_s = times_s[known], watts[known], None if since_s is None else since_s[known]
            start_s, end_s = window[0] + refresh.delay_s, window[1] + refresh.delay_s
            if sensor.averages:
                rails_j[name] = cut(times_s, watts, start_s, end_s, True, since_s).joules
            else:
                rails_j[name] = joules_between(times_s, watts, start_s, end_s)
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
    moved_j = [0.0]
    for part in (0.0, 0.5, 1.0) if longest_s else ():
        by_s = part * longest_s - delay_s
        moved_j.append(_moved(times_s, watts, float(span.times_s[-1]), by_s)
                       - _moved(times_s, watts, float(span.times_s[0]), by_s))
    return low_j + min(moved_j), high_j + max(moved_j)


def _moved(times_s: np.ndarray, watts: np.ndarray, edge_s: float, by_s: float) -> float:
    """The joules between `edge_s` and `by_s` after it, less than 0 where that is before."""
    start_s, end_s = min(edge_s, edge_s + by_s), max(edge_s, edge_s + by_s)
    low, high = np.searchsorted(times_s, [start_s, end_s])
    low, high = max(0, min(int(low) - 1, times_s.size - 2)), max(2, int(high) + 1)
    return math.copysign(joules_between(times_s[low:high], watts[low:high], start_s, end_s), by_s)


def _figure(reading: EnergyReading, span: Span, bounds_j: Tuple[float, float]) -> EnergyReading:
    low_j, high_j = bounds_j
    reason = ""
    if reading.gaps:
        reason = "%d gap%s, %.3g of %.3g s: the error may reach %.3g J" % (
            reading.gaps, "" if reading.gaps == 1 else "s", span.gap_s, reading.duration_s,
            max(high_j - span.joules, span.joules - low_j))
    return reading._replace(measured=True, gross_j=span.joules, low_j=low_j, high_j=high_j, reason=reason)
