"""The INA3221's files as a chip rewrites them, on a clock of the test's own: reader, trace, rhythm and interval
together."""
import numpy as np
import pytest

from dance_edge.energy import chip, ina3221
from dance_edge.energy.gauge import Gauge
from dance_edge.energy.ina3221 import PARTS_S, Ina3221Sensor
from dance_edge.energy.sampler import Sampler
from dance_edge.events import ignore

PERIOD_S = chip.AVERAGING_S
VOLTS, STEP_W = 19.0, 19.0 * 0.008
SHARES = {"VDD_IN": 1.0, "VDD_SYS_GPU": 0.3}
GRID_S = 0.001
LENGTH_S = 40.0


class SimulatedChip:
    """Averages a load for a period at a phase of its own and then writes the mean, in its steps, into the files: 4 W
    for 3 s, 10 W for 2 s, over and over, with the flicker of a real board on top."""

    def __init__(self, folder, seed):
        random = np.random.RandomState(seed)
        grid_s = np.arange(0.0, LENGTH_S, GRID_S)
        flicker_w = np.repeat(random.normal(0.0, 0.4, int(LENGTH_S / 0.05)), 50)
        watts = np.where((grid_s + random.uniform(0.0, 5.0)) % 5.0 < 3.0, 4.0, 10.0) + flicker_w
        self._joules = np.concatenate([[0.0], np.cumsum(watts) * GRID_S])
        self._folder = folder
        self._phase_s = random.uniform(0.0, PERIOD_S)
        self._period = None
        self.random = random
        self.writes = 0

    def between(self, start_s, end_s):
        knots = np.arange(self._joules.size) * GRID_S
        return np.interp(end_s, knots, self._joules) - np.interp(start_s, knots, self._joules)

    def go_to(self, now_s):
        period = int(np.floor((now_s - self._phase_s) / PERIOD_S))
        if period == self._period:
            return
        self._period, end_s = period, period * PERIOD_S + self._phase_s
        watts = self.between(end_s - PERIOD_S, end_s) / PERIOD_S
        for number, share in enumerate(SHARES.values()):
            milliwatts = 1000.0 * np.rint(share * watts / STEP_W) * STEP_W
            (self._folder / ("in_power%d_input" % number)).write_text("%d\n" % milliwatts)
        self.writes += 1


@pytest.fixture
def metered(tmp_path, monkeypatch, lay_chip):
    """`metered(seed, read_s, duration_s)`: the reading of a window at a random phase, and the analytic joules."""
    folder = lay_chip("0-0041/iio:device1", [(name, 4000) for name in SHARES])
    for number in range(len(SHARES)):
        (folder / ("in_voltage%d_input" % number)).write_text("%d\n" % (1000 * VOLTS))
    now_s = [0.0]
    monkeypatch.setattr(ina3221.time, "monotonic", lambda: now_s[0])

    def trial(seed, read_s, duration_s):
        made = SimulatedChip(folder, seed)
        now_s[0] = 1.0 + made.random.uniform(0.0, read_s)
        made.go_to(now_s[0])
        sensor = Ina3221Sensor(str(tmp_path))
        sampler = Sampler(sensor, read_s, ignore, lambda: now_s[0])
        start_s = made.random.uniform(5.0, 8.0)
        while now_s[0] < start_s + duration_s + 2.0:
            now_s[0] += read_s
            made.go_to(now_s[0])
            sampler.trace.append(sensor.read())
        sensor.close()
        assert made.writes > duration_s / PERIOD_S
        return sampler.over([(start_s, start_s + duration_s)]), made.between(start_s, start_s + duration_s)

    return trial


@pytest.mark.parametrize("read_s, duration_s, trials, least", [(0.05, 10.0, 30, 27), (0.01, 6.0, 10, 9)])
def test_the_interval_of_what_is_read_holds_the_truth(metered, read_s, duration_s, trials, least):
    held, off, widths = 0, [], []
    for seed in range(trials):
        reading, truth_j = metered(seed, read_s, duration_s)
        assert reading.measured and reading.coverage == 1.0 and reading.gaps == 0
        assert reading.refresh_s == pytest.approx(PERIOD_S, abs=0.02)
        assert reading.rails_j["VDD_SYS_GPU"] == pytest.approx(0.3 * reading.gross_j, rel=0.05)
        assert reading.sensor_j == pytest.approx((0.38 + 0.0025 * reading.gross_j / duration_s) * duration_s)
        held += reading.low_j <= truth_j <= reading.high_j
        off.append(reading.gross_j / truth_j - 1.0)
        widths.append((reading.high_j - reading.low_j) / truth_j)
    assert held >= least and abs(np.mean(off)) < 0.01 and np.median(widths) < 0.2


def test_the_other_rails_are_as_old_as_they_may_be(metered, monkeypatch):
    """At 100 Hz a part's file is read once in `PARTS_S`, the total's each time."""
    reads, value = [], Gauge.value
    monkeypatch.setattr(Gauge, "value", lambda self: reads.append(self.path[-15:]) or value(self))
    metered(1, 0.01, 5.0)
    totals, parts = (reads.count("in_power%d_input" % number) for number in (0, 1))
    assert totals > 800 and parts == pytest.approx(totals * 0.01 / PARTS_S, rel=0.12)
