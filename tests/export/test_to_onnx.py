"""The file that is exported, and its agreement with PyTorch."""
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch

import dance_edge
from dance_edge.checkpoint import read_checkpoint, restore
from dance_edge.data.dataset import Sample
from dance_edge.data.transforms import Normalization, to_input
from dance_edge.errors import ConfigError, ExportError
from dance_edge.export.parity import check_parity, measure_parity
from dance_edge.export.to_onnx import export_onnx
from dance_edge.manifest import METADATA_KEY, manifest_from_dict
from dance_edge.models.deployed import Deployed
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime, read_metadata
from dance_edge.size import Size

OTHER = Normalization((0.2, 0.5, 0.7), (0.1, 0.3, 0.6), "bgr")

@pytest.fixture(scope="module")
def trained(small_run):
    checkpoint = read_checkpoint(small_run + "/model.pt")
    return restore(checkpoint, "", 0), checkpoint.manifest


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return [Sample(random.randint(0, 256, (96, 160, 3)).astype(np.uint8), None, "") for _ in range(2)]


@pytest.fixture(scope="module")
def plain(trained, tmp_path_factory):
    """plain(opset): the path of an export with labels out and normalisation outside, made once."""
    folder, made = tmp_path_factory.mktemp("plain"), {}

    def export(opset):
        if opset not in made:
            made[opset] = str(folder / ("%d.onnx" % opset))
            export_onnx(trained[0], trained[1], made[opset], opset)
        return made[opset]

    return export


@pytest.mark.parametrize("opset", [11, 12, 13])
def test_a_pruned_model_equals_pytorch_at_every_rung(trained, images, opset, plain):
    network, manifest = trained
    found = measure_parity(network, manifest, open_onnxruntime(plain(opset)), images, opset)
    assert len(found) == len(manifest.rungs) >= 2
    assert max(one.max_logit_error for one in found) <= 1e-4
    assert min(one.agreement.label_agreement for one in found) >= 0.9999


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


def test_sizes_and_batches_that_were_never_traced(trained, plain):
    network, path = trained[0], plain(13)
    inputs = np.random.RandomState(1).randn(3, 3, 128, 64).astype(np.float32)
    labels = open_onnxruntime(path).at(Size(128, 64)).labels(inputs)
    with torch.no_grad():
        wanted = Deployed(network.eval())(torch.from_numpy(inputs)).numpy()
    assert labels.shape == (3, 128, 64) and labels.dtype == np.int32 and np.mean(labels == wanted) >= 0.9999


@pytest.mark.parametrize("normalization", [None, OTHER])
@pytest.mark.parametrize("form", [("logits", False), ("labels", True), ("logits", True)])
@pytest.mark.parametrize("opset", [11, 13])
def test_logits_out_and_normalisation_inside_give_the_same_labels(trained, images, tmp_path, plain, normalization,
                                                                  form, opset):
    (network, manifest), (output, inside) = trained, form
    if normalization:
        manifest = manifest._replace(normalization=normalization)
    path, wanted = str(tmp_path / "m.onnx"), manifest._replace(output=output)
    export_onnx(network, wanted, path, opset, inside)
    found = measure_parity(network, wanted, open_onnxruntime(path), images, opset, inside)
    assert max(one.max_logit_error for one in found) <= 1e-4
    assert min(one.agreement.label_agreement for one in found) >= 0.9999
    own = manifest_from_dict(json.loads(read_metadata(path)[METADATA_KEY]))
    assert own.output == output and own.normalization.order == manifest.normalization.order
    assert own._replace(output="labels", normalization=manifest.normalization) == manifest
    both = [open_onnxruntime(file).at(size).labels(np.stack([to_input(one.image, size, facts.normalization)
                                                            for one in images]))
            for size in (manifest.rungs[0].size,)
            for file, facts in ((plain(opset), manifest), (path, own))]
    assert np.mean(both[0] == both[1]) >= 0.9999 and len(np.unique(both[0])) > 1


def test_with_the_normalisation_inside_the_input_is_the_pixels_and_the_first_thing_that_happens(trained, tmp_path):
    network, manifest = trained
    path = str(tmp_path / "m.onnx")
    network.train()
    export_onnx(network, manifest._replace(output="logits", normalization=OTHER), path, inside=True)
    own = manifest_from_dict(json.loads(read_metadata(path)[METADATA_KEY])).normalization
    image = np.random.RandomState(0).randint(0, 256, (8, 8, 3)).astype(np.uint8)
    given = to_input(image, Size(8, 8), own)
    assert given.dtype == np.float32 and np.array_equal(given, image.transpose(2, 0, 1))  # bgr, as OTHER has it
    graph = onnx.load(path).graph
    work = [node for node in graph.node if node.op_type not in ("Constant", "Identity")]
    assert [node.op_type for node in work[:2]] == ["Div", "Sub"] and work[0].input[0] == graph.input[0].name
    assert [node.op_type for node in graph.node].count("Div") == 1
    (output,) = graph.output
    sides = [one.dim_param or one.dim_value for one in output.type.tensor_type.shape.dim]
    assert output.name == "logits" and output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert sides[1] == len(manifest.classes.names) and sides[2:] == ["height", "width"]
    assert not any(node.op_type in ("ArgMax", "Dropout") or "auxiliary" in node.name for node in graph.node)
    assert not any("auxiliary" in tensor.name for tensor in graph.initializer)


def test_the_process_ends_after_an_export_with_the_normalisation_inside(switch_manifest, tmp_path):
    manifest = switch_manifest(OTHER)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest.to_dict()))
    code = ("import json, torch\nfrom dance_edge.export.to_onnx import export_onnx\n"
            "from dance_edge.manifest import manifest_from_dict\n"
            "manifest = manifest_from_dict(json.load(open('manifest.json')))\n"
            "export_onnx(torch.nn.Conv2d(3, 2, 1), manifest, 'm.onnx', inside=True)\n")
    environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(dance_edge.__file__)))
    subprocess.run([sys.executable, "-c", code], cwd=str(tmp_path), env=environment, timeout=60, check=True)
    assert os.path.exists(str(tmp_path / "m.onnx"))


def test_a_graph_that_normalises_with_other_numbers_does_not_pass(trained, images, tmp_path):
    network, manifest = trained
    path = str(tmp_path / "m.onnx")
    export_onnx(network, manifest._replace(normalization=Normalization((0.9, 0.1, 0.5), (0.5, 0.9, 0.1))), path,
                inside=True)
    with pytest.raises(ExportError, match="^m.onnx: the exported graph differs"):
        check_parity(measure_parity(network, manifest, open_onnxruntime(path), images, 13, inside=True), "m.onnx")


def test_another_network_does_not_pass_the_check(trained, images, tmp_path):
    network, manifest = trained
    path = str(tmp_path / "m.onnx")
    export_onnx(network, manifest, path)
    with torch.no_grad():
        network.output.classifier.bias.add_(torch.linspace(-9, 9, len(manifest.classes.names)))
    with pytest.raises(ExportError, match="^m.onnx: the exported graph differs"):
        check_parity(measure_parity(network, manifest, open_onnxruntime(path), images, 13), "m.onnx")


def test_an_opset_beyond_13_is_refused(trained, tmp_path):
    with pytest.raises(ConfigError, match="17"):
        export_onnx(trained[0], trained[1], str(tmp_path / "m.onnx"), 17)
