"""What the data says of weights that come without facts."""
import json
import os

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from dance_edge.checkpoint import read_checkpoint
from dance_edge.data.transforms import IMAGENET
from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.events import ignore
from dance_edge.models import catalog
from dance_edge.size import Size
from dance_edge.training.plain import open_plain


class Net(nn.Module):
    stride = 8

    def __init__(self, num_classes):
        super().__init__()
        self.classifier = nn.Conv2d(3, num_classes, 1)

    def forward(self, x):
        return self.classifier(x)


@pytest.fixture
def town(tmp_path, monkeypatch):
    """Four images to learn from and two to score on, 32x48, two classes; weights of a network in plain.pt."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "MODELS", {"net": catalog.Entry(Net, ())})
    random = np.random.RandomState(0)
    for split, count in (("train", 4), ("val", 2)):
        for kind in ("images", "labels"):
            os.makedirs(os.path.join("town", kind, split))
        for i in range(count):
            image = random.randint(0, 50 * (i + 1), (32, 48, 3)).astype(np.uint8)
            cv2.imwrite(os.path.join("town", "images", split, "%d.png" % i), image)
            cv2.imwrite(os.path.join("town", "labels", split, "%d.png" % i), np.zeros((32, 48), np.uint8))
    with open(os.path.join("town", "classes.json"), "w") as file:
        json.dump({"classes": ["road", "sky"], "void": [255]}, file)
    torch.save(Net(2).state_dict(), "plain.pt")
    return "town"


def opened(data, model="", with_p=True, on_event=ignore):
    return open_plain(read_checkpoint("plain.pt"), data, model, "", "", with_p, on_event)


def test_classes_sizes_and_p_are_the_data_s(town):
    heard = []
    manifest, network = opened(town, on_event=heard.append)
    assert manifest.classes.names == ("road", "sky") and manifest.normalization == IMAGENET
    assert manifest.image_size == Size(32, 48) and manifest.stride == 8 and manifest.model == "net"
    assert manifest.profile.sample_count == 4 and manifest.profile.measured_size == Size(32, 48)
    assert manifest.rungs[-1].size == Size(32, 48) and manifest.rungs[-1].macs == 2 * 3 * 32 * 48
    assert manifest.params == 8 and torch.equal(network.state_dict()["classifier.weight"],
                                                read_checkpoint("plain.pt").state["classifier.weight"])
    said = [getattr(event, "text", "") for event in heard]
    assert "p is by the complexities of 4 images of town" in said and any("ImageNet" in line for line in said)


def test_without_p_nothing_is_scanned(town, monkeypatch):
    monkeypatch.setattr("dance_edge.training.plain.scan", None)
    assert opened(town, with_p=False)[0].profile is None


def test_what_is_missing_is_one_clear_error(town):
    with pytest.raises(ConfigError, match="weights alone") as caught:
        opened("")
    assert "--data" in caught.value.hint and "--model" in caught.value.hint
    torch.save(Net(5).state_dict(), "plain.pt")
    with pytest.raises(CheckpointError, match="classifier.weight is 5x3x1x1, not 2x3x1x1") as caught:
        opened(town)
    assert "--label-map" in caught.value.hint
