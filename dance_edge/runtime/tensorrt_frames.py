"""A frame on the GPU: sent there once, measured there, and made into an engine's input there."""
import contextlib
from typing import Any, Dict, Optional, Tuple

import numpy as np

from dance_edge.data.transforms import Normalization
from dance_edge.errors import DeviceError
from dance_edge.runtime.tensorrt_cuda import Buffer, Device
from dance_edge.runtime.tensorrt_kernels import Kernels, affine, complexity_of, partials_shape
from dance_edge.size import Size, size_of


class Frames:
    """The frame of the moment. Buffers are made for the first one, and again where frames change their size."""

    def __init__(self, device: Device) -> None:
        """`DeviceError` where CUDA's compiler is missing."""
        self._device = device
        self._kernels = Kernels()
        self._buffers: Dict[str, Buffer] = {}
        self._sent: Optional[np.ndarray] = None  # whose complexity was asked for last

    def complexity(self, image: np.ndarray, measured_size: Size, indicator: str) -> float:
        """As `complexity.indicator.measure` of `image`, (H, W, 3) BGR uint8, but of every row, as Eq. 1 has it."""
        frame = self._send(image)
        gray = self._buffer("gray", tuple(measured_size), np.uint8)
        partials = self._buffer("partials", partials_shape(measured_size), np.float32)
        self._kernels.complexity(frame.address, size_of(image), gray.address, partials.address, measured_size,
                                 self._device.stream)
        partials.download()
        self._device.wait()
        self._sent = image
        return complexity_of(partials.host, measured_size, indicator)

    def to_input(self, image: np.ndarray, planes: Buffer, size: Size, normalization: Normalization) -> None:
        """Start `image` on its way into `planes`, (1, 3) + `size` float32, as `data.transforms.to_input` makes it.

        The image whose complexity was asked for just before is there already. Only that one, and once: a camera may
        fill the same array with its next frame.
        """
        frame = self._buffers["frame"] if image is self._sent else self._send(image)
        self._sent = None
        self._kernels.resize_normalize(frame.address, size_of(image), planes.address, size,
                                       affine(*normalization), stream=self._device.stream)

    def close(self) -> None:
        """Give the buffers back, once nothing works on them."""
        with contextlib.suppress(DeviceError):  # where the GPU failed, that was said
            self._device.wait()
        while self._buffers:
            self._buffers.popitem()[1].free()

    def _send(self, image: np.ndarray) -> Buffer:
        self._sent = None
        frame = self._buffer("frame", image.shape, np.uint8)
        np.copyto(frame.host, image)
        frame.upload()
        return frame

    def _buffer(self, name: str, shape: Tuple[int, ...], dtype: Any) -> Buffer:
        found = self._buffers.get(name)
        if found is None or found.host.shape != tuple(shape):
            if found is not None:
                self._buffers.pop(name).free()  # out of the way first: there may be no room for the next
            found = self._buffers[name] = self._device.buffer(shape, dtype)
        return found
