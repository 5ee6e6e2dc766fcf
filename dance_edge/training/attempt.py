"""One start of a run, in its folder: from the checkpoint, if there is one, to the model."""
import contextlib
import functools
import os
import platform
from typing import Any, Dict, List, NamedTuple

import numpy as np
import torch

import dance_edge
from dance_edge import run as run_folder
from dance_edge.data.images import read_image
from dance_edge.data.sampler import Batch, shard
from dance_edge.data.transforms import to_input
from dance_edge.errors import DeviceError, Interrupted
from dance_edge.events import Note, OnEvent, Opened, Scored, Warned
from dance_edge.interrupt import StopRequest
from dance_edge.manifest import Manifest
from dance_edge.models.catalog import factory_flag
from dance_edge.models.deployed import Deployed
from dance_edge.runtime.torch_engine import open_torch
from dance_edge.size import Size
from dance_edge.training.budget import budget_of
from dance_edge.training.claim import stored_config
from dance_edge.training.counts import Counts
from dance_edge.training.epochs import epoch_log
from dance_edge.training.evaluate import Evaluation, as_deployed, evaluate
from dance_edge.training.facts import run_facts
from dance_edge.training.gradients import TooLarge, make_alike
from dance_edge.training.job import Job
from dance_edge.training.loader import TrainingImages, augmentation, load
from dance_edge.training.loop import train
from dance_edge.training.measured import measured_manifest
from dance_edge.training.recalibrate import MIXED_IMAGES, RECALIBRATION_IMAGES, recalibrate
from dance_edge.training.recorder import Recorder
from dance_edge.training.resume import load_best, load_checkpoint, newest_checkpoint
from dance_edge.training.run_meter import EVALUATION, PRUNING, RECALIBRATION, TRAINING, RunMeter
from dance_edge.training.setup import Setup
from dance_edge.training.step import diverged
from dance_edge.training.target import Target
from dance_edge.training.writer import RunWriter


class AdaptResult(NamedTuple):
    """What a run came to. `facts` is the training part of report.json, `manifest` that of model.pt."""

    folder: str
    manifest: Manifest
    facts: Dict[str, Any]


class Attempt:
    """A run that is ready (`setup`) and its folder; `state` is run.json of an earlier start, {} for the first one.

    `warned` are the warnings of this start, to which others may come while it runs.
    """

    def __init__(self, folder: str, setup: Setup, state: Dict[str, Any], meter: RunMeter, warned: List[str],
                 on_event: OnEvent) -> None:
        self.folder = folder
        self.setup = setup
        self.counts = Counts()
        self._writer = RunWriter(folder, setup.ranks)
        self._meter = meter
        self._warned = warned
        self._on_event = on_event
        self._state = dict(state) if state else self._begin()
        meter.take_up(self._state)
        self._earlier_warnings = list(self._state.get("warnings", []))
        self._budget = budget_of(setup.config)

    def _begin(self) -> Dict[str, Any]:
        setup = self.setup
        return {
            "number": run_folder.next_number(), "config": stored_config(setup.config), "target": setup.target.to_dict(),
            "manifest": setup.manifest.to_dict(), "plan": dict(setup.plan._asdict()),
            "broken": [list(one) for one in setup.broken], "before": None, "source_before": None,
            "resumed_from_step": None,
            "versions": {"dance-edge": dance_edge.__version__, "python": platform.python_version(),
                         "torch": str(torch.__version__), "numpy": str(np.__version__)}}

    def run(self) -> AdaptResult:
        """Train what is left, score, save."""
        self._write(run_folder.RUNNING)
        self._on_event(Opened(self.folder))
        self._writer.source(self.setup.trainee.network, self.setup.manifest)
        self._score_source()
        torch.manual_seed(self.setup.config.seed)  # whatever was tried out on the way here, training begins alike
        newest = newest_checkpoint(self.folder)
        if newest is not None:
            self.counts = load_checkpoint(newest, self.setup.trainee, self.setup.config)
            self._state["resumed_from_step"] = self.counts.step
            self._on_event(Note("resumed after step %d of %d" % (self.counts.step, self.setup.plan.steps)))
        make_alike(self.setup.trainee.network, self.setup.ranks)
        past = self._writer.history(self.counts.step, self._on_event)
        if past is None:
            self._train(self._on_event)
        else:
            with past:
                self._train(Recorder(past, self.counts, self._meter.window, self._on_event))
        return self.setup.ranks.told(self._finish())

    def go_on(self) -> str:
        """The command that goes on with this run."""
        several = "torchrun --nproc_per_node %d -m dance_edge" % self.setup.ranks.count
        return "%s adapt --config %s --out %s%s" % (
            several if self.setup.ranks.count > 1 else "dance-edge", os.path.join(self.folder, "run.json"), self.folder,
            factory_flag(self.setup.manifest.model))

    def interrupted(self, reason: BaseException) -> Interrupted:
        """What to raise in place of `reason`: it says how to go on."""
        self.pause()
        text = reason.message if isinstance(reason, Interrupted) else "stopped by Ctrl-C"
        return Interrupted(text, self.go_on(), getattr(reason, "exit_code", 130))

    def pause(self) -> None:
        """Note in run.json, where that can be written, that the run has stopped."""
        with contextlib.suppress(DeviceError):
            self._write(run_folder.INTERRUPTED, is_last=True)

    def _score_source(self) -> None:
        """The source's scores, once; a network from scratch, or with new classifiers, knows nothing yet."""
        setup = self.setup
        if self._state["before"] is not None or not setup.config.source or setup.new_head:
            return
        self._state["before"] = self._evaluate(setup.target, setup.manifest).to_dict()
        if setup.origin is not None:
            self._state["source_before"] = self._evaluate(setup.origin, setup.manifest).to_dict()
        self._write(run_folder.RUNNING)

    def _train(self, on_event: OnEvent) -> None:
        whole = list(self.setup.stream())
        epochs = epoch_log(whole, self.setup.full_pixels)
        batches = [one for one in whole if isinstance(one, Batch)]
        with StopRequest() as stop, self._meter.phase(TRAINING):
            while not self.counts.ended and self.counts.step < len(batches):
                try:
                    self._train_phases(batches, epochs, stop, on_event)
                except TooLarge as reason:
                    self._step_down(reason.size)

    def _train_phases(self, batches: List[Batch], epochs: Any, stop: StopRequest, on_event: OnEvent) -> None:
        setup, config, counts = self.setup, self.setup.config, self.counts
        ranks, free = setup.ranks, max(0, (os.cpu_count() or 1) - 1) // setup.ranks.count
        workers = config.workers if config.workers >= 0 else min(2, free)
        for phase in setup.phases():
            images = TrainingImages(setup.target.train, phase.plans, setup.target.read, setup.manifest.normalization,
                                    augmentation(config), config.seed, config.full_decode)
            left = [self._fitting(one) for one in batches[max(phase.begin, counts.step):phase.end]]
            job = Job(setup.trainee, config, setup.plan, setup.manifest, phase, setup.full_pixels, epochs, self._save,
                      stop, on_event, functools.partial(self._score, on_event), self._keep_best, self._spent, ranks,
                      functools.partial(self._meter.phase, PRUNING))
            if left and not counts.ended:
                own = [shard(one, ranks.rank, ranks.count) for one in left]
                train(job, counts, zip(left, load(images, own, workers)))

    def _fitting(self, batch: Batch) -> Batch:
        """`batch` at a size that memory turned out to allow."""
        most = self.counts.most_pixels
        return batch if not most or batch.size.pixels <= most else batch._replace(size=self._smaller(batch.size, most))

    def _smaller(self, size: Size, most_pixels: int) -> Size:
        """The largest rung of the shape of `size` that has at most so many pixels; `DeviceError` where none has."""
        sizes = {plan.size for plans in (self.setup.plans, self.setup.whole_plans) for plan in plans}
        ladders = [self.setup.manifest.ladder_for(one) for one in sizes if one.pixels >= size.pixels]
        for ladder in ladders:
            if size in ladder.rungs:
                sizes.update(ladder.rungs)
        below = [one for one in sizes if one.pixels <= most_pixels and
                 abs(one.height * size.width - one.width * size.height) <= 0.15 * size.pixels]
        if not below:
            raise DeviceError("out of memory with one image of %s, and no smaller size is left" % size.wxh,
                              "free some memory, or train at smaller sizes: --ratio-range 0.25 0.5")
        return max(below, key=lambda one: one.pixels)

    def _step_down(self, size: Size) -> None:
        smaller = self._smaller(size, size.pixels - 1)
        self.counts.most_pixels = smaller.pixels
        self._on_event(Warned("out of memory with one image of %s: training goes on at %s at most" % (
            size.wxh, smaller.wxh)))

    def _score(self, on_event: OnEvent) -> float:
        setup = self.setup
        miou = self._evaluate(setup.target, measured_manifest(setup.manifest, setup.trainee.network)).miou
        on_event(Scored(self.counts.step, miou))
        return miou

    def _keep_best(self) -> None:
        self._writer.best(self.setup.trainee, self.counts)

    def _spent(self) -> str:
        """Which budget is used up, but for what is reserved, by rank 0's clock and sensor; checked after every step."""
        return self.setup.ranks.lead(self._used_up) if self._budget.capped else ""

    def _used_up(self) -> str:
        plan, budget = self.setup.plan, self._budget
        if self._meter.elapsed_s + plan.reserved_s > budget.seconds:
            return self._ended("time")
        if budget.joules < float("inf") and self._meter.joules(self.counts.macs) + plan.reserved_j > budget.joules:
            return self._ended("energy")
        return ""

    def _ended(self, what: str) -> str:
        self._on_event(Warned("the %s of the budget is used up but for its reserve: training ends after step %d of %d"
                              % (what, self.counts.step, self.setup.plan.steps)))
        return what

    def _save(self) -> None:
        for value in self.setup.trainee.network.state_dict().values():  # what cannot be gone on from replaces nothing
            if not bool(torch.isfinite(value).all()):
                raise diverged("network", float("nan"), self.counts.step, self.setup.plan.learning_rate)
        self._writer.checkpoint(self.setup.trainee, self.counts)
        self._write(run_folder.RUNNING)  # with the joules so far: the power may go without a word

    def _finish(self) -> AdaptResult:
        """Recalibrate BatchNorm on what will be served, score as deployed, write model.pt and run.json."""
        setup, counts = self.setup, self.counts
        if not setup.config.freeze_bn:
            self._recalibrate()
        manifest = measured_manifest(setup.manifest, setup.trainee.network)
        after = self._evaluate(setup.target, manifest)
        if counts.best_miou > after.miou and load_best(self.folder, setup.trainee, counts.best_step):
            self._on_event(Note("the network of step %d scored better than the last one: it is taken"
                                % counts.best_step))
            after = self._evaluate(setup.target, manifest)
        else:
            counts.best_step = counts.step
        source_after = self._evaluate(setup.origin, manifest).to_dict() if setup.origin is not None else None
        manifest = self._writer.model(setup.trainee.network, manifest)
        facts = run_facts(setup, counts, self._state, after, self._meter)
        facts.update(run=self.folder, source_after=source_after, warnings=self._warnings())
        self._state.update(manifest=manifest.to_dict(), facts=facts)
        self._write(run_folder.RUNNING, is_last=True)
        return AdaptResult(self.folder, manifest, facts)

    def _recalibrate(self) -> None:
        setup, manifest = self.setup, self.setup.manifest
        chosen = np.random.RandomState(setup.config.seed).permutation(len(setup.plans))[:RECALIBRATION_IMAGES].tolist()
        size = manifest.ladder_for(manifest.image_size).at(manifest.policy.ratio(1.0))
        step = max(MIXED_IMAGES, self.counts.micro_batch or setup.plan.micro_batch)
        batches = [chosen[i:i + step] for i in range(0, len(chosen), step)]
        mixed = [items for items in batches if len(items) > 1]
        if mixed:
            with self._meter.phase(RECALIBRATION):
                recalibrate(setup.trainee.network, (self._inputs(items, size) for items in mixed))

    def _inputs(self, items: List[int], size: Size) -> torch.Tensor:
        images = [to_input(read_image(self.setup.target.train[index].image), size, self.setup.manifest.normalization)
                  for index in items]
        return torch.from_numpy(np.stack(images)).to(self.setup.trainee.device)

    def _evaluate(self, data: Target, manifest: Manifest) -> Evaluation:
        trainee = self.setup.trainee
        engines = open_torch(Deployed(trainee.network), str(trainee.device))
        with self._meter.phase(EVALUATION):
            return evaluate(data.val, data.read, as_deployed(engines), manifest, on_event=self._on_event,
                            ranks=self.setup.ranks)

    def _warnings(self) -> List[str]:
        """Of every start, each once."""
        return list(dict.fromkeys(self._earlier_warnings + self._warned))  # in order, as of Python 3.6

    def _write(self, state: str, is_last: bool = False) -> None:
        self._state.update(self._meter.to_state(waits=is_last))
        self._state["warnings"] = self._warnings()
        self._writer.state(dict(self._state, state=state))
