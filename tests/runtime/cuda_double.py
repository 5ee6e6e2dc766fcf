"""A stand-in for PyCUDA, over memory and streams that are as strict as a GPU's."""
import ctypes
import threading
import types

import numpy as np


class Gpu:
    """The machine under both modules: what it can, what it has free, what was done with it (`log`).

    `reclaimable_bytes` hold files that Linux would drop for a program; CUDA's own figure leaves them out.
    """

    def __init__(self, present=True, integrated=True, compute_capability=(6, 2), fast_fp16=True, free_bytes=4 << 30,
                 builds=True, kernels=None):
        self.present, self.integrated, self.compute_capability = present, integrated, compute_capability
        self.fast_fp16, self.free_bytes, self.builds, self.kernels = fast_fp16, free_bytes, builds, kernels
        self.reclaimable_bytes = 0
        self.broken = False  # a kernel failed: so does all that follows in this process
        self.log = []
        self.pieces = {}  # address -> array of bytes that the GPU may touch
        self.streams = {}
        self.current = {}  # thread -> contexts, the current one last
        self.living = 0  # contexts of engines

    def available_bytes(self):
        """What Linux says it could give."""
        return self.free_bytes + self.reclaimable_bytes

    def has_room(self, nbytes):
        return nbytes <= self.free_bytes + self.reclaimable_bytes * self.integrated

    def take(self, nbytes):
        self.free_bytes -= nbytes
        if self.free_bytes < 0 and self.integrated:  # files go
            self.reclaimable_bytes += self.free_bytes
            self.free_bytes = 0

    def give(self, array):
        self.pieces[array.ctypes.data] = array
        self.take(array.nbytes)
        return array.ctypes.data

    def take_back(self, address):
        self.free_bytes += self.pieces.pop(address).nbytes

    def view(self, address, nbytes):
        """The bytes at `address`, as a kernel would find them."""
        for start, array in self.pieces.items():
            if start <= address and address + nbytes <= start + array.nbytes:
                return (ctypes.c_uint8 * nbytes).from_address(address)
        raise AssertionError("an illegal memory access: %d bytes at %#x" % (nbytes, address))

    def check_context(self):
        if not self.current.get(threading.get_ident()):
            raise LogicError("invalid device context")
        if self.broken:
            raise LogicError("an illegal memory access was encountered")


class Error(Exception):
    pass


class LogicError(Error):
    pass


class OutOfMemory(Error):
    """`pycuda.driver.MemoryError`."""


class CompileError(Error):
    pass


class Context:
    def push(self):
        self._gpu.current.setdefault(threading.get_ident(), []).append(self)

    @classmethod
    def pop(cls):
        cls._gpu.current[threading.get_ident()].pop()

    def detach(self):
        self._gpu.log.append("detach")
        assert self._gpu.living == 0, "the context goes while engines live in it"


class Device:
    def __init__(self, index):
        assert index == 0

    def name(self):
        return "a double"

    def compute_capability(self):
        return self._gpu.compute_capability

    def get_attribute(self, attribute):
        return int(self._gpu.integrated)

    def retain_primary_context(self):
        return self._driver.Context()


class Stream:
    def __init__(self):
        self._gpu.check_context()
        self.handle, self._work = id(self), []
        self._gpu.streams[self.handle] = self

    def synchronize(self):
        self._gpu.check_context()
        while self._work:
            self._work.pop(0)()


class DeviceAllocation:
    def __init__(self, nbytes):
        self._address = self._gpu.give(np.full(nbytes, 0xA5, dtype=np.uint8))

    def __int__(self):
        return self._address

    def free(self):
        self._gpu.take_back(self._address)
        self._gpu.check_context()


class PagelockedHostAllocation:
    def __init__(self, shape, dtype, mapped):
        self._array = np.full(int(np.prod(shape)) * np.dtype(dtype).itemsize, 0xA5, dtype=np.uint8)
        self._mapped = mapped
        self.__array_interface__ = dict(self._array.view(dtype).reshape(shape).__array_interface__)
        if mapped:
            self._gpu.give(self._array)

    def get_device_pointer(self):
        if not self._mapped:
            raise LogicError("cuMemHostGetDevicePointer failed: invalid argument")
        return self._array.ctypes.data

    def __del__(self):
        if self._mapped:
            self._gpu.take_back(self._array.ctypes.data)


class SourceModule:
    def __init__(self, source, no_extern_c=False, **options):
        self._gpu.check_context()
        if self._gpu.kernels is None:
            raise CompileError("nvcc compilation failed")
        self._gpu.log.append("compile")

    def get_function(self, name):
        def launch(*args, block=None, grid=None, stream=None):
            stream._work.append(lambda: self._gpu.kernels.launch(name, grid, block, args))
        return launch


class Calls:
    """The functions of the module `pycuda.driver`."""

    def __init__(self, gpu, driver):
        self._gpu, self._driver = gpu, driver

    def init(self):
        if not self._gpu.present:
            raise LogicError("cuInit failed: no CUDA-capable device is detected")

    def mem_get_info(self):
        self._gpu.check_context()
        return self._gpu.free_bytes, 8 << 30

    def pagelocked_empty(self, shape, dtype, order="C", mem_flags=0):
        self._gpu.check_context()
        mapped = bool(mem_flags & self._driver.host_alloc_flags.DEVICEMAP)
        if mapped and not self._gpu.has_room(int(np.prod(shape)) * np.dtype(dtype).itemsize):
            raise OutOfMemory("cuMemHostAlloc failed: out of memory")
        return np.asarray(self._driver.PagelockedHostAllocation(shape, dtype, mapped))

    def mem_alloc(self, nbytes):
        self._gpu.check_context()
        if not self._gpu.has_room(nbytes):
            raise OutOfMemory("cuMemAlloc failed: out of memory")
        return self._driver.DeviceAllocation(nbytes)

    def memcpy_htod_async(self, dest, src, stream=None):
        self._gpu.check_context()
        stream._work.append(lambda: self._gpu.view(dest, src.nbytes).__setitem__(slice(None), src.tobytes()))

    def memcpy_dtoh_async(self, dest, src, stream=None):
        def copy():
            dest.reshape(-1).view(np.uint8)[:] = np.frombuffer(self._gpu.view(src, dest.nbytes), np.uint8)
        self._gpu.check_context()
        stream._work.append(copy)


def cuda_modules(gpu):
    """The modules `pycuda`, `pycuda.driver` and `pycuda.compiler` over `gpu`."""
    package, driver, compiler = (types.ModuleType(name) for name in ("pycuda", "pycuda.driver", "pycuda.compiler"))
    for kind in (Context, Device, Stream, DeviceAllocation, PagelockedHostAllocation):
        setattr(driver, kind.__name__, type(kind.__name__, (kind,), {"_gpu": gpu, "_driver": driver}))
    calls = Calls(gpu, driver)
    for name in vars(Calls):
        if not name.startswith("_"):
            setattr(driver, name, getattr(calls, name))
    driver.Error, driver.LogicError, driver.MemoryError = Error, LogicError, OutOfMemory
    driver.CompileError = CompileError
    driver.host_alloc_flags = types.SimpleNamespace(DEVICEMAP=2)
    driver.ctx_flags = types.SimpleNamespace(SCHED_AUTO=0, MAP_HOST=8)
    driver.device_attribute = types.SimpleNamespace(INTEGRATED="integrated")
    compiler.SourceModule = type("SourceModule", (SourceModule,), {"_gpu": gpu})
    package.driver, package.compiler = driver, compiler
    return {"pycuda": package, "pycuda.driver": driver, "pycuda.compiler": compiler}
