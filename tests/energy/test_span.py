import numpy as np
import pytest

from dance_edge.energy.span import cut, joules_between, usual_interval

TIMES_S = np.arange(11.0)


def test_the_usual_interval_is_the_median():
    assert usual_interval(np.array([0.0, 1.0, 2.0, 9.0])) == 1.0
    assert usual_interval(np.array([0.0])) is None and usual_interval(np.zeros(0)) is None


def test_ends_are_interpolated_between_samples_of_a_moment():
    span = cut(TIMES_S, TIMES_S, 2.5, 9.25)
    assert span.times_s.tolist() == [2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 9.25]
    assert span.watts[[0, -1]].tolist() == [2.5, 9.25]
    assert span.joules == pytest.approx((9.25 ** 2 - 2.5 ** 2) / 2.0) == pytest.approx(span.covered_j)
    assert not span.is_gap.any() and span.edge_s == span.gap_s == 0.0


def test_a_counter_s_mean_holds_for_the_whole_interval_before_its_sample():
    watts = np.where(TIMES_S <= 5.0, 4.0, 10.0)
    span = cut(TIMES_S, watts, 2.5, 7.25, averages=True)
    assert span.joules == pytest.approx(4.0 * 2.5 + 10.0 * 2.25)


def test_parts_of_a_window_add_up_to_the_whole():
    random = np.random.RandomState(0)
    times_s, watts = np.cumsum(random.uniform(0.5, 1.5, 50)), random.uniform(2.0, 12.0, 50)
    for averages in (False, True):
        whole = cut(times_s, watts, 5.1, 40.3, averages).joules
        parts = [cut(times_s, watts, start_s, end_s, averages).joules for start_s, end_s in (
            (5.1, 17.77), (17.77, 18.0), (18.0, 40.3))]
        assert sum(parts) == pytest.approx(whole)


def test_a_gap_is_where_samples_lie_more_than_twice_as_far_apart_as_usual():
    times_s = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 8.0, 9.0, 10.0])
    span = cut(times_s, np.full(8, 6.0), 0.5, 9.5)
    assert span.gap_s == 3.0 and span.joules == pytest.approx(54.0) and span.covered_j == pytest.approx(36.0)


def test_a_window_s_edge_within_a_gap_is_one_too():
    times_s = np.array([0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0])
    assert cut(times_s, np.full(7, 6.0), 6.5, 9.5).gap_s == pytest.approx(1.5)


def test_what_a_counter_counted_while_nobody_read_it_is_no_gap():
    times_s = np.array([0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0])
    watts = np.array([6.0, 6.0, 6.0, 6.0, 2.0, 6.0, 6.0])
    span = cut(times_s, watts, 0.5, 9.5, averages=True)
    assert span.gap_s == 0.0 and span.joules == pytest.approx(6.0 * 4.0 + 2.0 * 5.0)


@pytest.mark.parametrize("averages", [False, True])
def test_beyond_the_samples_the_last_value_is_held_and_a_gap(averages):
    span = cut(TIMES_S, TIMES_S + 1.0, -3.0, 14.0, averages)
    assert span.edge_s == span.gap_s == pytest.approx(7.0)
    assert span.watts[0] == 1.0 and span.watts[-1] == 11.0


def test_where_a_mean_begins_after_the_last_sample_a_counter_was_away():
    """60 W, but 5 W for 100 s in which the counters began anew: what lies between is not known."""
    times_s = np.array([1.0, 2.0, 3.0, 104.0, 105.0, 106.0])
    since_s = np.array([np.nan, 1.0, 2.0, 103.5, 104.0, 105.0])
    span = cut(times_s, np.full(6, 60.0), 1.5, 105.5, averages=True, since_s=since_s)
    assert span.gap_s == pytest.approx(100.5) and span.covered_j == pytest.approx(60.0 * 3.5)
    assert cut(times_s, np.full(6, 60.0), 103.7, 105.5, averages=True, since_s=since_s).gap_s == 0.0
    assert cut(times_s, np.full(6, 60.0), 50.0, 105.5, averages=True, since_s=since_s).gap_s == pytest.approx(53.5)


def test_joules_between_are_the_cut_s():
    random = np.random.RandomState(1)
    times_s, watts = np.cumsum(random.uniform(0.5, 1.5, 50)), random.uniform(2.0, 12.0, 50)
    for start_s, end_s in ((5.1, 40.3), (7.0, 7.1), (-3.0, 100.0), (times_s[3], times_s[9]), (6.0, 6.0)):
        truth_j = cut(times_s, watts, start_s, end_s).joules
        assert joules_between(times_s, watts, start_s, end_s) == pytest.approx(truth_j)
