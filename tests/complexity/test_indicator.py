"""Known answers of Eq. 1 and of Weber contrast."""
import cv2
import numpy as np
import pytest

from dance_edge.complexity import indicator
from dance_edge.complexity.profile import fit_profile
from dance_edge.data.images import read_image
from dance_edge.data.layouts import open_dataset
from dance_edge.errors import ConfigError
from dance_edge.size import Size, size_of


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


def test_weber_contrast_is_the_quotient_and_fades_out_near_black():
    assert indicator.weber_contrast(0.2, 0.4) == pytest.approx(0.5, rel=1e-3)
    assert indicator.weber_contrast(0.1, indicator.DARK) == pytest.approx(0.5 * 0.1 / indicator.DARK)
    assert indicator.weber_contrast(0.1, 2 * indicator.DARK) >= 0.94 * 0.1 / (2 * indicator.DARK)
    assert indicator.weber_contrast(0.0, 0.0) == 0
    levels = np.arange(256) / 255
    kept = [indicator.weber_contrast(one, one) for one in levels]  # the share of the quotient that is left
    assert kept == sorted(kept) and kept[2] < 0.01 and kept[128] > 0.9999


@pytest.mark.parametrize("size", [Size(60, 80), Size(500, 640)])
def test_measure_is_its_definition(size):
    noise = np.random.RandomState(5).randint(0, 256, (size.height // 10, size.width // 10, 3)).astype(np.uint8)
    image = cv2.resize(noise, size.cv2, interpolation=cv2.INTER_CUBIC)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    tolerance = 1e-4 if size.height < 480 else 0.02
    assert indicator.measure(image, size) == pytest.approx(indicator.spatial_complexity(gray), rel=tolerance)
    assert indicator.measure(image, size, "weber") == pytest.approx(indicator.weber_complexity(gray), rel=tolerance)


@pytest.mark.parametrize("size", [Size(48, 64), Size(500, 640), Size(1080, 1920)])
def test_a_frame_as_black_as_it_gets_is_not_complex(size):
    for channels in (np.zeros, np.ones):
        image = channels((size.height, size.width, 3)).astype(np.uint8)
        assert indicator.measure(image, size, "weber") == 0


@pytest.fixture(scope="module")
def camvid_train(data_dir):
    """Every image of CamVid's training split, with the name of its sequence."""
    records = [record for record in open_dataset(data_dir + "/camvid").records() if record.split == "train"]
    return [read_image(record.image) for record in records], np.array([record.group for record in records])


def p_of(images, size, kind, profile=None):
    """A profile, fitted to `images` where none is given, and their p."""
    values = np.array([indicator.measure(image, size, kind) for image in images])
    profile = profile or fit_profile(values, size, "camvid", kind)
    return profile, np.array([profile.p(value) for value in values])


def test_half_the_exposure_of_camvid_moves_p_by_contrast_and_not_by_weber_contrast(camvid_train):
    images, _ = camvid_train
    size, dim = size_of(images[0]), [image // 2 for image in images]
    moved = {}
    for kind in indicator.INDICATORS:
        profile, p = p_of(images, size, kind)
        moved[kind] = np.abs(p_of(dim, size, kind, profile)[1] - p)
    assert np.mean(moved["sobel"]) == pytest.approx(0.42, abs=0.02)
    assert np.percentile(moved["weber"], 95) <= 0.05


def test_camvids_dusk_has_a_middling_p_by_weber_contrast(camvid_train):
    images, sequences = camvid_train
    profile, p = p_of(images, size_of(images[0]), "weber")
    assert profile.ks_distance < 0.075
    means = [p[sequences == one].mean() for one in ("0001TP", "0006R0", "0016E5")]
    assert means == pytest.approx([0.37, 0.43, 0.56], abs=0.02)


@pytest.mark.parametrize("size", [Size(360, 480), Size(720, 1280)])
def test_a_black_frame_with_noise_is_not_complex(camvid_train, size):
    images = [cv2.resize(image, size.cv2) for image in camvid_train[0][::4]]
    profile, _ = p_of(images, size, "weber")
    random = np.random.RandomState(6)
    for sigma in (0.5, 1, 2, 3, 5):
        gray = np.clip(np.rint(random.normal(0, sigma, (size.height, size.width, 1))), 0, 255).astype(np.uint8)
        colour = np.clip(np.rint(random.normal(0, sigma, (size.height, size.width, 3))), 0, 255).astype(np.uint8)
        assert max(p_of([np.repeat(gray, 3, axis=2), colour], size, "weber", profile)[1]) <= 0.05


def test_an_unknown_indicator_is_refused():
    with pytest.raises(ConfigError, match="entropy"):
        indicator.measure(np.zeros((8, 8, 3), np.uint8), Size(8, 8), "entropy")
