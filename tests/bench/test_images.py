import os
import shutil

import cv2
import numpy as np
import pytest

from dance_edge.bench import images
from dance_edge.complexity.indicator import measure
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.images import read_image
from dance_edge.errors import DataError
from dance_edge.events import ignore
from dance_edge.size import Size, size_of


@pytest.mark.parametrize("indicator, scale", [("sobel", 0.13), ("weber", 0.3)])
def test_drawn_images_spread_their_p_evenly(tmp_path, indicator, scale):
    profile = ComplexityProfile(0.02, scale, Size(180, 240), 100, 0.05, "made", indicator)
    drawn = images.drawn(str(tmp_path), 8, Size(360, 480), profile)
    shown = [read_image(path) for path in drawn.paths]
    p = [profile.p(measure(image, profile.measured_size, indicator)) for image in shown]
    assert all(size_of(image) == Size(360, 480) for image in shown)
    assert p == pytest.approx((np.arange(8) + 0.5) / 8, abs=0.05)
    assert "drawn" in drawn.origin


def test_drawn_images_without_a_profile(tmp_path):
    assert len(images.drawn(str(tmp_path), 3, Size(64, 96), None).paths) == 3


def test_a_folder_of_images_without_labels_serves(gray_images):
    found = images.of_folder(os.path.dirname(gray_images[0]), 3, ignore)
    assert len(found.paths) == 3 and set(found.paths) <= set(gray_images)
    assert "3 images of images" in found.origin


def test_broken_images_are_left_out_and_named(gray_images):
    with open(gray_images[1], "wb") as file:
        file.write(b"not a picture")
    heard = []
    found = images.of_folder(os.path.dirname(gray_images[0]), 4, heard.append)
    assert len(found.paths) == 3 and "1.png" in heard[0].text


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(DataError):
        images.of_folder(str(tmp_path), 4, ignore)


def test_a_runs_own_split_is_used_again(tmp_path):
    folder = tmp_path / "set"
    for split in ("train", "val"):
        for name in (split, split + "annot"):
            (folder / name).mkdir(parents=True)
            for i in range(3):
                cv2.imwrite(str(folder / name / ("s_%d.png" % i)), np.zeros((32, 48), np.uint8))
    state = {"target": {"root": str(folder), "layout": "camvid", "train": [], "val": ["val/s_0.png", "val/s_2.png"]}}
    found = images.of_run(state, 8, ignore)
    assert [os.path.basename(path) for path in found.paths] == ["s_0.png", "s_2.png"]
    assert "validation split" in found.origin


def test_a_run_whose_data_is_gone_says_so(tmp_path):
    heard = []
    state = {"target": {"root": str(tmp_path / "gone"), "layout": "camvid", "val": ["val/a.png"]}}
    assert images.of_run(state, 8, heard.append) is None and "gone" in heard[0].text
    assert images.of_run({}, 8, heard.append) is None


@pytest.fixture
def two_splits(tmp_path):
    """A labelled set with two images to learn from and one to score on: its folder, and a state that names them."""
    for split, count in (("train", 2), ("val", 1)):
        for name in (split, split + "annot"):
            (tmp_path / "set" / name).mkdir(parents=True)
            for i in range(count):
                cv2.imwrite(str(tmp_path / "set" / name / ("s_%d.png" % i)), np.zeros((32, 48), np.uint8))
    folder = str(tmp_path / "set")
    return folder, {"target": {"root": folder, "layout": "camvid", "train": ["train/s_0.png", "train/s_1.png"],
                               "val": ["val/s_0.png"]}}


def test_images_that_were_trained_on_are_known_and_marked(two_splits, tmp_path):
    folder, state = two_splits
    found = images.of_folder(os.path.join(folder, ""), 4, ignore)
    assert not images.trained_on(found, state) and not images.trained_on(images.of_run(state, 4, ignore), state)
    other = {"target": dict(state["target"], train=["val/s_0.png"], val=["train/s_0.png"])}
    assert images.trained_on(found, other) and not images.trained_on(images.of_run(other, 4, ignore), other)
    elsewhere = {"target": dict(other["target"], root=str(tmp_path))}
    assert not images.trained_on(found, elsewhere) and not images.trained_on(found, {})
    assert not images.trained_on(images.drawn(str(tmp_path), 1, Size(32, 48), None), other)
    assert images.marked(found).origin == "images that were trained on: 1 images of set (validation)"


def test_the_only_image_is_one_that_training_would_have(two_splits, tmp_path):
    folder, _ = two_splits
    for name in ("val", "valannot"):
        shutil.rmtree(os.path.join(folder, name))
        os.remove(os.path.join(folder, name.replace("val", "train"), "s_1.png"))
    assert "trained on and scored on" in images.of_folder(folder, 4, ignore).origin
