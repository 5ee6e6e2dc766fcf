"""What was measured, as tables and lines for people: the variants, their sizes, each against the first."""
from typing import List, Optional, Sequence

from dance_edge.bench.measured import Against, Measured
from dance_edge.bench.ratio import Ratio, quotient
from dance_edge.bench.training import TrainingCost
from dance_edge.report.joules import cell, energy_words, joules, kind, net_cell
from dance_edge.report.numbers import change, percent

COLUMNS = ("model", "mIoU", "p50 ms", "p99 ms", "FPS", "GMAC", "M params", "host MB", "GPU MB", "J an image", "net J",
           "images/J", "energy")
RUNG_COLUMNS = ("model", "size", "images", "p50 ms", "p99 ms", "FPS", "GMAC", "J an image", "energy")
AGAINST_COLUMNS = ("model", "against", "time", "joules", "MACs", "parameters", "mIoU")


def rows(measured: Sequence[Measured]) -> List[List[str]]:
    """Cells under `COLUMNS`, a row for each variant; MACs, joules and time are of one image."""
    return [[one.name, percent(one.miou), _number(one.latency.p50_ms, 1), _number(one.latency.p99_ms, 1),
             _number(one.latency.fps, 1), _number(one.macs, 2, 1e9), _number(one.params, 2, 1e6),
             _number(one.memory_bytes, 0, 1e6), _number(one.gpu_memory_bytes, 0, 1e6), cell(one.energy),
             net_cell(one.energy), joules(one.images_per_j), kind(one.energy)] for one in measured]


def rung_rows(measured: Sequence[Measured]) -> List[List[str]]:
    """Cells under `RUNG_COLUMNS`, a row for each size that a variant's images run at."""
    return [[one.name, rung.size.hxw, str(rung.images), _number(rung.latency.p50_ms, 1),
             _number(rung.latency.p99_ms, 1), _number(rung.latency.fps, 1), _number(rung.macs, 2, 1e9),
             cell(rung.energy), kind(rung.energy)] for one in measured for rung in one.rungs]


def against_rows(measured: Sequence[Measured], against: Sequence[Against]) -> List[List[str]]:
    """Cells under `AGAINST_COLUMNS`, a row for each variant but the first."""
    return [[one.name, one.first, one.time.change if one.time else "-", joules_change(measured[0], other, one),
             change(measured[0].macs, other.macs), change(measured[0].params, other.params),
             _points(measured[0].miou, other.miou)] for one, other in zip(against, measured[1:])]


def savings(measured: Sequence[Measured], against: Sequence[Against]) -> List[str]:
    """Each variant against the first, in a line."""
    lines = []
    for row in against_rows(measured, against):
        known = ["%s %s" % (what, cell) for what, cell in zip(AGAINST_COLUMNS[2:], row[2:]) if cell != "-"]
        lines.append("%s against %s: %s" % (row[0], row[1], ", ".join(known)))
    return lines


def joules_change(first: Measured, other: Measured, against: Against) -> str:
    """In words, with what the joules are."""
    ratio = joules_ratio(first, other, against)
    if ratio is None:
        return "-"
    if against.energy is None:
        return "%s, %s" % (ratio.change, kind(other.energy))
    return "%s, %s" % (ratio.measured_change, kind(against.of))


def joules_ratio(first: Measured, other: Measured, against: Against) -> Optional[Ratio]:
    """That of the turns where they were measured; of estimates, which have no spread, their quotient."""
    if against.energy is not None or other.energy.measured:
        return against.energy
    value = quotient(first.energy, other.energy)
    return None if value is None else Ratio(value, None, None, 1)


def training_line(cost: TrainingCost, name: str = "training") -> str:
    """The training run in one line."""
    known = ["%d images" % cost.images_seen if cost.images_seen is not None else "",
             "%.3g PMAC" % cost.macs_p if cost.macs_p is not None else "",
             "%.0f s" % cost.duration_s if cost.duration_s is not None else "",
             ("" if cost.energy.gross_j is not None else "joules: ") + energy_words(cost.energy)]
    return name + ": " + ", ".join(part for part in known if part)


def size_lines(measured: Sequence[Measured]) -> List[str]:
    """The mix of sizes that each variant's images ran at."""
    lines = []
    for one in measured:
        mix = ", ".join("%s: %d" % size for size in sorted(one.sizes.items(), key=lambda size: _pixels(size[0])))
        lines.append("%s (%s): %s; %s of the pixels at full size" % (one.name, one.backend, mix,
                                                                       percent(one.pixels_ratio)))
    return lines


def energy_line(one: Measured) -> str:
    """Joules an image with their bounds, their label and what is to be said of them."""
    return energy_words(one.energy, " an image")


def _number(value: Optional[float], digits: int, unit: float = 1.0) -> str:
    return "-" if value is None else "%.*f" % (digits, value / unit)


def _points(before: Optional[float], after: Optional[float]) -> str:
    return "-" if before is None or after is None else "%+.1f points" % (100.0 * (after - before))


def _pixels(hxw: str) -> int:
    height, width = hxw.split("x")
    return int(height) * int(width)
