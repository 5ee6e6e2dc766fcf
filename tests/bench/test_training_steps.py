import math
import os

import pytest

from dance_edge.bench.ratio import t_95
from dance_edge.bench.training_steps import Block, extrapolated, measure_steps
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import training_reading
from dance_edge.events import ignore
from dance_edge.run import read_state


def block(macs, seconds, gross_j, steps=2):
    return Block(steps, macs, seconds, EnergyReading(
        gross_j=gross_j, low_j=gross_j - 1.0, high_j=gross_j + 1.0, measured=True, sensor_j=0.5, source="jtop",
        scope="VDD_IN", coverage=1.0))


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
    assert "extrapolated from 6 steps" in found.line() and "measured" in found.line()


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
