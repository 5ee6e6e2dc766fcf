"""What a run is told before it begins."""
import json

import cv2
import numpy as np
import pytest

from dance_edge.errors import DataError
from dance_edge.events import Warned
from dance_edge.training.config import AdaptConfig
from dance_edge.training.setup import prepare


@pytest.fixture
def town(tmp_path):
    """A plain folder: six images of a dusk drive and twelve of a day's to learn from, two to score on."""
    random = np.random.RandomState(0)
    for split, drive, count, top in (("train", "dusk", 6, 50), ("train", "day", 12, 250), ("val", "day", 2, 250)):
        for kind in ("images", "labels"):
            (tmp_path / kind / split / drive).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            image = random.randint(0, top + i, (64, 96, 3)).astype(np.uint8)
            cv2.imwrite(str(tmp_path / "images" / split / drive / ("%d.png" % i)), image)
            label = np.repeat(np.uint8([[0, 1]]), 48, axis=1).repeat(64, axis=0)
            cv2.imwrite(str(tmp_path / "labels" / split / drive / ("%d.png" % i)), label)
    (tmp_path / "classes.json").write_text(json.dumps({"classes": ["road", "sky"], "void": [255]}))
    return str(tmp_path)


@pytest.mark.parametrize("changes, warned", [({}, True), ({"indicator": "weber"}, False), ({"slim": False}, False)])
def test_a_starving_drive_is_warned_of_before_the_first_step(town, changes, warned):
    events = []
    prepare(AdaptConfig(target=town, model="bisenet", steps=2, batch_size=2, **changes), {}, events.append)
    lines = [one.text for one in events if isinstance(one, Warned)]
    assert any(line.startswith("sequence dusk (6 of 18 images") for line in lines) == warned


def test_too_few_whole_pairs_are_refused(town, tmp_path):
    for i in range(2):
        (tmp_path / "images" / "val" / "day" / ("%d.png" % i)).write_bytes(b"text")
    with pytest.raises(DataError, match="18 whole pairs to learn from and 0 to score on"):
        prepare(AdaptConfig(target=town, model="bisenet", steps=2, batch_size=2), {}, lambda event: None)
