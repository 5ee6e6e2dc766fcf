"""Caps that become a number of steps, and the meter that ends what the calibration promised too well."""
import math

import pytest

from dance_edge.errors import ConfigError, DeviceError
from dance_edge.events import StepDone, Warned, ignore
from dance_edge.training.adapt import adapt, dry_run
from dance_edge.training.budget import Budget, budget_of, parse_seconds, within
from dance_edge.training.config import AdaptConfig
from dance_edge.training.expected import Cost
from dance_edge.training.setup import prepare


@pytest.fixture
def config(small_set, small_networks):
    """Makes the settings of a plain run of 12 steps of 2 images at full size."""
    def make(factory="make", **changes):
        return AdaptConfig(target=small_set, model="%s:%s" % (small_networks, factory), steps=12, batch_size=2,
                           workers=0, slim=False, out="r")._replace(**changes)
    return make


@pytest.mark.parametrize("text, seconds", [
    ("2h", 7200), ("1h30m", 5400), ("45min", 2700), ("90s", 90), ("1.5h", 5400), ("2h 5m 1s", 7501), ("600", 600),
    ("", math.inf)])
def test_durations(text, seconds):
    assert parse_seconds(text) == seconds


def test_amounts():
    asked = AdaptConfig("t")
    assert budget_of(asked) == Budget() and not budget_of(asked).capped
    assert budget_of(asked._replace(energy="40kJ", macs="1.5P")) == (math.inf, 40e3, 1.5e15)
    assert budget_of(asked._replace(energy="2MJ", macs="3e2G")) == (math.inf, 2e6, 3e11)
    assert budget_of(asked._replace(energy="500", macs="2 TMAC")) == (math.inf, 500, 2e12)


@pytest.mark.parametrize("changes, flag", [
    (dict(time="soon"), "--time"), (dict(time="0s"), "--time"), (dict(time="-3"), "--time"),
    (dict(time="nan"), "--time"),
    (dict(energy="40kW"), "--energy"), (dict(energy="0J"), "--energy"), (dict(macs="1.5PJ"), "--macs"),
    (dict(macs="many"), "--macs")])
def test_what_cannot_be_read_is_refused_before_anything_is_read(changes, flag):
    with pytest.raises(ConfigError, match=flag):
        adapt(AdaptConfig("nowhere", model="bisenet")._replace(**changes))


def test_steps_are_what_the_budget_pays_for_behind_its_reserve(config):
    setup = prepare(config(), {}, ignore)
    step = next(setup.batches())
    macs = setup.trainee.training_macs_at(step.size) * 2
    # 14 images of recalibration and 4 to score, forward, half as much again for what is no multiply-accumulate
    reserved = 1.5 * 18 * setup.trainee.macs_at(step.size)
    cost = Cost(2e-9, 3e-9, "made up")
    for budget, steps in ((Budget(macs=5.5 * macs), 5), (Budget(seconds=2e-9 * (7.5 * macs + reserved)), 7),
                          (Budget(joules=3e-9 * (3.5 * macs + reserved)), 3), (Budget(macs=99 * macs), 12)):
        plan = within(setup, budget, cost, ignore).plan
        assert plan.steps == steps and plan.by_steps and plan.reserved_s == pytest.approx(2e-9 * reserved)
    assert within(setup, Budget(), cost, ignore) is setup
    with pytest.raises(ConfigError, match="does not pay for one step"):
        within(setup, Budget(macs=0.5 * macs), cost, ignore)


def test_a_cap_on_macs_holds_and_a_resumed_run_keeps_the_length(config):
    planned = dry_run(config())
    asked = config(macs="%.3fG" % (planned["macs"] * 0.5 / 1e9), checkpoint_every=1)

    def stop(event):
        if isinstance(event, StepDone) and event.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(Exception, match="Ctrl-C"):
        adapt(asked, stop)
    heard = []
    facts = adapt(asked, heard.append).facts
    assert facts["steps"] == 6 and facts["resumed_from_step"] == 1 and facts["ended_by"] == ""
    assert facts["macs_p"] * 1e15 <= 0.5 * planned["macs"] * 1.001
    assert [event.learning_rate for event in heard if isinstance(event, StepDone)][-1] < 1e-3 / 3  # the schedule's end


@pytest.mark.parametrize("changes", [dict(), dict(order="data-first", criterion="taylor")], ids=str)
def test_the_clock_ends_a_run_that_turned_out_slower_and_what_was_asked_for_is_pruned(config, changes, monkeypatch):
    """What the calibration promises is made here: on a busy machine it would find the truth."""
    monkeypatch.setattr("dance_edge.training.adapt.calibrate", lambda *_: Cost(1e-15, 1e-15, "made"))
    asked = config("slow", slim=True, downsample=False, drop=False, steps=60, batch_size=3, stages=2, pruning_ratio=0.5,
                   time="5s", **changes)
    heard = []
    facts = adapt(asked, heard.append).facts
    assert facts["ended_by"] == "time" and 0 < facts["steps"] < 60 and facts["channels_kept"] == 0.5
    assert any("the time of the budget is used up" in one.text for one in heard if isinstance(one, Warned))
    assert facts["miou_after"] >= 0


def test_the_sensor_ends_a_run_that_takes_more_joules_than_the_calibration_promised(
        config, lay_chip, tmp_path, monkeypatch):
    """5 W by an INA3221's files: 50 J are 10 seconds."""
    lay_chip("0-0041/iio:device1", [("VDD_IN", 5000)])
    monkeypatch.setattr("dance_edge.energy.ina3221.ROOT", str(tmp_path))
    monkeypatch.setattr("dance_edge.training.adapt.calibrate", lambda *_: Cost(1e-15, 1e-15, "made"))
    heard = []
    facts = adapt(config("slow", steps=200, batch_size=3, energy="50J", power="ina3221"), heard.append).facts
    assert facts["ended_by"] == "energy" and 0 < facts["steps"] < 200
    assert any("the energy of the budget is used up" in one.text for one in heard if isinstance(one, Warned))
    assert facts["energy"]["measured"] and 40.0 < facts["energy_j"] < 65.0
    assert facts["warnings"] == [one.text for one in heard if isinstance(one, Warned)]


def test_a_trial_that_does_not_fit_ends_what_depends_on_it(config):
    for job, asked in ((dry_run, config("hungry")), (adapt, config("hungry", time="2h"))):
        with pytest.raises(DeviceError, match="out of memory in a trial with 2 images of 160x96"):
            job(asked)


def test_a_dry_run_says_what_the_run_then_takes_and_writes_nothing(config, tmp_path):
    asked = config(slim=True, steps=0, epochs=3, stages=2, pruning_ratio=0.5)
    planned = dry_run(asked)
    assert list(tmp_path.iterdir()) == []
    facts = adapt(asked).facts
    assert planned["steps"] == facts["steps"] and planned["images"] == facts["images_kept"]
    assert planned["offered"] == facts["images_offered"] and planned["macs_p"] >= facts["macs_p"]
    assert planned["pixels_ratio_offered"] == pytest.approx(facts["pixels_ratio_offered"])
    assert [(one["removed"], one["of"]) for one in planned["stages"]] == [(24, 96), (48, 96)]
    assert [one["after_step"] for one in planned["stages"]] == [one["step"] for one in facts["prunes"]]
    assert planned["duration_s"] > 0 and planned["energy_j"] > 0
