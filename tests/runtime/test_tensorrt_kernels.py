"""How kernels are compiled and launched, and what the host makes of their sums; `test_kernels` has their arithmetic."""
import sys
import types

import numpy as np
import pytest

from dance_edge.data.transforms import IMAGENET, normalize
from dance_edge.errors import ConfigError, DeviceError
from dance_edge.runtime.tensorrt_kernels import Kernels, affine, chunks, complexity_of, partials_shape, tiles
from dance_edge.size import Size


@pytest.fixture
def lay_pycuda(monkeypatch):
    """Lays a PyCUDA whose `SourceModule` is the one that is given; its driver."""
    def lay(source_module):
        package, compiler, driver = (types.ModuleType(name) for name in ("pycuda", "pycuda.compiler", "pycuda.driver"))
        driver.Error = type("Error", (Exception,), {"stderr": None})
        driver.CompileError = type("CompileError", (driver.Error,), {})
        compiler.SourceModule = source_module
        package.compiler, package.driver = compiler, driver
        for module in (package, compiler, driver):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        return driver

    return lay


@pytest.fixture
def launches(lay_pycuda):
    """What `Kernels` launched: (name, arguments, block, grid, stream); the source is compiled as it has to be."""
    found = []

    class SourceModule:
        def __init__(self, source, nvcc, options, no_extern_c):
            assert no_extern_c and options == ["--fmad=false"] and nvcc.endswith("nvcc")
            assert 'extern "C"' in source and source.count("__global__ void") == 3

        def get_function(self, name):
            def launch(*args, block, grid, stream):
                assert all(isinstance(one, np.number) for one in args)  # PyCUDA takes no numbers of Python's
                found.append((name, [(one.dtype.char, one) for one in args], block, grid, stream))
            return launch

    lay_pycuda(SourceModule)
    return found


def test_a_frame_is_resized_and_normalised_by_one_launch(launches):
    Kernels().resize_normalize(4096, Size(720, 1280), 1 << 40, Size(9, 33), affine(*IMAGENET), "a stream")
    (name, args, block, grid, stream), = launches
    assert (name, block, grid, stream) == ("resize_normalize", (32, 8, 1), (2, 2, 1), "a stream")
    assert "".join(kind for kind, _ in args) == "LiiLiiffffffi"
    assert [value for _, value in args[:6]] == [4096, 720, 1280, 1 << 40, 9, 33] and args[-1][1] == 1


def test_complexity_is_two_launches_one_after_the_other(launches):
    Kernels().complexity(4096, Size(720, 1280), 8192, 1 << 40, Size(33, 129), "a stream")
    gray, sobel = launches
    assert (gray[0], gray[2:]) == ("gray_area", ((32, 8, 1), (5, 5, 1), "a stream"))
    assert gray[1] == [("L", 4096), ("i", 720), ("i", 1280), ("L", 8192), ("i", 33), ("i", 129)]
    assert (sobel[0], sobel[2:]) == ("sobel_columns", ((128, 1, 1), (2, 2, 1), "a stream"))
    assert sobel[1] == [("L", 8192), ("i", 33), ("i", 129), ("L", 1 << 40), ("i", 32)]


def test_geometry():
    assert tiles(Size(8, 32)) == (1, 1, 1) and tiles(Size(9, 33)) == (2, 2, 1)
    assert chunks(Size(32, 128)) == (1, 1, 1) and chunks(Size(33, 129)) == (2, 2, 1)
    assert partials_shape(Size(1024, 2048)) == (2, 32, 2048)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_affine_has_the_numbers_of_normalize(order):
    values = affine((0.5, 0.25, 0.0), (0.5, 0.25, 1.0), order)
    assert values == ((127.5, 63.75, 255.0), (1.0, 1.0, 0.0), order == "rgb")
    values = affine(IMAGENET.mean, IMAGENET.std, order)
    image = np.random.RandomState(0).randint(0, 256, (4, 5, 3)).astype(np.uint8)
    planes = (image[:, :, ::-1] if values.rgb else image).transpose(2, 0, 1).astype(np.float32)
    scale, shift = (np.array(part, dtype=np.float32).reshape(3, 1, 1) for part in (values.scale, values.shift))
    assert np.array_equal(planes / scale - shift, normalize(image, IMAGENET._replace(order=order)))


def test_the_sums_of_a_gray_are_its_complexity():
    size = Size(40, 3)
    partials = np.array([[[100, 200, 300], [0, 0, 0]], [[4000, 4000, 4000], [1000, 1000, 1000]]], np.float32)
    complexity, luminance = 600 / 120 / 255, 15000 / 120 / 255
    assert complexity_of(partials, size) == pytest.approx(complexity)
    assert complexity_of(partials, size, "weber") == pytest.approx(complexity / luminance, rel=1e-3)
    assert complexity_of(np.zeros((2, 2, 3), np.float32), size, "weber") == 0
    with pytest.raises(ConfigError, match="entropy"):
        complexity_of(partials, size, "entropy")


def test_sums_of_millions_of_pixels_lose_nothing():
    partials = np.full((2, 64, 4096), 1e6 + 1, np.float32)  # added in float32 they would stop growing
    assert complexity_of(partials, Size(1, 1)) == pytest.approx(64 * 4096 * (1e6 + 1) / 255, rel=1e-12)


def test_without_pycuda_the_hint_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(DeviceError, match="PyCUDA is not installed") as caught:
        Kernels()
    assert "dance-edge[tensorrt]" in caught.value.hint


def test_without_nvcc_the_hint_names_the_path(lay_pycuda):
    def refuse(*args, **options):
        raise OSError("error invoking 'nvcc --version': [Errno 2] No such file or directory\nmore")

    lay_pycuda(refuse)
    with pytest.raises(DeviceError) as caught:
        Kernels()
    assert caught.value.message == ("CUDA's compiler did not compile the kernels: error invoking 'nvcc --version': "
                                    "[Errno 2] No such file or directory")
    assert "export PATH=/usr/local/cuda/bin:$PATH" in caught.value.hint


@pytest.mark.parametrize("stderr, said", [(None, "nvcc compilation of k.cu failed"),
                                          ("nvcc fatal: no gcc\nmore", "nvcc fatal: no gcc")])
def test_what_nvcc_refuses_is_one_line(lay_pycuda, stderr, said):
    def refuse(*args, **options):
        error = driver.CompileError("nvcc compilation of k.cu failed\n[command: nvcc k.cu]")
        error.stderr = stderr
        raise error

    driver = lay_pycuda(refuse)
    with pytest.raises(DeviceError) as caught:
        Kernels()
    assert caught.value.message == "CUDA's compiler did not compile the kernels: " + said
