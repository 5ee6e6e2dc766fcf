"""How a run went, step by step: loss, mIoU, power, and what was kept, as one figure."""
from typing import Any, Sequence

import numpy as np

from dance_edge.duration import in_words
from dance_edge.history import Scalars
from dance_edge.report.figures import new_figure

_BLUE, _ORANGE, _PALE, _RULE = "#1f5fa8", "#d95f0e", "#b9cde3", "#888888"
_PANEL_INCH = 1.45
_MEAN_SHARE, _MEAN_LEAST = 20, 5  # the running mean goes over this part of the steps, and over so many at least


def draw_curves(path: str, rows: Sequence[Scalars], prune_steps: Sequence[int]) -> None:
    """Panels one below the other, over optimizer steps, as a PNG at `path`; a vertical line at every prune.

    `rows`, at least one, are in the order of steps. A panel without figures (power without a sensor) is left out.
    `ConfigError` without matplotlib.
    """
    panels = [_draw_loss]
    if any(row.miou is not None for row in rows):
        panels.append(_draw_miou)
    if any(row.power_w is not None for row in rows):
        panels.append(_draw_power)
    panels.append(_draw_kept)
    figure = new_figure(7.2, 0.6 + _PANEL_INCH * len(panels))
    stacked = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, draw in zip(stacked, panels):
        for step in prune_steps:
            named = axes is stacked[0] and step == prune_steps[0]
            axes.axvline(step, color=_RULE, linewidth=0.8, linestyle=":", label="prune" if named else "_")
        draw(axes, rows)
        axes.grid(True, axis="y", color="#dddddd", linewidth=0.6)
        axes.tick_params(labelsize=8)
    stacked[0].legend(loc="upper right", fontsize=8, edgecolor="none", ncol=3)
    stacked[-1].legend(loc="lower left", fontsize=8, edgecolor="none", ncol=3)
    stacked[-1].set_xlim(0, rows[-1].step)
    stacked[-1].set_xlabel("optimizer steps (%d took %s)" % (rows[-1].step, in_words(rows[-1].time_s)), fontsize=9)
    figure.align_ylabels(stacked)
    figure.tight_layout()
    figure.savefig(path)


def _draw_loss(axes: Any, rows: Sequence[Scalars]) -> None:
    loss = np.array([row.loss for row in rows])
    window = max(_MEAN_LEAST, len(rows) // _MEAN_SHARE)
    axes.plot(_steps(rows), loss, color=_PALE, linewidth=0.7, label="each step")
    axes.plot(_steps(rows), running_mean(loss, window), color=_BLUE, linewidth=1.4, label="mean of %d" % window)
    axes.set_ylabel("loss", fontsize=9)


def _draw_miou(axes: Any, rows: Sequence[Scalars]) -> None:
    scored = [(row.step, 100.0 * row.miou) for row in rows if row.miou is not None]
    axes.plot([step for step, _ in scored], [miou for _, miou in scored], color=_BLUE, linewidth=1.0, marker="o",
              markersize=3.5, clip_on=False)
    axes.set_ylabel("mIoU, %", fontsize=9)


def _draw_power(axes: Any, rows: Sequence[Scalars]) -> None:
    watts = np.array([row.power_w for row in rows], dtype=np.float64)  # None becomes nan, a gap
    axes.plot(_steps(rows), watts, color=_BLUE, linewidth=0.9)
    axes.set_ylim(0.0, 1.1 * max(float(np.nanmax(watts)), 1.0))
    axes.set_ylabel("power, W", fontsize=9)


def _draw_kept(axes: Any, rows: Sequence[Scalars]) -> None:
    for kept, colour, name in (([row.pixels_ratio for row in rows], _BLUE, "pixels"),
                               ([row.channels_kept for row in rows], _ORANGE, "channels")):
        axes.plot(_steps(rows), 100.0 * np.array(kept), color=colour, linewidth=1.4, label=name)
    axes.set_ylim(0.0, 105.0)
    axes.set_ylabel("kept, %", fontsize=9)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of each of `values`, (N,), and the `window` - 1 before it, or as many as there are; float64 (N,)."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - window, 0)
    means: np.ndarray = (sums[ends] - sums[begins]) / (ends - begins)
    return means


def _steps(rows: Sequence[Scalars]) -> np.ndarray:
    return np.array([row.step for row in rows])
