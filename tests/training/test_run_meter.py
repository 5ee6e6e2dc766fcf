"""A run's joules over its starts, on a clock of the test's own and a sensor of 5 W, then 20 W."""
import pytest

from dance_edge.energy import trapezoid
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
    assert "power_mode" in state["conditions"] and run.to_state()["conditions"] == state["conditions"]


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


def test_a_checkpoint_waits_for_no_sample_and_the_last_word_does(monkeypatch):
    meter = Clocked(lambda s: 5.0)
    meter.sensor.delay_s = 0.42
    sampler = meter.sampler_of("")
    awaited = []
    monkeypatch.setattr(sampler, "_thread", object())  # as if it were sampling
    monkeypatch.setattr(sampler, "wait_beyond", lambda time_s, timeout_s: awaited.append(time_s - sampler.trace.last_s))
    run = started(meter)
    with run.phase(TRAINING):
        meter.go(10.0)
        state = run.to_state(waits=False)
        assert len(awaited) == 2 and max(awaited) < 0.0  # for what is there already
        assert state["energy_parts"][0]["duration_s"] == pytest.approx(10.0 - 0.42, abs=1e-3)
        assert state["energy_phases"][TRAINING][0]["gross_j"] == pytest.approx(5.0 * 9.58, abs=0.01)
        del awaited[:]
        state = run.to_state()
        assert max(awaited) == pytest.approx(0.42)
        assert state["energy_parts"][0]["duration_s"] == pytest.approx(10.0)
        meter.now_s += 100.0  # a sensor that is silent is no reason to leave its time out
        assert run.to_state(waits=False)["energy_parts"][0]["duration_s"] == pytest.approx(110.0)
    assert started(Clocked(lambda s: 5.0)).to_state(waits=False)["energy_parts"][0]["duration_s"] == 0.0


def test_without_a_sensor_a_model_speaks_for_the_whole_and_for_no_phase():
    meter = EnergyMeter(None)
    run = RunMeter(meter, meter.window("adapt"))
    with run.phase(TRAINING):
        pass
    assert run.whole(1e15, 5.0).label == "estimated (TX2 model)"
    assert all(one.gross_j is None for one in run.phases().values())
    meter.may_estimate = False
    assert run.whole(1e15, 5.0).gross_j is None


def test_the_trace_that_is_kept_is_of_the_sensor_that_had_a_figure(tmp_path):
    """A start too short for the first sensor, of a sample a second, and long enough for the chip's own files."""
    slow, quick = Never(), Never()
    slow.name, quick.name = "jtop", "ina3221"
    now_s = [100.0]
    meter = EnergyMeter(slow, 1.0, clock=lambda: now_s[0], quick=quick)
    run = started(meter)
    for i in range(23):
        meter.sampler_of("ina3221").trace.append(PowerSample(100.0 + 0.1 * i, {"VDD_IN": 5.0}, "VDD_IN"))
    for i in range(2):
        meter.trace.append(PowerSample(100.0 + i, {"VDD_IN": 5.0}, "VDD_IN"))
    now_s[0] = 102.0
    assert run.window.reading().source == "ina3221"
    run.write_csv(str(tmp_path / "energy.csv"))
    lines = (tmp_path / "energy.csv").read_text().splitlines()
    assert "source: ina3221" in lines[0] and len(lines) == 2 + 23


def test_spans_that_have_long_ended_are_not_integrated_again(monkeypatch):
    meter = Clocked(lambda s: 5.0 + (int(10 * s) * 7919 % 101) / 100.0)
    run = started(meter)
    with run.phase(TRAINING):
        for _ in range(6):
            meter.go(20.0)
            with run.phase(EVALUATION):
                meter.go(5.0)
            states = [run.to_state()["energy_phases"] for _ in range(2)]
        meter.go(60.0)
        first = run.to_state()["energy_phases"]
        integrated = []
        real = trapezoid._of_window
        monkeypatch.setattr(trapezoid, "_of_window", lambda *taken: integrated.append(taken[1]) or real(*taken))
        again = run.to_state()["energy_phases"]
    assert states[0] == states[1] and again == first
    assert len(integrated) == 2  # the whole start and the training that is under way
    monkeypatch.setattr(trapezoid, "_of_window", real)
    fresh = meter.over(run._spans[EVALUATION])
    assert first[EVALUATION][0]["gross_j"] == pytest.approx(fresh.gross_j, rel=1e-9)
    assert fresh.duration_s == pytest.approx(30.0)


def capped(meter, state=None):
    heard = []
    window = meter.window("adapt")
    window.__enter__()
    run = RunMeter(meter, window, heard.append)
    run.take_up(state or {})
    return run, heard


def test_a_cap_goes_on_with_the_power_known_last_where_the_sensor_has_no_figure():
    meter = Clocked(lambda s: 5.0)
    run, heard = capped(meter)
    meter.go(10.0)
    assert run.joules(1e15) == pytest.approx(50.0)
    meter.go(10.0)
    assert run.joules(1e15) == pytest.approx(100.0)
    for _ in range(2):
        meter.now_s += 100.0  # without a sample, so that the window has no figure
        assert meter.between(100.0, meter.now_s).gross_j is None
        assert run.joules(1e15) == pytest.approx(5.0 * run.elapsed_s)
    assert len(heard) == 1 and "carried on" in heard[0].text and "samples cover" in heard[0].text


def test_a_cap_holds_on_to_what_earlier_starts_had_measured():
    first = Clocked(lambda s: 5.0)
    run = started(first)
    first.go(100.0)
    state = run.to_state()
    second = Clocked(lambda s: 5.0)
    run, heard = capped(second, state)
    second.now_s += 40.0
    assert run.joules(1e18) == pytest.approx(5.0 * 140.0) and len(heard) == 1
    without, heard = capped(Clocked(lambda s: 5.0))
    without.meter.now_s += 40.0
    assert without.joules(1e15) == pytest.approx(0.21e6, rel=0.1)  # 0.21 J/GMAC, estimated
    without.meter.now_s += 40.0
    without.joules(1e15)
    assert len(heard) == 1 and "estimated" in heard[0].text
    silent, heard = EnergyMeter(None), []
    run = RunMeter(silent, silent.window("adapt"), heard.append)
    assert run.joules(1e15) == pytest.approx(0.21e6, rel=0.1) and heard == []


def test_a_start_that_ended_in_a_kill_is_counted_and_said():
    def start(state, seconds):
        meter = Clocked(lambda s: 5.0)
        run = started(meter, state)
        meter.go(seconds)
        return run

    first = start({}, 100.0)
    assert first.kills == 0 and "kill" not in first.whole(1e15, 1.0).reason
    paused = start(dict(first.to_state(), state="interrupted"), 100.0)
    assert paused.kills == 0
    killed = start(dict(paused.to_state(), state="running"), 0.3)
    assert killed.kills == 1 and "1 start ended without a word" in killed.whole(1e15, 1.0).reason
    again = start(dict(killed.to_state(), state="running"), 100.0)
    whole = again.whole(1e15, 1.0)
    assert again.kills == 2 and "2 starts ended without a word" in whole.reason
    assert whole.gross_j == pytest.approx(5.0 * 300.3) and whole.measured  # the start of 0.3 s has no figure of its own
    assert start(dict(again.to_state(), state="interrupted"), 1.0).kills == 2
