"""Folding leaves what a graph computes as it is, and constants where TensorRT 8.2 looks for them."""
import io
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from dance_edge.export.constants import LARGEST, constant_names, fold_constants
from dance_edge.export.operators import check_operators
from dance_edge.export.to_onnx import export_onnx
from dance_edge.manifest import Rung
from dance_edge.size import Size

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def graph_of(nodes, constants, result=("y", INT64, [None, None])):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", FLOAT, ["n", 3])],
                              [helper.make_tensor_value_info(*result)],
                              [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    return model


def computed(model, x=((1.0, 2.0, 3.0),)):
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.array(x, dtype=np.float32)})[0]


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs, [output], **attributes)


# Each from the constants to `c`, whose values the folder has to find by itself.
PIECES = {
    "ConstantOfShape": ([node("ConstantOfShape", ["shape"], "c", value=helper.make_tensor("v", INT64, [1], [7]))],
                        {"shape": [2, 3]}, [[7, 7, 7], [7, 7, 7]]),
    "Concat": ([node("Concat", ["a", "b"], "c", axis=-1)], {"a": [[1], [2]], "b": [[3, 4], [5, 6]]},
               [[1, 3, 4], [2, 5, 6]]),
    "Reshape": ([node("Reshape", ["a", "shape"], "c")], {"a": [[1, 2, 3, 4]], "shape": [0, 2, -1]}, [[[1, 2], [3, 4]]]),
    "Slice backwards": ([node("Slice", ["a", "start", "end", "axis", "step"], "c")],
                        {"a": [[1, 2], [3, 4], [5, 6]], "start": [-1], "end": [-2 ** 63 + 1], "axis": [-2],
                         "step": [-1]},
                        [[5, 6], [3, 4], [1, 2]]),
    "Slice of all axes": ([node("Slice", ["a", "start", "end"], "c")],
                          {"a": [[1, 2], [3, 4], [5, 6]], "start": [1, 0], "end": [2 ** 63 - 1, 1]}, [[3], [5]]),
    "Transpose": ([node("Transpose", ["a"], "c", perm=[1, 0])], {"a": [[1, 2], [3, 4]]}, [[1, 3], [2, 4]]),
    "Transpose without an order": ([node("Transpose", ["a"], "c")], {"a": [[1, 2]]}, [[1], [2]]),
    "Cast": ([node("Cast", ["a"], "b", to=FLOAT), node("Cast", ["b"], "c", to=INT64)], {"a": [1, 2]}, [1, 2]),
}


@pytest.mark.parametrize("piece", sorted(PIECES))
def test_a_piece_is_computed_as_onnxruntime_does(piece):
    nodes, constants, wanted = PIECES[piece]
    rank = np.ndim(wanted)
    model = graph_of(nodes + [node("Shape", ["x"], "s"), node("Cast", ["s"], "t", to=INT64),
                              node("ReduceMax", ["t"], "m", keepdims=0), node("Add", ["c", "m"], "y")],
                     {name: np.array(value, dtype=np.int64) for name, value in constants.items()},
                     ("y", INT64, [None] * rank))
    before = computed(model)
    fold_constants(model)
    assert [one.op_type for one in model.graph.node] == ["Shape", "Cast", "ReduceMax", "Add"]
    assert [tensor.name for tensor in model.graph.initializer] == ["c"]
    np.testing.assert_array_equal(numpy_helper.to_array(model.graph.initializer[0]), wanted)
    np.testing.assert_array_equal(before, np.array(wanted) + 3)
    np.testing.assert_array_equal(computed(model), before)


def test_identities_of_constants_give_way_to_them_in_branches_too():
    inner = [helper.make_graph([node("Add", ["x", "two"], name)], name, [],
                               [helper.make_tensor_value_info(name, FLOAT, None)]) for name in ("then", "else")]
    model = graph_of([node("Identity", ["one"], "alias"), node("Identity", ["alias"], "two"),
                      helper.make_node("If", ["yes"], ["y"], then_branch=inner[0], else_branch=inner[1])],
                     {"one": np.float32([1, 1, 1]), "yes": np.array(True)}, ("y", FLOAT, [None, None]))
    before = computed(model)
    fold_constants(model)
    assert [one.op_type for one in model.graph.node] == ["If"]
    np.testing.assert_array_equal(computed(model), before)
    np.testing.assert_array_equal(before, [[2.0, 3.0, 4.0]])


def test_what_is_a_result_large_computed_or_unknown_stays():
    large = np.zeros(LARGEST + 1, dtype=np.int64)
    model = graph_of([node("Transpose", ["large"], "a"), node("Identity", ["x"], "b"), node("Neg", ["small"], "c"),
                      node("ConstantOfShape", ["shape"], "d"), node("Identity", ["small"], "y")],
                     {"large": large, "small": np.array([[1, 2]]), "shape": np.array([1 << 40])})
    fold_constants(model)
    assert [one.op_type for one in model.graph.node] == ["Transpose", "Identity", "Neg", "ConstantOfShape", "Identity"]
    np.testing.assert_array_equal(np.transpose(large), numpy_helper.to_array(model.graph.initializer[0]))


def test_constants_are_what_tensorrt_calls_weights():
    model = graph_of([node("Constant", [], "k", value=helper.make_tensor("v", INT64, [1], [7])),
                      node("Identity", ["one"], "y")], {"one": np.array([[1]])})
    assert constant_names(model.graph) == {"one", "k"}


class Padded(torch.nn.Module):
    """Two equal biases and a padding: what today's exporter and the older one write in their own ways."""

    def __init__(self, mode):
        super().__init__()
        self.mode = mode
        self.layers = torch.nn.ModuleList(torch.nn.Conv2d(3, 3, 3) for _ in range(2))
        for layer in self.layers:
            torch.nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers:
            x = layer(torch.nn.functional.pad(x, (1, 0, 2, 1), mode=self.mode))
        return x


@pytest.mark.parametrize("mode", ["constant", "reflect"])
@pytest.mark.parametrize("opset", [11, 13])
def test_paddings_and_equal_biases_of_the_exporter(mode, opset, switch_manifest, tmp_path):
    network = Padded(mode).eval()
    path = str(tmp_path / "m.onnx")
    size = Size(32, 32)
    export_onnx(network, switch_manifest(stride=1, image_size=size, rungs=(Rung(size, 1.0, 1.0),)), path, opset)
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"dynamo": False} if int(torch.__version__.split(".")[0]) > 1 else {}
        torch.onnx.export(network, torch.zeros(1, 3, 32, 32), buffer, opset_version=opset, input_names=["x"],
                          dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}}, **options)
    plain, folded = onnx.load_model_from_string(buffer.getvalue()), onnx.load(path)
    assert {"ConstantOfShape", "Transpose"} <= {one.op_type for one in plain.graph.node}
    assert not {"ConstantOfShape", "Transpose", "Identity"} & {one.op_type for one in folded.graph.node}
    with pytest.raises(Exception, match="'pads'|'bias'"):
        check_operators(plain)
    x = np.random.RandomState(0).randn(2, 3, 40, 24).astype(np.float32)
    wanted = computed(plain, x)
    fold_constants(plain)
    check_operators(plain)
    np.testing.assert_array_equal(computed(plain, x), wanted)
