"""What a run will take, said before it is begun: pixels and MACs exactly, time and joules from a short trial here."""
import copy
import time
from typing import Any, Dict, Iterable, NamedTuple, Optional

import numpy as np
import torch

from dance_edge.data.sampler import Batch
from dance_edge.duration import in_words
from dance_edge.energy import tx2_model
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import JOULES, EnergyReading
from dance_edge.errors import DeviceError
from dance_edge.models.deployed import outputs_of
from dance_edge.size import Size
from dance_edge.training.memory import ran_out
from dance_edge.training.trainee import Trainee

TRIAL_IMAGES = 2
METERED_S = 5.0  # with a sensor, at least


class Cost(NamedTuple):
    """What a multiply-accumulate of training takes on this machine; `source` says where the joules come from. `trial`
    is what was metered for it, of `trial_macs`; without a figure where nothing was."""

    seconds_per_mac: float
    joules_per_mac: float
    source: str
    trial: EnergyReading = EnergyReading()
    trial_macs: float = 0.0

    def energy(self, macs: float) -> EnergyReading:
        """The joules of a run of `macs`, in the bounds of the trial's; what a run does otherwise is in no bound. Its
        source says that it is extrapolated, and it covers what was metered. An estimate where nothing was."""
        duration_s = macs * self.seconds_per_mac
        if self.trial.gross_j is None or not self.trial_macs:
            return tx2_model.training_reading(macs, duration_s)
        longer: Dict[str, Any] = {name: _scaled(getattr(self.trial, name), macs / self.trial_macs) for name in JOULES}
        covered = self.trial.coverage * min(1.0, self.trial.duration_s / duration_s) if duration_s > 0.0 else 0.0
        return self.trial._replace(duration_s=duration_s, rails_j={}, coverage=covered,
                                   source="%s, %s" % (self.trial.source, self.extrapolated), **longer)

    @property
    def extrapolated(self) -> str:
        """How it was come by, where joules were metered."""
        return "extrapolated from a calibration of %.2g s" % self.trial.duration_s


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
    energy: EnergyReading

    def line(self) -> str:
        """For people."""
        low_j, high_j = self.energy.low_j, self.energy.high_j
        spread = "" if low_j is None or high_j is None else " (%.3g to %.3g)" % (low_j / 1e3, high_j / 1e3)
        return "plan: %d optimizer steps, %d of %d images offered are kept, up to %.3g PMAC, about %s here, about " \
               "%.3g kJ%s, %s" % (self.steps, self.images, self.offered, self.macs / 1e15, in_words(self.duration_s),
                                  self.energy_j / 1e3, spread, self.energy_source)

    def to_dict(self) -> Dict[str, Any]:
        """The figures by name, with their units."""
        return dict(self._asdict(), macs_p=self.macs / 1e15, energy=self.energy.to_dict())


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
                    cost.source, cost.energy(macs))


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
    least_s = 0.0 if meter.sensor is None else max(METERED_S, meter.least_s)
    with meter.window("calibration") as window:
        while not steps or time.monotonic() - began_s < least_s:
            _trial_step(network, inputs)
            steps += 1
    macs = trainee.training_macs_at(size) * TRIAL_IMAGES * steps
    reading = window.reading()
    if reading.gross_j is None:
        why = "" if meter.sensor is None else " (%s)" % reading.reason
        return Cost(reading.duration_s / macs, tx2_model.training_fit().per_mac_j, "estimated for a TX2" + why)
    cost = Cost(reading.duration_s / macs, reading.gross_j / macs, "", reading, macs)
    return cost._replace(source="%s, %s, %s" % (cost.extrapolated, reading.label, "calibrated" if reading.calibrated
                                                else "uncalibrated"))


def _scaled(joules: Optional[float], factor: float) -> Optional[float]:
    return None if joules is None else factor * joules


def _trial_step(network: torch.nn.Module, inputs: torch.Tensor) -> None:
    torch.stack([output.mean() for output in outputs_of(network(inputs))]).sum().backward()
    if inputs.is_cuda:
        torch.cuda.synchronize()
