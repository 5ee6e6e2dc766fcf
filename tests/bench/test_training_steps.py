import contextlib
import math
import os

import pytest

from dance_edge.bench.ratio import t_95
from dance_edge.bench.sight import sight_of
from dance_edge.bench.training_steps import Block, extrapolated, measure_steps
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import training_reading
from dance_edge.events import Warned, ignore
from dance_edge.run import read_state


def block(macs, seconds, gross_j, steps=2, duration_s=0.0, coverage=1.0):
    return Block(steps, macs, seconds, EnergyReading(
        gross_j=gross_j, low_j=gross_j - 1.0, high_j=gross_j + 1.0, measured=True, sensor_j=0.5, source="jtop",
        scope="VDD_IN", duration_s=duration_s, coverage=coverage))


def test_the_whole_run_by_hand(steady_meter):
    # 10, 12 and 14 J per 1e9 MACs: 12 J in the mean, standard deviation 2, for 100e9 MACs 1200 J
    found = extrapolated([block(1e9, 2.0, 10.0), block(1e9, 2.0, 12.0), block(1e9, 2.0, 14.0)], 50, 100e9,
                         steady_meter(5.0))
    assert found.seconds == pytest.approx(200.0) and found.low_s == found.high_s == pytest.approx(200.0)
    spread, own = 100.0 * t_95(2) * 2.0 / math.sqrt(3.0), 100.0 / 3.0 * 3.0
    assert found.energy.gross_j == pytest.approx(1200.0)
    assert found.energy.low_j == pytest.approx(1200.0 - math.hypot(spread, own))
    assert found.energy.high_j == pytest.approx(1200.0 + math.hypot(spread, own))
    assert found.energy.sensor_j == pytest.approx(50.0)
    assert found.energy_source == "extrapolated from 6 steps, measured (jtop, VDD_IN)"


def test_the_energy_object_says_itself_that_it_is_extrapolated(steady_meter):
    found = extrapolated([block(1e9, 2.0, 10.0, duration_s=2.0, coverage=0.5)] * 3, 50, 100e9, steady_meter(5.0))
    energy = found.to_dict()["energy"]
    assert energy["label"] == "measured (jtop, extrapolated from 6 steps, VDD_IN)"
    assert energy["source"] == "jtop, extrapolated from 6 steps"
    assert energy["duration_s"] == pytest.approx(200.0) and energy["coverage"] == pytest.approx(0.5 * 6.0 / 200.0)
    assert found.line().startswith("a run of 50 steps, extrapolated from 6 steps: 200 s (200 to 200); 1000 J (")
    assert "), measured (jtop, VDD_IN), uncalibrated, " in found.line() and "1.5 % of the time covered" in found.line()
    assert found.line().count("extrapolated") == 1


def test_a_run_that_is_shorter_than_its_sample_is_not_covered_twice(steady_meter):
    found = extrapolated([block(1e9, 2.0, 10.0, duration_s=2.0)] * 3, 1, 1e9, steady_meter(5.0))
    assert found.energy.coverage == 1.0


def test_net_joules_of_the_whole_run_have_their_interval(steady_meter):
    blocks = [block(1e9, 2.0, gross_j) for gross_j in (10.0, 12.0, 14.0)]
    blocks = [one._replace(energy=one.energy._replace(net_j=4.0, net_low_j=2.0, net_high_j=6.0)) for one in blocks]
    energy = extrapolated(blocks, 50, 100e9, steady_meter(5.0)).energy
    half_j = math.hypot(100.0 * t_95(2) * 2.0 / math.sqrt(3.0), 100.0 * 2.0)
    assert (energy.net_low_j, energy.net_j, energy.net_high_j) == pytest.approx((400.0 - half_j, 400.0, 400.0 + half_j))


def test_nothing_takes_less_than_nothing(steady_meter):
    found = extrapolated([block(1e9, 1.0, 2.0), block(1e9, 9.0, 30.0)], 50, 100e9, steady_meter(5.0))
    assert found.low_s == 0.0 and found.energy.low_j == 0.0 and found.seconds == pytest.approx(500.0)


def test_one_block_has_no_interval(steady_meter):
    found = extrapolated([block(1e9, 2.0, 10.0)], 50, 100e9, steady_meter(5.0))
    assert found.low_s is None and found.energy.low_j is None and found.energy.gross_j == pytest.approx(1000.0)


def test_the_reason_is_that_of_the_block_that_has_no_figure(steady_meter):
    lost = Block(1, 1e9, 2.0, EnergyReading(reason="samples cover 1 of 5 s", source="jtop", scope="VDD_IN"))
    found = extrapolated([block(1e9, 2.0, 10.0), lost], 50, 100e9, steady_meter(5.0))
    assert found.energy.gross_j is None and found.energy.label == "none (samples cover 1 of 5 s)"


def test_without_a_sensor_time_is_extrapolated_and_joules_are_estimated():
    blocks = [Block(1, 1e9, 2.0, EnergyReading(reason="no power sensor"))] * 2
    found = extrapolated(blocks, 50, 100e9, EnergyMeter(None))
    assert found.energy.gross_j == training_reading(100e9, 200.0).gross_j
    assert found.energy_source == "estimated (TX2 model)" and found.seconds == pytest.approx(200.0)


def test_a_runs_own_steps(small_run, steady_meter):
    state, before = read_state(small_run), sorted(os.listdir(small_run))
    found = measure_steps(state, 3, steady_meter(5.0), ignore)
    assert found.reason == "" and found.run_steps == 6 and found.macs == pytest.approx(1e15 * state["facts"]["macs_p"])
    assert found.seconds > 0 and found.low_s < found.seconds < found.high_s
    # at 5 W joules are five times the seconds of the windows, which are hardly longer than the steps
    assert found.energy.gross_j == pytest.approx(5.0 * found.seconds, rel=0.05)
    assert found.energy_source == "extrapolated from 3 steps, measured (scripted, VDD_IN)"
    assert sorted(os.listdir(small_run)) == before and read_state(small_run) == state


def test_one_step_is_two_so_that_there_is_an_interval(small_run, steady_meter):
    found = measure_steps(read_state(small_run), 1, steady_meter(5.0), ignore)
    assert found.steps == 2 and found.low_s is not None
    assert found.energy.measured and found.energy.low_j < found.energy.gross_j < found.energy.high_j


def test_what_cannot_be_measured_says_why(small_run, small_set, tmp_path, monkeypatch):
    nothing = measure_steps({}, 3, EnergyMeter(None), ignore)
    assert nothing.seconds is None and "run.json" in nothing.reason and "none measured" in nothing.line()
    facts = nothing.to_dict()
    assert facts["energy_j"] is None and facts["duration_s"] is None and facts["energy_source"].startswith("none (")
    gone = read_state(small_run)
    gone["config"] = dict(gone["config"], target=str(tmp_path / "gone"))
    assert "gone" in measure_steps(gone, 3, EnergyMeter(None), ignore).reason


def test_more_steps_than_the_run_has(small_run, steady_meter):
    found = measure_steps(read_state(small_run), 8, steady_meter(5.0), ignore)
    assert found.reason == "" and found.steps == 8 and found.run_steps == 6 and found.seconds > 0


@pytest.fixture
def watched(monkeypatch, steady_meter):
    """A meter, and what is done within its windows and outside of them, as (what, size, whether it is measured)."""
    from dance_edge.training import step, trainee

    meter, done, within = steady_meter(5.0), [], []
    window = meter.window

    @contextlib.contextmanager
    def watched_window(name):
        with window(name) as opened:
            within.append(name)
            yield opened
            within.pop()

    def watch(module, name, size_of):
        of_module = getattr(module, name)

        def call(*arguments):
            done.append((name, size_of(*arguments), bool(within)))
            return of_module(*arguments)

        monkeypatch.setattr(module, name, call)

    monkeypatch.setattr(meter, "window", watched_window)
    watch(trainee, "count_training_macs", lambda network, size: size)
    watch(trainee, "pooled_batchnorms", lambda network, size: size)
    watch(step, "optimizer_step", lambda job, counts, batch, groups, rate: batch[0].size)
    return meter, done


def test_what_is_measured_are_steps_alone_at_sizes_that_have_run(small_run, watched):
    meter, done = watched
    assert measure_steps(read_state(small_run), 6, meter, ignore).reason == ""
    measured = [(what, size) for what, size, within in done if within]
    assert {what for what, _ in measured} == {"optimizer_step"} and len(measured) == 6
    before = [(what, size) for what, size, within in done if not within]
    sizes = {size for _, size in measured}
    assert len(sizes) > 1
    for what in ("count_training_macs", "pooled_batchnorms", "optimizer_step"):
        assert [size for one, size in before if one == what] == list({size: 0 for one, size in before if one == what})
        assert {size for one, size in before if one == what} == sizes


def test_a_run_that_ended_early_is_what_it_was_not_what_was_planned(small_run):
    state = read_state(small_run)
    state["facts"] = dict(state["facts"], steps=4)
    found = measure_steps(state, 2, EnergyMeter(None), ignore)
    assert (found.run_steps, found.macs) == (4, pytest.approx(1e15 * state["facts"]["macs_p"]))
    planned = measure_steps(dict(state, facts={}), 2, EnergyMeter(None), ignore)
    assert planned.run_steps == 6 and planned.macs > found.macs  # of the dense network


def test_what_the_sensor_does_not_see_has_no_joules(small_run, steady_meter):
    meter, heard = steady_meter(5.0), []
    meter.sensor.name = "nvml"
    found = measure_steps(read_state(small_run), 2, meter, heard.append, sight_of(meter.sensor, ["cuda"], False))
    assert found.reason == "" and found.seconds > 0 and found.to_dict()["energy_j"] is None
    assert found.energy_source == "none (nvml sees the GPU alone, and the work is on the CPU)"
    assert [one.text for one in heard if isinstance(one, Warned)] == [
        "the training steps have no joules: nvml sees the GPU alone, and the work is on the CPU"]
