"""The end of a stage: channels (or single weights) leave the network in training."""
from typing import Dict, List

import torch
from torch import nn

from dance_edge.events import StageDone, Warned
from dance_edge.models.deployed import outputs_of
from dance_edge.pruning.groups import ChannelGraph, ChannelGroup
from dance_edge.pruning.schedule import count_to_remove
from dance_edge.pruning.surgery import MULTIPLE
from dance_edge.size import Size
from dance_edge.training.counts import Counts
from dance_edge.training.job import Job


def end_stage(job: Job, counts: Counts, stage: int, size: Size, inputs: torch.Tensor) -> None:
    """Prune so that this stage's share of what the scope had is gone; say what it did to the outputs for `inputs`, and
    to the MACs at `size`."""
    trainee, config, total = job.trainee, job.config, sum(job.plan.widths.values())
    probe = inputs[:2].to(trainee.device).contiguous(memory_format=torch.channels_last)
    before = _logits(trainee.network, probe)
    left = count_to_remove(stage, config.stages, config.pruning_ratio, total) - job.plan.gone  # for this run
    prune = _remove_channels if trainee.masks is None else _remove_weights
    pruned = prune(job, counts, stage, max(0, left - counts.removed))
    change = _change(before, _logits(trainee.network, probe))
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
    by = job.config.criterion
    if by == "taylor" and not job.trainee.taylor:  # a budget ended the half of a run in which no channel was to go
        by = "bn"
    step = job.trainee.prune(_graph(job), stage, count, by)
    counts.removed += step.removed
    return {"kept_channels": step.kept_channels, "capped": list(step.capped)}


def _remove_weights(job: Job, counts: Counts, _stage: int, count: int) -> Dict[str, object]:
    counts.removed += count
    return {"kept_weights": job.trainee.mask(count, job.config.criterion)}


def groups_of(job: Job) -> List[ChannelGroup]:
    """The channels to rank and to pull on: none where the phase leaves the network alone, or masks single weights."""
    return _graph(job).groups() if job.phase.prune_at and job.trainee.masks is None else []


def _graph(job: Job) -> ChannelGraph:
    return ChannelGraph(job.trainee.network, job.plan.stride, job.config.scope, job.plan.widths)


def _change(before: torch.Tensor, after: torch.Tensor) -> float:
    """How far outputs moved, of the greatest there was; 0 where no image was this rank's."""
    return float((after - before).abs().max() / before.abs().max().clamp(min=1e-12)) if len(before) else 0.0


def _logits(network: nn.Module, probe: torch.Tensor) -> torch.Tensor:
    network.eval()
    with torch.no_grad():
        return outputs_of(network(probe))[0] if len(probe) else probe
