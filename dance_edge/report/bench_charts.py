"""A bench's pictures, as PNG in memory: mIoU against joules as in the paper's Fig. 1, and power over time."""
import io
from typing import Any, List, NamedTuple, Optional, Sequence

import numpy as np

from dance_edge.report.figures import new_figure

COLOURS = ("#1f5fa8", "#d95f0e", "#2a8f5b", "#8a4fa3", "#b0902c", "#5a5a5a")
DRAWN = 4000  # samples of power at most: a picture has no more columns


class Point(NamedTuple):
    """A model of the first chart: joules an image with their interval where it is known, mIoU 0-1."""

    name: str
    joules: float
    low_j: Optional[float]
    high_j: Optional[float]
    miou: float
    label: str


class Turned(NamedTuple):
    """A stretch of the second chart in which one model ran; of the clock of its samples."""

    name: str
    start_s: float
    end_s: float


def score_chart(points: Sequence[Point]) -> bytes:
    """mIoU in percent over joules an image; `ConfigError` without matplotlib."""
    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot(1, 1, 1)
    for point, colour in zip(points, _colours(len(points))):
        spread = None
        if point.low_j is not None and point.high_j is not None:
            spread = [[max(0.0, point.joules - point.low_j)], [max(0.0, point.high_j - point.joules)]]
        axes.errorbar([point.joules], [100.0 * point.miou], xerr=spread, fmt="o", color=colour, capsize=3,
                      label="%s, %s" % (point.name, point.label))
    axes.set_xlim(left=0.0)
    axes.set_xlabel("J an image, %s" % " and ".join(sorted({point.label for point in points})))
    axes.set_ylabel("mIoU, %")
    return _finished(figure, axes)


def power_chart(times_s: np.ndarray, watts: np.ndarray, turns: Sequence[Turned], label: str) -> bytes:
    """Watts (N,) over `times_s` (N,), each model's `turns` in its colour; `ConfigError` without matplotlib."""
    figure = new_figure(8.0, 3.2)
    axes = figure.add_subplot(1, 1, 1)
    kept = slice(None, None, max(1, -(-times_s.size // DRAWN)))
    begin_s = float(times_s[0]) if times_s.size else 0.0
    names = list(dict.fromkeys(turn.name for turn in turns))
    for name, colour in zip(names, _colours(len(names))):
        for i, turn in enumerate([one for one in turns if one.name == name]):
            axes.axvspan(turn.start_s - begin_s, turn.end_s - begin_s, color=colour, alpha=0.2, linewidth=0,
                         label=name if i == 0 else "_")
    axes.plot(times_s[kept] - begin_s, watts[kept], color="#333333", linewidth=0.8)
    axes.set_ylim(0.0, 1.1 * max(float(np.nanmax(watts)) if watts.size else 0.0, 1.0))
    axes.set_xlabel("s")
    axes.set_ylabel("W, %s" % label)
    return _finished(figure, axes)


def _colours(count: int) -> List[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _finished(figure: Any, axes: Any) -> bytes:
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.legend(fontsize=8, edgecolor="none")
    figure.tight_layout()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
