"""The training loop: one batch of one size a step, channels leaving between the stages."""
import math
import time
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import torch
from torch import nn

from dance_edge.data.sampler import Batch
from dance_edge.errors import ConfigError, Interrupted
from dance_edge.events import EpochDone, OnEvent, StageDone, StepDone, Warned
from dance_edge.interrupt import StopRequest
from dance_edge.manifest import Manifest
from dance_edge.models.deployed import auxiliary_weights_of, outputs_of
from dance_edge.pruning.groups import ChannelGraph, ChannelGroup
from dance_edge.pruning.importance import add_taylor, pull_gammas_to_zero
from dance_edge.pruning.schedule import count_to_remove
from dance_edge.pruning.surgery import MULTIPLE
from dance_edge.size import Size
from dance_edge.training.config import AdaptConfig, learning_rate
from dance_edge.training.loader import Tensors
from dance_edge.training.loss import adaptive_loss
from dance_edge.training.order import Phase
from dance_edge.training.recalibrate import batchnorms
from dance_edge.training.trainee import Trainee


class LoopPlan(NamedTuple):
    """What is fixed before step 1 and stays so over pauses: stored in run.json.

    `mean_weight` is the loss weight expected of a kept image where data are slimmed; `micro_batch` images go through
    the network at once. `widths` is what there is to prune: channels by group, as many as the dense network has, of
    which `gone` are gone already in the source; or weights by layer.
    """

    steps: int
    batch_size: int
    micro_batch: int
    learning_rate: float
    mean_weight: float
    stride: int
    widths: Dict[str, int] = {}
    gone: int = 0


class Counts:
    """What has been done so far; plain numbers, stored in every checkpoint. `removed` are channels, or weights."""

    __slots__ = ("step", "offered", "kept", "pixels", "full_pixels", "macs", "duration_s", "removed", "prunes", "loss")

    def __init__(self) -> None:
        self.step = 0
        self.offered = 0
        self.kept = 0
        self.pixels = 0.0
        self.full_pixels = 0.0
        self.macs = 0.0
        self.duration_s = 0.0
        self.removed = 0
        self.prunes: List[Dict[str, object]] = []
        self.loss = 0.0

    def to_dict(self) -> Dict[str, object]:
        """Every count by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def from_dict(facts: Dict[str, object]) -> "Counts":
        """The inverse of `to_dict`."""
        counts = Counts()
        for name in Counts.__slots__:
            setattr(counts, name, facts[name])
        return counts


class Job(NamedTuple):
    """What the loop works on and with. `manifest` counts the network as it came; `full_pixels` are the top rung's.

    `phase`'s plans and `full_pixels` go by the records that a batch's items name, `epochs` by the step they end with.
    """

    trainee: Trainee
    config: AdaptConfig
    plan: LoopPlan
    manifest: Manifest
    phase: Phase
    full_pixels: Sequence[int]
    epochs: Mapping[int, Sequence[EpochDone]]
    save: Callable[[], None]
    stop: StopRequest
    on_event: OnEvent


def train(job: Job, counts: Counts, steps: Iterator[Tuple[Batch, Tensors]]) -> None:
    """Take the optimizer steps of one phase that `steps` yields, from `counts.step` on.

    Raises `Interrupted` when told to stop.
    """
    config, plan = job.config, job.plan
    groups = _groups(job)
    started_s = time.monotonic() - counts.duration_s
    for batch, tensors in steps:
        rate = learning_rate(counts.step, plan.steps, plan.learning_rate)
        loss = _optimizer_step(job, tensors, groups, rate)
        _count(job, counts, batch, loss)
        for stage in [i + 1 for i, step in enumerate(job.phase.prune_at) if step == counts.step]:
            _end_stage(job, counts, stage, tensors.inputs)
            groups = _groups(job)
        counts.duration_s = time.monotonic() - started_s
        mean_p = sum(job.phase.plans[index].p for index in batch.items) / len(batch.items)
        job.on_event(StepDone(counts.step, plan.steps, loss, mean_p, batch.size,
                              counts.pixels / max(counts.full_pixels, 1.0), rate,
                              counts.duration_s / counts.step * (plan.steps - counts.step)))
        for done in job.epochs.get(counts.step, ()):
            job.on_event(done)
        last = counts.step == plan.steps
        if job.stop.exit_code or last or counts.step % config.checkpoint_every == 0:
            job.save()
        if job.stop.exit_code and not last:
            raise Interrupted("stopped after step %d of %d" % (counts.step, plan.steps), "", job.stop.exit_code)


def _optimizer_step(job: Job, tensors: Tensors, groups: List[ChannelGroup], rate: float) -> float:
    """Gradients over all micro-batches, L1 on the scope's gammas, one step of SGD. Returns Eq. 2's value."""
    trainee, plan = job.trainee, job.plan
    network = trainee.network
    network.train()
    if job.config.freeze_bn:
        for layer in batchnorms(network):
            layer.eval()
    normaliser = len(tensors.weights) * job.phase.mean_weight
    auxiliary_weights = auxiliary_weights_of(network)
    trainee.optimizer.zero_grad()
    total = 0.0
    for inputs, labels, weights in zip(*(part.split(plan.micro_batch) for part in tensors)):
        inputs = inputs.to(trainee.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        if len(inputs) == 1:  # pooled features of one image have no spread to normalise by
            for pooled in trainee.pooled_at(Size(*inputs.shape[2:])):
                pooled.eval()
        outputs = outputs_of(network(inputs))
        loss = adaptive_loss(outputs, labels.to(trainee.device).long(), weights.to(trainee.device), normaliser,
                             auxiliary_weights)
        loss.backward()
        total += float(loss.detach())
    if not math.isfinite(total):
        raise ConfigError("the loss is %s: training has diverged" % total,
                          "start anew with a lower --lr than %g" % plan.learning_rate)
    if job.config.criterion == "taylor":
        add_taylor(trainee.taylor, groups)
    pull_gammas_to_zero(groups, job.config.gamma_l1)
    trainee.step(rate)
    return total


def _count(job: Job, counts: Counts, batch: Batch, loss: float) -> None:
    counts.step += 1
    counts.loss = loss
    counts.offered = batch.offered
    counts.kept += len(batch.items)
    counts.pixels += float(batch.size.pixels) * len(batch.items)
    counts.full_pixels += float(sum(job.full_pixels[index] for index in batch.items))
    counts.macs += job.trainee.training_macs_at(batch.size) * len(batch.items)


def _end_stage(job: Job, counts: Counts, stage: int, inputs: torch.Tensor) -> None:
    """Prune so that this stage's share of what the scope had is gone; say what it did to MACs and outputs."""
    trainee, config, total = job.trainee, job.config, sum(job.plan.widths.values())
    probe = inputs[:2].to(trainee.device).contiguous(memory_format=torch.channels_last)
    size = Size(*(int(side) for side in probe.shape[2:]))
    before = _logits(trainee.network, probe)
    left = count_to_remove(stage, config.stages, config.pruning_ratio, total) - job.plan.gone  # for this run
    prune = _remove_channels if trainee.masks is None else _remove_weights
    pruned = prune(job, counts, stage, max(0, left - counts.removed))
    change = float((_logits(trainee.network, probe) - before).abs().max() / before.abs().max().clamp(min=1e-12))
    kept = 1.0 - (job.plan.gone + counts.removed) / float(total)
    channels, weights = (kept, 1.0) if trainee.masks is None else (1.0, kept)
    macs_ratio = trainee.macs_at(size) / job.manifest.macs_at(size)
    done = StageDone(stage, config.stages, channels, macs_ratio, change, weights)
    counts.prunes.append(dict(done._asdict(), step=counts.step, **pruned))
    job.on_event(done)
    if stage == config.stages and left - counts.removed > MULTIPLE:
        job.on_event(Warned("--pruning-ratio asked for %d of %d channels, %d could go: every layer keeps 8 and a tenth "
                            "of its own" % (left, total - job.plan.gone, counts.removed)))


def _remove_channels(job: Job, counts: Counts, stage: int, count: int) -> Dict[str, object]:
    step = job.trainee.prune(_graph(job), stage, count, job.config.criterion)
    counts.removed += step.removed
    return {"kept_channels": step.kept_channels, "capped": list(step.capped)}


def _remove_weights(job: Job, counts: Counts, _stage: int, count: int) -> Dict[str, object]:
    counts.removed += count
    return {"kept_weights": job.trainee.mask(count, job.config.criterion)}


def _groups(job: Job) -> List[ChannelGroup]:
    """The channels to rank and to pull on: none where the phase leaves the network alone, or masks single weights."""
    return _graph(job).groups() if job.phase.prune_at and job.trainee.masks is None else []


def _graph(job: Job) -> ChannelGraph:
    return ChannelGraph(job.trainee.network, job.plan.stride, job.config.scope, job.plan.widths)


def _logits(network: nn.Module, probe: torch.Tensor) -> torch.Tensor:
    network.eval()
    with torch.no_grad():
        return outputs_of(network(probe))[0]
