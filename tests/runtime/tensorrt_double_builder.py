"""Of the stand-in for TensorRT, what builds: a graph is parsed, and a plan made of it."""
import json
import os
import weakref

import onnx
from onnx.external_data_helper import load_external_data_for_model
from tensorrt_double_runtime import NEVER, PLAN, WORKING_BYTES

TIMINGS = b"timings "
NEWEST_OPSET = {8: 13, 10: 20, 11: 20}
FOREIGN_OPS = ("NotAnOp",)


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
        return self._release.module.ITensor(self._model.graph.input[index].name)


class ParserError:
    def __init__(self, index, node, text):
        self._index, self._node, self._text = index, node, text

    def node(self):
        return self._index

    def desc(self):
        return self._text


class ParserErrorWithNode:
    def node_name(self):
        return self._node.name

    def node_operator(self):
        return self._node.op_type


class OnnxParser:
    def __init__(self, network, logger):
        self._release.listen(logger)
        self._network, self._errors = network, []

    @property
    def num_errors(self):
        return len(self._errors)

    def get_error(self, index):
        return self._errors[index]

    def parse(self, model, path=None):
        """Weights in files of their own are sought beside `path`; without one, in the current folder."""
        try:
            graph = onnx.load_model_from_string(bytes(model))
        except Exception:
            self._complain(0, onnx.NodeProto(), "Failed to parse the ONNX model")
            return False
        try:
            load_external_data_for_model(graph, os.path.dirname(path or ""))
        except Exception:
            self._complain(-1, onnx.NodeProto(), "Failed to open file: the weights of the model")
        opset = max(one.version for one in graph.opset_import if one.domain in ("", "ai.onnx"))
        if not self._network._explicit:
            self._complain(0, onnx.NodeProto(), "the network needs an explicit batch dimension")
        if opset > NEWEST_OPSET[self._release.version[0]]:
            self._complain(0, graph.graph.node[0], "opset %d is too new" % opset)
        for index, node in enumerate(graph.graph.node):
            if node.op_type in FOREIGN_OPS:
                self._complain(index, node, "No importer registered for op: " + node.op_type)
        self._network._model = graph
        self._network._parser = weakref.ref(self)
        return not self._errors

    def _complain(self, index, node, text):
        self._errors.append(self._release.module.ParserError(index, node, text))


class IOptimizationProfile:
    def __init__(self):
        self._shapes = {}

    def set_shape(self, input, min, opt, max):
        self._shapes[input] = (tuple(min), tuple(opt), tuple(max))


class ITimingCache:
    def __init__(self, content):
        self._content = content

    def serialize(self):
        return self._release.module.IHostMemory(self._content)


class IBuilderConfig:
    def __init__(self):
        self._flags, self._profiles, self._workspace, self._cache, self._monitor = set(), [], None, None, None

    def set_flag(self, flag):
        self._flags.add(flag)

    def add_optimization_profile(self, profile):
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def create_timing_cache(self, serialized_timing_cache):
        content = bytes(serialized_timing_cache)
        if content and not content.startswith(TIMINGS):  # a null pointer in C++
            self._release.error("Serialization assertion failed: the header of the timing cache")
            return None
        return self._release.module.ITimingCache(content)

    def set_timing_cache(self, cache, ignore_mismatch):
        assert cache is not None
        fits = cache._content == b"" or cache._content.startswith(self._release.timings())
        if fits or ignore_mismatch:
            self._cache = cache
        return fits or ignore_mismatch


class IBuilderConfigWithPools:
    def set_memory_pool_limit(self, pool, pool_size):
        self._workspace = int(pool_size)


class IBuilderConfigWithSize:
    @property
    def max_workspace_size(self):
        return self._workspace

    @max_workspace_size.setter
    def max_workspace_size(self, size):
        self._workspace = int(size)


class IBuilderConfigWithMonitor:
    @property
    def progress_monitor(self):
        return self._monitor

    @progress_monitor.setter
    def progress_monitor(self, monitor):
        self._monitor = monitor


class Builder:
    def __init__(self, logger):
        self._release.listen(logger)
        if not self._release.gpu.present:
            self._release.error("CUDA initialization failure with error: 100")
            raise TypeError("pybind11::init(): factory function returned nullptr")

    def create_network(self, flags=0):
        return self._release.module.INetworkDefinition(self._release.version >= (10,) or bool(flags & 1))

    def create_builder_config(self):
        return self._release.module.IBuilderConfig()

    def create_optimization_profile(self):
        return self._release.module.IOptimizationProfile()

    def build_serialized_network(self, network, config):
        gpu = self._release.gpu
        assert network._parser() is not None, "the weights went with their parser before the plan was built"
        assert config._workspace, "no workspace was set"
        name = network._model.graph.input[0].name
        shapes = [profile._shapes.get(name) for profile in config._profiles]
        if not shapes or shapes[0] is None:
            return self._release.error("Network has dynamic inputs, but no optimization profile")
        if not gpu.builds:
            return self._release.error("Could not find any implementation for node Conv_0")
        if not gpu.has_room(WORKING_BYTES):
            self._release.error("Requested amount of GPU memory (5242880 bytes) could not be allocated.")
            return self._release.error("Could not find any implementation for node Conv_0")
        assert shapes[0][0] == shapes[0][1] == shapes[0][2], "the profile is not static"
        if config._monitor is not None:
            _report(config._monitor)
        if config._cache is not None:
            config._cache._content = (config._cache._content or self._release.timings()) + b"."
        gpu.log.append("build %dx%d" % shapes[0][1][2:])
        facts = {"version": self._release.version, "sm": gpu.compute_capability, "shape": shapes[0][1],
                 "half": "FP16" in [flag.name for flag in config._flags], "workspace": config._workspace}
        content = PLAN + json.dumps(facts).encode() + b"\n" + network._model.SerializeToString()
        return self._release.module.IHostMemory(content)


class BuilderWithPrecisions:
    @property
    def platform_has_fast_fp16(self):
        return self._release.gpu.fast_fp16

    @property
    def platform_has_fast_int8(self):
        return self._release.gpu.compute_capability >= (7, 0)


def _report(monitor):
    for phase, parent in (("Building", None), ("Tactics", "Building")):
        monitor.phase_start(phase, parent, 2)
    for step in range(2):
        monitor.step_complete("Tactics", step)
        assert monitor.step_complete("Building", step) is True
    for phase in ("Tactics", "Building"):
        monitor.phase_finish(phase)


# As `tensorrt_double_runtime.RUNTIME`.
BUILDER = [("IHostMemory", IHostMemory, (), NEVER), ("ITensor", ITensor, (), NEVER),
           ("INetworkDefinition", INetworkDefinition, (), NEVER),
           ("ParserError", ParserError, (), NEVER), ("ParserError", ParserErrorWithNode, (10,), NEVER),
           ("OnnxParser", OnnxParser, (), NEVER), ("IOptimizationProfile", IOptimizationProfile, (), NEVER),
           ("ITimingCache", ITimingCache, (), NEVER), ("IBuilderConfig", IBuilderConfig, (), NEVER),
           ("IBuilderConfig", IBuilderConfigWithPools, (8, 4), NEVER),
           ("IBuilderConfig", IBuilderConfigWithSize, (), (10,)),
           ("IBuilderConfig", IBuilderConfigWithMonitor, (10,), NEVER),
           ("Builder", Builder, (), NEVER), ("Builder", BuilderWithPrecisions, (), (11,))]
