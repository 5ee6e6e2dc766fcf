"""Which images make up which optimizer step: dropping (CASD) and batches of one size, decided before any decoding.

A pure function of (seed, plans, batch size): the number of workers, a pause or a resume change nothing.
"""
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.complexity.policy import SlimPlan, expected_keep
from dance_edge.errors import DataError
from dance_edge.size import Size

SMALLEST_BATCH = 2  # BatchNorm over pooled features has nothing to normalise in a batch of one


class Batch(NamedTuple):
    """One optimizer step: indices of images, all at `size`. `offered` counts the images streamed so far in the run."""

    epoch: int
    size: Size
    items: Tuple[int, ...]
    offered: int


def draws(seed: int, epoch: int, count: int) -> Tuple[np.ndarray, np.ndarray]:
    """The epoch's order of images and a uniform number for each image, (count,) both."""
    random = np.random.RandomState([seed, epoch])
    return random.permutation(count), random.random_sample(count)


def batches(plans: Sequence[SlimPlan], seed: int, batch_size: int, epochs: Optional[int]) -> Iterator[Batch]:
    """The steps of a run: a queue per size, a batch when one is full, what is left goes into the next epoch.

    With `epochs` the stream ends after so many, the queues flushed; without, it goes on for ever. An image that is
    left alone in its queue at the end is not trained on. `DataError` where the plan keeps next to nothing.
    """
    _refuse_empty(plans)
    queues: Dict[Size, List[int]] = {}
    epoch, offered = 0, 0
    while epochs is None or epoch < epochs:
        order, chances = draws(seed, epoch, len(plans))
        for index in order.tolist():
            offered += 1
            plan = plans[index]
            if chances[index] < plan.drop_probability:
                continue
            queue = queues.setdefault(plan.size, [])
            queue.append(index)
            if len(queue) == batch_size:
                yield Batch(epoch, plan.size, tuple(queue), offered)
                queue.clear()
        epoch += 1
    for size in sorted(queues):
        if len(queues[size]) >= min(SMALLEST_BATCH, batch_size):
            yield Batch(epoch - 1, size, tuple(queues[size]), offered)


def count_steps(plans: Sequence[SlimPlan], seed: int, batch_size: int, epochs: int) -> int:
    """How many optimizer steps so many epochs of images offered make."""
    return sum(1 for _ in batches(plans, seed, batch_size, epochs))


def _refuse_empty(plans: Sequence[SlimPlan]) -> None:
    kept = expected_keep(plans)
    if kept < 0.5:
        raise DataError("the plan keeps %.2f of %d images an epoch: there is nothing to train on" % (kept, len(plans)),
                        "the images are too simple for their profile; train without dropping: --no-drop")
