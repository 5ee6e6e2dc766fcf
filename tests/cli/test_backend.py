"""Which file of a RUN is taken, and what is known of it."""
import json

import numpy as np
import pytest
import torch

from dance_edge.cli.backend import manifest_of, open_engines
from dance_edge.data.transforms import IMAGENET, to_input
from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.events import Warned, ignore
from dance_edge.run import open_run
from dance_edge.size import Size

FACTORY = """
from torch import nn

def make(num_classes):
    return nn.Conv2d(3, num_classes, 1)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    (tmp_path / "gray_net.py").write_text(FACTORY)
    (tmp_path / "r").mkdir()
    return tmp_path


def save_switch(path, manifest, level=100.5):
    """The gray switch of conftest as a checkpoint of a user's own factory."""
    from dance_edge.checkpoint import save_model

    layer = torch.nn.Conv2d(3, 2, 1)
    std, mean = torch.tensor(IMAGENET.std), torch.tensor(IMAGENET.mean)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([torch.zeros(3), std / 3.0]).reshape(2, 3, 1, 1))
        layer.bias.copy_(torch.stack([torch.zeros(()), mean.mean() - level / 255.0]))
    return save_model(str(path), layer, manifest)


def labels_of(engines):
    size = Size(64, 96)
    image = np.random.RandomState(0).randint(0, 256, size=(64, 96, 3)).astype(np.uint8)
    return engines.at(size).labels(to_input(image, size, IMAGENET)[None])


def test_auto_takes_onnxruntime_and_both_backends_agree(place, switch_manifest, write_switch):
    manifest = save_switch(place / "r" / "model.pt", switch_manifest(model="gray_net:make"))
    write_switch(place / "r" / "model.onnx", manifest)
    run, heard = open_run("r"), []
    assert manifest_of(run) == manifest
    auto = open_engines(run, "auto", None, heard.append)
    other = open_engines(run, "torch", "gray_net:make", heard.append)
    assert (auto.name, other.name) == ("onnxruntime", "torch")
    loaded = "loaded 2 of 2 tensors from %s (taken: state_dict)" % run.model_pt
    said = [event.text for event in heard]
    assert said[1:] == [loaded, "backend: torch, r/model.pt"]
    assert said[0].startswith("backend: onnxruntime, r/model.onnx; not tensorrt: TensorRT is not installed")
    assert np.array_equal(labels_of(auto), labels_of(other))


def test_without_an_onnx_file_auto_takes_torch(place, switch_manifest):
    manifest = save_switch(place / "r" / "model.pt", switch_manifest(model="gray_net:make"))
    run = open_run("r/model.pt")
    assert manifest_of(run) == manifest
    assert open_engines(run, "auto", "gray_net:make", ignore).name == "torch"
    with pytest.raises(ConfigError, match="no ONNX file"):
        open_engines(run, "onnxruntime", None, ignore)


def test_a_users_own_architecture_is_asked_for_by_its_flag(place, switch_manifest):
    save_switch(place / "r" / "model.pt", switch_manifest(model="gray_net:make"))
    with pytest.raises(CheckpointError) as caught:
        open_engines(open_run("r"), "torch", None, ignore)
    assert "--model gray_net:make" in caught.value.hint


def test_onnxruntime_takes_cuda_where_it_has_it(place, switch_manifest, write_switch, monkeypatch):
    import onnxruntime

    class Session(onnxruntime.InferenceSession):
        """Built for CUDA, says a double; the CPU does the work."""

        def __init__(self, path, options, providers):
            self.asked = providers
            super().__init__(path, options, providers=["CPUExecutionProvider"])

        def get_providers(self):
            return self.asked

    monkeypatch.setattr(onnxruntime, "get_available_providers",
                        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    write_switch(place / "r" / "model.onnx", switch_manifest())
    heard = []
    engines = open_engines(open_run("r"), "onnxruntime", None, heard.append)
    assert engines.place == "CUDA" and labels_of(engines).shape == (1, 64, 96)
    assert heard[-1].text == "backend: onnxruntime on CUDA, r/model.onnx"


def test_an_onnx_file_of_older_weights_is_said(place, switch_manifest, write_switch):
    write_switch(place / "r" / "model.onnx", switch_manifest(weights_sha256="older"))
    for stored, count in (("newer", 1), ("older", 0)):
        manifest = switch_manifest(weights_sha256=stored).to_dict()
        (place / "r" / "run.json").write_text(json.dumps({"format": 1, "manifest": manifest}))
        heard = []
        open_engines(open_run("r"), "auto", None, heard.append)
        assert len([event for event in heard if isinstance(event, Warned)]) == count


def test_weights_alone_and_damaged_facts_are_refused(place, switch_manifest, write_switch):
    torch.save({"weight": torch.zeros(1)}, "bare.pt")
    with pytest.raises(CheckpointError, match="weights alone"):
        manifest_of(open_run("bare.pt"))
    write_switch("foreign.onnx", switch_manifest(), metadata=False)
    with pytest.raises(CheckpointError, match="no manifest"):
        manifest_of(open_run("foreign.onnx"))
    import onnx

    model = onnx.load("foreign.onnx")
    onnx.helper.set_model_props(model, {"dance_edge": "{"})
    onnx.save(model, "damaged.onnx")
    with pytest.raises(CheckpointError, match="damaged"):
        manifest_of(open_run("damaged.onnx"))
