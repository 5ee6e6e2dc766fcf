"""The training loop: one batch of one size a step, channels leaving between the stages."""
import time
from typing import Iterator, Tuple

from dance_edge.data.sampler import Batch
from dance_edge.errors import DanceError, Interrupted
from dance_edge.events import Note, StepDone
from dance_edge.training.config import learning_rate
from dance_edge.training.counts import Counts
from dance_edge.training.job import Job
from dance_edge.training.loader import Tensors
from dance_edge.training.stages import end_stage, groups_of
from dance_edge.training.step import optimizer_step

Steps = Iterator[Tuple[Batch, Tensors]]


def train(job: Job, counts: Counts, steps: Steps) -> None:
    """Take the optimizer steps of one phase that `steps` yields, from `counts.step` on.

    Every step that was taken can be gone on from: `Interrupted` when told to stop, and whatever error reading an image
    ends in, are raised behind a checkpoint. `counts.ended` says what ended the run before its last step.
    """
    plan = job.plan
    groups = groups_of(job)
    began_s = time.monotonic() - counts.duration_s
    saved_s = time.monotonic()
    for batch, tensors in _saving_before_errors(job, counts, steps):
        rate = learning_rate(counts.step, plan.steps, plan.learning_rate)
        loss = optimizer_step(job, counts, (batch, tensors), groups, rate)
        _count(job, counts, batch, loss)
        for stage in [i + 1 for i, step in enumerate(job.phase.prune_at) if step == counts.step]:
            with job.pruning():
                end_stage(job, counts, stage, batch.size, tensors.inputs)
            groups = groups_of(job)
        counts.duration_s = time.monotonic() - began_s
        _score(job, counts)
        job.on_event(_step_done(job, counts, batch, rate))
        for done in job.epochs.get(counts.step, ()):
            job.on_event(done)
        if counts.step < plan.steps:
            counts.ended = counts.ended or job.spent()
        over = counts.step == plan.steps or bool(counts.ended)
        exit_code = max(job.ranks.gather(job.stop.exit_code))
        if counts.ended and len(counts.prunes) < job.config.prunes():  # what was asked for is not left out
            with job.pruning():
                end_stage(job, counts, job.config.stages, batch.size, tensors.inputs)
        if over or exit_code or _due(job, counts, saved_s):
            job.save()
            saved_s = time.monotonic()
        if over:
            return
        if exit_code:
            raise Interrupted("stopped after step %d of %d" % (counts.step, plan.steps), "", exit_code)


def _saving_before_errors(job: Job, counts: Counts, steps: Steps) -> Steps:
    while True:
        try:
            step = job.ranks.attempt(lambda: next(steps, None))
        except DanceError:  # an image that is gone: what was learned is not lost with it
            if counts.step:
                job.save()
            raise
        if step is None:
            return
        yield step


def _count(job: Job, counts: Counts, batch: Batch, loss: float) -> None:
    counts.step += 1
    counts.loss = loss
    counts.offered = batch.offered
    counts.kept += len(batch.items)
    counts.pixels += float(batch.size.pixels) * len(batch.items)
    counts.full_pixels += float(sum(job.full_pixels[index] for index in batch.items))
    counts.macs += job.trainee.training_macs_at(batch.size) * len(batch.items)


def _step_done(job: Job, counts: Counts, batch: Batch, rate: float) -> StepDone:
    steps = job.plan.steps
    mean_p = sum(job.phase.plans[index].p for index in batch.items) / len(batch.items)
    return StepDone(counts.step, steps, counts.loss, mean_p, batch.size, counts.pixels / max(counts.full_pixels, 1.0),
                    rate, counts.duration_s / counts.step * (steps - counts.step))


def _score(job: Job, counts: Counts) -> None:
    """Score the network where that is due; after the last prune the best one is kept, and patience may end the run."""
    config, every = job.config, job.config.score_every
    if not every or counts.step % every or counts.step == job.plan.steps:
        return
    miou = job.score()
    counts.scores.append({"step": counts.step, "miou": miou})
    if len(counts.prunes) < config.prunes():
        return
    if miou > counts.best_miou:
        counts.best_miou, counts.best_step, counts.worse = miou, counts.step, 0
        job.keep_best()
        return
    counts.worse += 1
    if config.patience and counts.worse >= config.patience:
        counts.ended = "patience"
        job.on_event(Note("no better score than %.4f of step %d in %d scores: training ends after step %d" % (
            counts.best_miou, counts.best_step, counts.worse, counts.step)))


def _due(job: Job, counts: Counts, saved_s: float) -> bool:
    return counts.step % job.config.checkpoint_every == 0 or \
        time.monotonic() - saved_s >= 60.0 * job.config.checkpoint_minutes
