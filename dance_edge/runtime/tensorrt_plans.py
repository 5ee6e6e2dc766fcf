"""The plans of one ONNX file, one a size: from the disk where they fit, else built and kept in `engines/` beside it."""
import os
import time
from typing import Any, Dict, Optional, Sequence

from dance_edge.atomic import replace_file
from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.runtime import tensorrt_api as api
from dance_edge.runtime.onnx_file import read_onnx
from dance_edge.runtime.plan_file import Plan, one_builder, read_plan, write_plan
from dance_edge.runtime.tensorrt_builder import WORKSPACES, Order, build, parse, settle_precision, workspace_bytes
from dance_edge.runtime.tensorrt_cuda import Device, NoRoom
from dance_edge.runtime.tensorrt_journal import Journal
from dance_edge.size import Size

FOLDER = "engines"


class Plans:
    """A plan is of one file's content, one TensorRT, one kind of GPU, one precision, shape and workspace: any other is
    built anew, and that is said."""

    def __init__(self, trt: Any, journal: Journal, device: Device, onnx_path: str, precision: str,
                 on_event: OnEvent) -> None:
        """Errors: `CheckpointError` for a file that is not there, and those of `settle_precision`."""
        self._trt = trt
        self._path = onnx_path
        self._sha256 = read_onnx(onnx_path).sha256
        self._device = device
        self._capability = device.compute_capability
        self._on_event = on_event
        self._workspace_bytes = workspace_bytes(device.free_bytes())
        self.precision = settle_precision(trt, journal, precision, device.compute_capability, on_event)
        self.folder = os.path.join(os.path.dirname(os.path.abspath(onnx_path)), FOLDER)
        self._journal = journal
        self._runtime = trt.Runtime(self._journal.logger)  # outlives every engine that it makes

    def check(self) -> None:
        """`ExportError` where TensorRT does not read the file, before anybody counts on it. Where there are plans of
        this name, it did."""
        start = os.path.basename(self.path(Size(0, 0))).split("0x0")[0]
        if not any(name.startswith(start) and name.endswith(".plan") for name in _names(self.folder)):
            parse(self._trt, self._journal, api.open_builder(self._trt, self._journal), self._content(), self._path)

    def stored(self, size: Size) -> Optional[Plan]:
        """The plan of `size` if there is one that fits. One that was built where less memory was free fits too: else
        a board on the brink of a step would build all of them anew at every second start."""
        found = read_plan(self.path(size), self.facts(size))
        for _least, workspace in WORKSPACES:
            if found.plan is None and workspace < self._workspace_bytes:
                found = read_plan(self.path(size), dict(self.facts(size), workspace_bytes=workspace))
        return found.plan

    def get(self, size: Size) -> Plan:
        """The plan of `size`, built where need be; errors as in `tensorrt_builder.build`."""
        found = self.stored(size)
        if found is not None:
            return found
        with one_builder(self.folder, self._on_event):
            there = read_plan(self.path(size), self.facts(size))  # another process may have built it meanwhile
            if there.plan is not None:
                return there.plan
            if there.why_not:
                self._on_event(Note("%s is not used, %s: it is built anew"
                                    % (os.path.basename(self.path(size)), there.why_not)))
            return self._build(size)

    def load(self, size: Size, plan: Plan) -> Any:
        """TensorRT's engine of `plan`. One that it does not load, though it seems to fit, is built anew once.

        `NoRoom` where it is memory that is lacking, and nothing is wrong with the plan.
        """
        heard = self._journal.heard
        engine = self._deserialize(size, plan)
        if engine is None:
            self._on_event(Note("%s is not loaded by TensorRT (%s): it is built anew" % (
                os.path.basename(self.path(size)), self._journal.last(heard))))
            with one_builder(self.folder, self._on_event):
                plan = self._build(size)
            engine = self._deserialize(size, plan)
        if engine is None:
            raise self._not_loaded(heard)
        return engine

    def facts(self, size: Size) -> Dict[str, Any]:
        """What a plan of `size` hangs on."""
        return {"onnx_sha256": self._sha256, "tensorrt": str(self._trt.__version__),
                "compute_capability": "%d%d" % self._capability, "precision": self.precision,
                "input": "x".join(str(side) for side in api.input_shape(size)),
                "workspace_bytes": self._workspace_bytes}

    def path(self, size: Size) -> str:
        """Where the plan of `size` stands."""
        stem = os.path.splitext(os.path.basename(self._path))[0]
        return os.path.join(self.folder, "%s-%s-%s.plan" % (stem, size.hxw, self.precision))

    def _build(self, size: Size) -> Plan:
        started_s = time.monotonic()
        order = Order(self._content(), self._path, size, self.precision, self._workspace_bytes)
        timing_path = os.path.join(self.folder, "timing-%s-sm%d%d.cache"
                                   % ((self._trt.__version__,) + self._capability))
        content, timings = build(self._trt, self._journal, order, _read(timing_path), self._on_event)
        plan = Plan(content, self._memory_of(size, content))
        self._on_event(Note("built the engine %s, %s, %.0f MB, in %.0f s" % (
            size.hxw, self.precision, len(content) / 1e6, time.monotonic() - started_s)))
        try:
            write_plan(self.path(size), self.facts(size), plan)
            with replace_file(timing_path) as file:
                file.write(timings)
        except OSError as reason:  # it runs all the same
            self._on_event(Warned("the engine %s is not kept and will be built again: %s" % (size.hxw, reason)))
        return plan

    def _content(self) -> bytes:
        """The ONNX file, as it was when its plans were looked for."""
        found = read_onnx(self._path)
        if found.sha256 != self._sha256:
            raise CheckpointError("%s was changed while it was in use" % self._path, "start again, once it is whole")
        return found.content

    def _memory_of(self, size: Size, content: bytes) -> int:
        """What an engine takes when it is loaded. A plan takes minutes to build, so where memory does not suffice to
        find out it is kept all the same, with what its layers may borrow in place of what they do."""
        heard = self._journal.heard
        try:
            engine = self._deserialize(size, Plan(content, len(content)))
            if engine is None:
                raise self._not_loaded(heard)
            context = api.open_context(engine, size, self._journal)
        except NoRoom:
            return len(content) + self._workspace_bytes
        tensors = api.bindings_of(self._trt, engine)
        buffers = api.buffer_bytes(tensors, api.fix_shapes(context, tensors, size))
        working = api.working_bytes(engine)
        del context, engine  # in this order
        return len(content) + working + buffers

    def _deserialize(self, size: Size, plan: Plan) -> Any:
        """TensorRT's engine, None where it does not take the plan; `NoRoom` where it would, with more memory."""
        heard = self._journal.heard
        try:
            engine = self._runtime.deserialize_cuda_engine(plan.content)
        except MemoryError:  # what pybind11 makes of std::bad_alloc
            engine = None
            self._journal.hear("out of memory")
        if engine is not None:
            return engine
        memory = self._journal.of_memory(heard)
        silent = self._journal.heard == heard
        if memory or (silent and plan.memory_bytes > self._device.free_bytes()):
            raise NoRoom("no memory to load the engine %s, %.0f MB: %s" % (
                size.hxw, plan.memory_bytes / 1e6, memory or "%.0f MB are free" % (self._device.free_bytes() / 1e6)),
                "close other programs, or serve at smaller sizes")
        return None

    def _not_loaded(self, heard: int) -> DeviceError:
        return DeviceError("TensorRT does not load the engine that it just built: %s" % (
            self._journal.last(heard) or "it does not say why"), "try --precision fp32")


def _names(folder: str) -> Sequence[str]:
    return os.listdir(folder) if os.path.isdir(folder) else ()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
