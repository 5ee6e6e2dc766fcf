import pytest

from dance_edge.report.numbers import change, percent


@pytest.mark.parametrize("share, text", [(None, "-"), (0.0, "0.0 %"), (0.123, "12.3 %"), (1.0, "100.0 %"),
                                         (0.0004, "0.04 %"), (0.00123, "0.1 %"), (-0.05, "-5.0 %")])
def test_percent(share, text):
    assert percent(share) == text


def test_a_change_of_what_is_not_known_is_a_dash():
    assert change(2.0, 1.0) == "-50.0 %" and change(2.0, 2.0) == "+0.0 %" and change(4.0, 5.0) == "+25.0 %"
    assert change(None, 1.0) == change(1.0, None) == change(0.0, 1.0) == "-"
