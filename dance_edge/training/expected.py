"""What a run will take, said before it is begun: pixels and MACs exactly, time from a short trial on this machine."""
import copy
import time
from typing import Iterable, NamedTuple

import numpy as np
import torch

from dance_edge.data.sampler import Batch
from dance_edge.energy import tx2_model
from dance_edge.models.deployed import outputs_of
from dance_edge.size import Size
from dance_edge.training.trainee import Trainee

TRIAL_IMAGES = 2


class Expected(NamedTuple):
    """A run's length ahead. `macs` counts the dense network; `energy_j` is the TX2 model's estimate."""

    steps: int
    images: int
    offered: int
    macs: float
    duration_s: float
    energy_j: float

    def line(self) -> str:
        """For people."""
        return ("plan: %d optimizer steps, %d of %d images offered are kept, up to %.3g PMAC, about %s here, "
                "about %.3g kJ on a TX2 (estimated)" % (self.steps, self.images, self.offered, self.macs / 1e15,
                                                        _minutes(self.duration_s), self.energy_j / 1e3))


def expect(trainee: Trainee, run: Iterable[Batch]) -> Expected:
    """Walk through the run's batches without decoding any; time two small training steps on a copy of the network."""
    macs, images, offered, steps = 0.0, 0, 0, 0
    sizes = set()
    for batch in run:
        steps += 1
        images += len(batch.items)
        offered = batch.offered
        macs += trainee.training_macs_at(batch.size) * len(batch.items)
        sizes.add(batch.size)
    duration_s = macs * _seconds_per_mac(trainee, min(sizes))
    energy_j = tx2_model.training_reading(macs, duration_s).gross_j or 0.0
    return Expected(steps, images, offered, macs, duration_s, energy_j)


def _seconds_per_mac(trainee: Trainee, size: Size) -> float:
    network = copy.deepcopy(trainee.network).train()
    # Noise, since zeros would give denormal numbers, which are slow; not torch's, whose random state is the run's.
    noise = np.random.RandomState(0).rand(TRIAL_IMAGES, 3, *size).astype(np.float32)
    inputs = torch.from_numpy(noise).to(trainee.device).contiguous(memory_format=torch.channels_last)
    for _ in range(2):  # the first one warms up
        started_s = time.monotonic()
        torch.stack([output.mean() for output in outputs_of(network(inputs))]).sum().backward()
        if trainee.device.type == "cuda":
            torch.cuda.synchronize()
        taken_s = time.monotonic() - started_s
    return taken_s / (trainee.training_macs_at(size) * TRIAL_IMAGES)


def _minutes(seconds: float) -> str:
    return "%.0f s" % seconds if seconds < 90 else "%.0f min" % (seconds / 60.0)
