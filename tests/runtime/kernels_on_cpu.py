"""`kernels.cu` on the CPU: the same source, compiled by g++, every thread of a launch run in a loop."""
import ctypes
import faulthandler
import mmap
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from dance_edge.runtime.tensorrt_kernels import SOURCE

# What CUDA gives a kernel, and a way to call one with arguments that are only addresses, as CUDA's driver does.
SHIM = """
#include <math.h>
#include <algorithm>
#include <type_traits>
#include <utility>
#define __global__
#define __device__ static
using std::max;
using std::min;
struct Index { unsigned x, y, z; };
static Index threadIdx, blockIdx, blockDim, gridDim;
#include "%s"

template <class T>
static char kind_of() { return std::is_floating_point<T>::value ? 'f' : std::is_pointer<T>::value ? 'u' : 'i'; }

template <class... Arguments, size_t... I>
static int run(void (*kernel)(Arguments...), const unsigned *grid, const unsigned *block, int count,
               const char *kinds, const int *sizes, void **values, std::index_sequence<I...>)
{
    const char wanted_kinds[] = {kind_of<Arguments>()...};
    const int wanted_sizes[] = {(int)sizeof(Arguments)...};
    if (count != (int)sizeof...(Arguments)) return 1;
    for (int i = 0; i < count; ++i)
        if (kinds[i] != wanted_kinds[i] || sizes[i] != wanted_sizes[i]) return 2 + i;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
    for (threadIdx.z = 0; threadIdx.z < blockDim.z; ++threadIdx.z)
    for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
    for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
        kernel(*(Arguments *)values[I]...);
    return 0;
}

template <class... Arguments>
static int start(void (*kernel)(Arguments...), const unsigned *grid, const unsigned *block, int count,
                 const char *kinds, const int *sizes, void **values)
{
    return run(kernel, grid, block, count, kinds, sizes, values, std::index_sequence_for<Arguments...>());
}
"""
ENTRY = """
extern "C" int launch_%s(const unsigned *grid, const unsigned *block, int count, const char *kinds, const int *sizes,
                         void **values)
{
    return start(%s, grid, block, count, kinds, sizes, values);
}
"""


class CpuKernels:
    """Kernels by name; `launch` returns when every thread has run."""

    def __init__(self, library, names):
        self.names = names
        self._library = library

    def launch(self, name, grid, block, args):
        """Run kernel `name` with `args`, numpy scalars that match its parameters in kind and width."""
        assert len(grid) == len(block) == 3 and all(side > 0 for side in tuple(grid) + tuple(block))
        assert block[0] * block[1] * block[2] <= 1024, "CUDA has no block of so many threads"
        held = [np.asarray(one).reshape(1) for one in args]
        count = len(held)
        code = getattr(self._library, "launch_" + name)(
            (ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(*block), count,
            "".join(one.dtype.kind for one in held).encode(), (ctypes.c_int * count)(*[one.itemsize for one in held]),
            (ctypes.c_void_p * count)(*[one.ctypes.data for one in held]))
        assert code != 1, "%s does not take %d arguments" % (name, count)
        assert code == 0, "%s takes another type than %s as argument %d" % (name, held[code - 2].dtype, code - 2)


def compile_kernels(folder):
    """`CpuKernels` of the package's `kernels.cu`, built in `folder`; without g++ a test skips, fails under CI=true."""
    compiler = shutil.which("g++")
    if compiler is None:
        reason = "there is no g++ to run the kernels on the CPU"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with open(SOURCE, encoding="ascii") as file:
        names = re.findall(r"__global__ void (\w+)\(", file.read())
    source, built = os.path.join(str(folder), "kernels.cpp"), os.path.join(str(folder), "kernels.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write(SHIM % SOURCE + "".join(ENTRY % (name, name) for name in names))
    done = subprocess.run([compiler, "-std=c++14", "-O2", "-ffp-contract=off", "-shared", "-fPIC", source, "-o", built],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, done.stdout
    return CpuKernels(ctypes.CDLL(built), names)


class Walled:
    """An array right before (`at_end`) or right behind a page of memory that nobody may touch."""

    def __init__(self, shape, dtype, at_end):
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        inner = -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self._memory = mmap.mmap(-1, inner + 2 * mmap.PAGESIZE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        for wall in (start, start + mmap.PAGESIZE + inner):
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(wall), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
        self.address = start + mmap.PAGESIZE + (inner - nbytes if at_end else 0)


def end_of(function):
    """Run `function` in a process of its own: the signal that ends it, or its exit code, 0 where all went well."""
    child = os.fork()
    if child == 0:
        try:
            faulthandler.disable()
            function()
            os._exit(0)
        finally:  # an error too: only the parent goes on with the tests
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    return status & 0x7F or status >> 8
