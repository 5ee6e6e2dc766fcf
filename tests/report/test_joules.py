import pytest

from dance_edge.energy.reading import EnergyReading
from dance_edge.report.joules import alike, cell, energy_words, joules, kind, net_cell, watts

READING = EnergyReading(gross_j=4.0, low_j=3.5, high_j=4.5, measured=True, source="jtop", scope="VDD_IN", coverage=1.0)


def test_joules_read_well():
    assert [joules(value) for value in (3.7923, 0.04237, 12345.6, None)] == ["3.79", "0.0424", "12346", "-"]
    assert [joules(value) for value in (4.2e-5, -1.3e-7, float("nan"), float("inf"))] == ["0.000042", "0", "-", "-"]
    assert net_cell(READING._replace(net_j=-1.3e-7, net_low_j=-2e-5, net_high_j=2e-5)) == "0 (-0.00002 to 0.00002)"


def test_what_a_quotient_may_be_taken_of():
    nothing, estimate = EnergyReading(reason="gone"), EnergyReading(gross_j=4.0, source="tx2_model")
    assert alike([READING, READING._replace(gross_j=9.0), nothing]) and alike([]) and alike([estimate, estimate])
    for other in (estimate, READING._replace(scope="VDD_SYS_GPU"), READING._replace(calibrated=True),
                  READING._replace(source="ina3221")):
        assert not alike([READING, other])


def test_a_figure_comes_with_all_that_a_sceptic_asks():
    assert energy_words(READING) == (
        "4 J (3.5 to 4.5), measured (jtop, VDD_IN), uncalibrated, the sensor's own error is not known")
    calibrated = READING._replace(calibrated=True, sensor_j=0.25, coverage=0.5, reason="a gap")
    assert energy_words(calibrated, " an image") == (
        "4 J an image (3.5 to 4.5), measured (jtop, VDD_IN), calibrated, +- 0.25 J by the sensor's own residual, "
        "50.0 % of the time covered, a gap")


def test_an_estimate_is_not_called_uncalibrated_and_no_figure_says_why():
    estimate = EnergyReading(gross_j=4.0, source="tx2_model", reason="by MACs")
    assert energy_words(estimate) == "4 J, estimated (TX2 model), by MACs"
    assert energy_words(EnergyReading(reason="no power sensor")) == "none (no power sensor)"


def test_a_measurement_without_an_interval_says_so():
    bare = READING._replace(low_j=None, high_j=None, sensor_j=1.0)
    assert "interval not known" in energy_words(bare) and cell(bare) == "4"


def test_a_cell_holds_the_interval_and_the_kind_whether_it_was_calibrated():
    assert cell(READING) == "4 (3.5 to 4.5)" and cell(EnergyReading(low_j=1.0, high_j=2.0)) == "-"
    assert kind(READING) == "measured (jtop, VDD_IN), uncalibrated"
    assert kind(READING._replace(calibrated=True)) == "measured (jtop, VDD_IN), calibrated"
    assert kind(EnergyReading(gross_j=4.0, source="tx2_model")) == "estimated (TX2 model)"
    assert kind(EnergyReading(reason="gone")) == "none (gone)"


@pytest.mark.parametrize("value, text", [(None, "-"), (0.0, "0.000"), (3.7981, "3.798"), (12345.6, "12346"),
                                         (0.0421, "0.04210"), (-2.5, "-2.500"), (1e-9, "0.000000"), (240.12, "240.1"),
                                         (float("nan"), "-"), (float("inf"), "-")])
def test_watts_have_four_figures_and_never_powers_of_ten(value, text):
    assert watts(value) == text
