"""One variant's turn at the images, timed and metered."""
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from dance_edge.bench.variant import Variant, run_image
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.size import Size


class Turn(NamedTuple):
    """One pass, or several, of a variant over all images: seconds of each, with its size; joules of all; when."""

    seconds: List[float]
    sizes: List[Size]
    energy: EnergyReading
    start_s: float = 0.0
    end_s: float = 0.0

    @property
    def seconds_per_image(self) -> float:
        """In the mean."""
        return sum(self.seconds) / len(self.seconds)

    @property
    def joules_per_image(self) -> Optional[float]:
        """In the mean; None without a figure."""
        return None if self.energy.gross_j is None else self.energy.gross_j / len(self.seconds)

    def to_dict(self) -> Dict[str, Any]:
        """An entry of `turns` in `bench --json`: what a later bench is held against."""
        each = self.energy.per(len(self.seconds))
        return {"images": len(self.seconds), "seconds_per_image": self.seconds_per_image,
                "energy_j_per_image": each.gross_j, "low_j_per_image": each.low_j, "high_j_per_image": each.high_j,
                "sensor_j_per_image": each.sensor_j, "energy_source": self.energy.label,
                "duration_s": self.end_s - self.start_s}


def take_turn(variant: Variant, paths: Sequence[str], count: int, meter: EnergyMeter) -> Turn:
    """At least `count` images, for as long as the meter needs: whole passes only, so that the mix of sizes stays. No
    joules of a variant whose work the sensor does not see."""
    least_s = 0.0 if variant.blind else meter.least_s
    seconds: List[float] = []
    sizes: List[Size] = []
    with meter.window(variant.name) as window:
        started_s = time.perf_counter()
        while len(seconds) < count or time.perf_counter() - started_s < least_s:
            for path in paths:
                before_s = time.perf_counter()
                sizes.append(run_image(variant, path).size)
                seconds.append(time.perf_counter() - before_s)
    unseen = EnergyReading(duration_s=window.elapsed_s, reason=variant.blind)
    return Turn(seconds, sizes, unseen if variant.blind else window.reading(), window.start_s,
                window.end_s or window.start_s)
