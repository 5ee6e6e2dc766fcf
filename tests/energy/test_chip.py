import pytest

from dance_edge.energy import chip
from dance_edge.energy.ina3221 import Ina3221Sensor


def test_steps_and_errors_are_those_of_the_data_sheet():
    """8 mA steps on 5 milliohm, 4 mA on 10; two steps of offset, half a step of rounding, a quarter of a percent."""
    assert chip.step_w("VDD_IN", 19.0) == pytest.approx(0.152)
    assert chip.step_w("VDD_SYS_GPU", 19.0) == pytest.approx(0.076)
    assert chip.error_w("VDD_IN", 10.0, 19.0) == pytest.approx(19.0 * 100e-6 / 0.005 + 0.025) == pytest.approx(0.405)
    assert chip.error_w("VDD_IN", 3.06, 19.0) / 3.06 == pytest.approx(0.127, abs=0.001)
    assert chip.error_w("VDD_IN", -1.0, 19.0) == chip.error_w("VDD_IN", 1.0, 19.0)


@pytest.mark.parametrize("rail, volts", [("VDD_MUX", 19.0), ("", 19.0), ("VDD_IN", None), ("VDD_IN", 0.0)])
def test_what_is_not_known_is_not_said(rail, volts):
    assert chip.error_w(rail, 10.0, volts) is None and chip.step_w(rail, volts) == 0.0


def test_the_files_sensor_takes_the_voltage_that_it_finds(tmp_path, lay_chip):
    folder = lay_chip("0-0041/iio:device1", [("VDD_IN", 8000)])
    assert Ina3221Sensor(str(tmp_path)).error_w(10.0) is None
    (folder / "in_voltage0_input").write_text("19000\n")
    sensor = Ina3221Sensor(str(tmp_path))
    assert sensor.error_w(10.0) == pytest.approx(0.405) and sensor.step_w == pytest.approx(0.152)
