"""Weights by class, from the labels and from a file."""
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from dance_edge.data.dataset import Record
from dance_edge.data.label_codes import identity_code
from dance_edge.errors import ConfigError
from dance_edge.events import ignore
from dance_edge.training.class_weights import class_weights


@pytest.fixture
def target(tmp_path):
    """Two labels of 4x5 pixels: 10 of class 0, 5 of 1, 5 void; and 20 of class 0. Class 2 is nowhere."""
    first, second = np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8)
    first[2], first[3] = 1, 255
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for path, label in zip(paths, (first, second)):
        cv2.imwrite(path, label)
    records = tuple(Record(path, path, path, "") for path in paths)
    return SimpleNamespace(train=records, code=identity_code(3), classes=SimpleNamespace(names=("road", "car", "sky")))


def test_median_frequency(target):
    # road: 30 of the 15 + 20 pixels of the images that show it, car: 5 of 15
    road, car = 30 / 35.0, 5 / 15.0
    middle = (road + car) / 2
    assert class_weights("median-frequency", target, ignore) == pytest.approx((middle / road, middle / car, 1.0))


def test_a_file_names_some(target, tmp_path):
    path = str(tmp_path / "w.json")
    with open(path, "w") as file:
        json.dump({"car": 5, "sky": 0}, file)
    assert class_weights(path, target, ignore) == (1.0, 5.0, 0.0)
    assert class_weights("", target, ignore) == ()


@pytest.mark.parametrize("content, words", [
    ({"lorry": 2}, "lorry"), ({"car": -1}, "-1"), ({"car": "much"}, "much"), ({"car": True}, "True"),
    ({"road": 0, "car": 0, "sky": 0}, "every class"), ([1, 2], "no JSON object")])
def test_what_a_file_gets_wrong(target, tmp_path, content, words):
    path = str(tmp_path / "w.json")
    with open(path, "w") as file:
        json.dump(content, file)
    with pytest.raises(ConfigError, match=words):
        class_weights(path, target, ignore)
