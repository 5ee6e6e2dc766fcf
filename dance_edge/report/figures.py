"""The paper's Fig. 3 and Fig. 6, drawn from a scan. Needs matplotlib, which the extra `report` brings."""
from typing import Any, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

from dance_edge.complexity import maxwell
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.errors import ConfigError

_BLUE, _ORANGE, _GRAY = "#1f5fa8", "#d95f0e", "#666666"


class Picture(NamedTuple):
    """One cell of a contact sheet: `image` (H, W, 3) BGR uint8."""

    image: np.ndarray
    caption: str


def draw_distribution(path: str, complexities: np.ndarray, profile: ComplexityProfile) -> None:
    """Fig. 3: the empirical CDF of `complexities`, (N,), and the fitted one, as a PNG at `path`."""
    figure = _figure(6.4, 4.0)
    axes = figure.add_subplot(1, 1, 1)
    ordered = np.sort(np.asarray(complexities, dtype=np.float64))
    ranks = np.arange(1, ordered.size + 1) / ordered.size
    right = max(float(ordered[-1]), profile.loc + 4.0 * profile.scale)
    grid = np.linspace(min(0.0, float(ordered[0])), right, 400)
    axes.step(np.concatenate([grid[:1], ordered, [right]]), np.concatenate([[0.0], ranks, [1.0]]), where="post",
              color=_BLUE, linewidth=1.6, label="%d images" % ordered.size)
    axes.plot(grid, maxwell.cdf(grid, profile.loc, profile.scale), color=_ORANGE, linewidth=1.6, linestyle="--",
              label="Maxwell, loc %.3f, scale %.3f (KS %.3f)" % (profile.loc, profile.scale, profile.ks_distance))
    axes.set_xlabel("spatial complexity (%s) at %s" % (profile.indicator, profile.measured_size.wxh))
    axes.set_ylabel("share of images below: p")
    axes.set_xlim(grid[0], right)
    axes.set_ylim(0.0, 1.02)
    axes.set_title(profile.dataset, loc="left", fontsize=11)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    _save(figure, path)


def draw_contact_sheet(path: str, rows: Sequence[Tuple[str, Sequence[Picture]]]) -> None:
    """Fig. 6: rows of pictures, each with a title (simplest, middle, most complex), as a PNG at `path`."""
    columns = max(len(pictures) for _, pictures in rows)
    first = rows[0][1][0].image
    cell = 2.4 * first.shape[0] / first.shape[1] + 0.32
    figure = _figure(2.4 * columns + 0.5, cell * len(rows) + 0.1)
    for row, (title, pictures) in enumerate(rows):
        for column, picture in enumerate(pictures):
            axes = figure.add_subplot(len(rows), columns, row * columns + column + 1)
            axes.imshow(_thumbnail(picture.image))
            axes.set_title(picture.caption, fontsize=8, color=_GRAY, pad=2)
            axes.set_xticks([])
            axes.set_yticks([])
            if column == 0:
                axes.set_ylabel(title, fontsize=9)
    _save(figure, path)


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """At most 480 wide, RGB."""
    height, width = image.shape[:2]
    if width > 480:
        image = cv2.resize(image, (480, max(1, height * 480 // width)), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[:, :, ::-1])


def _figure(width_inch: float, height_inch: float) -> Any:
    """A figure that draws into memory: no display is asked for, and pyplot's global state is left alone."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError("figures need matplotlib, which is not installed", "pip install 'dance-edge[report]'")
    figure = Figure(figsize=(width_inch, height_inch), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: str) -> None:
    figure.tight_layout()
    figure.savefig(path)
