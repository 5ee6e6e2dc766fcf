"""Which images make up which optimizer step: dropping (CASD) and batches of one size, decided before any decoding.

A pure function of (seed, plans, batch size, length): workers and ranks, a pause or a resume change nothing.
"""
import itertools
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from dance_edge.complexity.policy import SlimPlan, expected_keep
from dance_edge.errors import DataError
from dance_edge.size import Size


class Batch(NamedTuple):
    """One optimizer step: indices of images, all at `size`. `offered` counts the images streamed so far in the run.

    `epoch` is the one that the step is taken in, `epochs` those that the items were kept in: an image that had to wait
    in its queue is augmented by the epoch it was kept in, so no image comes twice in the same guise.
    """

    epoch: int
    size: Size
    items: Tuple[int, ...]
    epochs: Tuple[int, ...]
    offered: int


class EpochTally(NamedTuple):
    """An epoch that is over: images offered in it and kept of them, by size; `waiting` are queued for the next."""

    epoch: int
    offered: int
    kept: Tuple[Tuple[Size, int], ...]
    waiting: int


def draws(seed: int, epoch: int, count: int) -> Tuple[np.ndarray, np.ndarray]:
    """The epoch's order of images and a uniform number for each image, (count,) both."""
    random = np.random.RandomState([seed, epoch])
    return random.permutation(count), random.random_sample(count)


def stream(plans: Sequence[SlimPlan], seed: int, batch_size: int, epochs: Optional[int], steps: Optional[int] = None,
           anneal: float = 0.0, first_epoch: int = 0) -> Iterator[Union[Batch, EpochTally]]:
    """The steps of a run and the tally of each epoch, in order: a queue per size, a batch when one is full.

    What is left in a queue goes into the next epoch. The stream ends after `steps`, or after `epochs` with the queues
    flushed, small as they are: give one of them, without both it goes on for ever. In the last `anneal` (a share) of
    the epochs or steps nothing is dropped. Where `steps` are given, epochs may count from `first_epoch` on. `DataError`
    where the plan keeps next to nothing.
    """
    _refuse_empty(plans)
    queues: Dict[Size, List[Tuple[int, int]]] = {}
    offered = taken = 0
    whole = epochs * len(plans) if epochs is not None else steps or 0
    until = whole - int(round(anneal * whole)) if whole else float("inf")  # images or steps with dropping
    for epoch in itertools.count(first_epoch) if epochs is None else range(epochs):
        before = offered
        kept: Dict[Size, int] = {}
        order, chances = draws(seed, epoch, len(plans))
        for index, chance in zip(order.tolist(), chances[order].tolist()):
            dropping = (offered if epochs is not None else taken) < until
            offered += 1
            size = plans[index].size
            if dropping and chance < plans[index].drop_probability:
                continue
            kept[size] = kept.get(size, 0) + 1
            queue = queues.setdefault(size, [])
            queue.append((index, epoch))
            if len(queue) == batch_size:
                yield _batch(epoch, size, queue, offered)
                taken += 1
                if taken == steps:
                    break
        if epoch + 1 == epochs:
            for size in sorted(queues):
                if queues[size]:
                    yield _batch(epoch, size, queues[size], offered)
        yield EpochTally(epoch, offered - before, tuple(sorted(kept.items())), sum(len(one) for one in queues.values()))
        if taken == steps:
            return


def batches(plans: Sequence[SlimPlan], seed: int, batch_size: int, epochs: Optional[int], steps: Optional[int] = None,
            anneal: float = 0.0) -> Iterator[Batch]:
    """The steps of `stream` alone."""
    return (one for one in stream(plans, seed, batch_size, epochs, steps, anneal) if isinstance(one, Batch))


def count_steps(plans: Sequence[SlimPlan], seed: int, batch_size: int, epochs: int, anneal: float = 0.0) -> int:
    """How many optimizer steps so many epochs of images offered make."""
    return sum(1 for _ in batches(plans, seed, batch_size, epochs, anneal=anneal))


def shard(batch: Batch, rank: int, ranks: int) -> Batch:
    """The part of `batch` that is `rank`'s (from 0) of `ranks`: every `ranks`-th image from its own on.

    The parts are disjoint, make up the batch, and differ by one image at most. A batch of fewer images than ranks, as
    the end of a run may have, leaves the last ranks without one: they take that step with no gradient of their own.
    """
    return batch._replace(items=batch.items[rank::ranks], epochs=batch.epochs[rank::ranks])


def _batch(epoch: int, size: Size, queue: List[Tuple[int, int]], offered: int) -> Batch:
    """What is in `queue`, which is empty afterwards."""
    items, epochs = zip(*queue)
    queue.clear()
    return Batch(epoch, size, items, epochs, offered)


def _refuse_empty(plans: Sequence[SlimPlan]) -> None:
    kept = expected_keep(plans)
    if kept < 0.5:
        raise DataError("the plan keeps %.2f of %d images an epoch: there is nothing to train on" % (kept, len(plans)),
                        "the images are too simple for their profile; keep some with --keep-floor 0.25, or all with "
                        "--no-drop")
