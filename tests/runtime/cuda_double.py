"""A stand-in for PyCUDA, over memory and streams that are as strict as a GPU's."""
import ctypes
import threading
import types

import numpy as np


class Gpu:
    """The machine under both modules: what it can, what it has free, what was done with it (`log`)."""

    def __init__(self, present=True, integrated=True, compute_capability=(6, 2), fast_fp16=True, free_bytes=4 << 30,
                 builds=True, kernels=None):
        self.present, self.integrated, self.compute_capability = present, integrated, compute_capability
        self.fast_fp16, self.free_bytes, self.builds, self.kernels = fast_fp16, free_bytes, builds, kernels
        self.log = []
        self.pieces = {}  # address -> array of bytes that the GPU may touch
        self.streams = {}
        self.current = {}  # thread -> contexts, the current one last
        self.living = 0  # contexts of engines

    def give(self, array):
        self.pieces[array.ctypes.data] = array
        self.free_bytes -= array.nbytes
        return array.ctypes.data

    def take_back(self, address):
        self.free_bytes += self.pieces.pop(address).nbytes

    def view(self, address, nbytes):
        """The bytes at `address`, as a kernel would find them."""
        for start, array in self.pieces.items():
            if start <= address and address + nbytes <= start + array.nbytes:
                return (ctypes.c_uint8 * nbytes).from_address(address)
        raise AssertionError("an illegal memory access: %d bytes at %#x" % (nbytes, address))

    def check_context(self, error):
        if not self.current.get(threading.get_ident()):
            raise error("invalid device context")


def cuda_modules(gpu):
    """The modules `pycuda`, `pycuda.driver` and `pycuda.compiler` over `gpu`."""
    driver = types.ModuleType("pycuda.driver")

    class Error(Exception):
        pass

    class LogicError(Error):
        pass

    class MemoryError_(Error):
        pass

    class CompileError(Error):
        pass

    def checked(function):
        def call(*args, **kwargs):
            gpu.check_context(LogicError)
            return function(*args, **kwargs)
        return call

    def init():
        if not gpu.present:
            raise LogicError("cuInit failed: no CUDA-capable device is detected")

    class Context:
        def push(self):
            gpu.current.setdefault(threading.get_ident(), []).append(self)

        @staticmethod
        def pop():
            gpu.current[threading.get_ident()].pop()

        def detach(self):
            gpu.log.append("detach")
            assert gpu.living == 0, "the context goes while engines live in it"

    class Device:
        def __init__(self, index):
            assert index == 0

        def name(self):
            return "a double"

        def compute_capability(self):
            return gpu.compute_capability

        def get_attribute(self, attribute):
            return int(gpu.integrated)

        def retain_primary_context(self):
            return Context()

    class Stream:
        def __init__(self):
            gpu.check_context(LogicError)
            self.handle, self._work = id(self), []
            gpu.streams[self.handle] = self

        def synchronize(self):
            gpu.check_context(LogicError)
            while self._work:
                self._work.pop(0)()

    class DeviceAllocation:
        def __init__(self, nbytes):
            self._address = gpu.give(np.full(nbytes, 0xA5, dtype=np.uint8))

        def __int__(self):
            return self._address

        def free(self):
            gpu.take_back(self._address)

    class PagelockedHostAllocation:
        def __init__(self, shape, dtype, mapped):
            self._array = np.full(int(np.prod(shape)) * np.dtype(dtype).itemsize, 0xA5, dtype=np.uint8)
            self._mapped = mapped
            self.__array_interface__ = dict(self._array.view(dtype).reshape(shape).__array_interface__)
            if mapped:
                gpu.give(self._array)

        def get_device_pointer(self):
            if not self._mapped:
                raise LogicError("cuMemHostGetDevicePointer failed: invalid argument")
            return self._array.ctypes.data

        def __del__(self):
            if self._mapped:
                gpu.take_back(self._array.ctypes.data)

    def pagelocked_empty(shape, dtype, order="C", mem_flags=0):
        return np.asarray(PagelockedHostAllocation(shape, dtype, bool(mem_flags & 2)))

    def mem_alloc(nbytes):
        if nbytes > gpu.free_bytes:
            raise MemoryError_("cuMemAlloc failed: out of memory")
        return DeviceAllocation(nbytes)

    def memcpy_htod_async(dest, src, stream=None):
        stream._work.append(lambda: gpu.view(dest, src.nbytes).__setitem__(slice(None), src.tobytes()))

    def memcpy_dtoh_async(dest, src, stream=None):
        def copy():
            dest.reshape(-1).view(np.uint8)[:] = np.frombuffer(gpu.view(src, dest.nbytes), np.uint8)
        stream._work.append(copy)

    class SourceModule:
        def __init__(self, source, no_extern_c=False, **options):
            gpu.check_context(LogicError)
            if gpu.kernels is None:
                raise CompileError("nvcc compilation failed")
            gpu.log.append("compile")

        def get_function(self, name):
            def launch(*args, block=None, grid=None, stream=None):
                stream._work.append(lambda: gpu.kernels.launch(name, grid, block, args))
            return launch

    driver.Error, driver.LogicError = Error, LogicError
    driver.MemoryError, driver.CompileError = MemoryError_, CompileError
    driver.init, driver.Device, driver.Context, driver.Stream = init, Device, Context, Stream
    driver.pagelocked_empty, driver.mem_alloc = checked(pagelocked_empty), checked(mem_alloc)
    driver.memcpy_htod_async, driver.memcpy_dtoh_async = checked(memcpy_htod_async), checked(memcpy_dtoh_async)
    driver.mem_get_info = checked(lambda: (gpu.free_bytes, 8 << 30))
    driver.host_alloc_flags = types.SimpleNamespace(DEVICEMAP=2)
    driver.ctx_flags = types.SimpleNamespace(SCHED_AUTO=0, MAP_HOST=8)
    driver.device_attribute = types.SimpleNamespace(INTEGRATED="integrated")
    package, compiler = types.ModuleType("pycuda"), types.ModuleType("pycuda.compiler")
    compiler.SourceModule = SourceModule
    package.driver, package.compiler = driver, compiler
    return {"pycuda": package, "pycuda.driver": driver, "pycuda.compiler": compiler}
