"""An ONNX file is known by all that it is made of, weights in files of their own included."""
import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import convert_model_to_external_data

from dance_edge.errors import CheckpointError
from dance_edge.runtime.onnx_file import external_files, read_onnx


def save_external(folder, names, level=1.0):
    """A sum of weights in as many files as there are names."""
    weights = [numpy_helper.from_array(np.full((300,), level + i, np.float32), "w%d" % i) for i in range(len(names))]
    nodes = [helper.make_node("Sum", [one.name for one in weights], ["y"])]
    graph = helper.make_graph(nodes, "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [300])], weights)
    model = helper.make_model(graph)
    path = str(folder / "m.onnx")
    for tensor, name in zip(model.graph.initializer, names):
        part = onnx.ModelProto()
        part.graph.initializer.add().CopyFrom(tensor)
        convert_model_to_external_data(part, location=name, size_threshold=0)
        tensor.CopyFrom(part.graph.initializer[0])
    onnx.save(model, path)
    return path


def test_a_file_alone_is_its_content(tmp_path, switch_manifest, write_switch):
    path = write_switch(tmp_path / "m.onnx", switch_manifest())
    with open(path, "rb") as file:
        content = file.read()
    assert read_onnx(path) == (content, hashlib.sha256(content).hexdigest())


def test_weights_beside_it_count(tmp_path):
    long = "w" * 180 + ".bin"  # a length of two bytes
    path = save_external(tmp_path, ["a.bin", long, "a.bin"])
    assert external_files(read_onnx(path).content, str(tmp_path)) == ["a.bin", long]
    before = read_onnx(path)
    for name in ("a.bin", long):
        content = bytearray((tmp_path / name).read_bytes())
        content[5] ^= 1
        (tmp_path / name).write_bytes(bytes(content))
        after = read_onnx(path)
        assert after.content == before.content and after.sha256 != before.sha256
        before = after


def test_a_note_of_the_same_name_is_no_file(tmp_path, switch_manifest, write_switch):
    path = write_switch(tmp_path / "m.onnx", switch_manifest())
    model = onnx.load(path)
    helper.set_model_props(model, {"location": "a street in Ghent", "other": "x"})
    onnx.save(model, path)
    content = read_onnx(path).content
    assert b"a street in Ghent" in content and read_onnx(path).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("end", range(12))
def test_a_cut_file_is_read_to_its_end(end):
    content = b"x\x0a\x08location\x12\x05a.bin"
    assert external_files(content[:len(content) - end], "/nowhere") == []


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="cannot read .*none.onnx"):
        read_onnx(str(tmp_path / "none.onnx"))
