import pytest

from dance_edge.report.numbers import change, percent, short


@pytest.mark.parametrize("share, text", [(None, "-"), (0.0, "0.0 %"), (0.123, "12.3 %"), (1.0, "100.0 %"),
                                         (0.0004, "0.04 %"), (0.00123, "0.1 %"), (-0.05, "-5.0 %"),
                                         (1e-7, "0.00001 %"), (-4.2e-7, "-0.000042 %"), (1e-12, "0.0 %"),
                                         (-0.0, "0.0 %"), (float("nan"), "-"), (float("inf"), "-")])
def test_percent(share, text):
    assert percent(share) == text


@pytest.mark.parametrize("value, text", [(3.7923, "3.79"), (2.0, "2"), (0.0001234, "0.000123"), (4.2e-5, "0.000042"),
                                         (-1.3e-7, "0"), (-1.3e-5, "-0.000013"), (0.0, "0"), (-0.0, "0")])
def test_a_small_figure_is_not_said_in_powers_of_ten(value, text):
    assert short(value, 3) == text


def test_a_change_of_what_is_not_known_is_a_dash():
    assert change(2.0, 1.0) == "-50.0 %" and change(2.0, 2.0) == "+0.0 %" and change(4.0, 5.0) == "+25.0 %"
    assert change(None, 1.0) == change(1.0, None) == change(0.0, 1.0) == change(1.0, float("nan")) == "-"
