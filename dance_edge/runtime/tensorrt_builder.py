"""ONNX to a TensorRT plan for one size, on the GPU that will run it. No PyTorch: a board that serves builds too."""
from typing import Any, NamedTuple, Tuple

from dance_edge.errors import ConfigError, DeviceError, ExportError
from dance_edge.events import Note, OnEvent, Progress, Warned
from dance_edge.runtime import tensorrt_api as api
from dance_edge.runtime.tensorrt_cuda import NoRoom
from dance_edge.runtime.tensorrt_journal import Journal
from dance_edge.size import Size

PRECISIONS = ("auto", "fp16", "fp32", "int8")
MB = 1 << 20
# Free memory from which on a layer may borrow so much. Few steps, since the key of a plan holds the workspace; the 2 GB
# of many examples are more than a TX2 has left.
WORKSPACES = ((8192 * MB, 1024 * MB), (1024 * MB, 256 * MB), (0, 64 * MB))


class Order(NamedTuple):
    """What is to be built: `onnx`, the content of the file at `path`, beside which its weights may stand, for an input
    (1, 3) + `size`."""

    onnx: bytes
    path: str
    size: Size
    precision: str
    workspace_bytes: int


def build(trt: Any, journal: Journal, order: Order, timings: bytes, on_event: OnEvent) -> Tuple[bytes, bytes]:
    """The plan of `order`, and what the timing cache, begun with `timings`, holds now.

    `ExportError` for a graph that TensorRT does not read, with every complaint of its parser; `DeviceError` for one
    that it cannot build, or without a GPU; `NoRoom` where memory ran out.
    """
    builder = api.open_builder(trt, journal)
    network, _parser = parse(trt, journal, builder, order.onnx, order.path)
    config = builder.create_builder_config()
    api.set_workspace(trt, config, order.workspace_bytes)
    if order.precision == "fp16":
        config.set_flag(trt.BuilderFlag.FP16)
    cache = _timing_cache(config, timings)
    profile = builder.create_optimization_profile()
    shape = api.input_shape(order.size)
    profile.set_shape(network.get_input(0).name, shape, shape, shape)
    config.add_optimization_profile(profile)
    api.watch(trt, config, lambda done, total: on_event(Progress("build " + order.size.hxw, done, total)))
    heard = journal.heard
    try:
        plan = builder.build_serialized_network(network, config)
    except MemoryError:  # what pybind11 makes of std::bad_alloc
        plan = None
        journal.hear("out of memory")
    if plan is None:
        memory = journal.of_memory(heard)
        raise (NoRoom if memory else DeviceError)(
            "TensorRT %s cannot build the engine %s: %s" % (
                trt.__version__, order.size.hxw, memory or journal.last(heard) or "it does not say why"),
            "free memory (a layer may borrow %d MB), or try --precision fp32" % (order.workspace_bytes // MB))
    return bytes(plan), bytes(cache.serialize())


def parse(trt: Any, journal: Journal, builder: Any, onnx: bytes, path: str) -> Tuple[Any, Any]:
    """The network in `onnx`, and its parser, which owns the weights: it has to live until the plan is built.

    Weights that stand in files of their own are sought beside `path`. `ExportError` as in `build`.
    """
    network = builder.create_network(api.network_flags(trt))
    parser = trt.OnnxParser(network, journal.logger)
    heard = journal.heard
    if not parser.parse(onnx, path):
        raise ExportError("TensorRT %s does not read %s: %s" % (
            trt.__version__, path, _complaints(parser, onnx) or journal.last(heard) or "it does not say why"),
                          "export the model at another opset, or serve it with --backend onnxruntime")
    return network, parser


def settle_precision(trt: Any, journal: Journal, wanted: str, compute_capability: Tuple[int, int],
                     on_event: OnEvent) -> str:
    """`fp16` or `fp32`: what `wanted`, one of `PRECISIONS`, comes to on this GPU.

    `ConfigError` for INT8, with the reason; `DeviceError` without a GPU.
    """
    if wanted not in PRECISIONS:
        raise ConfigError("unknown precision %r" % wanted, "take one of: " + ", ".join(PRECISIONS))
    builder = api.open_builder(trt, journal)
    gpu = "sm_%d%d" % compute_capability
    if wanted == "int8":
        why = "needs a calibration, which is not there" if api.fast_int8(builder) else "is not fast on it"
        raise ConfigError("no INT8 on this GPU (%s): it %s" % (gpu, why), "take --precision fp16")
    fast = api.fast_fp16(trt, builder)
    if fast is None:
        if wanted != "fp32":
            on_event(Note("precision: fp32, as the ONNX file has it; TensorRT %s takes no other" % trt.__version__))
        return "fp32"
    if wanted == "fp16" and not fast:
        on_event(Warned("half precision is not fast on this GPU (%s)" % gpu))
    return wanted if wanted != "auto" else ("fp16" if fast else "fp32")


def workspace_bytes(free_bytes: int) -> int:
    """What a layer may borrow where so much memory is free."""
    return next(workspace for least, workspace in WORKSPACES if free_bytes >= least)


def _timing_cache(config: Any, timings: bytes) -> Any:
    try:
        cache = config.create_timing_cache(timings)
    except (RuntimeError, TypeError, ValueError):  # pybind11's words for what it cannot make sense of
        cache = None
    if cache is None or not config.set_timing_cache(cache, False):  # of another device or version, or damaged
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, False)
    return cache


def _complaints(parser: Any, content: bytes) -> str:
    return "; ".join(api.parser_errors(parser, lambda index: _node(content, index)))


def _node(content: bytes, index: int) -> str:
    """What stands at `index` in the graph, for parsers that give its number alone; a negative one is of no node."""
    if index < 0:
        return "the graph"
    try:
        import onnx

        node = onnx.load_model_from_string(content).graph.node[index]
    except Exception:  # no onnx here, or no such node: the number has to do, an error is being told
        return "node %d" % index
    return "node %d, %s %r" % (index, node.op_type, node.name)
