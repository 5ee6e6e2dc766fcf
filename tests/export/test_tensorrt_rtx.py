"""NVIDIA's own parser and builder take what `export_onnx` writes: every network, dense and pruned, at two rungs.

TensorRT-RTX does both without a GPU. It is a newer TensorRT than a TX2's, whose parser `test_operators.py` stands for.
RTX lies under the folder that DANCE_EDGE_TENSORRT names, `.tensorrt` in the repository where it names none:
make test-tensorrt puts it there, for .venv's Python.
"""
import glob
import json
import os
import subprocess
import sys

import pytest
import torch
from onnx import TensorProto, helper, save

from dance_edge.complexity.policy import SlimPolicy
from dance_edge.data.labels import ClassSet
from dance_edge.data.transforms import IMAGENET
from dance_edge.export.to_onnx import export_onnx
from dance_edge.manifest import Manifest, Rung
from dance_edge.models import catalog
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.surgery import prune
from dance_edge.pruning.trial import find_prunable
from dance_edge.size import Size

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FOLDER = os.path.join(os.environ.get("DANCE_EDGE_TENSORRT") or os.path.join(ROOT, ".tensorrt"), "rtx")
RUNGS = (Size(64, 96), Size(96, 128))
BUILDER = os.path.join(HERE, "rtx_build.py")
PIXELS = [-1, -1]
MODELS = sorted(catalog.MODELS)
KINDS = {  # beside labels of normalised images: name of the job -> output, normalisation inside
    "logits": ("logits", False),
    "labels of pixels": ("labels", True),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What RTX said of each job by name, all built in one process: it takes seconds to start."""
    python = sys.executable if sys.version_info >= (3, 10) else os.path.join(ROOT, ".venv", "bin", "python")
    if not glob.glob(os.path.join(FOLDER, "tensorrt_rtx_bindings", "*.so")) or not os.path.exists(python):
        reason = "there is no TensorRT-RTX under %s, or no .venv: make test-tensorrt" % FOLDER
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = str(tmp_path_factory.mktemp("rtx"))
    jobs = export_all(folder)
    jobs["refused"] = write_plain(os.path.join(folder, "refused.onnx"), "NotAnOperator", ["n", 3, "h", "w"])
    jobs["too large"] = write_plain(os.path.join(folder, "fixed.onnx"), "Relu", [1, 3] + list(RUNGS[0]))
    return build(python, folder, jobs)


def build(python, folder, jobs):
    names, path = sorted(jobs), os.path.join(folder, "jobs.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump([{"path": jobs[name], "sizes": RUNGS} for name in names], file)
    done = subprocess.run([python, BUILDER, FOLDER, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True)
    assert done.returncode == 0, done.stderr
    return dict(zip(names, json.loads(done.stdout)))


def write_plain(path, operator, shape):
    nodes = [helper.make_node(operator, ["x"], ["y"], name="here")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    save(model, path)
    return path


def export_all(folder):
    """Job -> path of the exported file."""
    torch.manual_seed(5)
    jobs = {}
    for model in MODELS:
        network = catalog.build(model, 5, "resnet18")
        jobs[model + " dense"] = exported(network, folder)
        jobs[model + " pruned"] = exported(halved(network), folder)
    for name, (output, inside) in KINDS.items():
        jobs[name] = exported(catalog.build("bisenet", 5, "resnet18"), folder, output, inside)
    jobs["padded"] = exported(catalog.build("bisenet", 5, "efficientnet_lite0"), folder)
    return jobs


def halved(network):
    stride = catalog.stride_of(network)
    widths = find_prunable(network, stride, "head").widths
    asked = sum(widths.values()) // 2
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    done = prune(network, optimizer, ChannelGraph(network, stride, "head", widths), 1, asked)
    assert abs(done.removed - asked) <= 4 or done.capped
    return network


def exported(network, folder, output="labels", inside=False):
    path = os.path.join(folder, "%d.onnx" % len(os.listdir(folder)))
    export_onnx(network, manifest(output), path, inside=inside)
    return path


def manifest(output):
    """Of five classes, with the rungs that are built."""
    return Manifest(model="any", classes=ClassSet(tuple("abcde"), ((0, 0, 0),) * 5), normalization=IMAGENET, stride=32,
                    profile=None, policy=SlimPolicy(), image_size=RUNGS[-1], params=1, channels={}, output=output,
                    rungs=tuple(Rung(size, 1.0, 1e6) for size in RUNGS))


@pytest.mark.parametrize("form", ["dense", "pruned"])
@pytest.mark.parametrize("model", MODELS)
def test_a_network_is_parsed_and_built_at_every_rung(model, form, results):
    found = results["%s %s" % (model, form)]
    assert found["errors"] == []
    assert found["input"] == ["image", "FLOAT", [-1, 3] + PIXELS] and found["outputs"] == 1
    assert found["output"] == ["labels", "INT32", [-1] + PIXELS]
    assert found["layers"] > 50 and len(found["bytes"]) == len(RUNGS) and min(found["bytes"]) > 1e6


@pytest.mark.parametrize("model", MODELS)
def test_half_the_head_is_gone_from_the_plans(model, results):
    dense, pruned = (results["%s %s" % (model, form)]["bytes"] for form in ("dense", "pruned"))
    assert all(small < 0.98 * large for small, large in zip(pruned, dense))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_other_forms_of_a_graph(name, results):
    found = results[name]
    output = KINDS[name][0]
    assert found["errors"] == [] and min(found["bytes"]) > 1e6
    assert found["input"] == ["image", "FLOAT", [-1, 3] + PIXELS]
    assert found["output"] == {"labels": ["labels", "INT32", [-1] + PIXELS],
                               "logits": ["logits", "FLOAT", [-1, 5] + PIXELS]}[output]


def test_a_backbone_with_paddings(results):
    assert results["padded"]["errors"] == [] and min(results["padded"]["bytes"]) > 1e6


def test_what_cannot_be_is_told(results):
    assert "NotAnOperator" in results["refused"]["errors"][0]
    small, large = results["too large"]["bytes"]
    assert small > 0 and large == 0 and results["too large"]["errors"] != []
