"""`adapt`: a model meets its target, learns, shrinks, and leaves a run folder."""
import contextlib
import os
from typing import Any, Dict, List

import torch

from dance_edge import run as run_folder
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.sensors import check_kind, metered
from dance_edge.errors import DanceError, DataError, DeviceError, Interrupted
from dance_edge.events import Event, Note, OnEvent, Opened, Warned, ignore
from dance_edge.manifest import manifest_from_dict
from dance_edge.ranks import Ranks
from dance_edge.training.attempt import AdaptResult, Attempt
from dance_edge.training.budget import budget_of, within
from dance_edge.training.claim import claim, clear
from dance_edge.training.config import AdaptConfig, check
from dance_edge.training.expected import Cost, calibrate, expect
from dance_edge.training.forecast import forecast
from dance_edge.training.process_group import joined
from dance_edge.training.run_meter import CALIBRATION, SCAN, RunMeter
from dance_edge.training.setup import Setup, prepare
from dance_edge.training.target import refuse_other_ids

__all__ = ("AdaptConfig", "AdaptResult", "adapt", "dry_run")


def adapt(config: AdaptConfig, on_event: OnEvent = ignore) -> AdaptResult:
    """Fine-tune (or train from scratch) with data slimming and channel pruning; ends at model.pt.

    Goes on where an earlier start of the same run was stopped; a run that has its model is returned as it is.
    Raises `Interrupted` after SIGINT or SIGTERM, with a checkpoint of the step that was under way.

    Called by every process of a `torch.distributed` group, or one that torchrun started, they share the work: batches,
    scan and scores. `--batch-size` counts over all of them; rank 0 writes, and is the only one that says anything.
    """
    _check(config)
    warned: List[str] = []
    with joined() as ranks:
        on_event = _heeding(on_event, warned) if ranks.first else ignore
        folder, state = ranks.lead(lambda: claim(config, on_event))
        if "facts" in state:
            on_event(Opened(folder))  # what is still to be made of it has something to say
            return AdaptResult(folder, manifest_from_dict(state["manifest"]), state["facts"])
        with contextlib.ExitStack() as stack:
            kind = config.power if ranks.first else "none"
            meter = ranks.attempt(lambda: stack.enter_context(metered(kind, on_event=on_event, place=_place())))
            _warn_of_other_gpus(meter, ranks, on_event)
            own = RunMeter(meter, stack.enter_context(meter.window("adapt")), on_event)
            setup = ranks.attempt(lambda: _ready(config, state, own, on_event, ranks))
            ranks.lead(lambda: _open(folder, config, stack))
            result = _in_folder(Attempt(folder, setup, state, own, warned, on_event), own)
        return result


def _place() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _warn_of_other_gpus(meter: EnergyMeter, ranks: Ranks, on_event: OnEvent) -> None:
    if ranks.count > 1 and meter.sensor is not None and meter.sensor.name == "nvml":
        on_event(Warned("nvml meters the GPU of rank 0 alone: those of the other ranks are in no joules"))


def _check(config: AdaptConfig) -> None:
    """Refuse what cannot be, before anything is read or made."""
    check(config)
    budget_of(config)
    check_kind(config.power)


def _heeding(on_event: OnEvent, warned: List[str]) -> OnEvent:
    """`on_event` that also adds the texts of warnings to `warned`."""
    def listen(event: Event) -> None:
        if isinstance(event, Warned):
            warned.append(event.text)
        on_event(event)
    return listen


def dry_run(config: AdaptConfig, on_event: OnEvent = ignore) -> Dict[str, Any]:
    """What `adapt` would do with `config`, and what it would take here: nothing is trained and nothing written."""
    _check(config)

    def planned() -> Dict[str, Any]:
        with metered(config.power, on_event=on_event, place=_place()) as meter:
            setup = prepare(config, {}, on_event)
            cost = _cost(setup, meter, ranks)
            setup = within(setup, budget_of(config), cost, on_event)
            return forecast(setup, expect(setup.trainee, setup.batches(), cost))

    with joined() as ranks:
        return ranks.lead(planned)


def _ready(config: AdaptConfig, state: Dict[str, Any], meter: RunMeter, on_event: OnEvent, ranks: Ranks) -> Setup:
    """The run that goes on with `state`, else a new one with its length by its caps."""
    with meter.phase(SCAN):
        setup = prepare(config, state, on_event, ranks)
    if state:
        refuse_other_ids(setup.target, state["target"])
        return setup
    with meter.phase(CALIBRATION):
        return _within_budget(setup, meter.meter, on_event)


def _within_budget(setup: Setup, meter: EnergyMeter, on_event: OnEvent) -> Setup:
    """A new run's length by its caps, after a calibration; what it will take is said."""
    budget = budget_of(setup.config)
    try:
        cost = setup.ranks.lead(lambda: _cost(setup, meter, setup.ranks))
    except DeviceError as reason:
        if budget.capped:
            raise
        on_event(Warned("%s: how long the run takes is not known" % reason.message))
        return setup
    setup = within(setup, budget, cost, on_event)
    on_event(Note(expect(setup.trainee, setup.batches(), cost).line()))
    return setup


def _cost(setup: Setup, meter: EnergyMeter, ranks: Ranks) -> Cost:
    """By a trial of this rank alone: together they take less time, and the joules are those of one."""
    cost = calibrate(setup.trainee, min(plan.size for plan in setup.plans), meter)
    return cost._replace(seconds_per_mac=cost.seconds_per_mac / ranks.count)


def _open(folder: str, config: AdaptConfig, stack: contextlib.ExitStack) -> None:
    """Make and lock `folder`, until `stack` is left, and clear it where the run begins anew."""
    os.makedirs(folder, exist_ok=True)
    stack.enter_context(run_folder.lock(folder))
    if config.fresh or "config" not in run_folder.read_state(folder):
        clear(folder)


def _in_folder(attempt: Attempt, meter: RunMeter) -> AdaptResult:
    try:
        return attempt.setup.ranks.attempt(attempt.run)  # a full disk is rank 0's to meet
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
        with contextlib.suppress(OSError):
            meter.write_csv(os.path.join(attempt.folder, "energy.csv"))
