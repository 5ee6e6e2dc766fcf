"""The overlay: palette colours as RGB, half and half, drawn once for all who ask."""
import numpy as np

from dance_edge.data.labels import CAMVID11, ClassSet
from dance_edge.serve.frame import Frame, FrameResult
from dance_edge.serve.overlay import Overlay
from dance_edge.size import Size


def served(image, labels):
    return Frame(image, 0, 0.0), FrameResult(0, 0.5, Size(32, 32), 1.0, 2.0, 3.0, labels)


def test_a_pixel_is_half_its_own_and_half_its_class_colour():
    overlay = Overlay(ClassSet(("a", "b"), ((200, 100, 0), (0, 0, 100))))  # RGB
    labels = np.zeros((240, 320), dtype=np.uint8)
    labels[:, 160:] = 1
    image = np.full((240, 320, 3), 50, dtype=np.uint8)
    picture = overlay.draw(*served(image, labels))
    assert picture.shape == image.shape and picture.dtype == np.uint8 and int(image.max()) == 50
    assert picture[200, 10].tolist() == [25, 75, 125]  # BGR
    assert picture[200, 310].tolist() == [75, 25, 25]


def test_the_figures_stand_in_the_upper_left_corner_and_grow_with_the_picture():
    overlay = Overlay(ClassSet(("a",), ((0, 0, 0),)))
    heights = []
    for size in ((120, 160), (720, 1280)):
        image = np.zeros(size + (3,), dtype=np.uint8)
        picture = overlay.draw(*served(image, np.zeros(size, dtype=np.uint8)))
        rows = np.flatnonzero((picture > 128).any(axis=(1, 2)))
        assert rows.size and rows.max() < size[0] / 6
        heights.append(rows.max() - rows.min())
    assert heights[1] > 2 * heights[0]


def test_without_a_p_the_other_figures_stand_there():
    frame, result = served(np.zeros((240, 320, 3), dtype=np.uint8), np.zeros((240, 320), dtype=np.uint8))
    widths = []
    for one in (result, result._replace(p=None)):
        picture = Overlay(ClassSet(("a",), ((0, 0, 0),))).draw(frame, one)
        widths.append(np.flatnonzero((picture > 128).any(axis=(0, 2))).max())
    assert 0 < widths[1] < widths[0]


def test_two_sinks_cost_one_drawing():
    overlay = Overlay(CAMVID11)
    frame, result = served(np.zeros((48, 64, 3), dtype=np.uint8), np.zeros((48, 64), dtype=np.uint8))
    assert overlay.draw(frame, result) is overlay.draw(frame, result)
    assert overlay.draw(frame, result) is not overlay.draw(frame, result._replace(frame=1))
