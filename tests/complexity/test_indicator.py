"""Known answers of Eq. 1 and of Weber contrast."""
import cv2
import numpy as np
import pytest

from dance_edge.complexity import indicator
from dance_edge.errors import ConfigError
from dance_edge.size import Size


@pytest.mark.parametrize("slope", [0.001, -0.002, 0.003])
def test_a_ramp_of_slope_g_has_complexity_8g_away_from_the_border(slope):
    ramp = 0.5 + slope * np.arange(-100, 100, dtype=np.float32)[np.newaxis, :].repeat(50, axis=0)
    across = cv2.magnitude(cv2.Sobel(ramp, cv2.CV_32F, 1, 0), cv2.Sobel(ramp, cv2.CV_32F, 0, 1))
    np.testing.assert_allclose(across[1:-1, 1:-1], 8 * abs(slope), rtol=1e-3)
    # Eq. 1 over the whole: the two border columns see half the slope, so the mean is 8 g less a two-hundredth of it
    # or more, by OpenCV's mirrored border (no slope at all there)
    assert indicator.spatial_complexity(ramp) == pytest.approx(8 * abs(slope) * 198 / 200, rel=1e-3)


def test_a_descending_edge_counts_like_an_ascending_one():
    step = np.zeros((40, 40), np.float32)
    step[:, 20:] = 1.0
    assert indicator.spatial_complexity(step) == pytest.approx(indicator.spatial_complexity(1 - step))
    assert indicator.spatial_complexity(step) == pytest.approx(2 * 4 / 40)  # two columns of 4, of forty


def test_a_diagonal_ramp_adds_the_slopes_as_a_hypotenuse():
    rows, columns = np.mgrid[0:80, 0:80].astype(np.float32)
    diagonal = (3 * rows + 4 * columns) / 1000
    inner = indicator.spatial_complexity(diagonal)
    assert inner == pytest.approx(8 * 0.005, rel=0.03)


def test_solid_colour_has_no_complexity():
    image = np.full((60, 80, 3), 137, np.uint8)
    assert indicator.measure(image, Size(60, 80)) == 0
    assert indicator.measure(image, Size(30, 40), "weber") == 0


def test_measure_brings_the_gray_to_the_measured_size():
    random = np.random.RandomState(0)
    small = cv2.GaussianBlur(random.randint(0, 255, (60, 80, 3)).astype(np.uint8), (0, 0), 3)
    large = cv2.resize(small, (160, 120), interpolation=cv2.INTER_LINEAR)
    at_its_size = indicator.measure(small, Size(60, 80))
    assert indicator.measure(large, Size(60, 80)) == pytest.approx(at_its_size, rel=0.05)
    # at twice the size slopes are half as steep
    assert indicator.measure(large, Size(120, 160)) == pytest.approx(at_its_size / 2, rel=0.1)


def test_half_the_exposure_halves_eq_1_and_leaves_weber_contrast():
    image = (np.random.RandomState(1).rand(60, 80, 3) * 200 + 55).astype(np.uint8)
    dim = (image // 2).astype(np.uint8)
    size = Size(60, 80)
    assert indicator.measure(dim, size) == pytest.approx(indicator.measure(image, size) / 2, rel=0.02)
    assert indicator.measure(dim, size, "weber") == pytest.approx(indicator.measure(image, size, "weber"), rel=0.02)


def test_an_unknown_indicator_is_refused():
    with pytest.raises(ConfigError, match="entropy"):
        indicator.measure(np.zeros((8, 8, 3), np.uint8), Size(8, 8), "entropy")
