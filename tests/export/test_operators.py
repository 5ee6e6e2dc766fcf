"""What TensorRT 8.2 does not take is refused with operator, node and remedy; every network of ours is taken."""
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from dance_edge.errors import ExportError
from dance_edge.export.operators import TAKEN, check_graph, check_operators
from dance_edge.export.to_onnx import export_onnx
from dance_edge.manifest import Rung
from dance_edge.models import catalog
from dance_edge.size import Size

FLOAT, INT64, UINT8, DOUBLE = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8, TensorProto.DOUBLE
IMAGE = ("x", FLOAT, ["n", 4, "h", "w"])
SCALES = numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "scales")
SIZES = ("sizes", INT64, [4])
WEIGHTS = numpy_helper.from_array(np.zeros((2, 4, 1, 1), dtype=np.float32), "weights")
BIAS = numpy_helper.from_array(np.zeros(2, dtype=np.float32), "bias")


def model_of(nodes, inputs=(IMAGE,), output=("y", FLOAT, None), constants=(), opset=13, domain=None):
    nodes = nodes if isinstance(nodes, list) else [nodes]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info(*one) for one in inputs],
                              [helper.make_tensor_value_info(*output)], list(constants))
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 7
    return model


def node(operator, inputs=("x",), outputs=("y",), name="here", **attributes):
    return helper.make_node(operator, list(inputs), list(outputs), name=name, **attributes)


def resize(inputs, **attributes):
    return node("Resize", inputs, **attributes)


def loop_of(inner):
    """A Loop of three passes around `inner`, a node from `v` to `w`."""
    body = helper.make_graph(
        [inner, helper.make_node("Identity", ["goes_on"], ["still"])], "body",
        [helper.make_tensor_value_info("i", INT64, []), helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", FLOAT, IMAGE[2])],
        [helper.make_tensor_value_info("still", TensorProto.BOOL, []),
         helper.make_tensor_value_info("w", FLOAT, IMAGE[2])])
    return model_of(helper.make_node("Loop", ["count", "", "x"], ["y"], body=body),
                    constants=[numpy_helper.from_array(np.array(3, dtype=np.int64), "count")])


REFUSED = {
    "an operator of opset 14": (model_of(node("HardSwish"), opset=14), "opset 14"),
    "an operator without an importer": (model_of(node("MeanVarianceNormalization")),
                                        "MeanVarianceNormalization 'here'"),
    "one that came with 8.4": (model_of(node("Shrink")), "Shrink 'here'"),
    "one inside a loop": (loop_of(node("Shrink", ["v"], ["w"])), "Shrink 'here'"),
    "another domain": (model_of(node("Fast", domain="my.own"), domain="my.own"),
                       "Fast 'here': it is of the domain my.own"),
    "a node without a name": (model_of(node("Shrink", name="")), "Shrink 'y'"),
    "a byte input": (model_of(node("Cast", to=FLOAT), [("x", UINT8, ["n", 4])]), "'x' of type UINT8"),
    "a double output": (model_of(node("Cast", to=DOUBLE), output=("y", DOUBLE, None)), "'y' of type DOUBLE"),
    "a cast to bytes": (model_of([node("Cast", outputs=["b"], to=UINT8), node("Cast", ["b"], name="back", to=FLOAT)]),
                        "Cast 'here': to UINT8"),
    "short integers": (model_of(node("Identity"), constants=[numpy_helper.from_array(np.zeros(1, np.int16), "s")]),
                       "'s' of type INT16"),
    "cubic": (model_of(resize(["x", "", "scales"], mode="cubic"), constants=[SCALES]), "Resize 'here': mode cubic"),
    "crop": (model_of(resize(["x", "", "scales"], coordinate_transformation_mode="tf_crop_and_resize"),
                      constants=[SCALES]), "Resize 'here': coordinates by tf_crop_and_resize"),
    "computed scales": (model_of(resize(["x", "", "s"], mode="linear"), [IMAGE, ("s", FLOAT, [4])]), "its scales"),
    "scales through Identity": (model_of([node("Identity", ["scales"], ["s"], "alias"), resize(["x", "", "s"])],
                                         constants=[SCALES]), "Resize 'here': its scales"),
    "computed scales of opset 10": (model_of(resize(["x", "s"]), [IMAGE, ("s", FLOAT, [4])], opset=10), "its scales"),
    "a bias through Identity": (model_of([node("Identity", ["bias"], ["b"], "alias"),
                                          node("Conv", ["x", "weights", "b"])], constants=[WEIGHTS, BIAS]),
                                "Conv 'here': its input 'bias'"),
    "computed edges": (model_of(node("Pad", ["x", "pads"]), [IMAGE, ("pads", INT64, [8])]),
                       "Pad 'here': its input 'pads'"),
    "indices of pooling": (model_of(node("MaxPool", outputs=["y", "indices"], kernel_shape=[2, 2])), "MaxPool 'here'"),
    "the last of equals": (model_of(node("ArgMax", axis=1, select_last_index=1), output=("y", INT64, None)),
                           "ArgMax 'here': select_last_index"),
    "integers resized": (model_of([node("Cast", ["x"], ["i"], "cast", to=INT64), resize(["i", "", "scales"])],
                                  output=("y", INT64, None), constants=[SCALES]), "Resize 'here': its input is INT64"),
    "a range of floats": (model_of(node("Range", ["a", "x", "a"]), [("x", FLOAT, [])],
                                   constants=[numpy_helper.from_array(np.float32(1), "a")]), "Range 'here'"),
    "a constant without a tensor": (model_of([node("Constant", [], ["c"], value_float=1.0),
                                              node("Add", ["x", "c"], name="add")]), "Constant 'here'"),
}

TAKEN_GRAPHS = {
    "fixed scales": model_of(resize(["x", "", "scales"], mode="linear"), constants=[SCALES]),
    "computed sizes": model_of(resize(["x", "", "", "sizes"], mode="linear",
                                      coordinate_transformation_mode="pytorch_half_pixel"), [IMAGE, SIZES]),
    "fixed scales of opset 10": model_of(resize(["x", "scales"]), constants=[SCALES], opset=10),
    "a Constant node's scales": model_of([node("Constant", [], ["s"], "c", value=SCALES), resize(["x", "", "s"])]),
    "weights in double": model_of([node("Cast", ["d"], ["f"], "cast", to=FLOAT), node("Add", ["x", "f"])],
                                  constants=[numpy_helper.from_array(np.zeros(1), "d")]),
    "a loop": loop_of(node("Relu", ["v"], ["w"])),
    "64-bit labels": model_of(node("ArgMax", axis=1), output=("y", INT64, None)),
}


def typed(model):
    """As `check_graph` sees it; the checker wants shapes of outputs, which `model_of` may leave out."""
    return onnx.shape_inference.infer_shapes(model)


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_is_not_taken_is_named(case):
    model, said = REFUSED[case]
    with pytest.raises(ExportError, match="^TensorRT 8.2 does not take ") as caught:
        check_operators(typed(model))
    assert said in caught.value.message and len(caught.value.hint) > 10 and caught.value.exit_code == 5


@pytest.mark.parametrize("case", sorted(TAKEN_GRAPHS))
def test_what_is_taken_passes(case):
    check_operators(typed(TAKEN_GRAPHS[case]))


def test_the_others_are_counted():
    model = model_of([node("Shrink", outputs=["a"]), node("Shrink", ["a"], ["b"]), node("Shrink", ["b"])])
    with pytest.raises(ExportError, match=r"Shrink 'here': .* \(and 2 more of such\)"):
        check_operators(model)


def test_the_list_is_of_the_operators_that_8_2_has():
    assert len(TAKEN) == 130
    assert not TAKEN & {"Xor", "Shrink", "OneHot", "NonZero", "Mod", "GridSample", "LayerNormalization", "HardSwish"}
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == ""}
    assert TAKEN - known == {"ImageScaler", "ParametricSoftplus", "ScaledTanh"}  # gone from ONNX since


INCONSISTENT = {
    "shapes": (model_of(node("MatMul", ["x", "b"]), [("x", FLOAT, [2, 3]), ("b", FLOAT, [4, 5])], ("y", FLOAT, [2, 5])),
               "Incompatible dimensions"),
    "types": (model_of(node("Add", ["x", "b"]), [("x", FLOAT, [2]), ("b", INT64, [2])], ("y", FLOAT, [2])),
              "inconsistent type"),
    "the output": (model_of(node("Relu"), [("x", FLOAT, [2, 3])], ("y", FLOAT, [2, 4])), "differ in dimension"),
    "no such tensor": (model_of(node("Relu", ["z"]), output=("y", FLOAT, [1])), ""),
}


@pytest.mark.parametrize("case", sorted(INCONSISTENT))
def test_an_inconsistent_graph_is_refused(case):
    model, said = INCONSISTENT[case]
    with pytest.raises(ExportError, match="not valid ONNX") as caught:
        check_graph(model)
    assert said in caught.value.message and "\n" not in caught.value.message


def test_a_valid_graph_passes():
    check_graph(model_of(resize(["x", "", "scales"], mode="linear"), output=("y", FLOAT, ["n", 4, "a", "b"]),
                         constants=[SCALES]))


def test_types_in_between_are_those_of_shape_inference():
    with pytest.raises(ExportError, match="Resize 'here': its input is INT64"):
        check_graph(model_of([node("Cast", ["x"], ["i"], "cast", to=INT64), resize(["i", "", "scales"])],
                             output=("y", INT64, ["n", 4, "a", "b"]), constants=[SCALES]))


@pytest.mark.parametrize("name, backbone, opset", [
    ("bisenet", "efficientnet_lite0", 13), ("deeplabv3plus", "resnet18", 11), ("icnet", "resnet18", 13),
    ("pspnet", "resnet18", 11)])
def test_every_network_is_exported_so_that_it_is_taken(name, backbone, opset, switch_manifest, tmp_path):
    size = Size(64, 64)
    path = str(tmp_path / "m.onnx")
    export_onnx(catalog.build(name, 5, backbone), switch_manifest(rungs=(Rung(size, 1.0, 1.0),)), path, opset)
    model = onnx.load(path)
    check_graph(model)
    convolutions = [one for one in model.graph.node if one.op_type == "Conv"]
    weights = {tensor.name for tensor in model.graph.initializer}
    assert len(convolutions) > 20 and all(set(one.input[1:]) <= weights for one in convolutions)


def test_a_network_that_is_not_taken_is_not_written(switch_manifest, tmp_path):
    class Cubic(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 2, 1)

        def forward(self, x):
            return torch.nn.functional.interpolate(self.layer(x), scale_factor=2.0, mode="bicubic")

    path = tmp_path / "m.onnx"
    with pytest.raises(ExportError, match="Resize '.*': mode cubic"):
        export_onnx(Cubic(), switch_manifest(), str(path))
    assert not path.exists()
