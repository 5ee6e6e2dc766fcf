"""The training loop: one batch of one size a step, channels leaving between the stages."""
import math
import time
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import torch
from torch import nn

from dance_edge.complexity.policy import SlimPlan
from dance_edge.data.sampler import Batch
from dance_edge.errors import ConfigError, Interrupted
from dance_edge.events import EpochDone, OnEvent, StageDone, StepDone
from dance_edge.interrupt import StopRequest
from dance_edge.manifest import Manifest
from dance_edge.models.deployed import outputs_of
from dance_edge.pruning.flops import TRAINING_FACTOR, count_macs
from dance_edge.pruning.groups import ChannelGraph, ChannelGroup
from dance_edge.pruning.importance import pull_gammas_to_zero
from dance_edge.pruning.schedule import channels_to_remove, prune_steps
from dance_edge.pruning.surgery import PruneStep, prune
from dance_edge.size import Size
from dance_edge.training.config import AdaptConfig, learning_rate
from dance_edge.training.loader import Tensors
from dance_edge.training.loss import adaptive_loss
from dance_edge.training.recalibrate import batchnorms, pooled_batchnorms


class LoopPlan(NamedTuple):
    """What is fixed before step 1 and stays so over pauses: stored in run.json.

    `mean_weight` is the loss weight expected of a kept image; `full_pixels` the top rung's, by image;
    `micro_batch` images go through the network at once.
    """

    steps: int
    batch_size: int
    micro_batch: int
    learning_rate: float
    mean_weight: float
    scope_channels: int
    stride: int


class Counts:
    """What has been done so far; plain numbers, stored in every checkpoint."""

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


class Trainee:
    """The network in training with its optimizer, and the MACs of an image at each size it was seen at."""

    __slots__ = ("network", "optimizer", "device", "_macs")

    def __init__(self, network: nn.Module, config: AdaptConfig, device: torch.device) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = device
        self.optimizer = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9, weight_decay=config.weight_decay)
        self._macs: Dict[Size, float] = {}

    def macs_at(self, size: Size) -> float:
        """Forward MACs of one image at `size`, with the channels of now."""
        if size not in self._macs:
            self._macs[size] = count_macs(self.network, size)
        return self._macs[size]

    def prune(self, graph: ChannelGraph, stage: int, count: int) -> PruneStep:
        """Remove about `count` channels."""
        self._macs.clear()
        done = prune(self.network, self.optimizer, graph, stage, count)
        self.network.to(memory_format=torch.channels_last)  # the cut gave plain tensors
        return done


class Job(NamedTuple):
    """What the loop works on and with. `manifest` counts the network as it came; `full_pixels` are the top rung's.

    `slim_plans` and `full_pixels` go by the records that a batch's items name, `epochs` by the step that they end with.
    """

    trainee: Trainee
    config: AdaptConfig
    plan: LoopPlan
    manifest: Manifest
    slim_plans: Sequence[SlimPlan]
    full_pixels: Sequence[int]
    epochs: Mapping[int, Sequence[EpochDone]]
    save: Callable[[], None]
    stop: StopRequest
    on_event: OnEvent


def train(job: Job, counts: Counts, steps: Iterator[Tuple[Batch, Tensors]]) -> None:
    """Take the optimizer steps that `steps` yields, from `counts.step` on. Raises `Interrupted` when told to stop."""
    config, plan = job.config, job.plan
    prune_at = prune_steps(plan.steps, config.prunes())
    groups = _graph(job).groups() if prune_at else []
    started_s = time.monotonic() - counts.duration_s
    for batch, tensors in steps:
        rate = learning_rate(counts.step, plan.steps, plan.learning_rate)
        loss = _optimizer_step(job, tensors, groups, rate)
        _count(job, counts, batch, loss)
        for stage in [i + 1 for i, step in enumerate(prune_at) if step == counts.step]:
            _end_stage(job, counts, stage, tensors.inputs)
            groups = _graph(job).groups()
        counts.duration_s = time.monotonic() - started_s
        mean_p = sum(job.slim_plans[index].p for index in batch.items) / len(batch.items)
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
    network, optimizer = trainee.network, trainee.optimizer
    network.train()
    if job.config.freeze_bn:
        for layer in batchnorms(network):
            layer.eval()
    normaliser = len(tensors.weights) * plan.mean_weight
    optimizer.zero_grad()
    total = 0.0
    for inputs, labels, weights in zip(*(part.split(plan.micro_batch) for part in tensors)):
        inputs = inputs.to(trainee.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        if len(inputs) == 1:  # pooled features of one image have no spread to normalise by
            for layer in pooled_batchnorms(network, Size(*inputs.shape[2:])):
                layer.eval()
        outputs = outputs_of(network(inputs))
        loss = adaptive_loss(outputs, labels.to(trainee.device).long(), weights.to(trainee.device), normaliser)
        loss.backward()
        total += float(loss.detach())
    if not math.isfinite(total):
        raise ConfigError("the loss is %s: training has diverged" % total,
                          "start anew with a lower --lr than %g" % plan.learning_rate)
    pull_gammas_to_zero(groups, job.config.gamma_l1)
    for settings in optimizer.param_groups:
        settings["lr"] = rate
    optimizer.step()
    return total


def _count(job: Job, counts: Counts, batch: Batch, loss: float) -> None:
    counts.step += 1
    counts.loss = loss
    counts.offered = batch.offered
    counts.kept += len(batch.items)
    counts.pixels += float(batch.size.pixels) * len(batch.items)
    counts.full_pixels += float(sum(job.full_pixels[index] for index in batch.items))
    counts.macs += TRAINING_FACTOR * job.trainee.macs_at(batch.size) * len(batch.items)


def _end_stage(job: Job, counts: Counts, stage: int, inputs: torch.Tensor) -> None:
    """Prune so that this stage's share of the scope's channels is gone; say what it did to MACs and outputs."""
    trainee, plan, config = job.trainee, job.plan, job.config
    probe = inputs[:2].to(trainee.device).contiguous(memory_format=torch.channels_last)
    size = Size(*(int(side) for side in probe.shape[2:]))
    before = _logits(trainee.network, probe)
    gone = channels_to_remove(stage, config.stages, config.pruning_ratio, plan.scope_channels)
    step = trainee.prune(_graph(job), stage, max(0, gone - counts.removed))
    counts.removed += step.removed
    change = float((_logits(trainee.network, probe) - before).abs().max() / before.abs().max().clamp(min=1e-12))
    done = StageDone(stage, config.stages, 1.0 - counts.removed / float(plan.scope_channels),
                     trainee.macs_at(size) / job.manifest.macs_at(size), change)
    counts.prunes.append(dict(done._asdict(), step=counts.step, kept_channels=step.kept_channels,
                              capped=list(step.capped)))
    job.on_event(done)


def _graph(job: Job) -> ChannelGraph:
    return ChannelGraph(job.trainee.network, job.plan.stride, job.config.scope)


def _logits(network: nn.Module, probe: torch.Tensor) -> torch.Tensor:
    network.eval()
    with torch.no_grad():
        return outputs_of(network(probe))[0]
