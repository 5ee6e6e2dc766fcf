"""The interval beside a figure: known answers, and how often it holds."""
import numpy as np
import pytest

from dance_edge.energy.interval import cut_averages, cut_periods, in_step, interval, rounding_error, sampling_error
from dance_edge.energy.span import cut

TIMES_S = np.arange(31.0)


def test_a_steady_trace_has_no_width():
    span = cut(TIMES_S, np.full(31, 7.0), 0.5, 29.5)
    assert interval(span) == (pytest.approx(203.0), pytest.approx(203.0)) and sampling_error(span) == 0.0


@pytest.mark.parametrize("interval_s", [0.1, 1.0])
def test_a_step_is_off_by_half_of_it_times_the_interval_at_most(interval_s):
    times_s = np.arange(31) * interval_s
    span = cut(times_s, np.where(times_s < 10 * interval_s, 4.0, 10.0), 0.0, 30 * interval_s)
    low_j, high_j = interval(span)
    assert high_j - span.joules == pytest.approx(6.0 * interval_s / 2.0) == span.joules - low_j


def white(seed):
    """(watts a millisecond (60000,), times_s (61,), watts there): a load that is quicker than its sampling."""
    random = np.random.RandomState(seed)
    load = np.repeat(random.normal(8.0, 2.0, 1200), 50)
    times_s = np.arange(0, 60) + random.uniform(0.0, 0.9)
    return load, times_s, load[(times_s * 1000).astype(int)]


def test_it_holds_for_a_load_quicker_than_its_sampling():
    held, widths = 0, []
    for seed in range(100):
        load, times_s, watts = white(seed)
        span = cut(times_s, watts, 5.25, 55.75)
        low_j, high_j = interval(span)
        held += low_j <= load[5250:55750].sum() * 0.001 <= high_j
        widths.append((high_j - low_j) / span.joules)
    assert held >= 90 and np.median(widths) < 0.2


def test_it_holds_for_a_load_that_steps_at_times_of_its_own():
    held = 0
    for seed in range(100):
        random = np.random.RandomState(seed)
        load = np.where((np.arange(60000) * 0.001 + random.uniform(0.0, 5.0)) % 5.0 < 3.0, 4.0, 10.0)
        times_s = np.arange(0, 60) * (1.0 + random.uniform(-0.02, 0.02)) + random.uniform(0.0, 0.9)
        span = cut(times_s, load[np.minimum((times_s * 1000).astype(int), 59999)], 5.25, 35.25)
        low_j, high_j = interval(span)
        held += low_j <= load[5250:35250].sum() * 0.001 <= high_j
    assert held >= 90


def test_in_a_gap_any_power_that_was_seen_may_have_been():
    times_s = np.concatenate([np.arange(11.0), np.arange(20.0, 31.0)])
    watts = np.where(times_s < 5.0, 4.0, 10.0)
    span = cut(times_s, watts, 0.0, 30.0)
    low_j, high_j = interval(span)
    assert span.gap_s == 10.0
    assert high_j - span.joules == pytest.approx(3.0)          # the step; in the gap it was at its highest already
    assert span.joules - low_j == pytest.approx(3.0 + 60.0)    # or at its lowest for 10 s


def test_counters_are_exact_inside_and_their_edges_bounded():
    """A counter read each second of a load that steps within seconds: in the mean all is known but at the ends."""
    held, widths = 0, []
    for seed in range(100):
        load, _, _ = white(seed)
        joules = np.concatenate([[0.0], np.cumsum(load) * 0.001])
        means_w = np.diff(joules[::1000])
        span = cut(np.arange(1.0, 61.0), means_w, 5.0, 55.0, averages=True)
        assert span.joules == pytest.approx(load[5000:55000].sum() * 0.001)  # edges on readings: exact
        assert cut_averages(np.arange(1.0, 61.0), means_w, span, 0.0) == 0.0
        span = cut(np.arange(1.0, 61.0), means_w, 5.37, 55.61, averages=True)
        spread_j = cut_averages(np.arange(1.0, 61.0), means_w, span, 0.0)
        held += abs(span.joules - load[5370:55610].sum() * 0.001) <= spread_j
        widths.append(spread_j / span.joules)
    assert held >= 90 and np.median(widths) < 0.01


def test_a_counter_s_steady_load_is_off_by_a_beat_at_most():
    span = cut(TIMES_S, np.full(31, 7.0), 0.5, 29.5, averages=True)
    for beat_s, spread_j in ((0.0, 0.0), (0.1, 0.7)):
        assert cut_averages(TIMES_S, np.full(31, 7.0), span, beat_s) == pytest.approx(spread_j)


def test_a_step_within_the_interval_that_a_window_cuts_is_in_the_bound():
    """4 W, and 10 W from 5.5 s on, counted each second; the window begins at the step: 1.5 J are not known."""
    means_w = np.where(TIMES_S <= 5.0, 4.0, np.where(TIMES_S == 6.0, 7.0, 10.0))
    span = cut(TIMES_S, means_w, 5.5, 25.0, averages=True)
    truth_j = 10.0 * 19.5
    assert truth_j - span.joules == pytest.approx(1.5) == pytest.approx(6.0 * 0.5 * 0.5)
    assert cut_averages(TIMES_S, means_w, span, 0.0) == pytest.approx(1.5)


def test_rounding_to_steps_evens_out():
    """The error of a sum of N values rounded to steps of q is q / sqrt(12) * sqrt(N) periods."""
    span = cut(TIMES_S, np.full(31, 7.0), 0.0, 30.0)
    assert rounding_error(span, 0.3, 0.152) == pytest.approx(0.3 * 0.152 / np.sqrt(12.0) * np.sqrt(100.0))


def test_a_chip_s_cut_periods_count_only_where_power_changes():
    times_s = np.arange(0.0, 30.0, 0.1)
    watts = np.where(times_s < 15.0, 4.0, 10.0)
    assert cut_periods(times_s, watts, cut(times_s, watts, 5.0, 25.0), 0.42) == 0.0
    assert cut_periods(times_s, watts, cut(times_s, watts, 5.0, 15.0), 0.42) == pytest.approx(6.0 * 0.42 / 4.0)


@pytest.mark.parametrize("low_s, high_s", [(3.0, 2.0), (2.3, 1.7), (2.3, 1.4), (2.7, 1.9)])
@pytest.mark.parametrize("seconds", [30, 300])
def test_a_load_that_repeats_in_step_with_the_sampling_is_in_the_interval(low_s, high_s, seconds):
    """4 W and 10 W in turn, read once a second: where a round is a whole number of samples, all rounds err alike, and
    the error grows with time and not with its square root."""
    held = 0
    for seed in range(50):
        random = np.random.RandomState(seed)
        phase_s, first_s = random.uniform(0.0, low_s + high_s), random.uniform(-1.0, 0.0)
        times_s = np.arange(-2.0, seconds + 3.0) * 1.0003 + first_s
        watts = np.where((times_s + phase_s + 100.0 * (low_s + high_s)) % (low_s + high_s) < low_s, 4.0, 10.0)
        fine_s = np.arange(0.0, seconds, 0.001) + 0.0005 + phase_s
        truth_j = np.where(fine_s % (low_s + high_s) < low_s, 4.0, 10.0).sum() * 0.001
        low_j, high_j = interval(cut(times_s, watts, 0.0, float(seconds)))
        held += low_j <= truth_j <= high_j
    assert held >= 48


def test_white_noise_is_not_taken_for_a_round():
    random = np.random.RandomState(0)
    found = [in_step(cut(np.arange(302.0), 7.0 + random.normal(0.0, 1.0, 302), 0.5, 300.5)) for _ in range(100)]
    assert sum(found) <= 5
