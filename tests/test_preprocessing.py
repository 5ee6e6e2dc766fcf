"""One picture on every path to the network: the same tensor arrives, and the same labels leave."""
import time

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from dance_edge.bench.variant import Variant, run_image
from dance_edge.complexity.indicator import measure
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.images import read_image, read_pair
from dance_edge.data.label_codes import identity_code
from dance_edge.data.sampler import batches
from dance_edge.data.transforms import IMAGENET, Normalization, labels_to_size
from dance_edge.events import ignore
from dance_edge.export.parity import measure_parity
from dance_edge.export.to_onnx import carried, export_onnx
from dance_edge.manifest import Rung
from dance_edge.models.deployed import Deployed
from dance_edge.runtime.engine import Engine, Engines
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.runtime.torch_engine import open_torch
from dance_edge.serve.frame import Frame
from dance_edge.serve.pipeline import Segmenter
from dance_edge.size import Size
from dance_edge.training.evaluate import as_deployed, evaluate
from dance_edge.training.field_score import from_logits
from dance_edge.training.loader import TrainingImages, load

FULL, LEVEL = Size(320, 480), 120.5
OTHER = Normalization((0.2, 0.5, 0.7), (0.1, 0.3, 0.6), "bgr")
FIRST, LAST = {"rgb": 2, "bgr": 0}, {"rgb": 0, "bgr": 2}  # where OpenCV has the input's first channel, and its last


class Spy(Engine):
    """Keeps the tensors and the labels of the engine behind it."""

    def __init__(self, engine):
        self.engine, self.inputs, self.given = engine, [], []

    def labels(self, inputs):
        self.inputs.append(inputs.copy())
        self.given.append(self.engine.labels(inputs))
        return self.given[-1]


class Watched:
    """`engines` behind a spy for each size."""

    def __init__(self, engines):
        self.spies = {}
        self.engines = Engines(lambda size: self.spies.setdefault(size, Spy(engines.at(size))), engines.name)

    def last(self, size):
        """The last tensor, (3, h, w), and its labels, (h, w)."""
        return self.spies[size].inputs[-1][0], self.spies[size].given[-1][0]


def switch(normalization):
    """Class 1 where the first channel and a quarter of the last lie above 1.25 LEVEL: other orders, other labels."""
    layer = nn.Conv2d(3, 2, 1)
    mean, std = torch.tensor(normalization.mean), torch.tensor(normalization.std)
    weights = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.25]])
    with torch.no_grad():
        layer.weight.copy_((weights * std).reshape(2, 3, 1, 1))
        layer.bias.copy_((weights * mean).sum(dim=1) - torch.tensor([0.0, 1.25 * LEVEL / 255.0]))
    return layer


def network_inputs(network, call):
    """What enters `network` during `call`, each (N, 3, h, w), and what `call` gave."""
    seen = []
    handle = network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach().cpu().numpy()))
    try:
        result = call()
    finally:
        handle.remove()
    return seen, result


@pytest.fixture(params=["png", "jpg"])
def path(tmp_path, request):
    """A picture that tells resizes apart, one-pixel lines beside patches, and its label, all of class 0."""
    random = np.random.RandomState(0)
    image = cv2.resize(random.randint(0, 256, (10, 15, 3)).astype(np.uint8), FULL.cv2, interpolation=cv2.INTER_CUBIC)
    image[:, :160:2] = 255 - image[:, :160:2]
    name = str(tmp_path / ("picture." + request.param))
    cv2.imwrite(name, image)
    cv2.imwrite(str(tmp_path / "label.png"), np.zeros(FULL, dtype=np.uint8))
    return name


@pytest.fixture
def manifest_for(switch_manifest, path):
    """Makes a manifest under which the picture's p is 0.27: it is seen at 0.6 of its size, by no whole number."""
    def make(normalization):
        scale = measure(read_image(path), FULL) / 1.0727  # of Maxwell's distribution a share of 0.27 lies below
        manifest = switch_manifest(normalization, image_size=FULL, profile=ComplexityProfile(
            0.0, scale, FULL, 9, 0.1, "made", "sobel"))
        ladder = manifest.ladder_for(FULL)
        return manifest._replace(rungs=tuple(Rung(size, ratio, 1.0)
                                             for size, ratio in zip(ladder.rungs, ladder.ratios)))
    return make


def of_training(path, manifest, size):
    """The loader's tensor with augmentation off; of a JPEG the full decode, as the flag has it."""
    record = Record("picture", path, path.rsplit("/", 1)[0] + "/label.png", "")
    plan = manifest.policy.plan(0.27, manifest.ladder_for(FULL))._replace(drop_probability=0.0)
    assert plan.size == size
    images = TrainingImages([record], [plan], lambda record, wanted: read_pair(record, identity_code(2), wanted),
                            manifest.normalization, None, 0, full_decode=True)
    (tensors,) = load(images, list(batches([plan], 0, 1, 1)), 0)
    return tensors.inputs.numpy()[0]


def scored(path, manifest, predict):
    """Runs `evaluate` on the picture and keeps what was predicted at its full size."""
    kept = []

    def keep(inputs, full):
        kept.append(predict(inputs, full))
        return kept[-1]

    record = Record("picture", path, "", "")
    evaluate([record], lambda one: Sample(read_image(one.image), np.zeros(FULL, np.uint8), one.key), keep, manifest)
    return kept[0]


def served(path, engines, manifest):
    result = Segmenter(engines, manifest, manifest.profile, ignore).segment(
        Frame(read_image(path), 0, time.monotonic()))
    return result.labels, result.size


def by_formula(path, size, normalization):
    """(3, h, w) float64: what every path is to give, written down once more."""
    image = cv2.resize(read_image(path), size.cv2, interpolation=cv2.INTER_LINEAR).astype(np.float64)
    image = image[:, :, ::-1] if normalization.order == "rgb" else image
    return ((image / 255.0 - normalization.mean) / normalization.std).transpose(2, 0, 1)


@pytest.mark.parametrize("output, inside", [("labels", False), ("logits", False), ("labels", True), ("logits", True)])
@pytest.mark.parametrize("normalization", [IMAGENET, OTHER])
def test_the_same_tensor_and_the_same_labels_on_every_path(tmp_path, path, manifest_for, normalization, output, inside):
    network = switch(normalization).eval()
    manifest = manifest_for(normalization)._replace(output=output)
    own = carried(manifest, inside)  # what whoever takes the file goes by
    onnx = str(tmp_path / "m.onnx")
    export_onnx(network, manifest, onnx, inside=inside)
    watched, beside = Watched(open_onnxruntime(onnx)), Watched(open_torch(Deployed(network), "cpu"))

    labels, full_labels = {}, {}
    full_labels["serve"], size = served(path, watched.engines, own)
    assert size == Size(192, 288)  # 0.6 of both sides
    tensors = {"serve": watched.last(size)[0]}
    labels["serve"] = watched.last(size)[1]
    full_labels["bench"], ran, _ = run_image(Variant("adapted", watched.engines, own, own.profile), path)
    tensors["bench"], labels["bench"] = watched.last(ran)
    full_labels["eval"] = scored(path, own, as_deployed(watched.engines))
    tensors["eval"], labels["eval"] = watched.last(size)
    seen, _ = network_inputs(network, lambda: measure_parity(network, manifest, watched.engines,
                                                             [Sample(read_image(path), None, "")], 13, inside))
    tensors["export"], labels["export"] = watched.last(size)
    assert [len(spy.inputs) for spy in watched.spies.values()].count(4) == 1 and ran == size

    into_network = {"export": next(one[0] for one in seen if one.shape[2:] == size)}
    into_network["adapt"] = of_training(path, manifest, size)
    seen, (full_labels["torch"], _) = network_inputs(network, lambda: served(path, beside.engines, manifest))
    into_network["torch"], labels["torch"] = seen[0][0], beside.last(size)[1]
    seen, _ = network_inputs(network, lambda: scored(path, manifest, from_logits(network, "cpu")))
    into_network["eval, logits upsampled"] = seen[0][0]

    wanted, pixels = by_formula(path, size, normalization), by_formula(path, size, own.normalization)
    for name, tensor in into_network.items():
        assert tensor.dtype == np.float32 and np.abs(tensor - wanted).max() <= 1e-5, name
        assert np.abs(tensor - into_network["torch"]).max() <= 1e-6, name
    for name, tensor in tensors.items():
        assert tensor.dtype == np.float32 and np.abs(tensor - tensors["serve"]).max() <= 1e-6, name
        assert np.abs(tensor - pixels).max() <= 1e-5 * max(1.0, np.abs(pixels).max()), name
        assert inside or np.abs(tensor - into_network["torch"]).max() <= 1e-6, name

    image = cv2.resize(read_image(path), size.cv2, interpolation=cv2.INTER_LINEAR).astype(np.float64)
    order = normalization.order
    truth = image[:, :, FIRST[order]] + 0.25 * image[:, :, LAST[order]] - 1.25 * LEVEL
    clear = np.abs(truth) > 0.01
    assert 0.2 < (truth > 0).mean() < 0.8 and clear.mean() > 0.99
    for name, got in labels.items():
        assert np.array_equal(got[clear], (truth > 0)[clear]), name
        if name != "export":
            assert np.array_equal(full_labels[name], labels_to_size(got, FULL)), name
