"""The INA3221 averages for about 0.42 s: a simulated one, with its steps, read faster than it refreshes."""
import numpy as np
import pytest

from dance_edge.energy.trace import Columns
from dance_edge.energy.trapezoid import SensorFacts, integrate_all

PERIOD_S = 0.42
STEP_W = 0.008 * 19.0  # 8 mA at 19 V
SENSOR = SensorFacts("ina3221", "VDD_IN", delay_s=PERIOD_S, step_w=STEP_W)


class Load:
    """4 W for 3 s, 10 W for 2 s, over and over, with the flicker of a real board on top."""

    def __init__(self, random):
        self.grid_s = np.arange(0.0, 60.0, 0.001)
        self.offset_s = random.uniform(0.0, 5.0)
        flicker = np.repeat(random.normal(0.0, 0.4, 1200), 50)
        self.watts = np.where((self.grid_s + self.offset_s) % 5.0 < 3.0, 4.0, 10.0) + flicker
        self.joules = np.concatenate([[0.0], np.cumsum(self.watts) * 0.001])

    def between(self, start_s, end_s):
        knots = np.arange(self.joules.size) * 0.001
        return np.interp(end_s, knots, self.joules) - np.interp(start_s, knots, self.joules)


def as_the_chip_says(load, times_s, phase_s):
    """At each of `times_s` the mean over the last whole period, in the chip's steps."""
    last_s = np.floor((times_s - phase_s) / PERIOD_S) * PERIOD_S + phase_s
    watts = load.between(last_s - PERIOD_S, last_s) / PERIOD_S
    return np.rint(watts / STEP_W) * STEP_W


def trial(seed, read_s, duration_s):
    """(reading, the analytic joules) of a window at a random phase."""
    random = np.random.RandomState(seed)
    load = Load(random)
    times_s = np.arange(1.0, 50.0, read_s) + random.uniform(0.0, read_s)
    columns = Columns(times_s, {"VDD_IN": as_the_chip_says(load, times_s, random.uniform(0.0, PERIOD_S))}, "VDD_IN")
    start_s = random.uniform(5.0, 15.0)
    reading = integrate_all(columns, [(start_s, start_s + duration_s)], SENSOR)
    return reading, load.between(start_s, start_s + duration_s)


@pytest.mark.parametrize("read_s", [0.01, 0.1])
@pytest.mark.parametrize("duration_s", [5.0, 30.0])
def test_the_interval_holds_the_truth_in_at_least_90_of_100(read_s, duration_s):
    held, widths = 0, []
    for seed in range(100):
        reading, truth_j = trial(seed, read_s, duration_s)
        assert reading.refresh_s == pytest.approx(PERIOD_S, abs=0.02)
        held += reading.low_j <= truth_j <= reading.high_j
        widths.append((reading.high_j - reading.low_j) / truth_j)
    assert held >= 90
    assert np.median(widths) < {5.0: 0.2, 30.0: 0.03}[duration_s]


def test_what_it_reads_is_right_on_average():
    off = [reading.gross_j / truth_j - 1.0 for reading, truth_j in (trial(seed, 0.01, 10.0) for seed in range(100))]
    assert abs(np.mean(off)) < 0.005
