import math

import pytest

from dance_edge.bench.ratio import NOT_KNOWN, TOO_LARGE, Ratio, paired_ratio, quotient, t_95, widened
from dance_edge.energy.reading import EnergyReading


def read(joules, error_j=1.0, **changes):
    return EnergyReading(gross_j=joules, sensor_j=error_j, measured=True, source="jtop", scope="VDD_IN", **changes)


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
    assert t_95(1) == 12.706 and t_95(5) == 2.571 and t_95(30) == 2.042
    known = {31: 2.0395, 35: 2.0301, 40: 2.0211, 60: 2.0003, 120: 1.9799, 1000: 1.9623, 10 ** 9: 1.95996}
    assert {freedom: t_95(freedom) for freedom in known} == pytest.approx(known, abs=1e-4)


SHARP = Ratio(0.8, 0.8, 0.8, 6)


def test_a_sensors_offset_widens_a_ratio_of_joules():
    # 5 J and 4 J, each perhaps 1 J off in the same direction: 3 / 4 to 5 / 6
    wide = widened(SHARP, read(5.0), read(4.0))
    assert (wide.low, wide.high) == pytest.approx((0.75, 5.0 / 6.0)) and wide.value == 0.8 and wide.reason == ""
    assert widened(Ratio(0.8, None, None, 1), read(5.0), read(4.0)).low is None


def test_what_a_calibration_leaves_over_may_be_up_in_one_and_down_in_the_other():
    # 3 / 6 to 5 / 4, since the residuals of two loads have no sign in common
    wide = widened(SHARP, read(5.0, calibrated=True), read(4.0, calibrated=True))
    assert (wide.low, wide.high) == pytest.approx((0.5, 1.25)) and not wide.seen
    assert widened(SHARP, read(5.0), read(4.0), one_board=False)[:3] == pytest.approx(wide[:3])  # two boards' offsets


def test_a_sensor_that_may_be_off_by_all_that_it_read_leaves_no_interval():
    for before in (read(5.0, 5.0), read(5.0, 7.0), read(0.0), read(-0.1)):
        wide = widened(SHARP, before, read(4.0))
        assert (wide.value, wide.low, wide.high, wide.reason) == (0.8, None, None, TOO_LARGE) and not wide.seen
        assert wide.measured_change == "-20.0 %, interval not known, " + TOO_LARGE
    lowest = widened(SHARP, read(5.0), read(4.0, 6.0))  # nothing is below 0 J
    assert lowest.low == 0.0 and lowest.high == pytest.approx(0.8 * 2.5 / 1.2)


def test_an_error_that_is_not_known_is_said_and_not_taken_for_none():
    for before, after in ((read(5.0, None), read(4.0)), (read(5.0), read(4.0, None))):
        one = widened(SHARP, before, after)
        assert one == SHARP._replace(reason=NOT_KNOWN) and one.to_dict()["reason"] == NOT_KNOWN
        assert one.measured_change == "-20.0 % (-20.0 to -20.0), the sensor's own error is not known"


def test_a_quotient_is_of_figures_that_are_alike():
    assert quotient(read(5.0), read(4.0)) == 0.8
    for before, after in ((read(0.0), read(4.0)), (read(None), read(4.0)), (read(5.0), read(None)),
                          (read(5.0), read(4.0, calibrated=True)), (read(5.0), EnergyReading(4.0, source="tx2_model"))):
        assert quotient(before, after) is None
