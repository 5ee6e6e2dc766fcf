"""How far the joules of a window may lie from the truth: by what happened between its samples and in its gaps."""
import math
from typing import Optional, Tuple

import numpy as np

from dance_edge.energy.span import Span

MIN_ROUND = 2    # samples; a load that repeats after each one looks steady
IN_STEP = 0.7    # the correlation of what the samples miss with itself a round later, from which on they miss it alike
Z_95 = 1.96  # standard deviations to either side that hold 95 % of a normal distribution


def interval(span: Span, spread_j: Optional[float] = None) -> Tuple[float, float]:
    """(low, high) in joules: `spread_j` either way, and in a gap any power that was seen in the window.

    Without `spread_j` it is 95 % for what happens between samples of a moment. Power is taken to lie between two
    neighbouring samples, so that it is never more than the sum of these bounds; and with many samples errors cancel,
    but for a load that repeats in step with the sampling: then each sample errs like the one a round before.
    """
    low_j, high_j = _bounds(span)
    gaps_j = [float(np.sum(part[span.is_gap])) for part in (low_j, high_j)]
    if spread_j is not None:
        spreads_j = [spread_j, spread_j]
    else:
        likely_j = math.inf if in_step(span) else Z_95 * sampling_error(span)
        spreads_j = [min(likely_j, float(np.sum(part[~span.is_gap]))) for part in (low_j, high_j)]
    return span.joules - spreads_j[0] - gaps_j[0], span.joules + spreads_j[1] + gaps_j[1]


def sampling_error(span: Span) -> float:
    """The standard deviation, in joules, of a trapezoid over samples of a power that changes between them.

    From how far each sample lies from the middle of its neighbours: for samples that know nothing of each other (the
    load is quicker than the sampling) this is the error of their sum, for a load that steps now and then twice it.
    """
    off_w, known = _off_the_middle(span)
    steps_s = (span.steps_s[:-1] + span.steps_s[1:]) / 2.0
    return float(np.sqrt(np.sum((off_w * steps_s)[known] ** 2) / 1.5))


def in_step(span: Span) -> bool:
    """Whether the load repeats itself after a whole number of samples, so that what the trapezoid misses adds up
    round by round. (After a single one it looks steady, and nothing in the samples tells.)"""
    off_w, known = _off_the_middle(span)
    off_w = np.where(known, off_w, 0.0)[1:-1]  # without the window's cut ends
    size = off_w.size
    power = float(np.sum(off_w * off_w))
    if size < 2 * MIN_ROUND or power == 0.0:
        return False
    spectrum = np.fft.rfft(off_w, 2 * size)
    alike = np.fft.irfft(spectrum * np.conj(spectrum))[MIN_ROUND:size // 2 + 1]
    shares = np.arange(size - MIN_ROUND, size - MIN_ROUND - alike.size, -1) / float(size)  # of it that meet again
    return bool(np.max(alike / (power * shares)) > IN_STEP)


def _off_the_middle(span: Span) -> Tuple[np.ndarray, np.ndarray]:
    """How far each sample lies from the middle of its neighbours, in watts, and where there is no gap beside it."""
    off_w = span.watts[1:-1] - (span.watts[:-2] + span.watts[2:]) / 2.0
    return off_w, ~(span.is_gap[:-1] | span.is_gap[1:])


def _bounds(span: Span) -> Tuple[np.ndarray, np.ndarray]:
    """How much less, and how much more, each interval's joules may be."""
    low_w = np.minimum(span.watts[:-1], span.watts[1:])
    high_w = np.maximum(span.watts[:-1], span.watts[1:])
    low_w = np.where(span.is_gap, np.min(span.watts), low_w)
    high_w = np.where(span.is_gap, np.max(span.watts), high_w)
    return (span.means_w - low_w) * span.steps_s, (high_w - span.means_w) * span.steps_s


def rounding_error(span: Span, period_s: float, step_w: float) -> float:
    """The standard deviation, in joules, of a sum of values of a period each that are rounded to steps of `step_w`."""
    duration_s = float(span.times_s[-1] - span.times_s[0])
    return step_w * math.sqrt(duration_s * period_s / 12.0)


def cut_averages(times_s: np.ndarray, watts: np.ndarray, span: Span, beat_s: float) -> float:
    """Counters know the energy between two readings exactly, but not how it lay within the two intervals that a window
    cuts: in joules by a step between their neighbours' means, or by a power as restless within as it is from one to
    the next (95 %), whichever is more. And each reading may be a beat of the counter old."""
    steps_j, variance, restless_w = 0.0, 0.0, float(np.std(span.means_w))
    for edge_s in (span.times_s[0], span.times_s[-1]):
        after = int(np.clip(np.searchsorted(times_s, edge_s), 1, times_s.size - 1))
        length_s = float(times_s[after] - times_s[after - 1])
        part_s = min(max(float(edge_s - times_s[after - 1]), 0.0), length_s)
        steps_j += float(np.ptp(watts[after - 1:after + 2])) * part_s * (length_s - part_s) / length_s
        variance += restless_w ** 2 * part_s * (length_s - part_s)
    return max(steps_j, Z_95 * math.sqrt(variance)) + beat_s * float(max(span.means_w[0], span.means_w[-1]))


def cut_periods(times_s: np.ndarray, watts: np.ndarray, span: Span, period_s: float) -> float:
    """A chip that averages misses nothing, but how a value's joules lie within the periods that the window cuts is not
    known: at worst, in joules, by a quarter of a period at each end, of what power changes there."""
    spread_j = 0.0
    for edge_s in (span.times_s[0], span.times_s[-1]):
        low, high = np.searchsorted(times_s, [edge_s - 1.5 * period_s, edge_s + 1.5 * period_s])
        near = watts[low:high]
        spread_j += float(np.ptp(near)) * period_s / 4.0 if near.size else 0.0
    return spread_j
