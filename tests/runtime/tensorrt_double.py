"""A stand-in for TensorRT and PyCUDA: it keeps the contracts of several releases and computes with onnxruntime.

What it is strict about is what goes wrong unseen on a board: work on a stream is done when the stream is waited for,
not before; memory that was given back, and addresses that were never given out, are errors; so is a call from a thread
without a context, an engine without its runtime, a plan built while its parser is gone, a second logger in a process.

What builds is in `tensorrt_double_builder`, what runs in `tensorrt_double_runtime`: parts of classes, each with the
releases that have it.
"""
import enum
import json
import sys
import types
import weakref

from cuda_double import Gpu, cuda_modules
from tensorrt_double_builder import BUILDER, NEVER, TIMINGS
from tensorrt_double_runtime import RUNTIME

RELEASES = {"8.2": (8, 2, 1, 8), "8.6": (8, 6, 1), "10": (10, 13, 0, 35), "11": (11, 4, 0, 106)}


def install(monkeypatch, release="8.2", **gpu):
    """Put both modules where an import finds them; the `Gpu` behind them."""
    machine = Gpu(**gpu)
    modules = cuda_modules(machine)
    modules["tensorrt"] = tensorrt_module(release, machine)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("dance_edge.runtime.tensorrt_cuda.available_bytes", machine.available_bytes)
    return machine


def surface(release):
    """What the double of `release` offers: class or enumeration ("" is the module) -> names."""
    module = tensorrt_module(release, Gpu())
    public = {name: one for name, one in vars(module).items() if not name.startswith("_")}
    found = {"": sorted(public)}
    for name, one in public.items():
        if isinstance(one, type):
            found[name] = sorted(member for member in vars(one) if not member.startswith("_"))
    return found


class Release:
    """What the classes of one module share: its version, the machine, and the one logger of the process."""

    def __init__(self, version, gpu):
        self.version, self.gpu = version, gpu
        self.module = types.ModuleType("tensorrt")
        self._logger = None

    def listen(self, logger):
        """The first logger is kept for good, as a bare pointer."""
        assert isinstance(logger, self.module.ILogger)
        self._logger = self._logger or weakref.ref(logger)
        assert self._logger() is not None, "the logger went, and TensorRT still calls it"
        assert self._logger() is logger, "a second logger in one process is not heard"

    def error(self, message):
        self._logger().log(Severity.ERROR, message)

    def timings(self):
        """How a timing cache of this release and machine begins."""
        return TIMINGS + json.dumps([self.version, self.gpu.compute_capability]).encode()


class Severity(enum.IntEnum):
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class ILogger:
    ERROR = Severity.ERROR

    def log(self, severity, message):
        raise NotImplementedError


class IProgressMonitor:
    def phase_start(self, phase_name, parent_phase, num_steps):
        raise NotImplementedError

    def step_complete(self, phase_name, step):
        raise NotImplementedError

    def phase_finish(self, phase_name):
        raise NotImplementedError


PARTS = [("ILogger", ILogger, (), NEVER), ("IProgressMonitor", IProgressMonitor, (10,), NEVER)] + BUILDER + RUNTIME


def tensorrt_module(release, gpu):
    """A module `tensorrt` of one release."""
    version = RELEASES[release]
    shared = Release(version, gpu)
    module = shared.module
    module.__version__ = ".".join(str(part) for part in version)
    _add_enumerations(module, version)
    members = {}
    for name, part, since, before in PARTS:
        if since <= version < before:
            members.setdefault(name, {"_release": shared}).update(
                (key, one) for key, one in vars(part).items() if key not in ("__dict__", "__weakref__", "__module__"))
    for name, own in members.items():
        setattr(module, name, type(name, (), own))
    return module


def _add_enumerations(module, version):
    flags = {8: ["FP16", "INT8"], 10: ["FP16", "INT8"], 11: ["TF32"]}[version[0]]
    module.BuilderFlag = enum.Enum("BuilderFlag", flags)
    module.NetworkDefinitionCreationFlag = enum.IntEnum(
        "NetworkDefinitionCreationFlag", [("EXPLICIT_BATCH", 0)] if version < (11,) else [("STRONGLY_TYPED", 1)])
    module.DataType = enum.Enum("DataType", ["FLOAT", "HALF", "INT8", "INT32", "BOOL"]
                                + (["INT64", "UINT8"] if version >= (10,) else []))
    if version >= (8, 4):
        module.MemoryPoolType = enum.Enum("MemoryPoolType", ["WORKSPACE"])
    if version >= (8, 5):
        module.TensorIOMode = enum.Enum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"])
