"""A plain folder, and its classes.json."""
import json

import pytest

from dance_edge.data import folder as layout
from dance_edge.data.label_codes import UNKNOWN
from dance_edge.data.labels import CAMVID11, VOID
from dance_edge.errors import DataError


def _classes(root, **facts):
    (root / "classes.json").write_text(json.dumps(facts), encoding="utf-8")


def test_images_and_labels_with_splits(tmp_path, write, scene):
    for split in ("train", "val"):
        write(tmp_path / "images" / split / "1.jpg", scene())
        write(tmp_path / "labels" / split / "1.png", scene()[:, :, 0] % 2)
    _classes(tmp_path, classes=["ground", "sky"], palette=[[1, 2, 3], [4, 5, 6]], void=[255, 7])
    found = layout.read(str(tmp_path))
    assert sorted(record.name for record in found.records()) == ["train/1.jpg", "val/1.jpg"]
    assert found.classes.names == ("ground", "sky") and found.classes.palette == ((1, 2, 3), (4, 5, 6))
    assert list(found.code.lookup[:3]) == [0, 1, UNKNOWN] and found.code.lookup[7] == VOID


def test_files_beside_the_splits_and_splits_without_images_are_not_passed_over(tmp_path, write, scene):
    for stem in ("train/1", "val/1", "both"):
        write(tmp_path / "images" / (stem + ".jpg"), scene())
        write(tmp_path / "labels" / (stem + ".png"), scene()[:, :, 0] % 2)
    write(tmp_path / "images" / "alone.jpg", scene())
    write(tmp_path / "labels" / "test" / "9.png", scene()[:, :, 0] % 2)
    write(tmp_path / "labels" / "lone.png", scene()[:, :, 0] % 2)
    _classes(tmp_path, classes=["ground", "sky"])
    found = layout.read(str(tmp_path))
    assert sorted(record.name for record in found.records()) == ["both.jpg", "train/1.jpg", "val/1.jpg"]
    assert found.unpaired_images == (str(tmp_path / "images" / "alone.jpg"),)
    assert sorted(found.unpaired_labels) == [str(tmp_path / "labels" / "lone.png"),
                                             str(tmp_path / "labels" / "test" / "9.png")]


def test_folders_that_are_no_splits_are_groups(tmp_path, write, scene):
    write(tmp_path / "images" / "monday" / "1.png", scene())
    write(tmp_path / "labels" / "monday" / "1.png", scene()[:, :, 0] % 2)
    _classes(tmp_path, classes=["ground", "sky"])
    found = layout.read(str(tmp_path))
    assert [(one.key, one.group, one.split) for one in found.records()] == [("monday/1.png", "monday", "")]
    assert len(set(found.classes.palette)) == 2


@pytest.mark.parametrize("folder", ["", "images"])
def test_images_alone_are_enough(tmp_path, write, scene, folder):
    write(tmp_path / folder / "1.jpg", scene())
    write(tmp_path / folder / "deep" / "er" / "2.jpg", scene())
    found = layout.read(str(tmp_path))
    assert [(one.key, one.label, one.group) for one in found.records()] == [
        ("1.jpg", None, ""), ("deep/er/2.jpg", None, "deep/er")]
    assert found.classes is None and found.unpaired_images == () and not found.labelled


def test_labels_without_names_are_refused(tmp_path, write, scene):
    write(tmp_path / "images" / "1.jpg", scene())
    write(tmp_path / "labels" / "1.png", scene()[:, :, 0])
    with pytest.raises(DataError) as caught:
        layout.read(str(tmp_path))
    assert "classes.json" in caught.value.message and "palette" in caught.value.hint


@pytest.mark.parametrize("facts", [
    {}, {"classes": []}, {"classes": "road"}, {"classes": ["a", "a"]}, {"classes": ["a", 3]},
    {"classes": ["a", "b"], "palette": [[1, 2, 3]]}, {"classes": ["a"], "palette": [[1, 2, 300]]},
    {"classes": ["a", "b"], "void": [1]}, {"classes": ["a"], "void": [256]}, {"classes": ["a"], "void": "none"}])
def test_a_false_classes_json_is_refused(tmp_path, facts):
    _classes(tmp_path, **facts)
    with pytest.raises(DataError, match="classes.json"):
        layout.read_classes(str(tmp_path / "classes.json"))


def test_colours_that_are_left_out():
    assert layout.default_palette(["sky", "car"]) == (CAMVID11.palette[0], CAMVID11.palette[8])
    many = layout.default_palette(["c%d" % i for i in range(254)])
    assert len(set(many)) == 254 and (0, 0, 0) not in many
