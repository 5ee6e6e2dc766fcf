"""onnxruntime behind the seam: known labels at every rung, metadata, and files that are refused."""
import builtins
import json

import numpy as np
import onnx
import pytest

from dance_edge.data.transforms import IMAGENET, Normalization, to_input
from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.manifest import METADATA_KEY, manifest_from_dict
from dance_edge.runtime.graph import Tensor
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime, read_graph, read_metadata
from dance_edge.size import Size

OTHER = Normalization((0.2, 0.5, 0.7), (0.1, 0.3, 0.6), "bgr")


def ramp(size):
    """A gray image whose level is the column."""
    return np.repeat(np.tile(np.arange(size.width, dtype=np.uint8), (size.height, 1))[:, :, None], 3, axis=2)


@pytest.mark.parametrize("normalization", [IMAGENET, OTHER])
def test_the_class_switches_at_its_gray_level_at_every_size(tmp_path, switch_manifest, write_switch, normalization):
    path = write_switch(tmp_path / "m.onnx", switch_manifest(normalization), level=100.5)
    engines = open_onnxruntime(path)
    for size in (Size(32, 128), Size(64, 256)):
        labels = engines.at(size).labels(to_input(ramp(size), size, normalization)[None])
        assert labels.dtype == np.int32 and labels.shape == (1,) + size
        assert np.array_equal(labels[0], np.tile(np.arange(size.width) > 100, (size.height, 1)))


def test_a_batch_keeps_its_order(tmp_path, switch_manifest, write_switch):
    engine = open_onnxruntime(write_switch(tmp_path / "m.onnx", switch_manifest())).at(Size(8, 8))
    images = [np.full((8, 8, 3), level, dtype=np.uint8) for level in (200, 10, 101)]
    labels = engine.labels(np.stack([to_input(image, Size(8, 8), IMAGENET) for image in images]))
    assert [int(one.min()) for one in labels] == [int(one.max()) for one in labels] == [1, 0, 1]


def test_metadata_gives_the_manifest_back(tmp_path, switch_manifest, write_switch):
    manifest = switch_manifest()
    path = write_switch(tmp_path / "m.onnx", manifest)
    assert manifest_from_dict(json.loads(read_metadata(path)[METADATA_KEY])) == manifest
    assert read_metadata(write_switch(tmp_path / "bare.onnx", manifest, metadata=False)) == {}


def test_a_fixed_graph_takes_its_own_size_only(tmp_path, switch_manifest, write_switch):
    engines = open_onnxruntime(write_switch(tmp_path / "m.onnx", switch_manifest(), size=(32, 64)))
    assert engines.at(Size(32, 64)).labels(np.zeros((1, 3, 32, 64), dtype=np.float32)).shape == (1, 32, 64)
    with pytest.raises(CheckpointError, match="takes 32x64 only .* 64x64 was asked"):
        engines.at(Size(64, 64))


def test_an_input_of_another_rung_is_no_input(tmp_path, switch_manifest, write_switch):
    engine = open_onnxruntime(write_switch(tmp_path / "m.onnx", switch_manifest())).at(Size(32, 64))
    with pytest.raises(ValueError, match="32x64"):
        engine.labels(np.zeros((1, 3, 64, 32), dtype=np.float32))


def test_logits_give_the_labels_of_the_same_graph_with_its_argmax(tmp_path, switch_manifest, write_switch):
    manifest, size = switch_manifest(), Size(32, 64)
    image = np.random.RandomState(0).randint(0, 256, size=(32, 64, 3)).astype(np.uint8)
    inputs = to_input(image, size, IMAGENET)[None]
    found = [open_onnxruntime(write_switch(tmp_path / "m.onnx", manifest, logits=logits)).at(size).labels(inputs)
             for logits in (False, True)]
    assert found[1].dtype == np.int32 and 0.2 < found[1].mean() < 0.8 and np.array_equal(*found)


def test_of_several_outputs_the_first_segmentation_is_taken_and_said(tmp_path, switch_manifest, write_switch):
    path = write_switch(tmp_path / "m.onnx", switch_manifest())
    model = onnx.load(path)
    model.graph.node.append(onnx.helper.make_node("GlobalAveragePool", ["logits"], ["mean"]))
    model.graph.node.append(onnx.helper.make_node("Flatten", ["mean"], ["score"]))
    score = onnx.helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, ["n", 2])
    labels = model.graph.output.pop()
    model.graph.output.extend([score, labels])
    onnx.save(model, path)
    heard = []
    engine = open_onnxruntime(path, heard.append).at(Size(8, 8))
    assert engine.labels(to_input(np.full((8, 8, 3), 200, dtype=np.uint8), Size(8, 8), IMAGENET)[None]).min() == 1
    assert [event.text for event in heard] == ["output 2 of 2 of %s is taken: labels int32 (n, height, width)" % path]


def test_a_graph_that_breaks_at_a_size_is_one_line(tmp_path, switch_manifest, write_switch):
    path = write_switch(tmp_path / "m.onnx", switch_manifest())
    model = onnx.load(path)
    shape = onnx.numpy_helper.from_array(np.array([1, 2, 8, 8], dtype=np.int64), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.insert(1, onnx.helper.make_node("Reshape", ["logits", "shape"], ["shaped"]))
    model.graph.node[2].input[0] = "shaped"
    onnx.save(model, path)
    engines = open_onnxruntime(path)
    assert engines.at(Size(8, 8)).labels(np.zeros((1, 3, 8, 8), dtype=np.float32)).shape == (1, 8, 8)
    with pytest.raises(CheckpointError, match="does not run at 16x8: ") as caught:
        engines.at(Size(8, 16)).labels(np.zeros((1, 3, 8, 16), dtype=np.float32))
    assert "--stride" in caught.value.hint and "\n" not in caught.value.message


def test_the_graph_s_facts_are_read(tmp_path, switch_manifest, write_switch):
    graph = read_graph(write_switch(tmp_path / "m.onnx", switch_manifest(), logits=True, size=(64, 96)))
    assert set(graph.metadata) == {METADATA_KEY}
    assert graph.inputs == (Tensor("image", "float32", ("n", 3, 64, 96)),)
    assert graph.outputs == (Tensor("logits", "float32", ("n", 2, 64, 96)),)


@pytest.mark.parametrize("content", [b"", b"not a model", b"version https://git-lfs.github.com/spec/v1\n"])
def test_what_is_no_model_is_one_line(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    for call in (open_onnxruntime, read_metadata):
        with pytest.raises(CheckpointError) as caught:
            call(str(path))
        assert str(path) in caught.value.message and "\n" not in caught.value.message and caught.value.exit_code == 4


def test_a_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match="there is no ONNX file"):
        open_onnxruntime(str(tmp_path / "none.onnx"))


def test_without_onnxruntime_the_hint_names_the_extra(tmp_path, switch_manifest, write_switch, monkeypatch):
    path = write_switch(tmp_path / "m.onnx", switch_manifest())
    real = builtins.__import__

    def without(name, *rest, **options):
        if name.split(".")[0] == "onnxruntime":
            raise ImportError("No module named 'onnxruntime'")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DeviceError) as caught:
        open_onnxruntime(path)
    assert caught.value.exit_code == 6 and "dance-edge[serve]" in caught.value.hint
