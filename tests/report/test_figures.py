"""The figures are PNGs with something on them."""
import sys

import cv2
import numpy as np
import pytest

from dance_edge.complexity.profile import ComplexityProfile, fit_profile
from dance_edge.errors import ConfigError
from dance_edge.report.figures import Picture, draw_contact_sheet, draw_distribution
from dance_edge.size import Size

PROFILE = ComplexityProfile(0.05, 0.1, Size(36, 48), 50, 0.07, "made", "sobel")


def test_the_distribution_shows_both_curves(tmp_path):
    path = str(tmp_path / "cdf.png")
    draw_distribution(path, np.random.RandomState(0).rayleigh(0.15, 50), PROFILE)
    image = cv2.imread(path)
    assert image.shape[0] > 300 and image.shape[1] > 500
    for red, green, blue in ((0x1F, 0x5F, 0xA8), (0xD9, 0x5F, 0x0E)):
        assert (np.abs(image.astype(int) - (blue, green, red)).sum(axis=2) < 20).sum() > 300


def test_the_fit_that_was_not_kept_is_shown_too(tmp_path):
    path = str(tmp_path / "cdf.png")
    values = 0.06 + 0.1 * np.linalg.norm(np.random.RandomState(0).randn(50, 3), axis=1)
    draw_distribution(path, values, fit_profile(values, Size(36, 48), "made", "sobel"))
    image = cv2.imread(path).astype(int)
    for red, green, blue in ((0x1F, 0x5F, 0xA8), (0xD9, 0x5F, 0x0E), (0x9A, 0x9A, 0x9A)):
        assert (np.abs(image - (blue, green, red)).sum(axis=2) < 20).sum() > 300


@pytest.mark.parametrize("values", [[0.2], [0.2, 0.2, 0.2], [0.0]])
def test_a_distribution_of_one_value_can_be_drawn(tmp_path, values):
    draw_distribution(str(tmp_path / "a.png"), np.array(values), PROFILE._replace(loc=0.0, scale=1e-6))
    assert cv2.imread(str(tmp_path / "a.png")) is not None


def test_the_contact_sheet_shows_the_pictures_in_their_colours(tmp_path):
    path = str(tmp_path / "sheet.png")
    blue, red = np.zeros((60, 600, 3), np.uint8), np.zeros((40, 50, 3), np.uint8)
    blue[:, :, 0], red[:, :, 2] = 255, 255
    draw_contact_sheet(path, [("simplest", [Picture(blue, "a")]),
                              ("most complex", [Picture(red, "b"), Picture(red, "c")])])
    image = cv2.imread(path).astype(int)
    assert (np.abs(image - (255, 0, 0)).sum(axis=2) < 10).sum() > 500
    assert (np.abs(image - (0, 0, 255)).sum(axis=2) < 10).sum() > 1000


def test_without_matplotlib_the_hint_says_what_to_install(tmp_path, monkeypatch):
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError) as caught:
        draw_distribution(str(tmp_path / "a.png"), np.array([0.1]), PROFILE)
    assert "dance-edge[report]" in caught.value.hint
