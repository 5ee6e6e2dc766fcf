"""ONNX Runtime on the CPU: one session, with dynamic height and width, stands behind all rungs."""
import os
from typing import Any, Dict

import numpy as np

from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.runtime.engine import Engine, Engines
from dance_edge.size import Size

LABEL_TYPES = ("tensor(int32)", "tensor(int64)", "tensor(uint8)")


class OnnxRuntimeEngine(Engine):
    """A session that other rungs may share, held to one input size."""

    def __init__(self, session: Any, size: Size) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._output = session.get_outputs()[0].name
        self._size = size

    def labels(self, inputs: np.ndarray) -> np.ndarray:
        """See `Engine.labels`."""
        if inputs.shape[2:] != self._size:
            raise ValueError("an engine of %s got an input of shape %s" % (self._size.hxw, inputs.shape))
        outputs = self._session.run([self._output], {self._input: inputs})  # a fault inside ORT is a bug: let it rise
        return np.asarray(outputs[0], dtype=np.int32)


def open_onnxruntime(path: str) -> Engines:
    """Engines of the ONNX file at `path`: float32 (N, 3, H, W) in, integer labels (N, H, W) out.

    Errors: `CheckpointError` for a file that is missing, is no ONNX model or does not give labels, and at
    `Engines.at` for a size that the graph does not take; `DeviceError` without onnxruntime.
    """
    session = _open_session(path, optimise=True)
    _check(path, session)
    height, width = session.get_inputs()[0].shape[2:]

    def open_at(size: Size) -> Engine:
        for fixed, wanted in ((height, size.height), (width, size.width)):
            if isinstance(fixed, int) and fixed != wanted:
                raise CheckpointError("%s takes %sx%s only (height x width), %s was asked for"
                                      % (path, height, width, size.hxw),
                                      "export it with dynamic height and width: dance-edge export")
        return OnnxRuntimeEngine(session, size)

    return Engines(open_at, "onnxruntime")


def read_metadata(path: str) -> Dict[str, str]:
    """The key-value facts that an ONNX file carries; reads them without the onnx package. Errors as above."""
    metadata = _open_session(path, optimise=False).get_modelmeta().custom_metadata_map
    return {str(key): str(value) for key, value in metadata.items()}


def _open_session(path: str, optimise: bool) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise DeviceError("onnxruntime is not installed", "install it: pip install 'dance-edge[serve]'")
    if not os.path.isfile(path):
        raise CheckpointError("there is no ONNX file %s" % path, "make it with: dance-edge export RUN")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are about its own optimisations
    options.intra_op_num_threads = len(os.sched_getaffinity(0))  # of this process, not of the machine
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as reason:  # its exceptions share no base of their own, and their module is private
        first_line = (str(reason).strip() or type(reason).__name__).splitlines()[0]
        raise CheckpointError("%s cannot be loaded by onnxruntime %s: %s" % (path, onnxruntime.__version__, first_line),
                              "make it anew with: dance-edge export RUN")


def _check(path: str, session: Any) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise CheckpointError("%s takes %s; one float32 input (N, 3, H, W) was expected" % (path, _said(inputs)),
                              "export the model with: dance-edge export RUN")
    if len(outputs) != 1 or outputs[0].type not in LABEL_TYPES or len(outputs[0].shape) != 3:
        # Float logits read as integers are class 0 everywhere, which looks plausible.
        raise CheckpointError("%s gives %s; one output of integer labels (N, H, W) was expected"
                              % (path, _said(outputs)), "export the model with: dance-edge export RUN")


def _said(nodes: Any) -> str:
    return ", ".join("%s %s %s" % (node.name, node.type, tuple(node.shape)) for node in nodes) or "nothing"
