"""The kernels of `kernels.cu` from Python: compiled once, launched on a stream, and what is left to the host."""
import os
import shutil
from typing import Any, NamedTuple, Sequence, Tuple

import numpy as np

from dance_edge.complexity.indicator import INDICATORS, weber_contrast
from dance_edge.errors import ConfigError, DeviceError
from dance_edge.runtime.tensorrt_cuda import no_pycuda
from dance_edge.size import Size

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.cu")
# A product and a sum stay two roundings, as the CPU has them; all else of nvcc's defaults is IEEE's arithmetic already.
NVCC = "/usr/local/cuda/bin/nvcc"  # where JetPack puts it, and not on the PATH
OPTIONS = ("--fmad=false",)
TILE = (32, 8, 1)  # threads of a block: pixels across and down
COLUMNS = 128  # columns, a thread each
CHUNK_ROWS = 32  # that a thread walks down; a TX2 is busy with four thousand threads
Dim3 = Tuple[int, int, int]


class Affine(NamedTuple):
    """What becomes of a gray level in plane c: level / scale[c] - shift[c]. With `rgb` plane 0 is red, else blue."""

    scale: Tuple[float, float, float]
    shift: Tuple[float, float, float]
    rgb: bool


def affine(mean: Sequence[float], std: Sequence[float], order: str) -> Affine:
    """`mean` and `std` per plane of an image in 0-1, `order` `rgb` or `bgr`: the float32 numbers of `normalize`."""
    divisor = np.asarray(std, dtype=np.float32)
    scale = divisor * np.float32(255.0)
    shift = np.asarray(mean, dtype=np.float32) / divisor
    return Affine((scale[0], scale[1], scale[2]), (shift[0], shift[1], shift[2]), order == "rgb")


def tiles(size: Size) -> Dim3:
    """The grid of `TILE`s that covers `size`."""
    return (_ceil_div(size.width, TILE[0]), _ceil_div(size.height, TILE[1]), 1)


def chunks(size: Size) -> Dim3:
    """The grid that covers `size` by blocks of `COLUMNS` columns and chunks of `CHUNK_ROWS` rows."""
    return (_ceil_div(size.width, COLUMNS), _ceil_div(size.height, CHUNK_ROWS), 1)


def partials_shape(size: Size) -> Tuple[int, int, int]:
    """Shape of the float32 sums that `Kernels.complexity` leaves of a gray of `size`: (2, chunks, width)."""
    return (2, chunks(size)[1], size.width)


def complexity_of(partials: np.ndarray, size: Size, indicator: str = "sobel") -> float:
    """The complexity, as `complexity.indicator.measure` has it, from the sums of a gray of `size`; added in float64.

    The whole image counts here, so it is Eq. 1 itself and no estimate. `ConfigError` for an unknown indicator.
    """
    if indicator not in INDICATORS:
        raise ConfigError("unknown indicator %r" % indicator, "take one of: " + ", ".join(INDICATORS))
    magnitudes, levels = (float(np.sum(part, dtype=np.float64)) for part in partials)
    complexity = magnitudes / size.pixels / 255.0
    return complexity if indicator == "sobel" else weber_contrast(complexity, levels / size.pixels / 255.0)


class Kernels:
    """The compiled kernels; they belong to the CUDA context that was current when they were made.

    Addresses are those of device memory. Launches return at once: wait for the stream.
    `DeviceError` where PyCUDA or CUDA's compiler is missing. PyCUDA keeps what was compiled in the user's cache folder,
    so it takes seconds once.
    """

    def __init__(self) -> None:
        module = _compile()
        self._resize_normalize = module.get_function("resize_normalize")
        self._gray_area = module.get_function("gray_area")
        self._sobel_columns = module.get_function("sobel_columns")

    def resize_normalize(self, frame: int, frame_size: Size, planes: int, size: Size, values: Affine,
                         stream: Any) -> None:
        """`frame`, BGR uint8 of `frame_size` without padding, as a network's input at `planes`: (3, h, w) float32.

        The bytes are those of `data.transforms.to_input`: bilinear as OpenCV has it, then `values`.
        """
        numbers = [np.float32(one) for one in tuple(values.scale) + tuple(values.shift)]
        self._resize_normalize(np.uintp(frame), *_sides(frame_size), np.uintp(planes), *_sides(size), *numbers,
                               np.int32(values.rgb), block=TILE, grid=tiles(size), stream=stream)

    def complexity(self, frame: int, frame_size: Size, gray: int, partials: int, measured_size: Size,
                   stream: Any) -> None:
        """`frame`, as above, as `gray` of `measured_size` (h, w) uint8, and that as sums at `partials`, float32 of
        `partials_shape(measured_size)`; `complexity_of` makes a number of them."""
        self._gray_area(np.uintp(frame), *_sides(frame_size), np.uintp(gray), *_sides(measured_size),
                        block=TILE, grid=tiles(measured_size), stream=stream)
        self._sobel_columns(np.uintp(gray), *_sides(measured_size), np.uintp(partials), np.int32(CHUNK_ROWS),
                            block=(COLUMNS, 1, 1), grid=chunks(measured_size), stream=stream)


def _compile() -> Any:
    try:
        import pycuda.compiler as compiler
        import pycuda.driver as driver
    except ImportError as reason:
        raise no_pycuda(reason)
    with open(SOURCE, encoding="ascii") as file:
        source = file.read()
    try:
        return compiler.SourceModule(source, nvcc=shutil.which("nvcc") or NVCC, options=list(OPTIONS), no_extern_c=True)
    except (OSError, driver.Error) as reason:  # not compiled, or for another GPU
        said = "%s\n%s" % (getattr(reason, "stderr", None) or "", reason)
        raise DeviceError("CUDA's compiler did not compile the kernels: %s" % said.strip().splitlines()[0],
                          "put nvcc on the PATH, CUDA brings it: export PATH=/usr/local/cuda/bin:$PATH")


def _sides(size: Size) -> Tuple[np.int32, np.int32]:
    return np.int32(size.height), np.int32(size.width)


def _ceil_div(count: int, per: int) -> int:
    return -(-count // per)
