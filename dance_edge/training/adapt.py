"""`adapt`: a model meets its target, learns, shrinks, and leaves a run folder."""
import os
import platform
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np
import torch

import dance_edge
from dance_edge import run as run_folder
from dance_edge.checkpoint import save_model
from dance_edge.complexity.profile import profile_from_dict
from dance_edge.data.images import read_image
from dance_edge.data.sampler import Batch
from dance_edge.data.transforms import to_input
from dance_edge.energy import tx2_model
from dance_edge.energy.meter import EnergyMeter, Window
from dance_edge.energy.reading import EnergyReading, add_up, reading_from_dict
from dance_edge.energy.sensors import open_sensor
from dance_edge.errors import Interrupted
from dance_edge.events import Note, OnEvent, Opened, ignore
from dance_edge.interrupt import StopRequest
from dance_edge.manifest import Manifest, manifest_from_dict
from dance_edge.models.catalog import factory_flag
from dance_edge.models.deployed import Deployed
from dance_edge.pruning.layers import layer_rows, rows_to_dicts
from dance_edge.runtime.torch_engine import open_torch
from dance_edge.size import Size
from dance_edge.training.claim import claim, clear, stored_config
from dance_edge.training.config import AdaptConfig, check
from dance_edge.training.epochs import epoch_log
from dance_edge.training.evaluate import Evaluation, as_deployed, evaluate
from dance_edge.training.expected import expect
from dance_edge.training.loader import TrainingImages, augmentation, load
from dance_edge.training.loop import Counts, Job, train
from dance_edge.training.recalibrate import recalibrate
from dance_edge.training.resume import load_checkpoint, newest_checkpoint, save_checkpoint
from dance_edge.training.setup import Setup, measured_manifest, prepare
from dance_edge.training.target import refuse_other_ids

RECALIBRATION_IMAGES = 128
CHECKPOINT_EVERY = 50


class AdaptResult(NamedTuple):
    """What a run came to. `facts` is the training part of report.json, `manifest` that of model.pt."""

    folder: str
    manifest: Manifest
    facts: Dict[str, Any]


def adapt(config: AdaptConfig, on_event: OnEvent = ignore) -> AdaptResult:
    """Fine-tune (or train from scratch) with data slimming and channel pruning; ends at model.pt.

    Goes on where an earlier start of the same run was stopped; a run that has its model is returned as it is.
    Raises `Interrupted` after SIGINT or SIGTERM, with a checkpoint of the step that was under way.
    """
    check(config)
    folder, state = claim(config, on_event)
    if "facts" in state:
        return AdaptResult(folder, manifest_from_dict(state["manifest"]), state["facts"])
    sensor = open_sensor("auto", on_event)
    try:
        with EnergyMeter(sensor, on_event=on_event) as meter, meter.window("adapt") as window:
            profile = profile_from_dict(state["manifest"]["profile"]) if state else None
            setup = prepare(config, profile, on_event)
            if state:
                refuse_other_ids(setup.target, state["target"])
            os.makedirs(folder, exist_ok=True)
            with run_folder.lock(folder):
                return _in_folder(Attempt(folder, setup, state, window, on_event), meter)
    finally:
        if sensor is not None:
            sensor.close()


def _in_folder(attempt: "Attempt", meter: EnergyMeter) -> AdaptResult:
    if attempt.setup.config.fresh or "config" not in run_folder.read_state(attempt.folder):
        clear(attempt.folder)
    try:
        return attempt.run()
    except (Interrupted, KeyboardInterrupt) as reason:
        raise attempt.interrupted(reason)
    finally:
        if meter.sensor is not None:
            meter.trace.write_csv(os.path.join(attempt.folder, "energy.csv"), meter.sensor.name)


class Attempt:
    """One start of a run, in its folder: from the checkpoint, if there is one, to the model."""

    def __init__(self, folder: str, setup: Setup, state: Dict[str, Any], window: Window, on_event: OnEvent) -> None:
        self.folder = folder
        self.setup = setup
        self.counts = Counts()
        self._window = window
        self._on_event = on_event
        self._state = dict(state) if state else self._begin()
        self._earlier = [reading_from_dict(facts) for facts in self._state["energy_parts"]]
        self.plan = setup.plan._replace(**self._state["plan"])  # fixed before step 1, whatever memory is free today

    def _begin(self) -> Dict[str, Any]:
        setup = self.setup
        return {
            "number": run_folder.next_number(), "config": stored_config(setup.config), "target": setup.target.to_dict(),
            "manifest": setup.manifest.to_dict(), "plan": dict(setup.plan._asdict()), "energy_parts": [],
            "broken": [list(one) for one in setup.broken], "before": None, "resumed_from_step": None,
            "versions": {"dance-edge": dance_edge.__version__, "python": platform.python_version(),
                         "torch": str(torch.__version__), "numpy": str(np.__version__)}}

    @property
    def before(self) -> Optional[Dict[str, Any]]:
        """The source's score on the target, None from scratch and with new classifiers, which know nothing yet."""
        return self._state["before"]  # type: ignore[no-any-return]

    @property
    def resumed_from_step(self) -> Optional[int]:
        """The step that the last resumption went on from, None for a run in one piece."""
        return self._state["resumed_from_step"]  # type: ignore[no-any-return]

    def run(self) -> AdaptResult:
        """Train what is left, score, save."""
        self._write(run_folder.RUNNING)
        self._on_event(Opened(self.folder))
        source = os.path.join(self.folder, "source.pt")
        if not os.path.exists(source):
            save_model(source, self.setup.trainee.network, self.setup.manifest)
        if self._state["before"] is None and self.setup.config.source and not self.setup.new_head:
            self._state["before"] = self._evaluate(self.setup.manifest).to_dict()
            self._write(run_folder.RUNNING)
        newest = newest_checkpoint(self.folder)
        if newest is None:
            self._on_event(Note(expect(self.setup.trainee, self.setup.batches()).line()))
        else:
            self.counts = load_checkpoint(newest, self.setup.trainee, self.setup.config)
            self._state["resumed_from_step"] = self.counts.step
            self._on_event(Note("resumed after step %d of %d" % (self.counts.step, self.plan.steps)))
        self._train()
        return self._finish()

    def interrupted(self, reason: BaseException) -> Interrupted:
        """What to raise in place of `reason`: it says how to go on."""
        self._write(run_folder.INTERRUPTED)
        text = reason.message if isinstance(reason, Interrupted) else "stopped by Ctrl-C"
        return Interrupted(text, "dance-edge adapt --config %s --out %s%s" % (
            os.path.join(self.folder, "run.json"), self.folder, factory_flag(self.setup.manifest.model)),
            getattr(reason, "exit_code", 130))

    def _train(self) -> None:
        setup = self.setup
        config = setup.config._replace(checkpoint_every=setup.config.checkpoint_every or CHECKPOINT_EVERY)
        whole = list(setup.stream())
        epochs = epoch_log(whole, setup.full_pixels)
        batches = [one for one in whole if isinstance(one, Batch)]
        workers = config.workers if config.workers >= 0 else min(2, max(0, (os.cpu_count() or 1) - 1))
        with StopRequest() as stop:
            for phase in setup.phases():
                images = TrainingImages(setup.target.train, phase.plans, setup.target.read,
                                        setup.manifest.normalization, augmentation(config), config.seed,
                                        config.full_decode)
                left = batches[max(phase.begin, self.counts.step):phase.end]
                job = Job(setup.trainee, config, self.plan, setup.manifest, phase, setup.full_pixels, epochs,
                          self._save, stop, self._on_event)
                if left:
                    train(job, self.counts, zip(left, load(images, left, workers)))

    def _save(self) -> None:
        save_checkpoint(self.folder, self.setup.trainee, self.counts)
        self._write(run_folder.RUNNING)  # with the joules so far: the power may go without a word

    def _finish(self) -> AdaptResult:
        """Recalibrate BatchNorm on what will be served, score as deployed, write model.pt and run.json."""
        setup = self.setup
        if not setup.config.freeze_bn:
            self._recalibrate()
        manifest = measured_manifest(setup.manifest, setup.trainee.network)
        after = self._evaluate(manifest)
        manifest = save_model(os.path.join(self.folder, "model.pt"), setup.trainee.network, manifest)
        facts = run_facts(self, after, self._energy())
        self._state.update(manifest=manifest.to_dict(), facts=facts)
        self._write(run_folder.RUNNING)
        return AdaptResult(self.folder, manifest, facts)

    def _recalibrate(self) -> None:
        setup = self.setup
        chosen = np.random.RandomState(setup.config.seed).permutation(len(setup.plans))[:RECALIBRATION_IMAGES]
        by_size: Dict[Size, List[int]] = {}
        for index in sorted(chosen.tolist()):
            by_size.setdefault(setup.plans[index].size, []).append(index)
        step = max(2, self.plan.micro_batch)
        groups = [(size, items[i:i + step]) for size, items in sorted(by_size.items())
                  for i in range(0, len(items), step) if len(items[i:i + step]) > 1]
        if groups:
            recalibrate(setup.trainee.network, (self._inputs(items, size) for size, items in groups))

    def _inputs(self, items: List[int], size: Size) -> torch.Tensor:
        images = [to_input(read_image(self.setup.target.train[index].image), size, self.setup.manifest.normalization)
                  for index in items]
        return torch.from_numpy(np.stack(images)).to(self.setup.trainee.device)

    def _evaluate(self, manifest: Manifest) -> Evaluation:
        setup = self.setup
        engines = open_torch(Deployed(setup.trainee.network), str(setup.trainee.device))
        return evaluate(setup.target.val, setup.target.read, as_deployed(engines), manifest, on_event=self._on_event)

    def _energy(self) -> EnergyReading:
        readings = self._readings()
        if all(one.source == "none" for one in readings):
            return tx2_model.training_reading(self.counts.macs, self.counts.duration_s)
        return add_up(readings)

    def _readings(self) -> List[EnergyReading]:
        return self._earlier + [self._window.reading()]

    def _write(self, state: str) -> None:
        self._state["energy_parts"] = [one.to_dict() for one in self._readings()]
        run_folder.write_state(self.folder, dict(self._state, state=state))


def run_facts(attempt: Attempt, after: Evaluation, energy: EnergyReading) -> Dict[str, Any]:
    """The training part of report.json, its keys those of `adapt --json`."""
    counts, setup, before = attempt.counts, attempt.setup, attempt.before
    full = sum(setup.full_pixels) / float(len(setup.full_pixels))
    last: Dict[str, Any] = counts.prunes[-1] if counts.prunes else {}
    rows = layer_rows(attempt.plan.widths, last.get("kept_channels", last.get("kept_weights", {})),
                      getattr(setup.trainee.network, "multi_scale", ()))
    return {
        "run": attempt.folder, "steps": counts.step, "resumed_from_step": attempt.resumed_from_step,
        "images_offered": counts.offered, "images_kept": counts.kept,
        "pixels_ratio": counts.pixels / max(1.0, counts.full_pixels),
        "pixels_ratio_offered": counts.pixels / max(1.0, counts.offered * full),
        "macs_p": counts.macs / 1e15, "channels_kept": last.get("channels_kept", 1.0),
        "weights_kept": last.get("weights_kept", 1.0), "layers": rows_to_dicts(rows), "duration_s": counts.duration_s,
        "energy_j": energy.gross_j, "energy_source": energy.label, "energy": energy.to_dict(),
        "miou_before": before["miou"] if before else None, "miou_after": after.miou,
        "before": before, "after": after.to_dict(), "split": setup.target.how, "prunes": counts.prunes,
        "broken": [list(one) for one in setup.broken], "batch_size": attempt.plan.batch_size,
        "last_loss": counts.loss}
