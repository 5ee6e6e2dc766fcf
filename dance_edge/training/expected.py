"""What a run will take, said before it is begun: pixels and MACs exactly, time and joules from a short trial here."""
import copy
import time
from typing import Any, Dict, Iterable, NamedTuple

import numpy as np
import torch

from dance_edge.data.sampler import Batch
from dance_edge.duration import in_words
from dance_edge.energy import tx2_model
from dance_edge.energy.meter import EnergyMeter
from dance_edge.errors import DeviceError
from dance_edge.models.deployed import outputs_of
from dance_edge.size import Size
from dance_edge.training.memory import ran_out
from dance_edge.training.trainee import Trainee

TRIAL_IMAGES = 2
METERED_S = 5.0  # with a sensor: long enough for a few samples of one a second


class Cost(NamedTuple):
    """What a multiply-accumulate of training takes on this machine; `source` says where the joules come from."""

    seconds_per_mac: float
    joules_per_mac: float
    source: str


class Expected(NamedTuple):
    """A run's length ahead. `macs` counts the dense network, so that less is to come where it is pruned."""

    steps: int
    images: int
    offered: int
    pixels: int
    macs: float
    duration_s: float
    energy_j: float
    energy_source: str

    def line(self) -> str:
        """For people."""
        return "plan: %d optimizer steps, %d of %d images offered are kept, up to %.3g PMAC, about %s here, about " \
               "%.3g kJ (%s)" % (self.steps, self.images, self.offered, self.macs / 1e15, in_words(self.duration_s),
                                 self.energy_j / 1e3, self.energy_source)

    def to_dict(self) -> Dict[str, Any]:
        """The figures by name, with their units."""
        return dict(self._asdict(), macs_p=self.macs / 1e15)


def expect(trainee: Trainee, run: Iterable[Batch], cost: Cost) -> Expected:
    """Walk through the run's batches without decoding any."""
    macs, images, offered, steps, pixels = 0.0, 0, 0, 0, 0
    for batch in run:
        steps += 1
        images += len(batch.items)
        pixels += batch.size.pixels * len(batch.items)
        offered = batch.offered
        macs += trainee.training_macs_at(batch.size) * len(batch.items)
    return Expected(steps, images, offered, pixels, macs, macs * cost.seconds_per_mac, macs * cost.joules_per_mac,
                    cost.source)


def calibrate(trainee: Trainee, size: Size, meter: EnergyMeter) -> Cost:
    """Time small training steps on a copy of the network, metered where there is a sensor, else with a TX2's joules.

    `DeviceError` where memory runs out.
    """
    network = copy.deepcopy(trainee.network).train()
    # Noise, since zeros would give denormal numbers, which are slow; not torch's, whose random state is the run's.
    noise = np.random.RandomState(0).rand(TRIAL_IMAGES, 3, *size).astype(np.float32)
    inputs = torch.from_numpy(noise).to(trainee.device).contiguous(memory_format=torch.channels_last)
    try:
        _trial_step(network, inputs)  # the first one warms up
    except (RuntimeError, MemoryError) as reason:
        if not ran_out(reason):
            raise
        raise DeviceError("out of memory in a trial with %d images of %s" % (TRIAL_IMAGES, size.wxh),
                          "free some memory, or train at smaller sizes: --ratio-range 0.25 0.5")
    steps, began_s = 0, time.monotonic()
    with meter.window("calibration") as window:
        while not steps or (meter.sensor is not None and time.monotonic() - began_s < METERED_S):
            _trial_step(network, inputs)
            steps += 1
    macs = trainee.training_macs_at(size) * TRIAL_IMAGES * steps
    reading = window.reading()
    if reading.gross_j is None:
        return Cost(reading.duration_s / macs, tx2_model.training_fit().per_mac_j, "estimated for a TX2")
    return Cost(reading.duration_s / macs, reading.gross_j / macs, "by a calibration, %s" % reading.label)


def _trial_step(network: torch.nn.Module, inputs: torch.Tensor) -> None:
    torch.stack([output.mean() for output in outputs_of(network(inputs))]).sum().backward()
    if inputs.is_cuda:
        torch.cuda.synchronize()
