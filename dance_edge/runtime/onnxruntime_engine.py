"""ONNX Runtime: one session, with dynamic height and width, stands behind all rungs; on CUDA where it can."""
import os
from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy as np

from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.events import Note, OnEvent, ignore
from dance_edge.runtime.engine import Engine, Engines
from dance_edge.runtime.graph import Graph, Tensor, check_input, take_output
from dance_edge.runtime.outputs import to_labels
from dance_edge.size import Size

CUDA = "CUDAExecutionProvider"
NO_FILES: Dict[Size, str] = {}
NUMPY_NAMES = {"float": "float32", "double": "float64"}  # of what ONNX Runtime calls otherwise


class OnnxRuntimeEngine(Engine):
    """A session that other rungs may share, held to one input size. `output` is the one that is taken."""

    def __init__(self, session: Any, output: str, size: Size, path: str) -> None:
        self._session = session
        self._output = output
        self._size = size
        self._path = path

    def labels(self, inputs: np.ndarray) -> np.ndarray:
        """See `Engine.labels`. `CheckpointError` where the graph fails at this size, or gives what is no labels."""
        if inputs.shape[2:] != self._size:
            raise ValueError("an engine of %s got an input of shape %s" % (self._size.hxw, inputs.shape))
        return to_labels(_run(self._path, self._session, self._output, inputs), self._size)


class _File:
    """An ONNX file that is open: its session, the output that is taken, and the size that it is fixed to, if any."""

    def __init__(self, path: str, on_event: OnEvent) -> None:
        self.path = path
        self.session = _open_session(path, optimise=True)
        self._height, self._width = check_input(path, _tensors(self.session.get_inputs())).shape[2:]
        taken = take_output(path, _tensors(self.session.get_outputs()))
        self._output = taken.output.name
        if taken.words:
            on_event(Note(taken.words))

    def at(self, size: Size) -> Engine:
        for fixed, wanted in ((self._height, size.height), (self._width, size.width)):
            if isinstance(fixed, int) and fixed != wanted:
                raise CheckpointError("%s takes %sx%s only (height x width), %s was asked for"
                                      % (self.path, self._height, self._width, size.hxw),
                                      "export it with dynamic height and width: dance-edge export")
        return OnnxRuntimeEngine(self.session, self._output, size, self.path)


def open_onnxruntime(path: str, on_event: OnEvent = ignore, rung_files: Mapping[Size, str] = NO_FILES) -> Engines:
    """Engines of the ONNX file at `path`: float32 (N, 3, H, W) in, labels or logits out (`outputs.to_labels`).

    A rung of `rung_files` has a file of its own. Which of several outputs is taken is said. Errors: `CheckpointError`
    for a file that is missing, is no ONNX model or takes or gives something else, and at `Engines.at` for a size that
    the graph does not take; `DeviceError` without onnxruntime.
    """
    common = _File(path, on_event)

    def open_at(size: Size) -> Engine:
        own = rung_files.get(size)
        return (_File(own, ignore) if own else common).at(size)

    return Engines(open_at, "onnxruntime", "CUDA" if CUDA in common.session.get_providers() else "")


def read_graph(path: str) -> Graph:
    """What the ONNX file at `path` says, takes and gives; reads it without the onnx package. Errors as above."""
    session = _open_session(path, optimise=False)
    metadata = session.get_modelmeta().custom_metadata_map
    return Graph({str(key): str(value) for key, value in metadata.items()}, _tensors(session.get_inputs()),
                 _tensors(session.get_outputs()))


def read_metadata(path: str) -> Dict[str, str]:
    """The key-value facts that an ONNX file carries. Errors as above."""
    return read_graph(path).metadata


def logit_channels(path: str, output: str, size: Size) -> int:
    """Of how many classes the logits `output` are, where the file does not declare it: an empty image of `size` is run.

    Errors as above, and as of `OnnxRuntimeEngine.labels`.
    """
    empty = np.zeros((1, 3) + size, dtype=np.float32)
    return int(_run(path, _open_session(path, optimise=False), output, empty).shape[1])


def _run(path: str, session: Any, output: str, inputs: np.ndarray) -> np.ndarray:
    try:
        outputs = session.run([output], {session.get_inputs()[0].name: inputs})
    except Exception as reason:  # its exceptions share no base of their own
        raise CheckpointError("%s does not run at %dx%d: %s"
                              % (path, inputs.shape[3], inputs.shape[2], _first_line(reason)),
                              "the sides of its input may have to be multiples of another number: --stride N")
    return np.asarray(outputs[0])


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
        # Where CUDA's libraries are not found it goes on with the CPU; the session says which it has.
        gpu = [CUDA] if optimise and CUDA in onnxruntime.get_available_providers() else []
        return onnxruntime.InferenceSession(path, options, providers=gpu + ["CPUExecutionProvider"])
    except Exception as reason:  # as above, and their module is private
        raise CheckpointError("%s cannot be loaded by onnxruntime %s: %s"
                              % (path, onnxruntime.__version__, _first_line(reason)),
                              "is it whole, and not newer than this onnxruntime? dance-edge export RUN makes one")


def _first_line(reason: Exception) -> str:
    return (str(reason).strip() or type(reason).__name__).splitlines()[0]


def _tensors(nodes: Sequence[Any]) -> Tuple[Tensor, ...]:
    """`tensor(float)` of ONNX Runtime is float32; what is no tensor (a sequence, a map) keeps its name."""
    found = []
    for node in nodes:
        kind = str(node.type)
        inner = kind[len("tensor("):-1] if kind.startswith("tensor(") else kind
        sides = (None if isinstance(side, int) and side < 1 else side for side in node.shape or ())  # -1: any
        found.append(Tensor(str(node.name), NUMPY_NAMES.get(inner, inner), tuple(sides)))
    return tuple(found)
