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
from dance_edge.report.joules import alike
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
    sizes = [[size_for(variant, read_image(path)) for path in paths] for variant in variants]
    warm = [_warmed_up(variant, paths, own) for variant, own in zip(variants, sizes)]
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
    """The size of every image, beside the full one, and the host's memory that the network holds and takes for an
    image, what opening it took of it, and what it took of the GPU's."""

    sizes: List[Tuple[Size, Size]]
    memory_bytes: Optional[int]
    opening_memory_bytes: Optional[int]
    gpu_memory_bytes: Optional[int]


def _warmed_up(variant: Variant, paths: Sequence[str], sizes: List[Tuple[Size, Size]]) -> Warm:
    """Each size has run once when this returns. All images have been read and measured before, for all variants: what
    that takes of memory is no network's."""
    variant.engines.watch_memory()
    with PeakMemory() as memory:
        for path in {size: path for path, (size, _) in zip(paths, sizes)}.values():
            run_image(variant, path)
    opening, kept = variant.opening_bytes
    known = None if memory.bytes is None or kept is None else kept + memory.bytes
    return Warm(sizes, known, opening, variant.engines.gpu_memory_bytes())


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
                    turns=tuple(turns), model=variant.manifest.model,
                    weights_sha256=variant.manifest.weights_sha256 or None,
                    calibration=meter.calibration if energy.calibrated else None,
                    opening_memory_bytes=warm.opening_memory_bytes)


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
    parts = [turn.energy for turn in before], [turn.energy for turn in after]
    of_first, of_other = (add_up(one) for one in parts)
    if of_first.gross_j is None or of_other.gross_j is None or not alike(parts[0] + parts[1]):
        joules = None  # where a model has no figure, of the few turns that have one there is no ratio either
    if joules is not None:
        joules = widened(joules, of_first, of_other)
    return Against(other.name, first.name, times, joules, of_other)


def _mean(values: Sequence[Optional[float]]) -> Optional[float]:
    known = [one for one in values if one is not None]
    return sum(known) / len(values) if len(known) == len(values) else None
