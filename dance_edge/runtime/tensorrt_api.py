"""What differs between TensorRT 8.2, 8.5, 10 and 11, behind functions that do not: nobody else looks at a version."""
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.errors import DeviceError
from dance_edge.runtime.tensorrt_cuda import NoRoom
from dance_edge.runtime.tensorrt_journal import Journal
from dance_edge.size import Size

CHANNELS = 3
NUMPY_TYPES = {"FLOAT": np.float32, "HALF": np.float16, "INT32": np.int32, "INT64": np.int64, "INT8": np.int8,
               "UINT8": np.uint8, "BOOL": np.bool_}  # tensorrt.nptype of 8.x breaks on newer numpy


class Binding(NamedTuple):
    """An input or output of an engine; `place` is its number, as the releases before 10 know it."""

    name: str
    place: int
    is_input: bool
    dtype: Any


def load_tensorrt() -> Any:
    """The module `tensorrt`; `DeviceError` where it is not installed or one of its libraries is missing."""
    try:
        import tensorrt
    except ImportError as reason:
        raise DeviceError("TensorRT is not installed: %s" % reason,
                          "JetPack brings it for the system's Python (make a virtual environment with "
                          "--system-site-packages); elsewhere: pip install 'dance-edge[tensorrt]'")
    return tensorrt


def input_shape(size: Size) -> Sequence[int]:
    """The one shape that an engine takes: (1, 3, H, W)."""
    return (1, CHANNELS, size.height, size.width)


def open_builder(trt: Any, journal: Journal) -> Any:
    """A builder; `DeviceError` where there is no GPU: TensorRT times kernels on the one that it builds for."""
    heard = journal.heard
    try:
        builder = trt.Builder(journal.logger)
    except (TypeError, RuntimeError) as reason:  # pybind11's words for a null pointer
        raise DeviceError("TensorRT %s finds no GPU to build for: %s" % (
            trt.__version__, journal.last(heard) or str(reason).splitlines()[0]),
            "build on the board that serves; here, take --backend onnxruntime")
    return builder


def network_flags(trt: Any) -> int:
    """Explicit batch has to be asked for up to 9, may be up to 10, and is all there is from 11 on."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    return 0 if flag is None else 1 << int(flag)


def set_workspace(trt: Any, config: Any, limit_bytes: int) -> None:
    """The most memory that a layer may borrow while it runs."""
    if hasattr(config, "set_memory_pool_limit"):
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, limit_bytes)
    else:
        config.max_workspace_size = limit_bytes


def fast_fp16(trt: Any, builder: Any) -> Optional[bool]:
    """Whether half precision pays on this GPU; None from 11 on, where the types in the ONNX file decide."""
    if not hasattr(trt.BuilderFlag, "FP16"):
        return None
    return bool(builder.platform_has_fast_fp16)


def fast_int8(builder: Any) -> bool:
    """Whether 8-bit integers pay on this GPU; they do not on a TX2 (sm_62)."""
    return bool(getattr(builder, "platform_has_fast_int8", False))


def bindings_of(trt: Any, engine: Any) -> List[Binding]:
    """Inputs and outputs in the order of their bindings."""
    if hasattr(engine, "num_io_tensors"):
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        return [Binding(name, i, engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
                       numpy_type(trt, engine.get_tensor_dtype(name))) for i, name in enumerate(names)]
    return [Binding(engine.get_binding_name(i), i, bool(engine.binding_is_input(i)),
                   numpy_type(trt, engine.get_binding_dtype(i))) for i in range(engine.num_bindings)]


def numpy_type(trt: Any, data_type: Any) -> Any:
    """The numpy type of a buffer, from the engine: int32 labels read as float32 would all be class 0."""
    for name, dtype in NUMPY_TYPES.items():
        if getattr(trt.DataType, name, None) == data_type:
            return np.dtype(dtype)
    raise DeviceError("TensorRT wants a buffer of %s" % data_type, "export the model with float32 or int32 outputs")


def fix_shapes(context: Any, tensors: Sequence[Binding], size: Size) -> Dict[str, Tuple[int, ...]]:
    """Set the input's shape, once, and return all shapes by name; `DeviceError` where the engine does not take it."""
    shape = tuple(input_shape(size))
    source = next(one for one in tensors if one.is_input)
    modern = hasattr(context, "set_input_shape")
    taken = context.set_input_shape(source.name, shape) if modern else context.set_binding_shape(source.place, shape)
    if not taken:
        raise DeviceError("the engine does not take an input of %s" % size.hxw, "remove its plan, and serve again")
    return {one.name: tuple(context.get_tensor_shape(one.name) if modern else context.get_binding_shape(one.place))
            for one in tensors}


def bind(context: Any, tensors: Sequence[Binding], addresses: Dict[str, int]) -> Any:
    """A function of a stream's handle that starts one inference on buffers at `addresses`; it returns at once.

    It gives False where TensorRT refuses.
    """
    if hasattr(context, "execute_async_v3"):
        for one in tensors:
            context.set_tensor_address(one.name, addresses[one.name])
        return context.execute_async_v3
    bindings = [addresses[one.name] for one in sorted(tensors, key=lambda one: one.place)]
    return lambda stream_handle: context.execute_async_v2(bindings, stream_handle)


def open_context(engine: Any, size: Size, journal: Journal) -> Any:
    """What runs `engine`, of `size`; `NoRoom` where memory has run out, `DeviceError` where TensorRT names another
    reason."""
    heard = journal.heard
    try:
        context = engine.create_execution_context()
    except MemoryError:  # what pybind11 makes of std::bad_alloc
        context = None
        journal.hear("out of memory")
    if context is not None:
        return context
    memory, said = journal.of_memory(heard), journal.last(heard)
    if said and not memory:
        raise DeviceError("TensorRT cannot run the engine %s: %s" % (size.hxw, said),
                          "remove the folder engines/ beside the ONNX file, to have it built anew")
    raise NoRoom("no memory for the engine %s%s" % (size.hxw, memory and ": " + memory),
                 "close other programs, or serve at smaller sizes")


def buffer_bytes(tensors: Sequence[Binding], shapes: Dict[str, Tuple[int, ...]]) -> int:
    """What inputs and outputs of these shapes take."""
    return int(sum(np.prod(shapes[one.name], dtype=np.int64) * one.dtype.itemsize for one in tensors))


def working_bytes(engine: Any) -> int:
    """What a context of `engine` takes beside the weights."""
    found = getattr(engine, "device_memory_size_v2", None)
    return int(engine.device_memory_size if found is None else found)


def watch(trt: Any, config: Any, on_step: Callable[[int, int], None]) -> None:
    """Have `on_step(done, total)` called while a plan is built, where TensorRT can (from 10 on)."""
    if hasattr(trt, "IProgressMonitor"):
        config.progress_monitor = _monitor(trt, on_step)


def parser_errors(parser: Any, node_of: Any) -> List[str]:
    """Every error of an ONNX parser in a line, with node and operator; before 10 `node_of(index)` knows these."""
    lines = []
    for i in range(parser.num_errors):
        error = parser.get_error(i)
        if hasattr(error, "node_operator"):
            where = "%s %r" % (error.node_operator(), error.node_name())
        else:
            where = node_of(error.node())
        lines.append("%s: %s" % (where, " ".join(str(error.desc()).split())))
    return lines


def _monitor(trt: Any, on_step: Callable[[int, int], None]) -> Any:
    base: Any = trt.IProgressMonitor

    class Monitor(base):  # type: ignore[misc]
        """Passes on the outermost phase; those within it come and go by the hundred."""

        def __init__(self) -> None:
            base.__init__(self)
            self._outermost = ("", 0)

        def phase_start(self, name: str, parent: Optional[str], steps: int) -> None:
            if parent is None:
                self._outermost = (name, steps)

        def step_complete(self, name: str, step: int) -> bool:
            if name == self._outermost[0]:
                on_step(step + 1, self._outermost[1])
            return True  # False would end the build

        def phase_finish(self, name: str) -> None:
            pass

    return Monitor()
