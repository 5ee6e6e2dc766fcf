"""Which layout a folder has, and what becomes of files that are not what they should be."""
import json
import os

import numpy as np
import pytest

from dance_edge.data.layouts import LAYOUTS, open_dataset
from dance_edge.data.scan import scan
from dance_edge.errors import ConfigError, DataError


@pytest.mark.parametrize("name, layout, pairs, classes", [
    ("camvid", "camvid", 468, 11), ("idd_lite", "idd_lite", 1505, 7), ("cityscapes", "cityscapes", 5, 19),
    ("bdd100k/", "bdd100k", 20, 19)])
def test_the_real_folders_are_recognised(data_dir, name, layout, pairs, classes):
    found = open_dataset(os.path.join(data_dir, name))
    assert (found.layout, len(found.records()), len(found.classes.names)) == (layout, pairs, classes)
    assert found.name == name.rstrip("/") and found.labelled
    assert all(record.label is not None for record in found.records())


def test_a_folder_has_the_name_it_is_called_by(camvid, tmp_path, monkeypatch):
    camvid({"train": ["1"]})
    (tmp_path / "elsewhere").mkdir()
    os.symlink(str(tmp_path), str(tmp_path / "elsewhere" / "bdd"))
    monkeypatch.chdir(str(tmp_path / "elsewhere"))
    assert open_dataset("bdd/").name == "bdd"  # not the name of what the link leads to
    monkeypatch.chdir(str(tmp_path / "train"))
    assert open_dataset(".").name == "train" and open_dataset(".").layout == "folder"


@pytest.mark.parametrize("path, said", [("nowhere", "does not exist"), ("file", "is a file"), ("empty", "no images")])
def test_no_data_set(tmp_path, path, said):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=said) as caught:
        open_dataset(str(tmp_path / path))
    assert "camvid" in caught.value.hint


def test_a_layout_by_name(camvid):
    root = str(camvid({"train": ["1"]}))
    assert open_dataset(root, "folder").layout == "folder"
    with pytest.raises(DataError, match="in the layout cityscapes"):
        open_dataset(root, "cityscapes")
    with pytest.raises(ConfigError) as caught:
        open_dataset(root, "pascal")
    assert all(name in caught.value.hint for name in LAYOUTS)


def test_a_shelf_of_data_sets_is_none(camvid):
    root = camvid({"camvid/train": ["1"]})
    with pytest.raises(DataError) as caught:
        open_dataset(str(root))
    assert os.path.join(str(root), "camvid") in caught.value.hint


# For each layout: where frame i's image and label are, and how many ids its labels have.
TREES = {
    "camvid": ("train/%04d_%d.jpg", "trainannot/%04d_%d.png"),
    "cityscapes": ("leftImg8bit/train/bonn/bonn_%04d_%d_leftImg8bit.png",
                   "gtFine/train/bonn/bonn_%04d_%d_gtFine_labelIds.png"),
    "bdd100k": ("images/10k/train/%04d-%d.jpg", "labels/sem_seg/masks/train/%04d-%d.png"),
    "older bdd100k": ("seg/images/train/%04d-%d.jpg", "seg/labels/train/%04d-%d_train_id.png"),
    "idd_lite": ("leftImg8bit/train/7/%04d%d_image.jpg", "gtFine/train/7/%04d%d_label.png"),
    "published camvid": ("701_StillsRaw_full/0006R0_f%04d%d.png", "LabeledApproved_full/0006R0_f%04d%d_L.png"),
    "folder": ("images/train/%04d_%d.jpg", "labels/train/%04d_%d.png")}


@pytest.mark.parametrize("tree", sorted(TREES))
def test_with_one_file_in_twenty_spoilt_each_is_named_and_no_other(tmp_path, write, scene, tree):
    """120 pairs; an image and a label each cut, swapped for text, and renamed twice over (stem and kind)."""
    image, label = (str(tmp_path / path) for path in TREES[tree])
    for i in range(120):
        write(image % (i, 0), scene(i, 16, 24))
        ids = np.full((16, 24), i % 7, np.uint8)
        write(label % (i, 0), np.full((16, 24, 3), 128, np.uint8) if "published" in tree else ids)
    if tree == "folder":
        (tmp_path / "classes.json").write_text(json.dumps({"classes": list("abcdefg")}))
    spoilt, strays = [], []
    for i, path in enumerate((image, label)):
        cut, text, renamed, moved = (path % (10 * one + i, 0) for one in range(4))
        with open(cut, "r+b") as file:
            file.truncate(os.path.getsize(cut) * (40 + 50 * (1 - i)) // 100)
        with open(text, "w") as file:
            file.write("text")
        spoilt += [cut, text]
        strays.append(os.path.join(os.path.dirname(renamed), "other%d%s" % (i, os.path.splitext(renamed)[1])))
        os.rename(renamed, strays[-1])
        os.rename(moved, moved + ".txt")
    dataset = open_dataset(str(tmp_path))
    result = scan(dataset)
    assert dataset.layout in tree and len(result.measured) == 112 and result.unfit == ()
    assert sorted(one.path for one in result.broken) == sorted(spoilt)
    lone = [path % (10 * one + i, 0) for i, path in ((1, image), (0, label)) for one in (2, 3)]
    assert sorted(dataset.unpaired_images + dataset.unpaired_labels) == sorted(lone + strays)
