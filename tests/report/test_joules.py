from dance_edge.energy.reading import EnergyReading
from dance_edge.report.joules import in_words, joules

READING = EnergyReading(gross_j=4.0, low_j=3.5, high_j=4.5, measured=True, source="jtop", scope="VDD_IN", coverage=1.0)


def test_joules_read_well():
    assert [joules(value) for value in (3.7923, 0.04237, 12345.6, None)] == ["3.79", "0.0424", "12346", "-"]


def test_a_figure_comes_with_all_that_a_sceptic_asks():
    assert in_words(READING) == "4 J (3.5 to 4.5), measured (jtop, VDD_IN), uncalibrated"
    calibrated = READING._replace(calibrated=True, sensor_j=0.25, coverage=0.5, reason="a gap")
    assert in_words(calibrated, " an image") == (
        "4 J an image (3.5 to 4.5), measured (jtop, VDD_IN), calibrated, +- 0.25 J by the sensor's own residual, "
        "50 % of the time covered, a gap")


def test_an_estimate_is_not_called_uncalibrated_and_no_figure_says_why():
    estimate = EnergyReading(gross_j=4.0, source="tx2_model", reason="by MACs")
    assert in_words(estimate) == "4 J, estimated (TX2 model), by MACs"
    assert in_words(EnergyReading(reason="no power sensor")) == "none (no power sensor)"
