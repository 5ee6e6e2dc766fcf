"""A few optimizer steps of a run, measured, and what the whole run would take by them. Needs PyTorch."""
import math
import os
import time
from typing import Any, Dict, Generator, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from dance_edge.bench.ratio import t_95
from dance_edge.bench.sight import BlindAt, all_seen
from dance_edge.data.sampler import Batch
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading, add_up
from dance_edge.energy.tx2_model import training_reading
from dance_edge.errors import ConfigError, DanceError, DataError
from dance_edge.events import OnEvent, Progress, Warned
from dance_edge.report.joules import energy_words

LEAST_BLOCKS = 2  # of one there is no spread, and so no interval
BLOCKS = 5  # the steps are parted into so many, whose spread gives the interval


class Block(NamedTuple):
    """`steps` that follow each other: MACs, forward and backward, of their images; seconds; joules."""

    steps: int
    macs: float
    seconds: float
    energy: EnergyReading


class Extrapolated(NamedTuple):
    """A whole run by `steps` of its own, each multiply-accumulate at what it took there. `macs` are the run's, of
    `run_steps`. `energy` is of the whole run, of which it covers what was metered, and its source says that it is
    extrapolated; without a figure `reason` says why there is nothing at all."""

    steps: int
    run_steps: int
    macs: float
    seconds: Optional[float] = None
    low_s: Optional[float] = None
    high_s: Optional[float] = None
    energy: EnergyReading = EnergyReading(reason="no training step was measured")
    reason: str = ""

    @property
    def energy_source(self) -> str:
        """What stands beside the joules."""
        if self.energy.gross_j is None or not self.energy.measured:
            return self.energy.label
        return "%s, %s" % (self._how, self._as_metered.label)

    @property
    def _how(self) -> str:
        return "extrapolated from %d steps" % self.steps

    @property
    def _as_metered(self) -> EnergyReading:
        """For a text that says itself that all of it is extrapolated."""
        return self.energy._replace(source=self.energy.source.replace(", " + self._how, ""))

    def to_dict(self) -> Dict[str, Any]:
        """`training_steps` in `bench --json`."""
        return {"extrapolated_from_steps": self.steps, "steps": self.run_steps or None,
                "macs_p": self.macs / 1e15 if self.macs else None,
                "duration_s": self.seconds, "duration_low_s": self.low_s, "duration_high_s": self.high_s,
                "energy_j": self.energy.gross_j, "energy_source": self.energy_source,
                "energy": self.energy.to_dict(), "reason": self.reason}

    def line(self) -> str:
        """For people."""
        if self.seconds is None:
            return "training steps: none measured (%s)" % self.reason
        spread = "" if self.low_s is None or self.high_s is None else " (%.0f to %.0f)" % (self.low_s, self.high_s)
        return "a run of %d steps, %s: %.0f s%s; %s" % (
            self.run_steps, self._how, self.seconds, spread, energy_words(self._as_metered))


def measure_steps(state: Dict[str, Any], count: int, meter: EnergyMeter, on_event: OnEvent,
                  blind_at: BlindAt = all_seen) -> Extrapolated:
    """`count` steps, or two, from the start of the run whose run.json `state` is, decoding included; nothing is
    written. More where a sensor needs longer for a figure. Before them one of each size warms up.

    MACs are what the whole run's cost is extrapolated by, so that its mix of sizes and its prunes count: those that its
    report has, else those of its plan with the dense network. What keeps a run from being started (data or a source
    that is gone, too little memory, no PyTorch) leaves no figure, and is the reason. There are no joules where
    `blind_at` the device that trains the meter's sensor does not see the work.
    """
    try:
        return _measured(state, count, meter, on_event, blind_at)
    except DanceError as reason:
        return Extrapolated(count, 0, 0.0, reason=reason.message)
    except ImportError as reason:
        if reason.name not in ("torch", "torch_pruning"):
            raise
        return Extrapolated(count, 0, 0.0, reason="it needs PyTorch and torch-pruning, %s is missing" % reason.name)


def _measured(state: Dict[str, Any], count: int, meter: EnergyMeter, on_event: OnEvent,
              blind_at: BlindAt) -> Extrapolated:
    if "config" not in state or "plan" not in state:
        raise ConfigError("there is no run.json with the settings of a training", "name a run that adapt made")
    from dance_edge.training.config import config_from_dict
    from dance_edge.training.setup import prepare

    setup = prepare(config_from_dict(state["config"]), state, on_event)
    every = list(setup.batches())
    if not every:
        raise DataError("of the run's images none is kept", "bring the data back as it was")
    blind = blind_at(setup.trainee.device.type)
    if blind:
        on_event(Warned("the training steps have no joules: %s" % blind))
    first_of_size = list({one.size: one for one in reversed(every)}.values())
    for one in first_of_size:  # asked for once, at the cost of a pass each: not within what is measured
        setup.trainee.training_macs_at(one.size)
        setup.trainee.pooled_at(one.size)
    taken = _steps(setup, first_of_size, every, on_event)
    for _ in first_of_size:
        next(taken)
    blocks = _blocks(taken, max(LEAST_BLOCKS, count), meter, blind, on_event)
    taken.close()
    facts = state.get("facts") or {}
    if facts.get("macs_p"):  # what was done, which a budget or patience may have ended early
        return extrapolated(blocks, int(facts.get("steps", len(every))), 1e15 * float(facts["macs_p"]), meter)
    macs = sum(setup.trainee.training_macs_at(one.size) * len(one.items) for one in every)
    return extrapolated(blocks, len(every), macs, meter)


def _blocks(taken: Iterator[float], count: int, meter: EnergyMeter, blind: str, on_event: OnEvent) -> List[Block]:
    """`count` of the steps `taken`, or more, in parts; without joules where the sensor is `blind` to them."""
    parts = min(BLOCKS, count)
    blocks = []
    for part in range(parts):
        on_event(Progress("training steps", part, parts))
        block = _block(taken, count // parts + (part < count % parts), meter, 0.0 if blind else meter.least_s)
        unseen = EnergyReading(duration_s=block.seconds, reason=blind)
        blocks.append(block._replace(energy=unseen) if blind else block)
    on_event(Progress("training steps", parts, parts))
    return blocks


def _block(taken: Iterator[float], least: int, meter: EnergyMeter, least_s: float) -> Block:
    steps, macs = 0, 0.0
    with meter.window("training") as window:
        began_s = time.perf_counter()
        while steps < least or time.perf_counter() - began_s < least_s:
            macs += next(taken)
            steps += 1
        seconds = time.perf_counter() - began_s
    return Block(steps, macs, seconds, window.reading())


def extrapolated(blocks: List[Block], run_steps: int, macs: float, meter: EnergyMeter) -> Extrapolated:
    """A run of `macs` in all, at what the `blocks` took for each."""
    count = sum(one.steps for one in blocks)
    seconds, low_s, high_s = _scaled([(one.macs, one.seconds) for one in blocks], macs)
    known = [(one.macs, one.energy.gross_j) for one in blocks if one.energy.gross_j is not None]
    lacking = [one.energy for one in blocks if one.energy.gross_j is None]
    energy = EnergyReading(duration_s=seconds, reason=lacking[0].reason if lacking else "")
    if meter.sensor is None and meter.may_estimate:
        energy = training_reading(macs, seconds)
    elif known and len(known) == len(blocks):
        energy = _whole(add_up([one.energy for one in blocks]), known, macs, seconds)
        energy = energy._replace(source="%s, extrapolated from %d steps" % (energy.source, count))
    return Extrapolated(count, run_steps, macs, seconds, _positive(low_s), high_s, energy)


def _whole(measured: EnergyReading, known: List[Tuple[float, float]], macs: float, seconds: float) -> EnergyReading:
    """The joules of all blocks, brought to the whole run: the spread of the blocks and the meter's own interval."""
    factor = macs / sum(one for one, _ in known)
    joules, low_j, _ = _scaled(known, macs)

    def bound(own_j: Optional[float], figure_j: Optional[float], way: float) -> Optional[float]:
        if low_j is None or own_j is None or figure_j is None:
            return None
        return factor * figure_j + way * math.hypot(joules - low_j, factor * abs(own_j - figure_j))

    return measured._replace(
        gross_j=joules, net_j=None if measured.net_j is None else factor * measured.net_j, rails_j={},
        low_j=_positive(bound(measured.low_j, measured.gross_j, -1.0)),
        high_j=bound(measured.high_j, measured.gross_j, 1.0),
        net_low_j=bound(measured.net_low_j, measured.net_j, -1.0),
        net_high_j=bound(measured.net_high_j, measured.net_j, 1.0),
        sensor_j=None if measured.sensor_j is None else factor * measured.sensor_j, duration_s=seconds,
        coverage=measured.coverage * min(1.0, measured.duration_s / seconds))


def _positive(low: Optional[float]) -> Optional[float]:
    """A lower bound of what is never below 0, from few blocks that differ much."""
    return None if low is None else max(0.0, low)


def _scaled(pairs: List[Tuple[float, float]], macs: float) -> Tuple[float, Optional[float], Optional[float]]:
    """Of (MACs, amount) pairs the amount for `macs`, with its 95 % interval by the pairs' spread; None for one pair."""
    rates = np.array([amount / one for one, amount in pairs])
    whole = macs * sum(amount for _, amount in pairs) / sum(one for one, _ in pairs)
    if rates.size < 2:
        return whole, None, None
    half = macs * t_95(rates.size - 1) * float(np.std(rates, ddof=1)) / math.sqrt(rates.size)
    return whole, whole - half, whole + half


def _steps(setup: Any, warm_up: List[Batch], every: List[Batch],
           on_event: OnEvent) -> Generator[float, None, None]:
    """Take the batches of `warm_up`, then `every` one of the run, over and over where it is shorter; the MACs of each.
    """
    from dance_edge.interrupt import StopRequest
    from dance_edge.training.config import learning_rate
    from dance_edge.training.counts import Counts
    from dance_edge.training.job import Job
    from dance_edge.training.loader import TrainingImages, augmentation, load
    from dance_edge.training.stages import groups_of
    from dance_edge.training.step import optimizer_step

    config, phase, counts = setup.config, setup.phases()[0], Counts()
    workers = config.workers if config.workers >= 0 else min(2, max(0, (os.cpu_count() or 1) - 1))  # as in a run
    images = TrainingImages(setup.target.train, phase.plans, setup.target.read, setup.manifest.normalization,
                            augmentation(config), config.seed, config.full_decode)
    job = Job(setup.trainee, config, setup.plan, setup.manifest, phase, setup.full_pixels, {}, lambda: None,
              StopRequest(), on_event, lambda: 0.0, lambda: None, lambda: "")
    groups, batches = groups_of(job), warm_up + every
    while True:
        for batch, tensors in zip(batches, load(images, batches, workers)):
            rate = learning_rate(counts.step % setup.plan.steps, setup.plan.steps, setup.plan.learning_rate)
            optimizer_step(job, counts, (batch, tensors), groups, rate)
            counts.step += 1
            yield float(setup.trainee.training_macs_at(batch.size) * len(batch.items))
        batches = every
