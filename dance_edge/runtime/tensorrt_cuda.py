"""The CUDA side of TensorRT's engines: one context, owned by the thread that opened it, one stream, and buffers."""
import contextlib
import threading
from typing import Any, Dict, Sequence, Tuple

import numpy as np

from dance_edge.errors import DeviceError

MEMINFO = "/proc/meminfo"


class NoRoom(DeviceError):
    """Memory ran out. Where something can be let go, the same may be tried again."""


class Device:
    """A GPU with a context on the calling thread; `integrated` where it shares its memory with the CPU, as on a Jetson.

    `compute_capability` is (6, 2) on a TX2. Everything made here belongs to the thread that opened it.
    """

    def __init__(self, driver: Any) -> None:
        gpu = driver.Device(0)
        self.driver = driver
        self.name = str(gpu.name())
        major, minor = gpu.compute_capability()
        self.compute_capability = (int(major), int(minor))
        self.integrated = bool(gpu.get_attribute(driver.device_attribute.INTEGRATED))
        self._context = _context_of(gpu, driver)
        self._thread = threading.get_ident()
        self._users = 0
        try:
            self.stream = driver.Stream()
        except driver.Error:
            self._leave()
            raise

    def buffer(self, shape: Sequence[int], dtype: Any) -> "Buffer":
        """An array that both sides see; `NoRoom` where memory has run out."""
        self.check_thread()
        try:
            return Buffer(self, tuple(int(side) for side in shape), dtype)
        except self.driver.MemoryError:
            raise NoRoom("the GPU has no room for a buffer of %s x %s, %.0f MB are free"
                         % (shape, np.dtype(dtype), self.free_bytes() / 1e6),
                         "close other programs, or serve at smaller sizes")

    def free_bytes(self) -> int:
        """Memory that can be had on the GPU now; on a Jetson that is the system's, with what Linux gives back of it."""
        self.check_thread()
        free, _total = self.driver.mem_get_info()
        return max(int(free), available_bytes()) if self.integrated else int(free)

    def wait(self) -> None:
        """Until the GPU has done what it was given; `DeviceError` where it failed at it: its context is of no use then.
        """
        self.check_thread()
        try:
            self.stream.synchronize()
        except self.driver.Error as reason:
            raise DeviceError("the GPU failed: %s" % str(reason).splitlines()[0],
                              "start again; if it comes back, take --backend onnxruntime")

    def check_thread(self) -> None:
        """A CUDA context is current on one thread; elsewhere its calls fail with words that do not say so."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("a CUDA context belongs to the thread that opened it: open the engines where they run")

    def taken(self) -> "Device":
        """This device, for one more user, who closes it."""
        self._users += 1
        return self

    def close(self) -> None:
        """Give the context back, with its last user."""
        self.check_thread()
        self._users -= 1
        if self._users == 0:
            del _opened[self._thread]
            with contextlib.suppress(DeviceError):  # where the GPU failed, that was said
                self.wait()
            del self.stream
            self._leave()

    def _leave(self) -> None:
        with contextlib.suppress(self.driver.Error):
            self._context.pop()
            self._context.detach()


class Buffer:
    """`host`, an array of numpy's, and `address`, the same numbers as the GPU sees them.

    On an integrated GPU both are one piece of memory (mapped, nothing is copied); elsewhere the host's side is pinned,
    so that copies run beside the CPU.
    """

    def __init__(self, device: Device, shape: Tuple[int, ...], dtype: Any) -> None:
        driver = device.driver
        self._device = device
        flags = driver.host_alloc_flags.DEVICEMAP if device.integrated else 0
        self.host = driver.pagelocked_empty(shape, dtype, mem_flags=flags)
        self._memory = None if device.integrated else driver.mem_alloc(self.host.nbytes)
        self.address = int(self.host.base.get_device_pointer() if self._memory is None else self._memory)

    @property
    def nbytes(self) -> int:
        """Bytes of one side."""
        return int(self.host.nbytes)

    def upload(self) -> None:
        """Start the host's side on its way to the GPU."""
        if self._memory is not None:
            self._device.driver.memcpy_htod_async(self.address, self.host, self._device.stream)

    def download(self) -> None:
        """Start the GPU's side on its way to the host; it is there after `stream.synchronize()`."""
        if self._memory is not None:
            self._device.driver.memcpy_dtoh_async(self.host, self.address, self._device.stream)

    def free(self) -> None:
        """Let the memory go, both sides."""
        if self._memory is not None:
            with contextlib.suppress(self._device.driver.Error):  # of a GPU that failed: all is gone already
                self._memory.free()
            self._memory = None
        self.host = np.empty(0, dtype=self.host.dtype)


def open_device() -> Device:
    """The first GPU, its context current on this thread; `DeviceError` without PyCUDA or a GPU, `NoRoom` where memory
    does not suffice for a context.

    A thread has one context, whoever asks: of two, only the one that was made last would be current.
    """
    try:
        import pycuda.driver as driver
    except ImportError as reason:
        raise no_pycuda(reason)
    thread = threading.get_ident()
    try:
        driver.init()
        if thread not in _opened:
            _opened[thread] = Device(driver)
    except driver.MemoryError as reason:
        raise NoRoom("the GPU has no room to begin with: %s" % str(reason).splitlines()[0], "close other programs")
    except driver.Error as reason:
        raise DeviceError("CUDA finds no GPU: %s" % str(reason).splitlines()[0],
                          "TensorRT runs on NVIDIA's GPUs alone; take --backend onnxruntime")
    return _opened[thread].taken()


_opened: Dict[int, Device] = {}


def available_bytes() -> int:
    """Memory that Linux could give to a program now, the cache of files included; 0 where it does not say.

    CUDA's own figure for a GPU that shares the system's memory leaves that cache out: after reading a large file
    nothing would seem to be free.
    """
    try:
        with open(MEMINFO, encoding="ascii") as file:
            return next((int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:")), 0)
    except (OSError, ValueError):
        return 0


def no_pycuda(reason: ImportError) -> DeviceError:
    """The error where PyCUDA does not import, for whichever of its modules was wanted."""
    return DeviceError("PyCUDA is not installed: %s" % reason,
                       "it is built against CUDA: export PATH=/usr/local/cuda/bin:$PATH, "
                       "then pip install 'dance-edge[tensorrt]'")


def _context_of(gpu: Any, driver: Any) -> Any:
    """The GPU's primary context, which other libraries of the process share, where PyCUDA (2020 on) can have it."""
    if hasattr(gpu, "retain_primary_context"):
        context = gpu.retain_primary_context()
        context.push()
        return context
    return gpu.make_context(driver.ctx_flags.SCHED_AUTO | driver.ctx_flags.MAP_HOST)
