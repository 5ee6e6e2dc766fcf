"""TensorRT on the GPU: an engine a rung, buffers that are made once, frames that are resized where they are needed."""
from collections import Counter
from typing import Any, Dict, Mapping, Optional, Sequence

import numpy as np

from dance_edge.data.transforms import Normalization
from dance_edge.errors import DeviceError
from dance_edge.events import Note, OnEvent, Progress, Warned
from dance_edge.runtime import tensorrt_api as api
from dance_edge.runtime.engine import Engine, Engines
from dance_edge.runtime.graph import Tensor, check_input, take_output
from dance_edge.runtime.outputs import to_labels
from dance_edge.runtime.tensorrt_cuda import Device, open_device
from dance_edge.runtime.tensorrt_frames import Frames
from dance_edge.runtime.tensorrt_plans import Plans
from dance_edge.size import Size

NO_FILES: Dict[Size, str] = {}
RESERVE_BYTES = 128 << 20  # left to the rest of the program, and on a Jetson to the system


class TensorRTEngine(Engine):
    """One engine with one shape. Its buffers are bound once: neither a frame nor a change of rungs allocates."""

    def __init__(self, trt: Any, engine: Any, device: Device, size: Size, journal: api.Journal) -> None:
        context = engine.create_execution_context()
        if context is None:
            raise DeviceError("no memory for the engine %s: %s" % (size.hxw, journal.last()),
                              "close other programs, or serve at smaller sizes")
        bindings = api.bindings_of(trt, engine)
        shapes = api.fix_shapes(context, bindings, size)
        self._engine, self._context = engine, context
        self._device = device
        self._journal = journal
        self._size = size
        self._buffers = {one.name: device.buffer(shapes[one.name], one.dtype) for one in bindings}
        self._start = api.bind(context, bindings, {name: buffer.address for name, buffer in self._buffers.items()})
        inputs, outputs = ([Tensor(one.name, one.dtype.name, shapes[one.name]) for one in bindings
                            if one.is_input == wanted] for wanted in (True, False))
        self.input = self._buffers[check_input("the engine", inputs).name]
        taken = take_output("the engine", outputs)
        self._output = self._buffers[taken.output.name]
        self.said = taken.words

    def labels(self, inputs: np.ndarray) -> np.ndarray:
        """See `Engine.labels`; the images of a batch go one by one."""
        if inputs.shape[1:] != tuple(api.input_shape(self._size))[1:]:
            raise ValueError("an engine of %s got an input of shape %s" % (self._size.hxw, inputs.shape))
        found = []
        for one in inputs:
            self.input.host[0] = one
            self.input.upload()
            found.append(self.run())
        return np.stack(found)

    def run(self) -> np.ndarray:
        """Labels, int32 (H, W), of what the input's buffer holds on the GPU."""
        self._device.check_thread()
        if not self._start(self._device.stream.handle):
            raise DeviceError("the engine %s did not start: %s" % (self._size.hxw, self._journal.last()),
                              "remove the folder engines/ beside the ONNX file, to have it built anew")
        self._output.download()
        self._device.stream.synchronize()
        return to_labels(self._output.host, self._size)[0].copy()  # the next frame writes over the buffer

    def close(self) -> None:
        """Give the engine's memory back, once nothing works on it; it is not used afterwards."""
        self._device.stream.synchronize()
        for buffer in self._buffers.values():
            buffer.free()
        del self._start, self._context, self._engine  # a context before its engine


class TensorRTEngines(Engines):
    """The rungs' engines on one GPU. Where they do not fit together, the one that was used least is let go."""

    def __init__(self, trt: Any, journal: api.Journal, device: Device, plans: Plans, rung_plans: Mapping[Size, Plans],
                 on_event: OnEvent) -> None:
        super().__init__(self._open, "tensorrt", "%s in %s" % (device.name, plans.precision))
        self._trt = trt
        self._open_ones: Dict[Size, TensorRTEngine] = {}
        self._device: Optional[Device] = device
        self._common = plans
        self._own = rung_plans
        self._frames = _frames(device, on_event)
        self._journal = journal
        self._uses: Dict[Size, int] = Counter()
        self._on_event = on_event

    def prepare(self, sizes: Sequence[Size]) -> None:
        """Build what is not there, and say what memory all engines take together, before the first is loaded."""
        total = 0
        for done, size in enumerate(sizes):
            self._on_event(Progress("engines", done, len(sizes)))
            total += self._plans(size).get(size).memory_bytes
        self._on_event(Progress("engines", len(sizes), len(sizes)))
        free = self._live().free_bytes()
        self._on_event(Note("%d engines (%s) take %.0f MB together, %.0f MB are free%s" % (
            len(sizes), self._common.precision, total / 1e6, free / 1e6,
            "" if total <= free - RESERVE_BYTES else ": the least used will be let go")))

    def at(self, size: Size) -> TensorRTEngine:
        """See `Engines.at`; errors are those of `Plans.get`."""
        self._uses[size] += 1
        if size not in self._open_ones:
            self._open_ones[size] = self._open(size)
        return self._open_ones[size]

    def complexity(self, image: np.ndarray, measured_size: Size, indicator: str) -> float:
        """See `Engines.complexity`; on the GPU, and of the whole image."""
        if self._frames is None:
            return super().complexity(image, measured_size, indicator)
        return self._frames.complexity(image, measured_size, indicator)

    def segment(self, image: np.ndarray, size: Size, normalization: Normalization) -> np.ndarray:
        """See `Engines.segment`; the frame goes to the GPU once, also where its complexity was measured before."""
        engine = self.at(size)
        if self._frames is None:
            return super().segment(image, size, normalization)
        self._frames.to_input(image, engine.input, size, normalization)
        return engine.run()

    def close(self) -> None:
        """See `Engines.close`; the context goes last, after all that lives in it."""
        device, self._device = self._device, None
        if device is not None:
            while self._open_ones:
                self._open_ones.popitem()[1].close()
            if self._frames is not None:
                self._frames.close()
            device.close()

    def _plans(self, size: Size) -> Plans:
        return self._own.get(size, self._common)

    def _live(self) -> Device:
        if self._device is None:
            raise RuntimeError("these engines were closed")
        return self._device

    def _open(self, size: Size) -> TensorRTEngine:
        device = self._live()
        plans = self._plans(size)
        plan = plans.get(size)
        while self._open_ones and plan.memory_bytes > device.free_bytes() - RESERVE_BYTES:
            least = min(self._open_ones, key=lambda one: self._uses[one])
            self._on_event(Note("no room for the engine %s beside the others: %s is let go" % (size.hxw, least.hxw)))
            self._open_ones.pop(least).close()
        engine = TensorRTEngine(self._trt, plans.load(size, plan), device, size, self._journal)
        if engine.said and not self._open_ones:
            self._on_event(Note(engine.said))
        return engine


def open_tensorrt(path: str, precision: str, on_event: OnEvent, rung_files: Mapping[Size, str] = NO_FILES) -> Engines:
    """Engines of the ONNX file at `path` on the first GPU, on this thread; `precision` is one of `PRECISIONS`.

    A rung of `rung_files` has a file of its own. Plans come from `engines/` beside the file, or are built when a rung
    is first needed. Errors: `DeviceError` without TensorRT, PyCUDA or a GPU, `CheckpointError` without the file,
    `ExportError` for one that TensorRT does not read.
    """
    trt = api.load_tensorrt()
    journal = api.Journal(trt)  # one for all: up to 8.4 a process keeps the first logger that it is given
    device = open_device()
    try:
        common = Plans(trt, journal, device, path, precision, on_event)
        common.check()
        own = {size: Plans(trt, journal, device, file, common.precision, on_event) for size, file in rung_files.items()}
        return TensorRTEngines(trt, journal, device, common, own, on_event)
    except BaseException:
        device.close()
        raise


def _frames(device: Device, on_event: OnEvent) -> Optional[Frames]:
    """What prepares frames on the GPU; None without CUDA's compiler: the CPU does it then, which is said."""
    try:
        return Frames(device)
    except DeviceError as reason:
        on_event(Warned("frames are resized on the CPU: %s (%s)" % (reason.message, reason.hint)))
        return None
