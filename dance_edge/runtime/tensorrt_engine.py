"""TensorRT on the GPU: an engine a rung, buffers that are made once, frames that are resized where they are needed."""
import contextlib
import traceback
from collections import Counter
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Sequence, TypeVar

import numpy as np

from dance_edge.data.transforms import Normalization
from dance_edge.errors import DeviceError
from dance_edge.events import Note, OnEvent, Progress, Warned
from dance_edge.runtime import tensorrt_api as api
from dance_edge.runtime.engine import Engine, Engines
from dance_edge.runtime.graph import Tensor, check_input, take_output
from dance_edge.runtime.outputs import to_labels
from dance_edge.runtime.tensorrt_cuda import Buffer, Device, NoRoom, open_device
from dance_edge.runtime.tensorrt_frames import Frames
from dance_edge.runtime.tensorrt_journal import Journal, open_journal
from dance_edge.runtime.tensorrt_plans import Plans
from dance_edge.size import Size

NO_FILES: Dict[Size, str] = {}
RESERVE_BYTES = 128 << 20  # left to the rest of the program, and on a Jetson to the system
T = TypeVar("T")


class TensorRTEngine(Engine):
    """One engine with one shape. Its buffers are bound once: neither a frame nor a change of rungs allocates."""

    def __init__(self, trt: Any, engine: Any, device: Device, size: Size, journal: Journal) -> None:
        """`NoRoom` where memory has run out, errors as of `graph.check_input` and `graph.take_output`. Nothing of it
        lives on then, whoever keeps the error."""
        self._device = device
        self._journal = journal
        self._size = size
        self._engine = engine
        self._context: Any = None
        self._start: Any = None
        self._buffers: Dict[str, Buffer] = {}
        try:
            self._set_up(trt)
        except BaseException as reason:
            del engine
            _clear_frames(reason)  # what was called may hold the context yet
            self._release()
            raise

    def _set_up(self, trt: Any) -> None:
        self._context = api.open_context(self._engine, self._size, self._journal)
        bindings = api.bindings_of(trt, self._engine)
        shapes = api.fix_shapes(self._context, bindings, self._size)
        for one in bindings:
            self._buffers[one.name] = self._device.buffer(shapes[one.name], one.dtype)
        self._start = api.bind(self._context, bindings, {name: one.address for name, one in self._buffers.items()})
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
        heard = self._journal.heard
        if not self._start(self._device.stream.handle):
            raise DeviceError("the engine %s did not start: %s" % (self._size.hxw, self._journal.last(heard)),
                              "remove the folder engines/ beside the ONNX file, to have it built anew")
        self._output.download()
        self._device.wait()
        return to_labels(self._output.host, self._size)[0].copy()  # the next frame writes over the buffer

    def close(self) -> None:
        """Give the engine's memory back, once nothing works on it; it is not used afterwards."""
        with contextlib.suppress(DeviceError):  # where the GPU failed, that was said
            self._device.wait()
        self._release()

    def _release(self) -> None:
        while self._buffers:
            self._buffers.popitem()[1].free()
        self._start = None
        self._context = None
        self._engine = None  # after its context


class TensorRTEngines(Engines):
    """The rungs' engines on one GPU. Where they do not fit together, the one that was used least is let go."""

    def __init__(self, trt: Any, journal: Journal, device: Device, plans: Plans, rung_plans: Mapping[Size, Plans],
                 on_event: OnEvent) -> None:
        super().__init__(self._open, "tensorrt", "%s in %s" % (device.name, plans.precision), plans.precision)
        self._trt = trt
        self._open_ones: Dict[Size, TensorRTEngine] = {}
        self._device: Optional[Device] = device
        self._common = plans
        self._own = rung_plans
        self._frames = _frames(device, on_event)
        self._journal = journal
        self._uses: Dict[Size, int] = Counter()
        self._bytes: Dict[Size, int] = {}
        self._most_bytes = 0
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
        frames = self._frames
        return self._with_room("a frame", lambda: frames.complexity(image, measured_size, indicator))

    def segment(self, image: np.ndarray, size: Size, normalization: Normalization) -> np.ndarray:
        """See `Engines.segment`; the frame goes to the GPU once, also where its complexity was measured before."""
        if self._frames is None:
            return super().segment(image, size, normalization)
        engine, frames = self.at(size), self._frames
        self._with_room("a frame", lambda: frames.to_input(image, engine.input, size, normalization), kept=size)
        return engine.run()

    def gpu_memory_bytes(self) -> Optional[int]:
        """See `Engines.gpu_memory_bytes`: by the plans' own figures, of the engines that were open together."""
        return self._most_bytes or None

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
        engine = self._with_room("the engine " + size.hxw, lambda: self._try_open(size))
        if engine.said and not self._open_ones:
            self._on_event(Note(engine.said))
        return engine

    def _try_open(self, size: Size) -> TensorRTEngine:
        device, plans = self._live(), self._plans(size)
        plan = plans.get(size)
        while self._open_ones and plan.memory_bytes > device.free_bytes() - RESERVE_BYTES:
            self._let_go(self._open_ones, "the engine " + size.hxw)
        engine = TensorRTEngine(self._trt, plans.load(size, plan), device, size, self._journal)
        self._bytes[size] = plan.memory_bytes
        self._most_bytes = max(self._most_bytes, plan.memory_bytes + sum(self._bytes[one] for one in self._open_ones))
        return engine

    def _with_room(self, whose: str, action: Callable[[], T], kept: Optional[Size] = None) -> T:
        """What `action` gives, tried again with an engine less as long as memory runs out and there is one to let go,
        but for that of `kept`; then `NoRoom` is raised."""
        while True:
            others = [size for size in self._open_ones if size != kept]
            try:
                return action()
            except NoRoom:
                if not others:
                    raise
            self._let_go(others, whose)  # out of the handler: the error holds what was half made

    def _let_go(self, sizes: Iterable[Size], whose: str) -> None:
        least = min(sizes, key=lambda one: self._uses[one])
        self._on_event(Note("no room for %s beside the others: %s is let go" % (whose, least.hxw)))
        self._open_ones.pop(least).close()


def open_tensorrt(path: str, precision: str, on_event: OnEvent, rung_files: Mapping[Size, str] = NO_FILES) -> Engines:
    """Engines of the ONNX file at `path` on the first GPU, on this thread; `precision` is one of `PRECISIONS`.

    A rung of `rung_files` has a file of its own. Plans come from `engines/` beside the file, or are built when a rung
    is first needed. Errors: `DeviceError` without TensorRT, PyCUDA or a GPU, `CheckpointError` without the file,
    `ExportError` for one that TensorRT does not read.
    """
    trt = api.load_tensorrt()
    journal = open_journal(trt)
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


def _clear_frames(reason: BaseException) -> None:
    """Let go of what the functions hold that `reason` came through, though it is kept."""
    if reason.__traceback__ is not None:
        traceback.clear_frames(reason.__traceback__)
