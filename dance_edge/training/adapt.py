"""`adapt`: a model meets its target, learns, shrinks, and leaves a run folder."""
import contextlib
import os
from typing import Any, Dict, Iterator

from dance_edge import run as run_folder
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.sensors import open_sensor
from dance_edge.errors import DanceError, DataError, DeviceError, Interrupted
from dance_edge.events import Note, OnEvent, Warned, ignore
from dance_edge.manifest import manifest_from_dict
from dance_edge.training.attempt import AdaptResult, Attempt
from dance_edge.training.budget import budget_of, within
from dance_edge.training.claim import claim, clear
from dance_edge.training.config import AdaptConfig, check
from dance_edge.training.expected import calibrate, expect
from dance_edge.training.forecast import forecast
from dance_edge.training.setup import Setup, prepare
from dance_edge.training.target import refuse_other_ids

__all__ = ("AdaptConfig", "AdaptResult", "adapt", "dry_run")


def adapt(config: AdaptConfig, on_event: OnEvent = ignore) -> AdaptResult:
    """Fine-tune (or train from scratch) with data slimming and channel pruning; ends at model.pt.

    Goes on where an earlier start of the same run was stopped; a run that has its model is returned as it is.
    Raises `Interrupted` after SIGINT or SIGTERM, with a checkpoint of the step that was under way.
    """
    check(config)
    budget_of(config)
    folder, state = claim(config, on_event)
    if "facts" in state:
        return AdaptResult(folder, manifest_from_dict(state["manifest"]), state["facts"])
    with _metered(on_event) as meter, meter.window("adapt") as window:
        setup = prepare(config, state, on_event)
        if state:
            refuse_other_ids(setup.target, state["target"])
        else:
            setup = _within_budget(setup, meter, on_event)
        os.makedirs(folder, exist_ok=True)
        with run_folder.lock(folder):
            return _in_folder(Attempt(folder, setup, state, window, on_event), meter)


def dry_run(config: AdaptConfig, on_event: OnEvent = ignore) -> Dict[str, Any]:
    """What `adapt` would do with `config`, and what it would take here: nothing is trained and nothing written."""
    check(config)
    budget_of(config)
    with _metered(on_event) as meter:
        setup = prepare(config, {}, on_event)
        cost = calibrate(setup.trainee, min(plan.size for plan in setup.plans), meter)
        setup = within(setup, budget_of(config), cost, on_event)
        return forecast(setup, expect(setup.trainee, setup.batches(), cost))


def _within_budget(setup: Setup, meter: EnergyMeter, on_event: OnEvent) -> Setup:
    """A new run's length by its caps, after a calibration; what it will take is said."""
    size, budget = min(plan.size for plan in setup.plans), budget_of(setup.config)
    try:
        cost = calibrate(setup.trainee, size, meter)
    except DeviceError as reason:
        if budget.capped:
            raise
        on_event(Warned("%s: how long the run takes is not known" % reason.message))
        return setup
    setup = within(setup, budget, cost, on_event)
    on_event(Note(expect(setup.trainee, setup.batches(), cost).line()))
    return setup


@contextlib.contextmanager
def _metered(on_event: OnEvent) -> Iterator[EnergyMeter]:
    sensor = open_sensor("auto", on_event)
    try:
        with EnergyMeter(sensor, on_event=on_event) as meter:
            yield meter
    finally:
        if sensor is not None:
            sensor.close()


def _in_folder(attempt: Attempt, meter: EnergyMeter) -> AdaptResult:
    if attempt.setup.config.fresh or "config" not in run_folder.read_state(attempt.folder):
        clear(attempt.folder)
    try:
        return attempt.run()
    except (Interrupted, KeyboardInterrupt) as reason:
        raise attempt.interrupted(reason)
    except (DataError, DeviceError) as error:  # of the world around the run, which can be mended
        attempt.pause()
        error.hint = "%s; then go on with: %s" % (error.hint, attempt.go_on())
        raise
    except DanceError:
        attempt.pause()
        raise
    finally:
        if meter.sensor is not None:
            with contextlib.suppress(OSError):
                meter.trace.write_csv(os.path.join(attempt.folder, "energy.csv"), meter.sensor.name)
