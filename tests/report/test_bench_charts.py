import io
import sys

import numpy as np
import pytest

from dance_edge.errors import ConfigError
from dance_edge.report import bench_charts
from dance_edge.report.bench_charts import COLOURS, Point, Turned, power_chart, score_chart

POINTS = [Point("source", 4.0, 3.5, 4.5, 0.60, "measured (jtop, VDD_IN)"),
          Point("adapted", 2.0, None, None, 0.62, "measured (jtop, VDD_IN)")]


@pytest.fixture
def axes(monkeypatch):
    """The axes of the chart that is drawn next."""
    drawn, real = [], bench_charts._finished
    monkeypatch.setattr(bench_charts, "_finished", lambda figure, axes: drawn.append(axes) or real(figure, axes))
    return drawn


def decoded(png):
    import cv2

    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert io.BytesIO(png).read(8) == b"\x89PNG\r\n\x1a\n" and image.std() > 0
    return image


def test_scores_over_joules(axes):
    decoded(score_chart(POINTS))
    (drawn,) = axes
    placed = [(line.get_xdata()[0], line.get_ydata()[0]) for line in drawn.lines if line.get_marker() == "o"]
    assert placed == [(4.0, 60.0), (2.0, 62.0)]
    assert "measured (jtop, VDD_IN)" in drawn.get_xlabel() and drawn.get_xlim()[0] == 0.0


def test_power_with_every_turn_in_its_models_colour(axes):
    times_s = 100.0 + np.arange(10000) / 1000.0
    turns = [Turned("a", 101.0, 102.0), Turned("b", 102.0, 104.0), Turned("a", 104.0, 105.0)]
    decoded(power_chart(times_s, np.full(10000, 5.0), turns, "VDD_IN"))
    (drawn,) = axes
    assert [label.get_text() for label in drawn.get_legend().get_texts()] == ["a", "b"]
    assert len(drawn.patches) == 3 and "VDD_IN" in drawn.get_ylabel()
    assert drawn.lines[0].get_xdata()[0] == 0.0
    assert len(set(COLOURS)) == len(COLOURS)


@pytest.mark.parametrize("samples, drawn_ones", [(1, 1), (4000, 4000), (4001, 2001), (7999, 4000), (10000, 3334)])
def test_no_more_samples_are_drawn_than_a_picture_has_columns(axes, samples, drawn_ones):
    power_chart(np.arange(samples) / 1000.0, np.full(samples, 5.0), [Turned("a", 0.0, 0.1)], "VDD_IN")
    assert bench_charts.DRAWN == 4000 and len(axes[0].lines[0].get_xdata()) == drawn_ones


def test_without_matplotlib_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="matplotlib"):
        score_chart(POINTS)
