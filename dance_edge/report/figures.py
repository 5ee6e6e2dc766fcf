"""The paper's Fig. 3 and Fig. 6, drawn from a scan. Needs matplotlib, which the extra `report` brings."""
from typing import Any, List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

from dance_edge.complexity import maxwell
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.errors import ConfigError

_BLUE, _ORANGE, _GRAY, _PALE = "#1f5fa8", "#d95f0e", "#555555", "#9a9a9a"
_CELL_INCH, _CAPTION_INCH, _MARGIN_INCH = 2.4, 0.26, 0.08  # of the contact sheet


class Picture(NamedTuple):
    """One cell of a contact sheet: `image` (H, W, 3) BGR uint8."""

    image: np.ndarray
    caption: str


def draw_distribution(path: str, complexities: np.ndarray, profile: ComplexityProfile) -> None:
    """Fig. 3: the empirical CDF of `complexities`, (N,), and both fitted ones, as a PNG at `path`."""
    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot(1, 1, 1)
    ordered = np.sort(np.asarray(complexities, dtype=np.float64))
    ranks = np.arange(1, ordered.size + 1) / ordered.size
    right = 1.02 * max(float(ordered[-1]), profile.loc + 3.5 * profile.scale)
    grid = np.linspace(0.0, right, 400)
    axes.step(np.concatenate([[0.0], ordered, [right]]), np.concatenate([[0.0], ranks, [1.0]]), where="post",
              color=_BLUE, linewidth=1.6, label="%d images" % ordered.size)
    for one, colour, how in _curves(profile):
        axes.plot(grid, maxwell.cdf(grid, one.loc, one.scale), color=colour, linewidth=1.4, linestyle="--",
                  label="Maxwell%s: loc %.3f, scale %.3f, KS %.3f" % (how, one.loc, one.scale, one.ks_distance))
    axes.set_xlabel("spatial complexity (%s) at %s" % (profile.indicator, profile.measured_size.wxh))
    axes.set_ylabel("p: share of simpler images")
    axes.set_xlim(0.0, right)
    axes.set_ylim(0.0, 1.02)
    axes.set_title(profile.dataset, loc="left", fontsize=11)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.legend(loc="upper left", fontsize=8, edgecolor="none", handlelength=1.6)  # a CDF is lowest there
    figure.tight_layout()
    figure.savefig(path)


def _curves(profile: ComplexityProfile) -> List[Tuple[maxwell.MaxwellFit, str, str]]:
    """The fit that p comes from, and the other one where it is known: fit, colour, what the legend says of it."""
    kept = maxwell.MaxwellFit(profile.loc, profile.scale, profile.ks_distance)
    if profile.fits is None:
        return [(kept, _ORANGE, "")]
    other = profile.fits.free if profile.fits.kept == "fixed" else profile.fits.fixed
    return [(kept, _ORANGE, " (kept)"), (other, _PALE, "")]


def draw_contact_sheet(path: str, rows: Sequence[Tuple[str, Sequence[Picture]]]) -> None:
    """Fig. 6: rows of pictures, each with a title (simplest, middle, most complex), as a PNG at `path`."""
    columns = max(len(pictures) for _, pictures in rows)
    first = rows[0][1][0].image
    cell = min(2.0, max(0.4, first.shape[0] / first.shape[1])) * _CELL_INCH
    left, gap = 1.4 * _CAPTION_INCH, _MARGIN_INCH
    width = left + columns * (_CELL_INCH + gap)
    height = len(rows) * (cell + _CAPTION_INCH + gap) + gap
    figure = new_figure(width, height)
    for row, (title, pictures) in enumerate(rows):
        bottom = height - (row + 1) * (cell + _CAPTION_INCH + gap)
        figure.text(left / 2.0 / width, (bottom + cell / 2.0) / height, title, rotation=90, ha="center", va="center",
                    fontsize=9)
        for column, picture in enumerate(pictures):
            place = ((left + column * (_CELL_INCH + gap)) / width, bottom / height, _CELL_INCH / width, cell / height)
            axes = figure.add_axes(place)
            axes.imshow(_thumbnail(picture.image))
            axes.set_title(picture.caption, fontsize=8, color=_GRAY, pad=3)
            axes.set_axis_off()
    figure.savefig(path)


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """At most 480 wide, RGB."""
    height, width = image.shape[:2]
    if width > 480:
        image = cv2.resize(image, (480, max(1, height * 480 // width)), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[:, :, ::-1])


def new_figure(width_inch: float, height_inch: float) -> Any:
    """A figure that draws into memory: no display is asked for, and pyplot's global state is left alone."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError("figures need matplotlib, which is not installed", "pip install 'dance-edge[report]'")
    figure = Figure(figsize=(width_inch, height_inch), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    return figure
