"""NVIDIA's compiler takes `kernels.cu` for a TX2: NVRTC 11.8, which needs no GPU, makes machine code of it.

NVRTC lies under the folder that DANCE_EDGE_TENSORRT names, `.tensorrt` in the repository where it names none:
make test-tensorrt puts it there.
"""
import ctypes
import glob
import locale
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from dance_edge.runtime.tensorrt_kernels import OPTIONS, SOURCE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(os.environ.get("DANCE_EDGE_TENSORRT") or os.path.join(ROOT, ".tensorrt"), "nvrtc")
TX2 = "sm_62"
ELF, ELF_CUDA = b"\x7fELF", 190  # e_machine of NVIDIA's


class Nvrtc:
    """The few calls of the library that a compilation takes."""

    def __init__(self, folder):
        # it opens its builtins by their bare name, which finds them where they are loaded already
        for path in sorted(glob.glob(os.path.join(folder, "libnvrtc-builtins.so*"))):
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        self._library = ctypes.CDLL(glob.glob(os.path.join(folder, "libnvrtc.so*"))[0])

    def _call(self, name, *args):
        return getattr(self._library, "nvrtc" + name)(*args)

    def version(self):
        major, minor = ctypes.c_int(), ctypes.c_int()
        assert self._call("Version", ctypes.byref(major), ctypes.byref(minor)) == 0
        return major.value, minor.value

    def compile(self, source, options):
        """(whether it compiled, the log, the machine code or b"").

        In a thread that ends with it: the library leaves its own locale behind, C's, which is the thread's, and on
        Python 3.6 click then refuses to work in it.
        """
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._compile, source, options).result()

    def _compile(self, source, options):
        program = ctypes.c_void_p()
        assert self._call("CreateProgram", ctypes.byref(program), source, b"kernels.cu", 0, None, None) == 0
        try:
            given = (ctypes.c_char_p * len(options))(*[one.encode() for one in options])
            failed = self._call("CompileProgram", program, len(options), given)
            log = self._text("ProgramLog", program).rstrip(b"\0").decode()
            return not failed, log, b"" if failed else self._text("CUBIN", program)
        finally:
            self._call("DestroyProgram", ctypes.byref(program))

    def _text(self, what, program):
        size = ctypes.c_size_t()
        assert self._call("Get%sSize" % what, program, ctypes.byref(size)) == 0
        text = ctypes.create_string_buffer(size.value)
        assert self._call("Get" + what, program, text) == 0
        return text.raw


@pytest.fixture(scope="module")
def nvrtc():
    found = glob.glob(os.path.join(FOLDER, "**", "libnvrtc.so*"), recursive=True)
    if found:
        return Nvrtc(os.path.dirname(found[0]))
    reason = "there is no NVRTC under %s: make test-tensorrt" % FOLDER
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def source():
    with open(SOURCE, "rb") as file:
        return file.read()


def test_the_kernels_compile_for_a_tx2(nvrtc, source):
    before = locale.nl_langinfo(locale.CODESET)
    assert nvrtc.version() == (11, 8)
    compiled, log, cubin = nvrtc.compile(source, ["--gpu-architecture=" + TX2] + list(OPTIONS))
    assert compiled, log
    assert log.strip() == "" and locale.nl_langinfo(locale.CODESET) == before
    assert cubin[:4] == ELF and int.from_bytes(cubin[18:20], "little") == ELF_CUDA
    assert int.from_bytes(cubin[48:52], "little") & 0xFF == 62  # e_flags: what it is for
    kernels = re.findall(rb"__global__ void (\w+)\(", source)
    assert len(kernels) == 3
    assert [name for name in kernels if b".text." + name + b"\0" not in cubin] == []


def test_what_is_no_kernel_is_refused(nvrtc):
    compiled, log, cubin = nvrtc.compile(b"__global__ void kernel(float *out) { out[threadIdx.x] = nothing; }", [])
    assert not compiled and "nothing" in log and cubin == b""
