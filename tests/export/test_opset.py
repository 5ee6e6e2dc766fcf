"""The opset that a file says, read without onnx; onnx wrote the files."""
import onnx
import pytest

from dance_edge.export.opset import opset_of


@pytest.fixture
def model(switch_manifest, write_switch, tmp_path):
    return onnx.load(write_switch(tmp_path / "switch.onnx", switch_manifest()))


def saved(model, tmp_path):
    path = str(tmp_path / "m.onnx")
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("opset", [11, 13, 300])
def test_it_is_that_of_onnx_s_own_operators_whatever_stands_beside(model, tmp_path, opset):
    del model.opset_import[:]
    for domain, version in (("com.example", 7), ("", opset), ("ai.onnx.ml", 3)):
        entry = model.opset_import.add()
        entry.domain, entry.version = domain, version
    model.producer_name, model.model_version = "x" * 300, 1 << 40
    assert opset_of(saved(model, tmp_path)) == opset


def test_a_file_that_does_not_say_has_none(model, tmp_path):
    path = saved(model, tmp_path)
    with open(path, "rb") as file:
        whole = file.read()
    assert opset_of(path) == 13
    del model.opset_import[:]
    contents = {"none": model.SerializeToString(), "empty": b"", "cut": whole[:40], "text": b"not a model at all",
                "endless": b"\xff" * 40}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    assert [opset_of(str(tmp_path / name)) for name in sorted(contents)] == [None] * 5
