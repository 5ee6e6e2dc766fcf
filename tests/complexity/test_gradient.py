"""The fast Eq. 1 against its definition: where it is exact, where it samples, and where a sample is not trusted."""
import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dance_edge.complexity import gradient
from dance_edge.complexity.gradient import mean_gradient, mean_luminance, triple_step
from dance_edge.complexity.indicator import spatial_complexity
from dance_edge.complexity.profile import fit_profile
from dance_edge.data.images import read_image
from dance_edge.data.layouts import open_dataset
from dance_edge.size import Size, size_of

SMALL, LARGE = Size(120, 160), Size(720, 1280)


def exact(image):
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return spatial_complexity(gray.astype(np.float32) / 255)


def ramp(size, across, down):
    rows, columns = np.mgrid[0:size.height, 0:size.width]
    return (across * columns + down * rows).astype(np.uint8)


def smooth_noise(seed, size, cell, contrast):
    random = np.random.RandomState(seed)
    knots = random.randint(0, 256, (size.height // cell + 2, size.width // cell + 2, 3)).astype(np.uint8)
    noise = cv2.resize(knots, size.cv2, interpolation=cv2.INTER_CUBIC)
    return np.rint(128 + contrast * (noise - 128.0)).astype(np.uint8)


@pytest.fixture
def refuse_whole(monkeypatch):
    """Measuring an image whole is an error: what is measured has been sampled."""
    def refuse(image):
        raise AssertionError("measured whole")

    monkeypatch.setattr(gradient, "_whole", refuse)


def test_a_ramp_of_slope_g_has_8g_away_from_the_border():
    # 0, 2, 4 ... 238 gray levels: slope 2/255, but none in the first and last of 120 columns, by the mirrored border
    assert mean_gradient(ramp(Size(90, 120), 2, 0)) == pytest.approx(8 * 2 / 255 * 118 / 120, rel=1e-6)
    assert mean_gradient(ramp(Size(120, 90), 0, 2)) == pytest.approx(8 * 2 / 255 * 118 / 120, rel=1e-6)


@pytest.mark.parametrize("size", [SMALL, Size(479, 640)])
def test_small_images_are_measured_exactly(size):
    random = np.random.RandomState(0)
    for image in (random.randint(0, 256, (size.height, size.width, 3)).astype(np.uint8), smooth_noise(1, size, 9, 0.7)):
        assert mean_gradient(image) == pytest.approx(exact(image), rel=1e-6)
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        assert mean_gradient(gray) == pytest.approx(exact(gray), rel=1e-6)


@pytest.mark.parametrize("size", [Size(62, 480), Size(63, 480), Size(187, 480), Size(479, 641), Size(3, 40000)])
def test_the_blocks_of_a_whole_image_leave_no_seam(size):
    image = np.random.RandomState(4).randint(0, 256, size).astype(np.uint8)
    assert mean_gradient(image) == pytest.approx(exact(image), rel=1e-5)


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (9, 1), (2, 2), (500, 1), (500, 2), (500, 3)])
def test_slivers_of_images_are_measured(height, width):
    size = Size(height, width)
    image = np.random.RandomState(2).randint(0, 256, (size.height, size.width, 3)).astype(np.uint8)
    assert mean_gradient(image) == pytest.approx(exact(image), rel=1e-6 if size.width < 3 else 0.1, abs=1e-9)


@pytest.mark.parametrize("size", [Size(480, 640), LARGE, Size(1080, 1920), Size(2160, 384)])
def test_large_ramps_and_constant_images_are_exact_too(refuse_whole, size):
    assert mean_gradient(np.full((size.height, size.width, 3), 90, np.uint8)) == 0
    rows, columns = np.mgrid[0:size.height, 0:size.width]
    for wave in (columns % 64, columns // 16 % 200, np.abs(columns % 80 - 40)):  # all rows alike
        image = wave.astype(np.uint8)
        assert mean_gradient(image) == pytest.approx(exact(image), rel=1e-6)
    down = (rows * 255 // size.height).astype(np.uint8)  # steps of one level, evenly spaced
    assert mean_gradient(down) == pytest.approx(exact(down), rel=0.03)


@pytest.mark.parametrize("cell", [1, 2, 3, 5, 8, 40, 64])
def test_checkers(cell):
    rows, columns = np.mgrid[0:720, 0:1280]
    image = (((rows // cell + columns // cell) % 2) * 200).astype(np.uint8)
    assert mean_gradient(image) == pytest.approx(exact(image), rel=0.02, abs=1e-9)
    if cell == 1:
        assert mean_gradient(image) == 0  # Sobel does not see the finest checker


@pytest.mark.parametrize("apart", [19, 57, 95])
def test_rows_that_are_no_sample_of_the_image_are_not_trusted(apart):
    image = np.zeros((720, 640), np.uint8)
    image[::apart] = 255  # lines that the sampled rows, 19 apart, all miss or all hit
    for shift in range(19):
        moved = np.roll(image, shift, axis=0)
        assert mean_gradient(moved) == pytest.approx(exact(moved), rel=0.3)


@pytest.mark.parametrize("enlarged", [2, 3, 4, 5, 8])
def test_enlarged_images_have_no_pattern_that_sampling_falls_into(refuse_whole, enlarged):
    rough = np.random.RandomState(3).randint(0, 256, (1080 // enlarged, 1920 // enlarged, 3)).astype(np.uint8)
    image = cv2.resize(rough, (1920, 1080), interpolation=cv2.INTER_LINEAR)
    assert mean_gradient(image) == pytest.approx(exact(image), rel=0.02)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10 ** 6), cell=st.integers(4, 60), contrast=st.floats(0.05, 1.0),
       height=st.integers(480, 1100), width=st.integers(300, 800))
def test_sampled_and_exact_agree_on_smooth_images(seed, cell, contrast, height, width):
    image = smooth_noise(seed, Size(height, width), cell, contrast)
    assert mean_gradient(image) == pytest.approx(exact(image), rel=0.05)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64)
    assert mean_luminance(image) == pytest.approx(gray.mean() / 255, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10 ** 6), size=st.sampled_from([SMALL, Size(480, 200), Size(730, 320)]))
def test_more_contrast_is_more_complex(seed, size):
    values = [mean_gradient(smooth_noise(seed, size, 8, contrast)) for contrast in (0.1, 0.2, 0.4, 0.8)]
    assert values == sorted(values) and values[3] > 5 * values[0] > 0


def test_the_rows_depend_on_the_size_alone():
    assert [triple_step(Size(rows, 640)) for rows in (360, 479, 480, 720, 1080, 1440, 2160, 8000)] == [
        1, 1, 13, 19, 29, 37, 59, 61]
    assert all((rows - 3) // triple_step(Size(rows, 9)) + 1 >= gradient.TRIPLES for rows in range(480, 3000))


def test_a_view_into_a_larger_image_is_an_image():
    large = smooth_noise(4, Size(800, 1300), 7, 0.8)
    crop = large[40:760, 10:1290]
    assert mean_gradient(crop) == pytest.approx(mean_gradient(np.ascontiguousarray(crop)), rel=1e-9)


def test_one_image_has_one_value_wherever_its_arrays_lie():
    random = np.random.RandomState(0)
    image = random.randint(0, 256, (20, 30, 3)).astype(np.uint8)
    held, values = [], set()
    for _ in range(200):
        held.append(np.empty(random.randint(1, 3000), dtype=np.uint8))  # moves what is allocated next
        values.add(mean_gradient(image.copy()))
    assert len(values) == 1


def test_luminance():
    image = np.zeros((600, 50, 3), np.uint8)
    image[:] = (200, 100, 50)
    gray = (0.114 * 200 + 0.587 * 100 + 0.299 * 50) / 255
    assert mean_luminance(image) == pytest.approx(gray) and mean_luminance(image[:20]) == pytest.approx(gray)
    assert mean_luminance(image[:, :, 0]) == pytest.approx(200 / 255)


@pytest.mark.parametrize("size", [LARGE, Size(480, 640)])
def test_p_on_real_scenes_is_the_formulas_to_a_hundredth(data_dir, size):
    train = [record for record in open_dataset(data_dir + "/camvid").records() if record.split == "train"][::4]
    others = open_dataset(data_dir + "/bdd100k").records() + open_dataset(data_dir + "/cityscapes").records()
    images = [cv2.resize(read_image(record.image), size.cv2) for record in tuple(train) + tuple(others)]
    assert len(images) > 100 and size_of(images[0]) == size
    formula, fast = np.array([exact(image) for image in images]), np.array([mean_gradient(image) for image in images])
    profile = fit_profile(formula[:len(train)], size, "camvid", "sobel")
    gap = [abs(profile.p(one) - profile.p(other)) for one, other in zip(formula, fast)]
    assert np.percentile(gap, 95) <= 0.008 and max(gap) < 0.02
    assert np.mean(fast) == pytest.approx(np.mean(formula), rel=0.003)


def test_camvids_mean_is_the_formulas(data_dir):
    records = [record for record in open_dataset(data_dir + "/camvid").records() if record.split == "train"][::6]
    images = [read_image(record.image) for record in records]
    assert np.mean([mean_gradient(one) for one in images]) == pytest.approx(np.mean([exact(one) for one in images]),
                                                                            rel=1e-6)
