import json

import pytest

from dance_edge.energy.reading import EnergyReading, add_up, less_idle, reading_from_dict

MEASURED = EnergyReading(gross_j=50.0, low_j=49.0, high_j=51.0, duration_s=10.0, rails_j={"VDD_IN": 50.0},
                         sample_count=11, measured=True, source="jtop", scope="VDD_IN", coverage=1.0)
ESTIMATED = EnergyReading(gross_j=4.0, low_j=3.0, high_j=5.0, source="tx2_model", scope="TX2 module")
NOTHING = EnergyReading(duration_s=10.0, reason="no power sensor")


def test_every_figure_says_where_it_comes_from():
    assert MEASURED.label == "measured (jtop, VDD_IN)"
    assert ESTIMATED.label == "estimated (TX2 model)"
    assert NOTHING.label == "none (no power sensor)"


def test_the_json_object_comes_back():
    facts = json.loads(json.dumps(MEASURED.to_dict()))
    assert facts["label"] == MEASURED.label and set(EnergyReading._fields) < set(facts)
    assert reading_from_dict(facts) == MEASURED


def test_joules_of_an_image():
    reading = MEASURED.per(20)
    assert (reading.gross_j, reading.low_j, reading.duration_s) == pytest.approx((2.5, 2.45, 0.5))
    assert reading.rails_j == {"VDD_IN": 2.5} and reading.sample_count == 11
    assert MEASURED.per(0).gross_j is None and NOTHING.per(3).gross_j is None


def test_parts_of_a_run_add_up():
    both = add_up([MEASURED, MEASURED._replace(gross_j=30.0, coverage=0.5)])
    assert (both.gross_j, both.duration_s, both.coverage, both.sample_count) == (80.0, 20.0, 0.75, 22)
    assert both.label == "measured (jtop, VDD_IN)"


def test_a_part_without_a_figure_leaves_none_for_the_whole():
    both = add_up([MEASURED, NOTHING._replace(duration_s=10.1)])
    assert both.gross_j is None and not both.measured and "no power sensor" in both.label
    assert add_up([]).gross_j is None


def test_a_short_part_without_a_figure_does_not_take_the_others_away():
    """An hour at 5 W, one at 6 W, and a start that was killed after 4 s."""
    hour = MEASURED._replace(duration_s=3600.0, net_j=3600.0, net_low_j=3000.0, net_high_j=4200.0, sensor_j=36.0)
    hours = [hour._replace(gross_j=watts * 3600.0, low_j=watts * 3590.0, high_j=watts * 3610.0) for watts in (5.0, 6.0)]
    killed = EnergyReading(duration_s=4.0, source="jtop", scope="VDD_IN", sample_count=4, reason="4 are too few")
    whole = add_up([hours[0], killed, hours[1]])
    assert whole.gross_j == pytest.approx(5.5 * 7204.0) and whole.label == "measured (jtop, VDD_IN)"
    assert whole.low_j == pytest.approx(11.0 * 3590.0 + 4.0 * 5.0) and whole.duration_s == 7204.0
    assert whole.high_j == pytest.approx(11.0 * 3610.0 + 4.0 * 6.0) and whole.sample_count == 26
    assert whole.net_j == pytest.approx(7204.0) and whole.sensor_j == pytest.approx(72.0 * 7204.0 / 7200.0)
    assert whole.net_high_j - whole.net_j == pytest.approx(1200.0 + 4.0 * 0.5) == whole.net_j - whole.net_low_j
    assert whole.coverage == pytest.approx(7200.0 / 7204.0) and whole.gaps == 1
    assert "1 of 3 parts, 4 of 7204 s, without a figure" in whole.reason and "too few" in whole.reason


def test_beside_a_single_part_what_is_missing_may_be_anything_up_to_twice_as_much():
    whole = add_up([MEASURED, NOTHING._replace(duration_s=4.0)])
    assert (whole.gross_j, whole.low_j, whole.high_j) == pytest.approx((70.0, 49.0, 91.0))
    assert whole.rails_j == {"VDD_IN": pytest.approx(70.0)} and whole.coverage == pytest.approx(10.0 / 14.0)
    assert add_up([MEASURED, NOTHING._replace(duration_s=0.0)]).gross_j == 50.0


def test_net_joules_have_the_baseline_s_interval_too():
    reading = less_idle(MEASURED, 2.0, 0.1)
    assert reading.net_j == 30.0
    assert reading.net_high_j - 30.0 == pytest.approx(2.0 ** 0.5) == 30.0 - reading.net_low_j  # 1 J, and 0.1 W for 10 s
    assert reading.per(10).net_low_j == pytest.approx(reading.net_low_j / 10.0)
    assert set(reading.to_dict()) >= {"net_low_j", "net_high_j"}
    assert less_idle(MEASURED, None, 0.0) == MEASURED and less_idle(NOTHING, 2.0, 0.1) == NOTHING


def test_an_estimated_part_makes_the_sum_an_estimate():
    assert add_up([MEASURED, ESTIMATED]).label == "estimated (jtop + tx2_model)"
