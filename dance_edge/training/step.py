"""One optimizer step: Eq. 2's gradients, L1 on the scope's gammas, SGD."""
import math
from typing import List, Tuple

import torch
from torch.nn.utils.clip_grad import clip_grad_norm_

from dance_edge.data.sampler import Batch
from dance_edge.errors import ConfigError
from dance_edge.pruning.groups import ChannelGroup
from dance_edge.pruning.importance import add_taylor, pull_gammas_to_zero
from dance_edge.training.counts import Counts
from dance_edge.training.gradients import gradients
from dance_edge.training.job import Job
from dance_edge.training.loader import Tensors
from dance_edge.training.recalibrate import batchnorms


def optimizer_step(job: Job, counts: Counts, step: Tuple[Batch, Tensors], groups: List[ChannelGroup],
                   rate: float) -> float:
    """One step at learning rate `rate`; returns Eq. 2's value.

    `step` is a batch and this rank's part of it as tensors. `TooLarge` where one image is too much for memory,
    `ConfigError` where the loss or the gradient is no number: the weights are those of the step before.
    """
    batch, tensors = step
    trainee, network = job.trainee, job.trainee.network
    network.train()
    if job.config.freeze_bn:
        for layer in batchnorms(network):
            layer.eval()
    if job.ranks.count > 1:  # each its own random numbers, which go by the step, so that a pause changes nothing
        torch.manual_seed((job.config.seed * 1000003 + counts.step) * job.ranks.count + job.ranks.rank)
    loss = gradients(job, counts, tensors, len(batch.items))
    if not math.isfinite(loss):
        raise diverged("loss", loss, counts.step + 1, job.plan.learning_rate)
    trainee.precision.unscale(trainee.optimizer)
    norm = float(clip_grad_norm_(network.parameters(), job.config.largest_norm()))
    if not math.isfinite(norm) and not trainee.precision.mixed:
        raise diverged("gradient", norm, counts.step + 1, job.plan.learning_rate)
    if math.isfinite(norm):  # else a gradient overflowed in float16, and the step will be left out
        if job.config.criterion == "taylor":
            add_taylor(trainee.taylor, groups)
        pull_gammas_to_zero(groups, job.config.gamma_l1)
    trainee.step(rate)
    return loss


def diverged(what: str, value: float, step: int, rate: float) -> ConfigError:
    """The error of a run that began with the learning rate `rate` and whose `what` is no number in its `step`."""
    return ConfigError("the %s is %s at step %d: training has diverged" % (what, value, step),
                       "begin anew with a lower --lr than %g, or with a --clip-norm of 1 or less" % rate)
