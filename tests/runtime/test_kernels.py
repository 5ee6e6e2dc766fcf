"""What the kernels compute, run on the CPU: held against OpenCV, against definitions written plainly, and by hand."""
import ctypes
import re
import signal

import cv2
import numpy as np
import pytest
from kernels_on_cpu import Walled, compile_kernels, end_of

from dance_edge.complexity.indicator import measure, spatial_complexity, weber_complexity
from dance_edge.complexity.profile import fit_profile
from dance_edge.data.images import read_image
from dance_edge.data.layouts import open_dataset
from dance_edge.data.transforms import IMAGENET, Normalization, to_input
from dance_edge.runtime import tensorrt_kernels
from dance_edge.runtime.tensorrt_kernels import Kernels, affine, complexity_of, partials_shape
from dance_edge.size import Size, size_of

OTHER = Normalization((0.2, 0.5, 0.7), (0.1, 0.3, 0.6), "bgr")
LEVELS = Normalization((0.0, 0.0, 0.0), (1 / 255.0,) * 3, "bgr")  # a plane is the levels themselves
MARGIN = 4096  # bytes before and behind an array that nobody may write to
RESIZED = [(Size(72, 128), Size(36, 64)), (Size(90, 160), Size(54, 96)), (Size(337, 501), Size(200, 333)),
           (Size(64, 96), Size(128, 192)), (Size(33, 77), Size(50, 31)), (Size(50, 31), Size(50, 62)),
           (Size(480, 640), Size(480, 640)), (Size(3, 2), Size(7, 5)), (Size(1, 1), Size(2, 3)),
           (Size(40, 2750), Size(24, 1717))]


@pytest.fixture(scope="module")
def cpu(tmp_path_factory):
    return compile_kernels(tmp_path_factory.mktemp("kernels"))


@pytest.fixture
def kernels(cpu, monkeypatch):
    """`Kernels` whose launches run on the CPU, at once."""
    class Module:
        @staticmethod
        def get_function(name):
            return lambda *args, block, grid, stream: cpu.launch(name, grid, block, args)

    monkeypatch.setattr(tensorrt_kernels, "_compile", Module)
    return Kernels()


class Guarded:
    """An array amid bytes that have to stay as they are."""

    def __init__(self, shape, dtype):
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._bytes = np.full(nbytes + 2 * MARGIN, 0xA5, np.uint8)
        self.array = self._bytes[MARGIN:MARGIN + nbytes].view(dtype).reshape(shape)
        self.address = self.array.ctypes.data

    def checked(self):
        assert set(self._bytes[:MARGIN]) == set(self._bytes[-MARGIN:]) == {0xA5}
        return self.array


def laid(image):
    frame = Guarded(image.shape, np.uint8)
    frame.array[:] = image
    return frame


def resized(kernels, image, size, normalization=LEVELS):
    frame, planes = laid(image), Guarded((3,) + size, np.float32)
    kernels.resize_normalize(frame.address, size_of(image), planes.address, size, affine(*normalization), None)
    assert np.array_equal(frame.checked(), image)
    return planes.checked()


def measured(kernels, image, size):
    """The gray of `image` at `size` and the partial sums."""
    frame, gray = laid(image), Guarded(size, np.uint8)
    partials = Guarded(partials_shape(size), np.float32)
    kernels.complexity(frame.address, size_of(image), gray.address, partials.address, size, None)
    assert np.array_equal(frame.checked(), image)
    return gray.checked(), partials.checked()


def noise(size, seed=0):
    return np.random.RandomState(seed).randint(0, 256, tuple(size) + (3,)).astype(np.uint8)


def gray_image(rows):
    return np.repeat(np.asarray(rows, np.uint8)[:, :, None], 3, axis=2)


def plain_weights(count, source, bilinear):
    """(count, source) float64: what each source pixel counts in each pixel, by the definition."""
    edges = np.arange(count + 1) * source / count
    if bilinear:
        centres = (edges[:-1] + edges[1:]) / 2 - 0.5
        found = np.maximum(0, 1 - np.abs(np.clip(centres, 0, source - 1)[:, None] - np.arange(source)))
    else:
        found = np.maximum(0, np.minimum(edges[1:, None], np.arange(source) + 1)
                           - np.maximum(edges[:-1, None], np.arange(source)))
    return found / found.sum(axis=1, keepdims=True)


def plain_resize(levels, size, bilinear):
    rows, columns = (plain_weights(to, of, bilinear) for to, of in zip(size, levels.shape))
    return rows.dot(levels.astype(np.float64)).dot(columns.T)


def plain_gradient(gray):
    """Mean length of (across, down), each by its nine weights, in gray levels."""
    height, width = gray.shape
    levels = np.pad(gray.astype(np.float64), 1, mode="reflect")
    across = sum(weight * (levels[i:i + height, 2:] - levels[i:i + height, :-2]) for i, weight in enumerate((1, 2, 1)))
    down = sum(weight * (levels[2:, i:i + width] - levels[:-2, i:i + width]) for i, weight in enumerate((1, 2, 1)))
    return np.sqrt(across ** 2 + down ** 2).mean()


@pytest.mark.parametrize("normalization", [IMAGENET, OTHER])
@pytest.mark.parametrize("source, size", RESIZED)
def test_the_network_sees_what_it_sees_on_the_cpu(kernels, source, size, normalization):
    image = noise(source)
    got, expected = resized(kernels, image, size, normalization), to_input(image, size, normalization)
    one_level = 1 / (255 * np.array(normalization.std).reshape(3, 1, 1))
    assert np.max(np.abs(got - expected) / one_level) <= 1.001
    assert np.mean(got == expected) >= 0.999  # to the bit: where the levels agree so do the floats


@pytest.mark.parametrize("source, size", RESIZED)
def test_resizing_is_bilinear_by_its_definition(kernels, source, size):
    image = noise(source, 1)
    levels = np.rint(resized(kernels, image, size))
    for channel in range(3):
        plain = plain_resize(image[:, :, channel], size, bilinear=True)
        assert np.max(np.abs(levels[channel] - plain)) < 0.5 + 0.3  # 2048ths of a weight, and bits that are dropped


def test_a_grating_of_one_pixel_at_ratio_0_6(kernels):
    # centres lie at 1/3, 2, 11/3, 16/3, 7, 26/3 ...: no smoothing, so the grating turns into a coarse one
    image = gray_image(np.tile([0, 255], (50, 50)))
    levels = np.rint(resized(kernels, image, Size(30, 60)))
    assert np.array_equal(levels, np.broadcast_to(np.tile([85, 0, 85, 170, 255, 170], 10), (3, 30, 60)))
    assert np.array_equal(resized(kernels, image, Size(30, 60), IMAGENET), to_input(image, Size(30, 60), IMAGENET))


def test_the_planes_stand_in_the_normalizations_order(kernels):
    image = np.tile(np.array([10, 20, 30], np.uint8), (4, 5, 1))
    for order, expected in (("bgr", [10, 20, 30]), ("rgb", [30, 20, 10])):
        planes = resized(kernels, image, Size(4, 5), LEVELS._replace(order=order))
        assert np.rint(planes[:, 3, 4]).tolist() == expected


@pytest.mark.parametrize("source, size", RESIZED + [
    (Size(120, 120), Size(40, 30)), (Size(100, 100), Size(100, 50)), (Size(108, 192), Size(107, 191)),
    (Size(120, 160), Size(270, 480)), (Size(64, 96), Size(50, 192)), (Size(64, 96), Size(128, 90)),
    (Size(2, 2), Size(98, 98)), (Size(270, 480), Size(1, 1)), (Size(1080, 1920), Size(704, 1248))])
def test_gray_is_averaged_as_opencv_does(kernels, source, size):
    image = noise(source, 2)
    expected = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size.cv2, interpolation=cv2.INTER_AREA)
    got = measured(kernels, image, size)[0]
    assert np.max(np.abs(got.astype(int) - expected)) <= 1
    assert np.mean(got == expected) >= 0.999


@pytest.mark.parametrize("source, size", [(Size(90, 160), Size(54, 96)), (Size(337, 501), Size(200, 333))])
def test_averaging_is_by_area_by_its_definition(kernels, source, size):
    image = noise(source, 3)
    plain = plain_resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, bilinear=False)
    assert np.max(np.abs(measured(kernels, image, size)[0] - plain)) <= 0.501


def test_a_half_is_rounded_as_opencv_does(kernels):
    for rows, expected in (([[1, 1], [0, 0]], 1), ([[2, 2], [3, 3]], 3), ([[1] * 4, [1] * 4, [0] * 4, [0] * 4], 0)):
        image = gray_image(rows)
        assert measured(kernels, image, Size(1, 1))[0] == expected
        assert cv2.resize(image[:, :, 0], (1, 1), interpolation=cv2.INTER_AREA) == expected


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 9), Size(9, 1), Size(2, 2), Size(31, 128), Size(32, 129),
                                  Size(33, 127), Size(64, 5), Size(65, 300), Size(500, 640)])
def test_complexity_is_its_definition(kernels, size):
    image = noise(size, 4)
    gray, partials = measured(kernels, image, size)
    unit = gray.astype(np.float32) / 255
    assert complexity_of(partials, size) == pytest.approx(spatial_complexity(unit), rel=1e-5)
    assert complexity_of(partials, size, "weber") == pytest.approx(weber_complexity(unit), rel=1e-5)
    if min(size) > 1:
        assert complexity_of(partials, size) == pytest.approx(plain_gradient(gray) / 255, rel=1e-6)


def test_a_ramp_of_slope_g_has_8g_away_from_the_border(kernels):
    size = Size(70, 100)
    partials = measured(kernels, gray_image(np.tile(2 * np.arange(100), (70, 1))), size)[1]
    assert partials.shape == (2, 3, 100)
    assert partials[0, :, 1:-1].T.tolist() == [[16.0 * 32, 16.0 * 32, 16.0 * 6]] * 98
    assert not partials[0, :, [0, -1]].any()  # the mirrored border has no slope
    assert partials[1].sum(axis=0).tolist() == [70.0 * 2 * column for column in range(100)]
    assert complexity_of(partials, size) == pytest.approx(8 * 2 / 255 * 98 / 100, rel=1e-7)
    assert complexity_of(np.zeros((2, 3, 100), np.float32), size, "weber") == 0


def test_p_on_real_scenes_is_the_cpus_estimate_to_half_a_hundredth(data_dir, kernels):
    size = Size(720, 1280)
    train = [record for record in open_dataset(data_dir + "/camvid").records() if record.split == "train"][::8]
    others = open_dataset(data_dir + "/bdd100k").records()[::2] + open_dataset(data_dir + "/cityscapes").records()[::2]
    images = [cv2.resize(read_image(record.image), size.cv2) for record in tuple(train) + tuple(others)]
    on_cpu = np.array([measure(image, size) for image in images])
    on_gpu = np.array([complexity_of(measured(kernels, image, size)[1], size) for image in images])
    assert len(images) > 30 and not np.array_equal(on_cpu, on_gpu)  # of so many rows the CPU takes a sample
    profile = fit_profile(on_cpu[:len(train)], size, "camvid", "sobel")
    assert np.percentile(np.abs(profile.ranks(on_gpu) - profile.ranks(on_cpu)), 95) <= 0.005


@pytest.mark.parametrize("at_end", [False, True])
def test_nothing_beyond_an_array_is_touched(kernels, at_end):
    def launch_all():
        for source, size in RESIZED + [(Size(60, 80), Size(17, 90)), (Size(33, 129), Size(33, 129))]:
            frame, planes = Walled(source + (3,), np.uint8, at_end), Walled((3,) + size, np.float32, at_end)
            gray, partials = Walled(size, np.uint8, at_end), Walled(partials_shape(size), np.float32, at_end)
            kernels.resize_normalize(frame.address, source, planes.address, size, affine(*IMAGENET), None)
            kernels.complexity(frame.address, source, gray.address, partials.address, size, None)

    wall = Walled((1,), np.uint8, True)
    assert end_of(lambda: ctypes.string_at(wall.address, 2)) == signal.SIGSEGV
    assert end_of(launch_all) == 0


def test_threads_share_nothing_and_the_source_is_ascii():
    with open(tensorrt_kernels.SOURCE, encoding="ascii") as file:
        code = re.sub(r"//.*", "", file.read())
    assert len(re.findall(r"__global__", code)) == 3
    assert re.findall(r"__shared__|__sync\w+|atomic\w+|#include", code) == []


def test_the_cpu_refuses_what_does_not_fit_a_kernel(cpu):
    sizes, one = [np.int32(1)] * 2, np.uintp(8)
    for args in ([one] + sizes + [one], [one] + sizes + [one, np.int64(32)], [one] + sizes + [one, np.float32(32)]):
        with pytest.raises(AssertionError, match="sobel_columns (does not )?take"):
            cpu.launch("sobel_columns", (1, 1, 1), (1, 1, 1), args)
