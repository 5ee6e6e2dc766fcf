"""Counters on a clock of their own: the joules between any two samples are exact, whatever the beat."""
import pytest

from dance_edge.energy.counters import Counters
from dance_edge.energy.reading import PowerSample
from dance_edge.energy.trace import Trace
from dance_edge.energy.trapezoid import SensorFacts, integrate_all
from dance_edge.errors import DeviceError


class Chip:
    """Counts `watts` in beats of 0.1 s and begins anew at `turn_j`; time goes on by sleeping, and by `pass_s`."""

    def __init__(self, watts=10.0, turn_j=None):
        self.watts, self.turn_j = watts, turn_j
        self.now_s, self.joules = 100.0, 7.0

    def pass_s(self, seconds):
        for _ in range(int(round(seconds * 1000))):
            self.now_s += 0.001
            self.joules += self.watts * 0.001

    def read(self):
        beats = round(int(self.joules / (0.1 * self.watts) + 1e-6) * 0.1 * self.watts, 6) if self.watts else 7.0
        return {"GPU 0": beats % self.turn_j if self.turn_j else beats}

    def counters(self):
        return Counters(self.read, {"GPU 0": self.turn_j}, 1000.0, lambda: self.now_s, self.pass_s)


def samples(chip, counters, count, every_s):
    found = []
    for _ in range(count):
        chip.pass_s(every_s)
        means = counters.means()
        if not found or means.at_s > found[-1].at_s:
            found.append(means)
    return found


def test_a_sample_holds_since_the_one_before():
    chip = Chip()
    found = samples(chip, chip.counters(), 20, 0.25)
    assert [one.since_s for one in found[1:]] == [one.at_s for one in found[:-1]]


@pytest.mark.parametrize("turn_j", [None, 262.144])
def test_what_a_counter_missed_is_a_gap_and_no_figure(turn_j):
    """60 W for 30 s, then stopped for 300 s at 5 W: 4740 J in the 354 s, of which no reader of 60 W knows."""
    now, trace = [0.0], Trace()

    def joules_at(time_s):
        return 60.0 * min(time_s, 30.0) + 5.0 * max(0.0, min(time_s, 330.0) - 30.0) + 60.0 * max(0.0, time_s - 330.0)

    def read():
        lost_j = 0.0 if turn_j or now[0] < 330.0 else joules_at(329.9)  # a driver that was loaded again counts from 0
        counted_j = joules_at(now[0]) - lost_j
        return {"GPU 0": counted_j % turn_j if turn_j else counted_j}

    def sleep(seconds):
        now[0] += seconds

    counters = Counters(read, {"GPU 0": turn_j}, 1000.0, lambda: now[0], sleep)
    for begin_s, end_s in ((now[0], 30.0), (330.0, 360.0)):
        now[0] = begin_s
        while now[0] < end_s:
            means = counters.means()
            trace.append(PowerSample(means.at_s, means.rails_w, "GPU 0", means.since_s))
            now[0] += 0.1
    facts = SensorFacts("nvml", "GPU 0", averages=True, delay_s=0.002)
    reading = integrate_all(trace.columns(), [(1.0, 355.0)], facts)
    assert reading.gross_j is None and reading.coverage == pytest.approx(54.0 / 354.0, abs=0.01)
    assert "samples cover" in reading.reason
    reading = integrate_all(trace.columns(), [(332.0, 355.0)], facts)
    assert reading.gross_j == pytest.approx(60.0 * 23.0, rel=0.01) and reading.gaps == 0


def joules(found):
    return sum(after.rails_w["GPU 0"] * (after.at_s - before.at_s) for before, after in zip(found, found[1:]))


def test_samples_are_means_and_add_up_to_what_was_counted():
    chip = Chip()
    found = samples(chip, chip.counters(), 100, 0.25)
    assert joules(found) == pytest.approx(10.0 * (found[-1].at_s - found[0].at_s), abs=1.0)  # a beat at each end


def test_the_beat_is_seen():
    assert Chip().counters().beat_s == pytest.approx(0.1, abs=0.005)


def test_between_beats_the_last_sample_comes_again_instead_of_a_zero():
    chip = Chip()
    counters = chip.counters()
    found = samples(chip, counters, 100, 0.03)
    assert 25 <= len(found) <= 35  # of 100 readings in 30 beats
    assert all(5.0 < one.rails_w["GPU 0"] < 20.0 for one in found)


def test_a_counter_that_turns_over_goes_on():
    chip = Chip(turn_j=25.0)
    found = samples(chip, chip.counters(), 100, 0.2)
    assert found[-1].at_s - found[0].at_s > 10.0  # it turned several times
    assert all(4.0 < one.rails_w["GPU 0"] < 21.0 for one in found)
    assert joules(found) == pytest.approx(10.0 * (found[-1].at_s - found[0].at_s), abs=1.0)


def test_a_counter_that_fell_or_may_have_turned_twice_begins_anew():
    chip = Chip()
    counters = chip.counters()
    chip.pass_s(1.0)
    counters.means()
    chip.joules = 0.0  # a driver that was loaded again
    chip.pass_s(1.0)
    assert counters.means().rails_w["GPU 0"] == pytest.approx(10.0, rel=0.5)
    chip = Chip(turn_j=100.0)  # of 1000 W in 0.1 s
    counters = chip.counters()
    chip.pass_s(0.5)
    before_s = chip.now_s
    means = counters.means()
    assert means.at_s > before_s and means.rails_w["GPU 0"] > 0.0  # what came before is not in it,
    assert before_s <= means.since_s < means.at_s                  # and it says since when it holds


def test_a_counter_that_counts_nothing_is_an_error_and_no_power():
    with pytest.raises(DeviceError, match="stands still"):
        Chip(watts=0.0).counters()
    chip = Chip()
    counters = chip.counters()
    stopped = chip.read()
    chip.read = counters._read = lambda: stopped
    chip.pass_s(1.0)
    counters.means()
    chip.pass_s(6.0)
    with pytest.raises(DeviceError, match="stands still"):
        counters.means()
