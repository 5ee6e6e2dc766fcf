"""The curves of a run: which panels there are, and that the lines are the rows' figures."""
import sys

import cv2
import numpy as np
import pytest

from dance_edge.errors import ConfigError
from dance_edge.history import Scalars
from dance_edge.report import curves, figures
from dance_edge.report.curves import draw_curves, running_mean


def _rows(count=40):
    return [Scalars(step, 1.5 * step, 2.0 / step, 0.01, 0.5, 96, 160, 0.5, 0.75 if step > 20 else 1.0, 1e-5 * step)
            for step in range(1, count + 1)]


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draws and returns the figure, and its picture as (H, W, 3)."""
    made = []

    def new_figure(width, height):
        made.append(figures.new_figure(width, height))
        return made[-1]

    monkeypatch.setattr(curves, "new_figure", new_figure)

    def draw(rows, prune_steps=()):
        path = str(tmp_path / "curves.png")
        draw_curves(path, rows, prune_steps)
        return made[-1], cv2.imread(path)

    return draw


def _line(figure, panel, label):
    axes = {one.get_ylabel(): one for one in figure.axes}[panel]
    found = [line for line in axes.get_lines() if line.get_label() == label]
    return np.asarray(found[0].get_xdata(), float), np.asarray(found[0].get_ydata(), float)


def _panels(figure):
    return [axes.get_ylabel() for axes in figure.axes]


def test_a_run_without_sensor_and_scores_has_two_panels(draw):
    figure, image = draw(_rows())
    assert _panels(figure) == ["loss", "kept, %"]
    steps, loss = _line(figure, "loss", "each step")
    assert steps.tolist() == list(range(1, 41)) and np.allclose(loss, 2.0 / steps)
    assert np.allclose(_line(figure, "loss", "mean of 5")[1][4], np.mean(loss[:5]))
    assert np.allclose(_line(figure, "kept, %", "pixels")[1], 50.0)
    assert _line(figure, "kept, %", "channels")[1].tolist() == [100.0] * 20 + [75.0] * 20
    assert figure.axes[-1].get_xlabel() == "optimizer steps (40 took 60 s)"
    assert image.std() > 5


def test_scores_and_watts_get_panels_of_their_own_and_gaps_stay_gaps(draw):
    rows = _rows()
    for index, miou in ((9, 0.25), (39, 0.5)):
        rows[index] = rows[index]._replace(miou=miou)
    for index in range(30):
        rows[index] = rows[index]._replace(power_w=8.0)
    figure, image = draw(rows)
    assert _panels(figure) == ["loss", "mIoU, %", "power, W", "kept, %"]
    (scored,) = figure.axes[1].get_lines()
    assert scored.get_xydata().tolist() == [[10.0, 25.0], [40.0, 50.0]] and scored.get_marker() == "o"
    (power,) = figure.axes[2].get_lines()
    assert np.array_equal(np.isnan(power.get_ydata()), [False] * 30 + [True] * 10)
    assert np.nanmax(power.get_ydata()) == np.nanmin(power.get_ydata()) == 8.0
    assert image.shape[0] > 1.5 * draw(_rows())[1].shape[0]


def test_every_prune_is_a_line_through_all_panels(draw):
    figure, _image = draw(_rows(), prune_steps=[10, 20])
    for axes in figure.axes:
        upright = [line.get_xdata() for line in axes.get_lines() if line.get_linestyle() == ":"]
        assert [list(one) for one in upright] == [[10, 10], [20, 20]]
    named = [[text.get_text() for text in figure.axes[i].get_legend().get_texts()] for i in (0, -1)]
    assert named == [["prune", "each step", "mean of 5"], ["pixels", "channels"]]


def test_a_run_of_one_step_can_be_drawn(draw):
    figure, _image = draw(_rows(1))
    assert figure.axes[-1].get_xlabel() == "optimizer steps (1 took 2 s)"


@pytest.mark.parametrize("seconds, text", [(119.4, "119 s"), (3600.0, "60 min"), (9000.0, "2.5 h")])
def test_the_axis_says_how_long_it_took(draw, seconds, text):
    figure, _image = draw([_rows(1)[0]._replace(time_s=seconds)])
    assert text in figure.axes[-1].get_xlabel()


def test_a_running_mean_goes_over_what_there_is():
    values = np.array([4.0, 2.0, 0.0, 4.0])
    assert running_mean(values, 2).tolist() == [4.0, 3.0, 1.0, 2.0]
    assert running_mean(values, 1).tolist() == values.tolist()
    assert running_mean(values, 9).tolist() == [4.0, 3.0, 2.0, 2.5]


def test_without_matplotlib_a_user_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError) as caught:
        draw_curves(str(tmp_path / "curves.png"), _rows(), [])
    assert "matplotlib" in caught.value.message and not (tmp_path / "curves.png").exists()
