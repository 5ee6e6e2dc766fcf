import json

import pytest

from dance_edge.energy.reading import EnergyReading, add_up, reading_from_dict

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
    both = add_up([MEASURED, NOTHING])
    assert both.gross_j is None and not both.measured and "no power sensor" in both.label
    assert add_up([]).gross_j is None


def test_an_estimated_part_makes_the_sum_an_estimate():
    assert add_up([MEASURED, ESTIMATED]).label == "estimated (jtop + tx2_model)"
