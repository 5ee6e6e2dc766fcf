"""Is it a graph that TensorRT 8.2 reads? That is the last release for a TX2; its parser is held against here, on paper.

The list is onnx-tensorrt's docs/operators.md as of 8.2: the releases 8.0 and 8.4 agree on it but for what the change
log dates (8.2 brought Einsum, IsNaN, GatherND, the Scatters, Sign and Round; Xor and Shrink came with 8.4). The rules
are that page's restrictions and the importers' own assertions, as far as a segmentation network meets them. INT64 is
cast to INT32, DOUBLE to FLOAT. Nothing here imports onnx before a model is looked at.
"""
from typing import Any, Dict, Iterator, List, NamedTuple, Set

from dance_edge.errors import ExportError
from dance_edge.export.constants import constant_names, subgraphs

NEWEST_OPSET = 13
# Reciprocal stands on the page as missing, but has had an importer since 4.0.
TAKEN = frozenset("""
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu Clip Concat
    Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu
    Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool
    GlobalMaxPool Greater GreaterOrEqual HardSigmoid Identity If ImageScaler InstanceNormalization IsNaN LRN LSTM
    LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul Max MaxPool Mean Min Mul Neg
    NonMaxSuppression Not Or PRelu Pad ParametricSoftplus Pow QuantizeLinear RNN RandomUniform RandomUniformLike Range
    Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Relu Reshape Resize ReverseSequence Round ScaledTanh Scan Scatter ScatterElements ScatterND Selu
    Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh
    ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where
""".split())

# Inputs that have to be initialisers or Constants. Computed edges of a Pad go through a reshape that 8.2 refuses.
CONSTANT_INPUTS: Dict[str, Dict[int, str]] = {
    "BatchNormalization": {1: "scale", 2: "bias", 3: "mean", 4: "variance"},
    "Conv": {1: "weights", 2: "bias"},
    "ConvTranspose": {1: "weights", 2: "bias"},
    "CumSum": {1: "axis"},
    "InstanceNormalization": {1: "scale", 2: "bias"},
    "Pad": {1: "pads"},
    "Slice": {3: "axes"},
    "Squeeze": {1: "axes"},
    "TopK": {1: "K"},
    "Unsqueeze": {1: "axes"},
    "Upsample": {1: "scales"},
}
RESIZE_MODES = ("nearest", "linear")
RESIZE_COORDINATES = ("half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn", "asymmetric", "align_corners")
# Refused on integers and booleans.
FLOATS_ONLY = frozenset("""
    ArgMax ArgMin Elu HardSigmoid LeakyRelu PRelu Relu Resize Selu Sigmoid Softplus Softsign Tanh ThresholdedRelu
""".split())
FLOATS = ("FLOAT", "FLOAT16", "DOUBLE")
TENSORS = ("FLOAT", "FLOAT16", "INT8", "INT32", "INT64", "BOOL")  # of inputs and outputs
CASTS = TENSORS + ("DOUBLE",)
WEIGHTS = CASTS + ("UINT8",)  # these two become FLOAT and INT32


class Fault(NamedTuple):
    """What is not taken and what to do about it."""

    what: str
    hint: str


def check_graph(model: Any) -> None:
    """Refuse an onnx.ModelProto that is not valid, is inconsistent in shapes or types, or that TensorRT 8.2 does not
    take (`check_operators`), with an `ExportError`."""
    import onnx
    from onnx import shape_inference

    try:
        onnx.checker.check_model(model)  # first: shape inference of onnx 1.11 dies of what this refuses
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except (onnx.checker.ValidationError, shape_inference.InferenceError) as reason:
        raise ExportError("the exported graph is not valid ONNX: %s" % str(reason).strip().splitlines()[0],
                          "report it with the model's definition")
    check_operators(inferred)


def check_operators(model: Any) -> None:
    """Refuse an onnx.ModelProto that TensorRT 8.2 does not take: `ExportError` names operator, node and remedy.

    Rules about the types of tensors in between see what the model's `value_info` says, as shape inference leaves it.
    """
    faults = list(find_faults(model))
    if faults:
        more = " (and %d more of such)" % (len(faults) - 1) if len(faults) > 1 else ""
        raise ExportError("TensorRT 8.2 does not take %s%s" % (faults[0].what, more), faults[0].hint)


def find_faults(model: Any) -> Iterator[Fault]:
    """All that TensorRT 8.2 does not take of an onnx.ModelProto, in the graph's order."""
    for entry in model.opset_import:
        if entry.domain in ("", "ai.onnx") and entry.version > NEWEST_OPSET:
            yield Fault("opset %d" % entry.version, "export at opset 13, the newest that it reads")
    for tensor in list(model.graph.input) + list(model.graph.output):
        kind = _name(tensor.type.tensor_type.elem_type)
        if kind not in TENSORS:
            yield Fault("%r of type %s as an input or output" % (tensor.name, kind),
                        "take float32 in and int32 or float32 out")
    graphs = _all_graphs(model.graph)
    known = _Known({name for graph in graphs for name in constant_names(graph)},
                   {name: kind for graph in graphs for name, kind in _types(graph)})
    for graph in graphs:
        for tensor in graph.initializer:
            if _name(tensor.data_type) not in WEIGHTS:
                yield Fault("the tensor %r of type %s" % (tensor.name, _name(tensor.data_type)),
                            "store it in float32 or int32")
        for node in graph.node:
            for what, hint in _node_faults(node, known):
                yield Fault("%s: %s" % (_title(node), what), hint)


class _Known(NamedTuple):
    constants: Set[str]
    types: Dict[str, str]  # of tensors, by name


def _node_faults(node: Any, known: _Known) -> Iterator[Fault]:
    from onnx import helper

    if node.domain not in ("", "ai.onnx"):
        yield Fault("it is of the domain %s" % node.domain, "use ONNX's own operators; a plug-in would be needed")
        return
    if node.op_type not in TAKEN:
        yield Fault("it has no such operator", "write this layer with others; the page operators.md of onnx-tensorrt "
                                               "lists what is taken")
        return
    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    for index, name in CONSTANT_INPUTS.get(node.op_type, {}).items():
        if index < len(node.input) and node.input[index] and node.input[index] not in known.constants:
            yield Fault("its input %r is computed" % name, "make it a constant of the model")
    kind = known.types.get(node.input[0], "FLOAT") if node.input else ""
    if node.op_type in FLOATS_ONLY and kind not in FLOATS:
        yield Fault("its input is %s" % kind, "cast it to float32 before")
    if node.op_type in _RULES:
        yield from _RULES[node.op_type](node, attributes, known)


def _resize_faults(node: Any, attributes: Dict[str, Any], known: _Known) -> Iterator[Fault]:
    mode = _text(attributes, "mode", "nearest")
    if mode not in RESIZE_MODES:
        yield Fault("mode %s" % mode, "interpolate bilinear or nearest")
    coordinates = _text(attributes, "coordinate_transformation_mode", "half_pixel")
    if coordinates not in RESIZE_COORDINATES:
        yield Fault("coordinates by %s" % coordinates, "take one of " + ", ".join(RESIZE_COORDINATES))
    given = list(node.input) + [""] * 4
    scales = given[1] if len(node.input) == 2 else given[2]  # opset 10 has no region
    if not given[3] and scales not in known.constants:
        yield Fault("its scales are computed", "give the size that is wanted, F.interpolate(size=...), or a fixed "
                                               "scale factor")


def _cast_faults(node: Any, attributes: Dict[str, Any], known: _Known) -> Iterator[Fault]:
    if _name(attributes["to"]) not in CASTS:
        yield Fault("to %s" % _name(attributes["to"]), "take float32 or int32")


def _constant_faults(node: Any, attributes: Dict[str, Any], known: _Known) -> Iterator[Fault]:
    if "value" not in attributes:
        yield Fault("it is not given as a tensor", "give the attribute value")
    elif _name(attributes["value"].data_type) not in WEIGHTS:
        yield Fault("type %s" % _name(attributes["value"].data_type), "store it in float32 or int32")


def _range_faults(node: Any, attributes: Dict[str, Any], known: _Known) -> Iterator[Fault]:
    kind = known.types.get(node.input[0], "")
    if kind in FLOATS and not known.constants >= set(node.input):
        yield Fault("it counts in %s to what is computed" % kind, "count in int64 and cast the result")


def _index_faults(node: Any, attributes: Dict[str, Any], known: _Known) -> Iterator[Fault]:
    if attributes.get("select_last_index", 0):
        yield Fault("select_last_index", "take the first of equal values")


def _max_pool_faults(node: Any, attributes: Dict[str, Any], known: _Known) -> Iterator[Fault]:
    if len(node.output) > 1:
        yield Fault("it gives indices", "do without them: MaxUnpool is not taken either")


_RULES: Dict[str, Any] = {"ArgMax": _index_faults, "ArgMin": _index_faults, "Cast": _cast_faults,
                          "Constant": _constant_faults, "MaxPool": _max_pool_faults, "Range": _range_faults,
                          "Resize": _resize_faults}


def _all_graphs(graph: Any) -> List[Any]:
    found = [graph]
    for node in graph.node:
        for inner in subgraphs(node):
            found += _all_graphs(inner)
    return found


def _types(graph: Any) -> Iterator[Any]:
    for one in list(graph.value_info) + list(graph.input) + list(graph.output):
        yield one.name, _name(one.type.tensor_type.elem_type)
    for tensor in graph.initializer:
        yield tensor.name, _name(tensor.data_type)


def _title(node: Any) -> str:
    return "%s %r" % (node.op_type, node.name or node.output[0])


def _text(attributes: Dict[str, Any], name: str, default: str) -> str:
    value = attributes.get(name, default)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _name(number: int) -> str:
    from onnx import TensorProto

    return str(TensorProto.DataType.Name(number))
