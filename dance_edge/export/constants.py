"""What is constant is written as an initialiser: TensorRT 8.2 wants some inputs as weights and follows no way to them.

Two habits of PyTorch's exporter are in its way. From 1.13 on it stores tensors of equal values once and hands them on
by Identity, so that the bias of a convolution is no initialiser any more; and it turns the edges of a padding round in
a reshape to two dimensions, which 8.2 refuses of numbers that a shape hangs on.
"""
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set

import numpy as np

LARGEST = 1 << 12  # elements of what is folded: arithmetic on shapes, no weights
_CASTS = {1: np.float32, 6: np.int32, 7: np.int64}  # by onnx.TensorProto's numbers


def fold_constants(model: Any) -> None:
    """Compute in `model`, an onnx.ModelProto, what hangs on constants alone, in place.

    The operators are those that the exporter leaves to be done; all others stay as they are. What nobody reads
    any more is removed.
    """
    from onnx import numpy_helper

    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants.update({node.output[0]: tensor for node in graph.node for tensor in _value_of(node)})
    results = {one.name for one in graph.output}
    aliases: Dict[str, str] = {}
    done: Set[str] = set()
    for node in graph.node:
        _rename(node, aliases)
        if node.domain or not node.input or node.output[0] in results or not constants.keys() >= set(node.input):
            continue
        if node.op_type == "Identity":
            aliases[node.output[0]] = node.input[0]
        else:
            array = _computed(node, [constants[name] for name in node.input])
            if array is None:
                continue
            graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
            constants[node.output[0]] = graph.initializer[-1]
        done.add(node.output[0])
    _keep(graph.node, lambda node: node.output[0] not in done)
    _remove_unread(graph)


def constant_names(graph: Any) -> Set[str]:
    """The names in `graph` that TensorRT takes as weights: initialisers and what Constant nodes give."""
    return {tensor.name for tensor in graph.initializer} | {node.output[0] for node in graph.node
                                                            if node.op_type == "Constant"}


def subgraphs(node: Any) -> Iterator[Any]:
    """The graphs in `node`'s attributes: bodies of loops and branches."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        for graph in attribute.graphs:
            yield graph


def _value_of(node: Any) -> List[Any]:
    """The tensor of a Constant node, if that is what it is."""
    return [one.t for one in node.attribute if node.op_type == "Constant" and one.name == "value"]


def _rename(node: Any, aliases: Dict[str, str]) -> None:
    for index, name in enumerate(node.input):
        if name in aliases:
            node.input[index] = aliases[name]
    for graph in subgraphs(node):
        for inner in graph.node:
            _rename(inner, aliases)
        for one in graph.output:  # a branch may give what the graph around it knows
            one.name = aliases.get(one.name, one.name)


def _remove_unread(graph: Any) -> None:
    read = {one.name for one in graph.output}
    waiting = [graph]
    while waiting:
        for node in waiting.pop().node:
            read.update(node.input)
            for inner in subgraphs(node):
                read.update(one.name for one in inner.output)
                waiting.append(inner)
    _keep(graph.node, lambda node: node.op_type != "Constant" or node.output[0] in read)
    _keep(graph.initializer, lambda tensor: tensor.name in read)


def _keep(field: Any, wanted: Callable[[Any], bool]) -> None:
    for index in reversed(range(len(field))):  # by index: comparing messages would compare weights
        if not wanted(field[index]):
            del field[index]


def _elements(tensor: Any) -> int:
    count = 1
    for side in tensor.dims:
        count *= side
    return count


def _computed(node: Any, tensors: Sequence[Any]) -> Optional[np.ndarray]:
    """What `node` gives for constant inputs; None where that is left to be done."""
    from onnx import helper, numpy_helper

    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if node.op_type not in _FOLDED or any(_elements(tensor) > LARGEST for tensor in tensors) \
            or attributes.get("to", 1) not in _CASTS:
        return None
    array = np.asarray(_FOLDED[node.op_type](attributes, [numpy_helper.to_array(tensor) for tensor in tensors]))
    return array if array.size <= LARGEST else None


def _filled(attributes: Dict[str, Any], inputs: Sequence[np.ndarray]) -> np.ndarray:
    from onnx import numpy_helper

    value = numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.zeros(1, dtype=np.float32)
    return np.broadcast_to(value.reshape(()), [int(side) for side in inputs[0]])  # a view: its size is looked at first


def _reshaped(attributes: Dict[str, Any], inputs: Sequence[np.ndarray]) -> np.ndarray:
    data, shape = inputs
    return data.reshape([data.shape[i] if side == 0 else int(side) for i, side in enumerate(shape)])


def _sliced(attributes: Dict[str, Any], inputs: Sequence[np.ndarray]) -> np.ndarray:
    data, starts, ends = inputs[:3]
    axes = inputs[3] if len(inputs) > 3 else np.arange(len(starts))
    steps = inputs[4] if len(inputs) > 4 else np.ones(len(starts), dtype=np.int64)
    where = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps):
        where[int(axis)] = slice(int(start), int(end), int(step))
    return data[tuple(where)]


def _cast(attributes: Dict[str, Any], inputs: Sequence[np.ndarray]) -> np.ndarray:
    return inputs[0].astype(_CASTS[attributes["to"]])


_FOLDED: Dict[str, Callable[[Dict[str, Any], List[np.ndarray]], np.ndarray]] = {
    "Cast": _cast,
    "Concat": lambda attributes, inputs: np.concatenate(inputs, axis=attributes["axis"]),
    "ConstantOfShape": _filled,
    "Reshape": _reshaped,
    "Slice": _sliced,
    "Transpose": lambda attributes, inputs: np.transpose(inputs[0], attributes.get("perm")),
}
