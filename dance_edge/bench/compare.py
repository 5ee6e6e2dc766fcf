"""The measured variants side by side, for people."""
from typing import List, Optional, Sequence

from dance_edge.bench.inference import Measured
from dance_edge.bench.training import TrainingCost

COLUMNS = ("model", "p50 ms", "p99 ms", "FPS", "GMAC", "M params", "J an image", "energy")


def rows(measured: Sequence[Measured]) -> List[List[str]]:
    """Cells under `COLUMNS`, a row for each variant; MACs, joules and time are of one image."""
    return [[one.name, _number(one.latency.p50_ms, 1), _number(one.latency.p99_ms, 1), _number(one.latency.fps, 1),
             _number(one.macs, 2, 1e9), _number(one.params, 2, 1e6), joules(one.energy.gross_j), one.energy.label]
            for one in measured]


def savings(measured: Sequence[Measured]) -> str:
    """The last variant against the first, in one line; empty with fewer than two."""
    if len(measured) < 2:
        return ""
    first, last = measured[0], measured[-1]
    parts = [_change("time", first.latency.p50_ms, last.latency.p50_ms), _change("MACs", first.macs, last.macs),
             _change("parameters", first.params, last.params)]
    if first.energy.label == last.energy.label:  # a measurement is not held against an estimate
        joules_word = "joules" if first.energy.measured else "joules (estimated)"
        parts.append(_change(joules_word, first.energy.gross_j, last.energy.gross_j))
    return "%s against %s: %s" % (last.name, first.name, ", ".join(part for part in parts if part))


def training_line(cost: TrainingCost) -> str:
    """The training run in one line."""
    known = ["%d images" % cost.images_seen if cost.images_seen is not None else "",
             "%.3g PMAC" % cost.macs_p if cost.macs_p is not None else "",
             "%.0f s" % cost.duration_s if cost.duration_s is not None else "",
             ("%s J " % joules(cost.energy.gross_j) if cost.energy.gross_j is not None else "joules: ")
             + cost.energy.label]
    return "training: " + ", ".join(part for part in known if part)


def markdown(measured: Sequence[Measured], cost: TrainingCost, images: str, warnings: Sequence[str]) -> str:
    """The whole bench as a page of Markdown; the JSON object has every figure in full."""
    lines = ["# Bench", "", "Over %s. An image's time runs from its file to labels of its own size: decoding, "
             "complexity, resizing, the network and the way back are inside." % images, "",
             "| " + " | ".join(COLUMNS) + " |", "|---" + "|---:" * (len(COLUMNS) - 2) + "|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows(measured)]
    lines += ["", savings(measured)] if len(measured) > 1 else []
    lines += ["", training_line(cost), "", "## Sizes", ""]
    for one in measured:
        mix = ", ".join("%s: %d" % size for size in sorted(one.sizes.items(), key=lambda size: _pixels(size[0])))
        lines.append("- %s (%s): %s; %.0f %% of the pixels at full size"
                     % (one.name, one.backend, mix, 100 * one.pixels_ratio))
    lines += ["", "## Where the joules come from", ""]
    lines += ["- %s: %s" % (one.name, energy_line(one)) for one in measured]
    lines += ["", "## Warnings", ""] + ["- " + text for text in warnings] if warnings else []
    return "\n".join(lines) + "\n"


def energy_line(one: Measured) -> str:
    """Joules an image with their bounds, their label and what is to be said of them."""
    energy = one.energy
    if energy.gross_j is None:
        return energy.label
    bounds = ""
    if energy.low_j is not None and energy.high_j is not None:
        bounds = " (%s to %s)" % (joules(energy.low_j), joules(energy.high_j))
    return "%s J an image%s, %s%s" % (joules(energy.gross_j), bounds, energy.label,
                                      "; " + energy.reason if energy.reason else "")


def joules(value: Optional[float]) -> str:
    """Three figures, never in powers of ten: `3.79`, `0.042`, `12300`."""
    if value is None:
        return "-"
    return "%.0f" % value if abs(value) >= 100 else "%.3g" % value


def _number(value: Optional[float], digits: int, unit: float = 1.0) -> str:
    return "-" if value is None else "%.*f" % (digits, value / unit)


def _change(what: str, before: Optional[float], after: Optional[float]) -> str:
    return "%s %+.0f %%" % (what, 100.0 * (after / before - 1.0)) if before and after is not None else ""


def _pixels(hxw: str) -> int:
    height, width = hxw.split("x")
    return int(height) * int(width)
