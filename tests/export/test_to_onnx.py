"""The file that is exported, and its agreement with PyTorch."""
import json

import numpy as np
import onnx
import pytest
import torch

from dance_edge.checkpoint import read_checkpoint, restore
from dance_edge.errors import ConfigError, ExportError
from dance_edge.export.parity import check_parity
from dance_edge.export.to_onnx import export_onnx
from dance_edge.manifest import METADATA_KEY, manifest_from_dict
from dance_edge.models.deployed import Deployed
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime


@pytest.fixture(scope="module")
def trained(small_run):
    checkpoint = read_checkpoint(small_run + "/model.pt")
    return restore(checkpoint, "", 0), checkpoint.manifest


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return [random.randint(0, 256, (96, 160, 3)).astype(np.uint8) for _ in range(2)]


@pytest.mark.parametrize("opset", [11, 12, 13])
def test_a_pruned_model_equals_pytorch_at_every_rung(trained, images, opset, tmp_path):
    network, manifest = trained
    path = str(tmp_path / "m.onnx")
    export_onnx(network, manifest, path, opset)
    found = check_parity(network, manifest, open_onnxruntime(path), images, opset)
    assert len(found) == len(manifest.rungs) >= 2
    assert max(one.max_logit_error for one in found) <= 1e-4
    assert min(one.label_agreement for one in found) >= 0.9999


def test_the_graph_is_what_tensorrt_8_2_reads(trained, tmp_path):
    network, manifest = trained
    path = str(tmp_path / "m.onnx")
    network.train()
    export_onnx(network, manifest, path)
    model = onnx.load(path)
    assert max(entry.version for entry in model.opset_import) == 13 and {e.domain for e in model.opset_import} == {""}
    shape = [one.dim_param or one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape[1] == 3 and all(isinstance(shape[i], str) for i in (0, 2, 3))
    assert len(model.graph.output) == 1 and model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.INT32
    assert [node.op_type for node in model.graph.node].count("ArgMax") == 1
    assert not any("auxiliary" in tensor.name for tensor in model.graph.initializer)
    stored = {entry.key: entry.value for entry in model.metadata_props}[METADATA_KEY]
    assert manifest_from_dict(json.loads(stored)) == manifest


def test_sizes_and_batches_that_were_never_traced(trained, tmp_path):
    network, manifest = trained
    path = str(tmp_path / "m.onnx")
    export_onnx(network, manifest, path)
    inputs = np.random.RandomState(1).randn(3, 3, 128, 64).astype(np.float32)
    from dance_edge.size import Size

    labels = open_onnxruntime(path).at(Size(128, 64)).labels(inputs)
    with torch.no_grad():
        wanted = Deployed(network.eval())(torch.from_numpy(inputs)).numpy()
    assert labels.shape == (3, 128, 64) and labels.dtype == np.int32 and np.mean(labels == wanted) >= 0.9999


def test_another_network_does_not_pass_the_check(trained, images, tmp_path):
    network, manifest = trained
    path = str(tmp_path / "m.onnx")
    export_onnx(network, manifest, path)
    with torch.no_grad():
        network.output.classifier.bias.add_(torch.linspace(-9, 9, len(manifest.classes.names)))
    with pytest.raises(ExportError, match="differs"):
        check_parity(network, manifest, open_onnxruntime(path), images, 13)


def test_an_opset_beyond_13_is_refused(trained, tmp_path):
    with pytest.raises(ConfigError, match="17"):
        export_onnx(trained[0], trained[1], str(tmp_path / "m.onnx"), 17)
