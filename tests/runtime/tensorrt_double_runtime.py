"""Of the stand-in for TensorRT, what runs: a plan is read, an engine made of it, and onnxruntime computes."""
import json
import weakref

import numpy as np
import onnx
import onnxruntime

PLAN = b"a plan\n"
NEVER = (99,)
WORKING_BYTES = 5 << 20  # what a context takes
ELEMENT_TYPES = {onnx.TensorProto.FLOAT: "FLOAT", onnx.TensorProto.INT32: "INT32", onnx.TensorProto.INT64: "INT64"}
NUMPY_TYPES = {"FLOAT": np.float32, "INT32": np.int32, "INT64": np.int64}
OUT_OF_MEMORY = "[defaultAllocator.cpp::allocate::20] Error Code 1: Cuda Runtime (out of memory)"


class Runtime:
    def __init__(self, logger):
        self._release.listen(logger)

    def deserialize_cuda_engine(self, serialized_engine):
        content, gpu = bytes(serialized_engine), self._release.gpu
        try:
            assert content.startswith(PLAN)
            head, model = content[len(PLAN):].split(b"\n", 1)
            facts = json.loads(head.decode())
            assert tuple(facts["version"]) == self._release.version and tuple(facts["sm"]) == gpu.compute_capability
        except (AssertionError, ValueError):
            return self._release.error("Serialization assertion failed: the plan is of another version")
        if not gpu.has_room(len(content)):
            self._release.error(OUT_OF_MEMORY)
            return self._release.error("Error Code 4: Internal Error (Engine deserialization failed.)")
        gpu.log.append("load %dx%d" % tuple(facts["shape"][2:]))
        return self._release.module.ICudaEngine(self, facts, model, len(content))


class _Tensors:
    """What an engine's inputs and outputs are called, and of what type they are."""

    def __init__(self, content, wide):
        graph = onnx.load_model_from_string(content).graph
        self.inputs = [one.name for one in graph.input]
        self.outputs = [one.name for one in graph.output]
        self.names = self.inputs + self.outputs
        self.types = {one.name: ELEMENT_TYPES[one.type.tensor_type.elem_type]
                      for one in list(graph.input) + list(graph.output)}
        if not wide:  # releases before 10 have no 64-bit integers
            self.types = {name: kind.replace("INT64", "INT32") for name, kind in self.types.items()}


class ICudaEngine:
    def __init__(self, runtime, facts, content, nbytes):
        self._runtime, self._facts = weakref.ref(runtime), facts
        self._tensors = _Tensors(content, wide=self._release.version >= (10,))
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, 1
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._nbytes = nbytes
        self._release.gpu.take(nbytes)

    def __del__(self):
        self._release.gpu.free_bytes += self._nbytes

    def create_execution_context(self):
        if not self._release.gpu.has_room(WORKING_BYTES):
            return self._release.error(OUT_OF_MEMORY)
        return self._release.module.IExecutionContext(self)


class ICudaEngineWithSize:
    @property
    def device_memory_size(self):
        return WORKING_BYTES


class ICudaEngineWithWideSize:
    @property
    def device_memory_size_v2(self):
        return WORKING_BYTES


class ICudaEngineByIndex:
    @property
    def num_bindings(self):
        return len(self._tensors.names)

    def get_binding_name(self, index):
        return self._tensors.names[index]

    def binding_is_input(self, index):
        return self._tensors.names[index] in self._tensors.inputs

    def get_binding_dtype(self, index):
        return self._release.module.DataType[self._tensors.types[self._tensors.names[index]]]


class ICudaEngineByName:
    @property
    def num_io_tensors(self):
        return len(self._tensors.names)

    def get_tensor_name(self, index):
        return self._tensors.names[index]

    def get_tensor_mode(self, name):
        return self._release.module.TensorIOMode["INPUT" if name in self._tensors.inputs else "OUTPUT"]

    def get_tensor_dtype(self, name):
        return self._release.module.DataType[self._tensors.types[name]]


class IExecutionContext:
    def __init__(self, engine):
        self._engine, self._shape, self._addresses = weakref.ref(engine), None, {}
        self._release.gpu.take(WORKING_BYTES)
        self._release.gpu.living += 1

    def __del__(self):
        self._release.gpu.free_bytes += WORKING_BYTES
        self._release.gpu.living -= 1
        if self._engine() is None:  # an error in here would be heard by nobody
            self._release.gpu.log.append("an engine went before its context")

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
        return engine._session.run([name], {engine._tensors.inputs[0]: np.zeros(self._shape, np.float32)})[0].shape

    def _start(self, addresses, stream_handle):
        engine = self._engine()
        assert engine is not None, "the engine went before its context"
        assert engine._runtime() is not None, "the runtime went before its engine"
        if self._shape is None or set(addresses) != set(engine._tensors.names):
            return False
        self._release.gpu.streams[stream_handle]._work.append(lambda: self._run(engine, addresses))
        return True

    def _run(self, engine, addresses):
        gpu, source = self._release.gpu, engine._tensors.inputs[0]
        given = np.frombuffer(gpu.view(addresses[source], 4 * int(np.prod(self._shape))), np.float32)
        found = engine._session.run(engine._tensors.outputs, {source: given.reshape(self._shape).copy()})
        for name, array in zip(engine._tensors.outputs, found):
            array = np.ascontiguousarray(array, dtype=NUMPY_TYPES[engine._tensors.types[name]])
            gpu.view(addresses[name], array.nbytes)[:] = array.tobytes()


class IExecutionContextByIndex:
    def set_binding_shape(self, binding, shape):
        return self._set(shape)

    def get_binding_shape(self, binding):
        return self._shape_of(self._engine()._tensors.names[binding])

    def execute_async_v2(self, bindings, stream_handle):
        return self._start(dict(zip(self._engine()._tensors.names, bindings)), stream_handle)


class IExecutionContextByName:
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


# A class of the module, what stands above of it, from which release on and before which it is there.
RUNTIME = [("Runtime", Runtime, (), NEVER), ("ICudaEngine", ICudaEngine, (), NEVER),
           ("ICudaEngine", ICudaEngineWithSize, (), (11,)), ("ICudaEngine", ICudaEngineWithWideSize, (10,), NEVER),
           ("ICudaEngine", ICudaEngineByIndex, (), (10,)), ("ICudaEngine", ICudaEngineByName, (8, 5), NEVER),
           ("IExecutionContext", IExecutionContext, (), NEVER),
           ("IExecutionContext", IExecutionContextByIndex, (), (10,)),
           ("IExecutionContext", IExecutionContextByName, (8, 5), NEVER)]
