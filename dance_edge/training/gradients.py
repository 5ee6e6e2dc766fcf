"""The gradients of one optimizer step: over its micro-batches, and over the ranks."""
from typing import Any, List, Optional, Tuple

import torch
from torch import nn

from dance_edge.errors import DeviceError
from dance_edge.events import Warned
from dance_edge.models.deployed import auxiliary_weights_of, outputs_of
from dance_edge.ranks import Ranks
from dance_edge.size import Size
from dance_edge.training.counts import Counts
from dance_edge.training.job import Job
from dance_edge.training.loader import Tensors
from dance_edge.training.loss import adaptive_loss
from dance_edge.training.memory import let_go, ran_out
from dance_edge.training.recalibrate import running_statistics


class TooLarge(DeviceError):
    """Not even one image of `size` fits into memory."""

    def __init__(self, size: Size) -> None:
        super().__init__("out of memory with one image of " + size.wxh, "train at smaller sizes")
        self.size = size

    def __reduce__(self) -> Tuple[Any, ...]:
        """So that it travels whole between ranks."""
        return type(self), (self.size,)


def gradients(job: Job, counts: Counts, tensors: Tensors, images: int) -> float:
    """Leave Eq. 2's gradients of a step of so many `images`, on all ranks together, in the network; returns its value.

    `tensors` are this rank's part of the images. Where memory runs out they are taken anew in smaller micro-batches,
    from then on; `TooLarge` where one image is too much.
    """
    loss = job.ranks.attempt(lambda: _own(job, counts, tensors, images))
    if job.ranks.count == 1:
        return loss
    statistics = [] if job.config.freeze_bn else running_statistics(job.trainee.network)
    return _over_ranks(job.trainee.network, loss, statistics, len(tensors.weights) / float(images), job.ranks)


def _own(job: Job, counts: Counts, tensors: Tensors, images: int) -> float:
    loss = _in_micro_batches(job, counts, tensors, images)
    while loss is None:
        loss = _in_micro_batches(job, counts, tensors, images)
    return loss


def _in_micro_batches(job: Job, counts: Counts, tensors: Tensors, images: int) -> Optional[float]:
    """All micro-batches' gradients added up; None where memory ran out, and the next try takes fewer at once."""
    micro_batch = counts.micro_batch or job.plan.micro_batch
    job.trainee.optimizer.zero_grad()
    try:
        return float(sum(_backward(job, part, images) for part in zip(*(one.split(micro_batch) for one in tensors))
                         if len(part[0])))  # it may be that none of this step's images is this rank's
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
    """Add the gradients of one micro-batch; its share of Eq. 2's value."""
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


def _over_ranks(network: nn.Module, loss: float, statistics: List[torch.Tensor], share: float, ranks: Ranks) -> float:
    """Add up gradients and loss, and take BatchNorm's running `statistics` by each rank's `share` of the images.

    A parameter that has a gradient on no rank has none afterwards: weight decay is to leave it alone as well.
    """
    parameters = [one for one in network.parameters() if one.requires_grad]
    device = parameters[0].device
    there = torch.tensor([float(one.grad is not None) for one in parameters], device=device)
    total = torch.tensor([loss], dtype=torch.float64, device=device)
    for one in parameters:
        if one.grad is None:
            one.grad = torch.zeros_like(one)
    for buffer in statistics:
        buffer.mul_(share)
    ranks.add_up([total, there] + [one.grad for one in parameters if one.grad is not None] + statistics)
    for one, count in zip(parameters, there.tolist()):
        if not count:
            one.grad = None
    return float(total)


def make_alike(network: nn.Module, ranks: Ranks) -> None:
    """Give every rank the weights and statistics of rank 0."""
    if ranks.count == 1:
        return
    state = list(network.state_dict().values())
    if not ranks.first:
        for tensor in state:
            tensor.zero_()
    ranks.add_up(state)
