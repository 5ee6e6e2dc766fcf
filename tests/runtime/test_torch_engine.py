"""PyTorch behind the seam: the same labels as onnxruntime, without gradients, in eval mode."""
import numpy as np
import pytest
import torch
from torch import nn

from dance_edge.data.transforms import IMAGENET, to_input
from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.models.deployed import Deployed
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.runtime.torch_engine import TorchEngines, open_torch
from dance_edge.size import Size


def switch(level=100.5):
    """The gray switch of conftest, as a module."""
    layer = nn.Conv2d(3, 2, 1)
    std, mean = torch.tensor(IMAGENET.std), torch.tensor(IMAGENET.mean)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([torch.zeros(3), std / 3.0]).reshape(2, 3, 1, 1))
        layer.bias.copy_(torch.stack([torch.zeros(()), mean.mean() - level / 255.0]))
    return layer


def test_labels_equal_those_of_onnxruntime(tmp_path, switch_manifest, write_switch):
    size = Size(48, 64)
    image = np.random.RandomState(0).randint(0, 256, size=(96, 128, 3)).astype(np.uint8)
    inputs = to_input(image, size, IMAGENET)[None]
    labels = open_torch(Deployed(switch()), "cpu").at(size).labels(inputs)
    other = open_onnxruntime(write_switch(tmp_path / "m.onnx", switch_manifest())).at(size).labels(inputs)
    assert labels.dtype == np.int32 and labels.shape == (1, 48, 64) and 0.2 < labels.mean() < 0.9
    assert np.array_equal(labels, other)


def test_the_model_is_in_eval_mode_and_its_statistics_stay():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.9), nn.Conv2d(3, 2, 1))
    engine = open_torch(Deployed(network), "cpu").at(Size(8, 8))
    before = network[0].running_mean.clone()
    inputs = np.full((1, 3, 8, 8), 5.0, dtype=np.float32)
    assert np.array_equal(engine.labels(inputs), engine.labels(inputs))
    assert torch.equal(network[0].running_mean, before)


def test_a_model_that_gives_logits_is_refused():
    with pytest.raises(CheckpointError, match="integer labels"):
        open_torch(nn.Conv2d(3, 2, 1), "cpu").at(Size(4, 4)).labels(np.zeros((1, 3, 4, 4), dtype=np.float32))


@pytest.mark.parametrize("device", ["hovercraft", "cuda:99"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(DeviceError):
        open_torch(Deployed(switch()), device)


def test_memory_of_a_gpu_is_the_weights_and_the_most_since_it_was_watched(monkeypatch):
    model = switch()
    allocated, most = [1000], [1000]
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: allocated[0])
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: most[0])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: most.__setitem__(0, allocated[0]))
    engines = TorchEngines(model, torch.device("cuda"))
    own = sum(one.numel() * one.element_size() for one in model.state_dict().values())
    assert engines.gpu_memory_bytes() == own > 0
    most[0] = 5000  # another network's images
    engines.watch_memory()
    most[0] = 1700
    assert engines.gpu_memory_bytes() == own + 700 and engines.place == "cuda"
    assert open_torch(model, "cpu").gpu_memory_bytes() is None
