"""Net joules: less an idle baseline, on a clock of the test's own and samples that it lays itself."""
import pytest

from dance_edge.energy.calibration import Calibration
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import PowerSample, PowerSensor


class Laid(PowerSensor):
    name, scope = "made", "VDD_IN"

    def read(self):
        raise AssertionError("the test lays the samples")


class Clocked(EnergyMeter):
    """A meter whose samples are laid down as its time is moved on; `watts_at` takes the number of the sample."""

    def __init__(self, watts_at, **named):
        self.now_s, self.watts_at = 100.0, watts_at
        super().__init__(Laid(), 0.1, clock=lambda: self.now_s, **named)
        self.go(0.1)

    def go(self, seconds):
        for _ in range(int(round(10 * seconds))):
            self.now_s = round(self.now_s + 0.1, 6)
            self.trace.append(PowerSample(self.now_s, {"VDD_IN": self.watts_at(len(self.trace))}, "VDD_IN"))

    def job(self, seconds):
        with self.window("job") as window:
            self.go(seconds)
        return window.reading()


def test_net_joules_of_a_calibrated_meter_are_those_of_its_own_scale():
    """Sensor's watts are 3 idle and 5 at work, true ones 1.1 times as much and 0.3 more: 2.2 W are the work's."""
    watts = [3.0]
    meter = Clocked(lambda number: watts[0], calibration=Calibration(1.1, 0.3, 0.05, 3, "board", "made", "VDD_IN"))
    idle = meter.measure_idle(2.0, meter.go)
    watts[0] = 5.0
    meter.go(0.1)
    reading = meter.job(2.0)
    assert reading.net_j == pytest.approx(2.2 * 2.0)
    assert meter.idle_w == pytest.approx(3.0) and meter.shown_idle_w == pytest.approx(3.6)
    assert idle.calibrated and idle.gross_j == pytest.approx(3.6 * 2.0)
    assert reading.gross_j - reading.net_j == pytest.approx(meter.shown_idle_w * 2.0)


def test_net_joules_have_the_interval_of_both():
    meter = Clocked(lambda number: 5.0)
    assert EnergyMeter(None).shown_idle_w is None is meter.shown_idle_w
    meter.idle_w, meter.idle_error_w = 3.0, 0.5
    reading = meter.job(2.0)
    assert meter.shown_idle_w == 3.0 and reading.net_j == pytest.approx(4.0)
    assert (reading.net_low_j, reading.net_high_j) == pytest.approx((3.0, 5.0))


def test_a_baseline_of_an_unsteady_machine_is_known_less_well():
    meter = Clocked(lambda number: 3.0 + (number * 7919 % 101) / 100.0)
    idle = meter.measure_idle(3.0, meter.go)
    half_j = max(idle.high_j - idle.gross_j, idle.gross_j - idle.low_j)
    assert half_j > 0.05 and meter.idle_error_w == pytest.approx(half_j / 3.0)
    reading = meter.job(3.0)
    assert reading.net_high_j - reading.net_j > reading.high_j - reading.gross_j


def test_a_baseline_is_as_the_sensor_had_it_also_with_no_calibration():
    meter = Clocked(lambda number: 3.0)
    idle = meter.measure_idle(2.0, meter.go)
    assert meter.idle_w == pytest.approx(3.0) == pytest.approx(meter.shown_idle_w) and not idle.calibrated
    assert meter.job(2.0).net_j == pytest.approx(0.0, abs=1e-9)
