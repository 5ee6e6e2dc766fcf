"""One optimizer step: Eq. 2's gradients over all micro-batches, L1 on the scope's gammas, SGD."""
import math
from typing import List, Optional

import torch
from torch.nn.utils.clip_grad import clip_grad_norm_

from dance_edge.errors import ConfigError
from dance_edge.events import Warned
from dance_edge.models.deployed import auxiliary_weights_of, outputs_of
from dance_edge.pruning.groups import ChannelGroup
from dance_edge.pruning.importance import add_taylor, pull_gammas_to_zero
from dance_edge.size import Size
from dance_edge.training.counts import Counts
from dance_edge.training.job import Job
from dance_edge.training.loader import Tensors
from dance_edge.training.loss import adaptive_loss
from dance_edge.training.memory import let_go, ran_out
from dance_edge.training.recalibrate import batchnorms


class TooLarge(Exception):
    """Not even one image of `size` fits into memory."""

    def __init__(self, size: Size) -> None:
        super().__init__("out of memory with one image of " + size.wxh)
        self.size = size


def optimizer_step(job: Job, counts: Counts, tensors: Tensors, groups: List[ChannelGroup], rate: float) -> float:
    """One step at learning rate `rate`; returns Eq. 2's value.

    Where memory runs out the step is taken anew in smaller micro-batches, from then on. `TooLarge` where one image is
    too much, `ConfigError` where the loss or the gradient is no number: the weights are those of the step before.
    """
    trainee, network = job.trainee, job.trainee.network
    network.train()
    if job.config.freeze_bn:
        for layer in batchnorms(network):
            layer.eval()
    loss = _gradients(job, counts, tensors)
    while loss is None:
        loss = _gradients(job, counts, tensors)
    if not math.isfinite(loss):
        raise diverged("loss", loss, counts.step + 1, job.plan.learning_rate)
    trainee.precision.unscale(trainee.optimizer)
    norm = float(clip_grad_norm_(network.parameters(), job.config.clip_norm or math.inf))
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
                       "begin anew with a lower --lr than %g, or with --clip-norm 1" % rate)


def _gradients(job: Job, counts: Counts, tensors: Tensors) -> Optional[float]:
    """All micro-batches' gradients added up; None where memory ran out, and the next try takes fewer at once."""
    micro_batch = counts.micro_batch or job.plan.micro_batch
    job.trainee.optimizer.zero_grad()
    try:
        return sum(_backward(job, part, len(tensors.weights))
                   for part in zip(*(one.split(micro_batch) for one in tensors)))
    except (RuntimeError, MemoryError) as reason:
        if not ran_out(reason):
            raise
    job.trainee.optimizer.zero_grad()
    let_go(job.trainee.device)
    if min(micro_batch, len(tensors.weights)) == 1:
        raise TooLarge(Size(*tensors.inputs.shape[2:]))
    counts.micro_batch = min(micro_batch, len(tensors.weights)) // 2
    job.on_event(Warned("out of memory: micro-batches of %d images from step %d on" % (
        counts.micro_batch, counts.step + 1)))
    return None


def _backward(job: Job, part: Tensors, images: int) -> float:
    """Add the gradients of one micro-batch, of a step of so many `images`; its share of Eq. 2's value."""
    trainee, plan = job.trainee, job.plan
    network = trainee.network
    inputs, labels, weights = (one.to(trainee.device, non_blocking=True) for one in part)
    if len(inputs) == 1:  # pooled features of one image have no spread to normalise by
        for pooled in trainee.pooled_at(Size(*inputs.shape[2:])):
            pooled.eval()
    with trainee.precision.computing():
        outputs = outputs_of(network(inputs.contiguous(memory_format=torch.channels_last)))
        loss = adaptive_loss(outputs, labels.long(), weights, images * job.phase.mean_weight,
                             auxiliary_weights_of(network), plan.class_weights)
    trainee.precision.backward(loss)
    return float(loss.detach())
