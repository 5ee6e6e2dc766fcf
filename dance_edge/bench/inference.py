"""Time, MACs and joules of an image, for several networks over the same images, measured in turn."""
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.images import read_image
from dance_edge.data.transforms import labels_to_size
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading, add_up
from dance_edge.energy.trapezoid import MIN_SAMPLES
from dance_edge.energy.tx2_model import UNCOUNTED, inference_reading
from dance_edge.events import OnEvent, Progress
from dance_edge.manifest import Manifest
from dance_edge.metrics.latency import Latency, summary
from dance_edge.runtime.engine import Engines
from dance_edge.runtime.outputs import class_ids
from dance_edge.size import Size, size_of


class Variant(NamedTuple):
    """A network to be measured. With a `profile` every image runs at the size that its complexity gives, without one
    at its full size."""

    name: str
    engines: Engines
    manifest: Manifest
    profile: Optional[ComplexityProfile]


class Measured(NamedTuple):
    """What one image takes, in the mean over the images' own mix of sizes. `macs` is of one image; `sizes` counts
    images by the network's size; `pixels_ratio` is pixels that entered the network / at full size. None: not known."""

    name: str
    latency: Latency
    macs: Optional[float]
    params: Optional[int]
    energy: EnergyReading
    sizes: Dict[str, int]
    pixels_ratio: float
    backend: str

    def to_dict(self) -> Dict[str, Any]:
        """The promised keys of `bench --json`, and a few more."""
        return {"name": self.name, "latency_ms": self.latency.to_dict(), "fps": self.latency.fps,
                "macs_g": None if self.macs is None else self.macs / 1e9,
                "params_m": None if self.params is None else self.params / 1e6,
                "energy_j_per_image": self.energy.gross_j, "energy_source": self.energy.label,
                "energy": self.energy.to_dict(), "sizes": dict(self.sizes),
                "pixels_ratio": self.pixels_ratio, "backend": self.backend}


class Turn(NamedTuple):
    """One pass, or several, of a variant over all images: seconds of each, joules of all."""

    seconds: List[float]
    energy: EnergyReading


def measure(variants: Sequence[Variant], paths: Sequence[str], count: int, meter: EnergyMeter,
            on_event: OnEvent) -> List[Measured]:
    """Measure `variants` over the images at `paths`, after a warm-up at every size, in the order A B B A.

    Each of a variant's two turns takes all images, as often as it needs for at least `count` of them, and with a
    sensor for as long as it needs for a figure.

    An image's time runs from its file to labels of its own size: decoding, complexity, resizing, the network and the
    way back are inside. In turn, because a board warms up: what drifts then drifts for all of them.
    """
    plans = [_warmed_up(variant, paths) for variant in variants]
    order = list(range(len(variants))) + list(reversed(range(len(variants))))
    turns: List[List[Turn]] = [[] for _ in variants]
    for done, index in enumerate(order):
        on_event(Progress("bench", done, len(order)))
        turns[index].append(_turn(variants[index], paths, count, meter))
    on_event(Progress("bench", len(order), len(order)))
    metered = meter.sensor is not None
    return [_summed(variant, plan, own, metered) for variant, plan, own in zip(variants, plans, turns)]


def run_image(variant: Variant, path: str) -> Tuple[np.ndarray, Size, Size]:
    """Labels (H, W) uint8 of the image at `path`, at its own size, with the network's size and the full one."""
    image = read_image(path)
    size, full = _size_for(variant, image)
    labels = variant.engines.segment(image, size, variant.manifest.normalization)
    return labels_to_size(class_ids(labels, len(variant.manifest.classes.names)), size_of(image)), size, full


def _size_for(variant: Variant, image: np.ndarray) -> Tuple[Size, Size]:
    """The size that the network runs at, and the full one."""
    manifest = variant.manifest
    full = manifest.full_for(size_of(image))
    if variant.profile is None:
        return full, full
    p = variant.profile.p(variant.engines.complexity(image, variant.profile.measured_size, variant.profile.indicator))
    return manifest.ladder_for(size_of(image)).at(manifest.policy.ratio(p)), full


def _warmed_up(variant: Variant, paths: Sequence[str]) -> List[Tuple[Size, Size]]:
    """The sizes of every image; each of them has run once when this returns, and every file has been read."""
    sizes = []
    seen: List[Size] = []
    for path in paths:
        size, full = _size_for(variant, read_image(path))
        sizes.append((size, full))
        if size not in seen:
            seen.append(size)
            run_image(variant, path)
    return sizes


def _turn(variant: Variant, paths: Sequence[str], count: int, meter: EnergyMeter) -> Turn:
    """Whole passes over the images only, so that the mix of sizes is theirs."""
    least_s = 0.0
    if meter.sensor is not None:
        least_s = (MIN_SAMPLES + 2) * max(meter.interval_s, meter.refresh_s or 0.0)
    seconds: List[float] = []
    with meter.window(variant.name) as window:
        started_s = time.perf_counter()
        while True:
            for path in paths:
                before_s = time.perf_counter()
                run_image(variant, path)
                seconds.append(time.perf_counter() - before_s)
            if len(seconds) >= count and time.perf_counter() - started_s >= least_s:
                break
    return Turn(seconds, window.reading())


def _summed(variant: Variant, plan: Sequence[Tuple[Size, Size]], turns: Sequence[Turn], metered: bool) -> Measured:
    seconds = [one for turn in turns for one in turn.seconds]
    macs = _mean([variant.manifest.known_macs_at(size) for size, _ in plan])
    if metered:
        energy = add_up([turn.energy for turn in turns])
    elif macs is None:
        energy = EnergyReading(duration_s=sum(seconds), reason=UNCOUNTED)
    else:
        energy = inference_reading(macs, len(seconds), sum(seconds))
    sizes: Dict[str, int] = {}
    for size, _ in plan:
        sizes[size.hxw] = sizes.get(size.hxw, 0) + 1
    ratio = sum(size.pixels for size, _ in plan) / float(sum(full.pixels for _, full in plan))
    return Measured(variant.name, summary(seconds), macs, variant.manifest.params, energy.per(len(seconds)), sizes,
                    ratio, variant.engines.name)


def _mean(values: Sequence[Optional[float]]) -> Optional[float]:
    known = [one for one in values if one is not None]
    return sum(known) / len(values) if len(known) == len(values) else None
