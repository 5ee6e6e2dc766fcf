"""A stand-in for TensorRT and PyCUDA: it keeps the contracts of several releases and computes with onnxruntime.

What it is strict about is what goes wrong unseen on a board: work on a stream is done when the stream is waited for,
not before; memory that was given back, and addresses that were never given out, are errors; so is a call from a thread
without a context, an engine without its runtime, a plan built while its parser is gone.
"""
import enum
import json
import sys
import types
import weakref

import numpy as np
import onnx
import onnxruntime
from cuda_double import Gpu, cuda_modules

RELEASES = {"8.2": (8, 2, 1, 8), "8.6": (8, 6, 1), "10": (10, 13, 0, 35), "11": (11, 4, 0, 106)}
PLAN = b"a plan\n"
TIMINGS = b"timings "
WORKING_BYTES = 5 << 20  # what a context takes
NEWEST_OPSET = {8: 13, 10: 20, 11: 20}
FOREIGN_OPS = ("NotAnOp",)
ELEMENT_TYPES = {onnx.TensorProto.FLOAT: "FLOAT", onnx.TensorProto.INT32: "INT32", onnx.TensorProto.INT64: "INT64"}
NUMPY_TYPES = {"FLOAT": np.float32, "INT32": np.int32, "INT64": np.int64}


def install(monkeypatch, release="8.2", **gpu):
    """Put both modules where an import finds them; the `Gpu` behind them."""
    machine = Gpu(**gpu)
    modules = cuda_modules(machine)
    modules["tensorrt"] = tensorrt_module(release, machine)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
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


def _plan(facts, content):
    return PLAN + json.dumps(facts).encode() + b"\n" + content


def tensorrt_module(release, gpu):
    """A module `tensorrt` of one release."""
    version = RELEASES[release]
    module = types.ModuleType("tensorrt")
    module.__version__ = ".".join(str(part) for part in version)
    by_name = version >= (8, 5)  # tensors are called by name beside their index
    by_index = version < (10,)

    class Severity(enum.IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    class ILogger:
        ERROR = Severity.ERROR

        def log(self, severity, message):
            raise NotImplementedError

    flags = {8: ["FP16", "INT8"], 10: ["FP16", "INT8"], 11: ["TF32"]}[version[0]]
    module.BuilderFlag = enum.Enum("BuilderFlag", flags)
    module.NetworkDefinitionCreationFlag = enum.IntEnum(
        "NetworkDefinitionCreationFlag", [("EXPLICIT_BATCH", 0)] if version < (11,) else [("STRONGLY_TYPED", 1)])
    module.DataType = enum.Enum("DataType", ["FLOAT", "HALF", "INT8", "INT32", "BOOL"]
                                + (["INT64", "UINT8"] if version >= (10,) else []))
    if version >= (8, 4):
        module.MemoryPoolType = enum.Enum("MemoryPoolType", ["WORKSPACE"])
    if by_name:
        module.TensorIOMode = enum.Enum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"])

    class IHostMemory:
        """What `bytes` can read; a buffer in C, whose stand-in is `__bytes__`."""

        def __init__(self, content):
            self.nbytes = len(content)
            self._content = content

        def __bytes__(self):
            return self._content

    class ITensor:
        def __init__(self, name):
            self.name = name

    class INetworkDefinition:
        def __init__(self, explicit):
            self._explicit, self._model, self._parser = explicit, None, None

        def get_input(self, index):
            return ITensor(self._model.graph.input[index].name)

    class ParserError:
        def __init__(self, index, node, text):
            self._index, self._node, self._text = index, node, text

        def node(self):
            return self._index

        def desc(self):
            return self._text

        if version >= (10,):
            def node_name(self):
                return self._node.name

            def node_operator(self):
                return self._node.op_type

    class OnnxParser:
        def __init__(self, network, logger):
            self._network, self._errors = network, []

        @property
        def num_errors(self):
            return len(self._errors)

        def get_error(self, index):
            return self._errors[index]

        def parse(self, model, path=None):
            try:
                graph = onnx.load_model_from_string(bytes(model))
            except Exception:
                self._errors = [ParserError(0, onnx.NodeProto(), "Failed to parse the ONNX model")]
                return False
            opset = max(one.version for one in graph.opset_import if one.domain in ("", "ai.onnx"))
            if not self._network._explicit:
                self._errors.append(ParserError(0, onnx.NodeProto(), "the network needs an explicit batch dimension"))
            if opset > NEWEST_OPSET[version[0]]:
                self._errors.append(ParserError(0, graph.graph.node[0], "opset %d is too new" % opset))
            for index, node in enumerate(graph.graph.node):
                if node.op_type in FOREIGN_OPS:
                    self._errors.append(ParserError(index, node, "No importer registered for op: " + node.op_type))
            self._network._model = graph
            self._network._parser = weakref.ref(self)
            return not self._errors

    class IOptimizationProfile:
        def __init__(self):
            self._shapes = {}

        def set_shape(self, input, min, opt, max):
            self._shapes[input] = (tuple(min), tuple(opt), tuple(max))

    class ITimingCache:
        def __init__(self, content):
            self._content = content

        def serialize(self):
            return IHostMemory(self._content)

    class IBuilderConfig:
        def __init__(self):
            self._flags, self._profiles, self._workspace, self._cache = set(), [], None, None
            if version >= (10,):
                self._monitor = None

        def set_flag(self, flag):
            self._flags.add(flag)

        def add_optimization_profile(self, profile):
            self._profiles.append(profile)
            return len(self._profiles) - 1

        def create_timing_cache(self, serialized_timing_cache):
            return ITimingCache(bytes(serialized_timing_cache))

        def set_timing_cache(self, cache, ignore_mismatch):
            fits = cache._content == b"" or cache._content.startswith(_timings())
            if fits or ignore_mismatch:
                self._cache = cache
            return fits or ignore_mismatch

        if version >= (8, 4):
            def set_memory_pool_limit(self, pool, pool_size):
                self._workspace = int(pool_size)
        if version < (10,):
            @property
            def max_workspace_size(self):
                return self._workspace

            @max_workspace_size.setter
            def max_workspace_size(self, size):
                self._workspace = int(size)
        else:
            @property
            def progress_monitor(self):
                return self._monitor

            @progress_monitor.setter
            def progress_monitor(self, monitor):
                self._monitor = monitor

    def _timings():
        return TIMINGS + json.dumps([version, gpu.compute_capability]).encode()

    class Builder:
        def __init__(self, logger):
            if not gpu.present:
                logger.log(Severity.ERROR, "CUDA initialization failure with error: 100")
                raise TypeError("pybind11::init(): factory function returned nullptr")
            self._logger = logger

        if version < (11,):
            @property
            def platform_has_fast_fp16(self):
                return gpu.fast_fp16

            @property
            def platform_has_fast_int8(self):
                return gpu.compute_capability >= (7, 0)

        def create_network(self, flags=0):
            return INetworkDefinition(explicit=version >= (10,) or bool(flags & 1))

        def create_builder_config(self):
            return IBuilderConfig()

        def create_optimization_profile(self):
            return IOptimizationProfile()

        def build_serialized_network(self, network, config):
            assert network._parser() is not None, "the weights went with their parser before the plan was built"
            assert config._workspace, "no workspace was set"
            name = network._model.graph.input[0].name
            shapes = [profile._shapes.get(name) for profile in config._profiles]
            if not shapes or shapes[0] is None:
                self._logger.log(Severity.ERROR, "Network has dynamic inputs, but no optimization profile")
                return None
            if not gpu.builds:
                self._logger.log(Severity.ERROR, "Could not find any implementation for node Conv_0")
                return None
            assert shapes[0][0] == shapes[0][1] == shapes[0][2], "the profile is not static"
            if version >= (10,) and config._monitor is not None:
                for phase, parent in (("Building", None), ("Tactics", "Building")):
                    config._monitor.phase_start(phase, parent, 2)
                for step in range(2):
                    config._monitor.step_complete("Tactics", step)
                    assert config._monitor.step_complete("Building", step) is True
                for phase in ("Tactics", "Building"):
                    config._monitor.phase_finish(phase)
            if config._cache is not None:
                config._cache._content = (config._cache._content or _timings()) + b"."
            gpu.log.append("build %dx%d" % shapes[0][1][2:])
            half = "FP16" in [flag.name for flag in config._flags]
            facts = {"version": version, "sm": gpu.compute_capability, "shape": shapes[0][1], "half": half,
                     "workspace": config._workspace}
            return IHostMemory(_plan(facts, network._model.SerializeToString()))

    class Runtime:
        def __init__(self, logger):
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine):
            content = bytes(serialized_engine)
            try:
                assert content.startswith(PLAN)
                head, model = content[len(PLAN):].split(b"\n", 1)
                facts = json.loads(head.decode())
                assert tuple(facts["version"]) == version and tuple(facts["sm"]) == gpu.compute_capability
            except (AssertionError, ValueError):
                self._logger.log(Severity.ERROR, "Serialization assertion failed: the plan is of another version")
                return None
            gpu.log.append("load %dx%d" % tuple(facts["shape"][2:]))
            return ICudaEngine(self, facts, model, len(content))

    class _Tensors:
        """What an engine's inputs and outputs are called, and of what type they are."""

        def __init__(self, content):
            graph = onnx.load_model_from_string(content).graph
            self.inputs = [one.name for one in graph.input]
            self.outputs = [one.name for one in graph.output]
            self.names = self.inputs + self.outputs
            self.types = {one.name: ELEMENT_TYPES[one.type.tensor_type.elem_type]
                          for one in list(graph.input) + list(graph.output)}
            if version < (10,):  # these have no 64-bit integers
                self.types = {name: kind.replace("INT64", "INT32") for name, kind in self.types.items()}

    class ICudaEngine:
        def __init__(self, runtime, facts, content, nbytes):
            self._runtime, self._facts = weakref.ref(runtime), facts
            self._tensors = _Tensors(content)
            options = onnxruntime.SessionOptions()
            options.log_severity_level, options.intra_op_num_threads = 3, 1
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            self._nbytes = nbytes
            gpu.free_bytes -= nbytes

        def __del__(self):
            gpu.free_bytes += self._nbytes

        def create_execution_context(self):
            if gpu.free_bytes < WORKING_BYTES:
                return None
            return IExecutionContext(self)

        if version < (11,):
            @property
            def device_memory_size(self):
                return WORKING_BYTES
        if version >= (10,):
            @property
            def device_memory_size_v2(self):
                return WORKING_BYTES
        if by_index:
            @property
            def num_bindings(self):
                return len(self._tensors.names)

            def get_binding_name(self, index):
                return self._tensors.names[index]

            def binding_is_input(self, index):
                return self._tensors.names[index] in self._tensors.inputs

            def get_binding_dtype(self, index):
                return module.DataType[self._tensors.types[self._tensors.names[index]]]
        if by_name:
            @property
            def num_io_tensors(self):
                return len(self._tensors.names)

            def get_tensor_name(self, index):
                return self._tensors.names[index]

            def get_tensor_mode(self, name):
                return module.TensorIOMode["INPUT" if name in self._tensors.inputs else "OUTPUT"]

            def get_tensor_dtype(self, name):
                return module.DataType[self._tensors.types[name]]

    class IExecutionContext:
        def __init__(self, engine):
            self._engine, self._shape, self._addresses = weakref.ref(engine), None, {}
            gpu.free_bytes -= WORKING_BYTES
            gpu.living += 1

        def __del__(self):
            gpu.free_bytes += WORKING_BYTES
            gpu.living -= 1

        def _set(self, shape):
            if tuple(shape) != tuple(self._engine()._facts["shape"]):
                return False
            self._shape = tuple(shape)
            return True

        def _shape_of(self, name):
            engine = self._engine()
            if name in engine._tensors.inputs:
                return tuple(engine._facts["shape"])
            # TensorRT infers shapes; a run on zeros says as much
            got = engine._session.run([name], {engine._tensors.inputs[0]: np.zeros(self._shape, np.float32)})[0]
            return got.shape

        def _start(self, addresses, stream_handle):
            engine = self._engine()
            assert engine is not None, "the engine went before its context"
            assert engine._runtime() is not None, "the runtime went before its engine"
            if self._shape is None or set(addresses) != set(engine._tensors.names):
                return False
            gpu.streams[stream_handle]._work.append(lambda: self._run(engine, addresses))
            return True

        def _run(self, engine, addresses):
            source = engine._tensors.inputs[0]
            given = np.frombuffer(gpu.view(addresses[source], 4 * int(np.prod(self._shape))), np.float32)
            found = engine._session.run(engine._tensors.outputs, {source: given.reshape(self._shape).copy()})
            for name, array in zip(engine._tensors.outputs, found):
                array = np.ascontiguousarray(array, dtype=NUMPY_TYPES[engine._tensors.types[name]])
                gpu.view(addresses[name], array.nbytes)[:] = array.tobytes()

        if by_index:
            def set_binding_shape(self, binding, shape):
                return self._set(shape)

            def get_binding_shape(self, binding):
                return self._shape_of(self._engine()._tensors.names[binding])

            def execute_async_v2(self, bindings, stream_handle):
                return self._start(dict(zip(self._engine()._tensors.names, bindings)), stream_handle)
        if by_name:
            def set_input_shape(self, name, shape):
                return self._set(shape)

            def get_tensor_shape(self, name):
                return self._shape_of(name)

            def set_tensor_address(self, name, memory):
                assert name in self._engine()._tensors.names
                self._addresses[name] = memory
                return True

            def execute_async_v3(self, stream_handle):
                return self._start(dict(self._addresses), stream_handle)

    offered = [ILogger, Builder, IBuilderConfig, INetworkDefinition, ITensor, IOptimizationProfile, ITimingCache,
               IHostMemory, OnnxParser, ParserError, Runtime, ICudaEngine, IExecutionContext]
    if version >= (10,):
        class IProgressMonitor:
            def phase_start(self, phase_name, parent_phase, num_steps):
                raise NotImplementedError

            def step_complete(self, phase_name, step):
                raise NotImplementedError

            def phase_finish(self, phase_name):
                raise NotImplementedError

        offered.append(IProgressMonitor)
    for one in offered:
        setattr(module, one.__name__, one)
    return module
