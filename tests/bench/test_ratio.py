import math

import pytest

from dance_edge.bench.ratio import Ratio, paired_ratio, t_95, widened


def test_a_paired_ratio_by_hand():
    # logarithms of after / before: ln 0.5, ln 0.5, ln 0.25; mean ln 0.3969, standard deviation 0.4002, t(2) = 4.303
    ratio = paired_ratio([2.0, 4.0, 4.0], [1.0, 2.0, 1.0])
    logs = [math.log(0.5), math.log(0.5), math.log(0.25)]
    middle = sum(logs) / 3.0
    half = 4.303 * math.sqrt(sum((one - middle) ** 2 for one in logs) / 2.0) / math.sqrt(3.0)
    assert ratio.value == pytest.approx(0.39685, abs=1e-5) and ratio.pairs == 3
    assert ratio.low == pytest.approx(math.exp(middle - half)) and ratio.high == pytest.approx(math.exp(middle + half))
    assert ratio.low == pytest.approx(0.1468, abs=1e-4) and not ratio.seen


def test_what_drifts_for_both_is_not_seen_and_what_differs_is():
    drift = [1.0, 1.3, 1.7, 2.2]
    assert paired_ratio(drift, [0.9 * one for one in drift]).seen
    assert not paired_ratio(drift, list(reversed(drift))).seen
    assert paired_ratio(drift, drift) == Ratio(1.0, 1.0, 1.0, 4) and not paired_ratio(drift, drift).seen


def test_pairs_without_a_figure_are_left_out():
    assert paired_ratio([None, 2.0, 0.0], [1.0, 1.0, 1.0]) == Ratio(0.5, None, None, 1)
    assert paired_ratio([None], [1.0]) is None and not Ratio(0.5, None, None, 1).seen


def test_in_words():
    assert Ratio(0.68, 0.65, 0.71, 6).change == "-32.0 % (-35.0 to -29.0)"
    assert Ratio(0.99, 0.97, 1.02, 6).change == "no difference seen (-3.0 to +2.0 %)"
    assert Ratio(0.5, None, None, 1).change == "-50.0 %" and Ratio(0.5, None, None, 1).to_dict()["seen"] is False


def test_students_t():
    assert t_95(1) == 12.706 and t_95(5) == 2.571 and t_95(30) == 2.042 and t_95(31) == 1.96


def test_a_sensors_offset_widens_a_ratio_of_joules():
    # 5 J and 4 J, each perhaps 1 J off in the same direction: 3 / 4 to 5 / 6
    wide = widened(Ratio(0.8, 0.8, 0.8, 6), (5.0, 1.0), (4.0, 1.0))
    assert (wide.low, wide.high) == pytest.approx((0.75, 5.0 / 6.0)) and wide.value == 0.8
    assert widened(Ratio(0.8, None, None, 1), (5.0, 1.0), (4.0, 1.0)).low is None
