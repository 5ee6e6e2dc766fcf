"""All that a bench found, in one value: what is written, shown, and held against a later one."""
import os
import platform
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

from dance_edge.bench.measured import Against, Measured
from dance_edge.bench.training import TrainingCost
from dance_edge.bench.training_steps import Extrapolated
from dance_edge.energy.conditions import Conditions
from dance_edge.energy.reading import EnergyReading

FORMAT = 1


class Findings(NamedTuple):
    """`images` says what was run over, `images_sha256` is of their files' contents. `costs` are the training runs of
    the models, by name. `idle` is the baseline that net joules are less of, None where none was measured; `meter_cost`
    the meter's own share of one core. `started` and `ended` are the machine's conditions then. `steps` is the training
    by some steps of it, None where nobody asked."""

    run: str
    images: str
    images_sha256: str
    rounds: int
    measured: Sequence[Measured]
    against: Sequence[Against]
    costs: Sequence[Tuple[str, TrainingCost]]
    idle: Optional[EnergyReading]
    meter_cost: Optional[float]
    others_share: Optional[float]
    started: Conditions
    ended: Conditions
    warnings: Sequence[str]
    steps: Optional[Extrapolated] = None

    @property
    def cost(self) -> TrainingCost:
        """That of the run itself, of several models that of the last."""
        return self.costs[-1][1]

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `bench --json`."""
        return {
            "format": FORMAT, "run": self.run, "images": self.images, "images_sha256": self.images_sha256,
            "machine": machine(), "rounds": self.rounds, "others_share": self.others_share,
            "meter_cost": self.meter_cost, "idle": None if self.idle is None else self.idle.to_dict(),
            "idle_power_w": idle_power_w(self.idle),
            "conditions": {"start": self.started.to_dict(), "end": self.ended.to_dict()},
            "warnings": list(self.warnings), "inference": [one.to_dict() for one in self.measured],
            "ratios": [one.to_dict() for one in self.against], "training": self.cost.to_dict(),
            "training_steps": None if self.steps is None else self.steps.to_dict(),
            "trainings": [dict(cost.to_dict(), name=name) for name, cost in self.costs]}


def idle_power_w(idle: Optional[EnergyReading]) -> Optional[float]:
    """The mean power of the baseline; None where it has no figure."""
    return None if idle is None or idle.gross_j is None else idle.gross_j / idle.duration_s


def machine() -> str:
    """What was measured on, so that a later bench knows whether it is the same: board or processor, its cores."""
    return "%s, %d cores, %s" % (_board() or platform.processor() or platform.machine(), os.cpu_count() or 1,
                                 platform.machine())


def _board() -> str:
    for path, mark in (("/proc/device-tree/model", ""), ("/proc/cpuinfo", "model name")):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line for line in file.read().strip("\0\n").split("\n") if line.startswith(mark)]
        except OSError:
            continue
        if lines:
            return lines[0].split(":", 1)[-1].strip()
    return ""
