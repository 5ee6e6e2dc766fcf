"""Time, MACs and joules of an image, for several networks over the same images, measured in turn."""
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from dance_edge.bench.defaults import ROUNDS
from dance_edge.bench.measured import Against, Measured, RungCost
from dance_edge.bench.memory import PeakMemory
from dance_edge.bench.ratio import paired_ratio, widened
from dance_edge.bench.turn import Turn, take_turn
from dance_edge.bench.variant import Variant, run_image, size_for
from dance_edge.data.images import read_image
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading, add_up
from dance_edge.energy.tx2_model import UNCOUNTED, inference_reading
from dance_edge.events import OnEvent, Progress
from dance_edge.metrics.latency import summary
from dance_edge.size import Size


class Bench(NamedTuple):
    """`measured` in the order of the variants; each of the others `against` the first."""

    measured: List[Measured]
    against: List[Against]


def measure(variants: Sequence[Variant], paths: Sequence[str], count: int, meter: EnergyMeter, on_event: OnEvent,
            rounds: int = ROUNDS) -> Bench:
    """Measure `variants` over the images at `paths`, after a warm-up at every size, `rounds` times A B B A.

    Each turn takes all images, as often as it needs for at least `count` of them, and with a sensor for as long as it
    needs for a figure. An image's time runs from its file to labels of its own size: decoding, complexity, resizing,
    the network and the way back are inside. In turn, because a board warms up: what drifts then drifts for all.
    """
    warm = [_warmed_up(variant, paths) for variant in variants]
    order = (list(range(len(variants))) + list(reversed(range(len(variants))))) * rounds
    turns: List[List[Turn]] = [[] for _ in variants]
    for done, index in enumerate(order):
        on_event(Progress("bench", done, len(order)))
        turns[index].append(take_turn(variants[index], paths, count, meter))
    on_event(Progress("bench", len(order), len(order)))
    measured = [_summed(variant, warmed, own, meter) for variant, warmed, own in zip(variants, warm, turns)]
    measured = [one._replace(rungs=_rungs(variant, warmed, paths, own, meter))
                for one, variant, warmed, own in zip(measured, variants, warm, turns)]
    against = [_against(variants[0], turns[0], variant, own) for variant, own in zip(variants[1:], turns[1:])]
    return Bench(measured, against)


class Warm(NamedTuple):
    """The size of every image, beside the full one, and the host's and the GPU's memory that the network took."""

    sizes: List[Tuple[Size, Size]]
    memory_bytes: Optional[int]
    gpu_memory_bytes: Optional[int] = None


def _warmed_up(variant: Variant, paths: Sequence[str]) -> Warm:
    """Each size has run once when this returns, and every file has been read."""
    sizes = []
    seen: List[Size] = []
    variant.engines.watch_memory()
    with PeakMemory() as memory:
        for path in paths:
            size, full = size_for(variant, read_image(path))
            sizes.append((size, full))
            if size not in seen:
                seen.append(size)
                run_image(variant, path)
    opening, kept = variant.opening_bytes
    known = None if memory.bytes is None or opening is None or kept is None else max(opening, kept + memory.bytes)
    return Warm(sizes, known, variant.engines.gpu_memory_bytes())


def _summed(variant: Variant, warm: Warm, turns: Sequence[Turn], meter: EnergyMeter) -> Measured:
    seconds = [one for turn in turns for one in turn.seconds]
    macs = _mean([variant.manifest.known_macs_at(size) for size, _ in warm.sizes])
    if meter.sensor is not None:
        energy = add_up([turn.energy for turn in turns])
    else:
        energy = _estimate(macs, len(seconds), sum(seconds), meter)
    sizes: Dict[str, int] = {}
    for size, _ in warm.sizes:
        sizes[size.hxw] = sizes.get(size.hxw, 0) + 1
    ratio = sum(size.pixels for size, _ in warm.sizes) / float(sum(full.pixels for _, full in warm.sizes))
    return Measured(variant.name, summary(seconds), macs, variant.manifest.params, energy.per(len(seconds)), sizes,
                    ratio, variant.engines.name, warm.memory_bytes, warm.gpu_memory_bytes, variant.engines.precision,
                    turns=tuple(turns), model=variant.manifest.model)


def _estimate(macs: Optional[float], images: int, seconds: float, meter: EnergyMeter) -> EnergyReading:
    if not meter.may_estimate:
        return EnergyReading(duration_s=seconds, reason=meter.no_sensor)
    if macs is None:
        return EnergyReading(duration_s=seconds, reason=UNCOUNTED)
    return inference_reading(macs, images, seconds)


def _rungs(variant: Variant, warm: Warm, paths: Sequence[str], turns: Sequence[Turn],
           meter: EnergyMeter) -> Tuple[RungCost, ...]:
    """Each size that the images run at, the smallest first: times of the turns, joules of a turn of its own."""
    costs = []
    for size in sorted(set(size for size, _ in warm.sizes), key=lambda one: one.pixels):
        own = [path for path, (one, _) in zip(paths, warm.sizes) if one == size]
        seconds = [taken for turn in turns for taken, one in zip(turn.seconds, turn.sizes) if one == size]
        macs = variant.manifest.known_macs_at(size)
        if meter.sensor is not None:
            alone = take_turn(variant, own, 1, meter)
            energy = alone.energy.per(len(alone.seconds))
        else:
            energy = _estimate(macs, 1, sum(seconds) / len(seconds), meter)
        costs.append(RungCost(size, len(own), summary(seconds), macs, energy))
    return tuple(costs)


def _against(first: Variant, before: Sequence[Turn], other: Variant, after: Sequence[Turn]) -> Against:
    times = paired_ratio([turn.seconds_per_image for turn in before], [turn.seconds_per_image for turn in after])
    joules = paired_ratio([turn.joules_per_image for turn in before], [turn.joules_per_image for turn in after])
    of = add_up([turn.energy for turn in after])
    if joules is not None and not alike([turn.energy for turn in list(before) + list(after)]):
        joules = None
    if joules is not None:
        joules = widened(joules, _with_error(before), _with_error(after))
    return Against(other.name, first.name, times, joules, of)


def alike(readings: Sequence[EnergyReading]) -> bool:
    """Whether the joules of those that have any come from the same, so that a ratio of them says something."""
    return len({(one.label, one.calibrated) for one in readings if one.gross_j is not None}) <= 1


def _with_error(turns: Sequence[Turn]) -> Tuple[float, float]:
    """Joules of those of `turns` that have a figure, and the most that the sensor may be off by in them."""
    known = [turn.energy for turn in turns if turn.energy.gross_j is not None]
    return sum(one.gross_j or 0.0 for one in known), sum(one.sensor_j or 0.0 for one in known)


def _mean(values: Sequence[Optional[float]]) -> Optional[float]:
    known = [one for one in values if one is not None]
    return sum(known) / len(values) if len(known) == len(values) else None
