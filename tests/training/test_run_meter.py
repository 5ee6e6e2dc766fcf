"""A run's joules over its starts, on a clock of the test's own and a sensor of 5 W, then 20 W."""
import pytest

from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.training.run_meter import EVALUATION, PRUNING, TRAINING, RunMeter


class Clocked(EnergyMeter):
    """A meter whose samples are laid down as its time is moved on."""

    def __init__(self, watts_at):
        self.now_s = 100.0
        self.watts_at = watts_at
        super().__init__(Never(), 0.1, clock=lambda: self.now_s)
        self.lay()

    def lay(self):
        self.trace.append(PowerSample(self.now_s, {"VDD_IN": self.watts_at(self.now_s - 100.0)}, "VDD_IN"))

    def go(self, seconds):
        for _ in range(int(round(10 * seconds))):
            self.now_s = round(self.now_s + 0.1, 6)
            self.lay()


class Never(PowerSensor):
    name, scope = "made", "VDD_IN"

    def read(self):
        raise AssertionError("the test lays the samples")


def started(meter, state=None):
    window = meter.window("adapt")
    window.__enter__()
    run = RunMeter(meter, window)
    run.take_up(state or {})
    return run


def test_what_is_done_within_another_phase_counts_for_itself_alone():
    meter = Clocked(lambda s: 20.0 if 4.0 <= s < 6.0 else 5.0)
    run = started(meter)
    with run.phase(TRAINING):
        meter.go(4.0)
        with run.phase(EVALUATION):
            meter.go(2.0)
        meter.go(4.0)
    phases = run.phases()
    assert list(phases) == [EVALUATION, TRAINING]
    assert phases[TRAINING].duration_s == pytest.approx(8.0) and phases[EVALUATION].duration_s == pytest.approx(2.0)
    assert phases[TRAINING].gross_j == pytest.approx(40.0, abs=1.6)  # a step lies within one sample's 0.1 s at its ends
    assert phases[EVALUATION].gross_j == pytest.approx(40.0, abs=1.6)
    assert run.whole(1e15, 10.0).gross_j == pytest.approx(80.0, abs=1.6)


def test_many_short_stretches_have_a_figure_together():
    meter = Clocked(lambda s: 5.0)
    run = started(meter)
    with run.phase(TRAINING):
        for _ in range(10):
            meter.go(1.0)
            with run.phase(PRUNING):
                meter.go(0.1)
    assert run.phases()[PRUNING].gross_j == pytest.approx(5.0 * 1.0)
    alone = meter.between(101.0, 101.1)
    assert alone.gross_j is None and "too few" in alone.reason


def test_an_earlier_start_is_added_whole_and_by_phase():
    first = Clocked(lambda s: 5.0)
    run = started(first)
    with run.phase(TRAINING):
        first.go(2.0)
        state = run.to_state()  # at a checkpoint
        first.go(2.0)  # is lost: the process is killed
    second = Clocked(lambda s: 10.0)
    run = started(second, state)
    with run.phase(TRAINING):
        second.go(3.0)
    assert run.phases()[TRAINING].gross_j == pytest.approx(5.0 * 2 + 10.0 * 3)
    whole = run.whole(1e15, 5.0)
    assert whole.gross_j == pytest.approx(40.0) and whole.duration_s == pytest.approx(5.0) and whole.measured
    assert run.elapsed_s == pytest.approx(5.0)
    assert run.to_state()["energy_parts"][0] == state["energy_parts"][0]


def test_a_phase_under_way_is_counted_up_to_now_and_once():
    meter = Clocked(lambda s: 5.0)
    run = started(meter)
    with run.phase(TRAINING):
        for _ in range(5):
            meter.go(1.0)
            run.to_state()
        assert run.phases()[TRAINING].gross_j == pytest.approx(25.0)
        assert run.phases()[TRAINING].gaps == 0
    assert len(run.to_state()["energy_phases"][TRAINING]) == 1


def test_without_a_sensor_a_model_speaks_for_the_whole_and_for_no_phase():
    meter = EnergyMeter(None)
    run = RunMeter(meter, meter.window("adapt"))
    with run.phase(TRAINING):
        pass
    assert run.whole(1e15, 5.0).label == "estimated (TX2 model)"
    assert all(one.gross_j is None for one in run.phases().values())
    meter.may_estimate = False
    assert run.whole(1e15, 5.0).gross_j is None
