"""CamVid's SegNet layout, and pairing as every layout does it."""
import os

import pytest

from dance_edge.data import camvid as layout
from dance_edge.data.dataset import by_name, require_labels
from dance_edge.errors import DataError


def test_splits_keys_and_sequences(camvid):
    found = layout.read(str(camvid({"train": ["0001TP_006690", "Seq05VD_f00000"], "val": ["0016E5_07959"]})))
    assert {name: [one.key for one in records] for name, records in found.splits.items()} == {
        "train": ["0001TP_006690.jpg", "Seq05VD_f00000.jpg"], "val": ["0016E5_07959.jpg"]}
    record = found.splits["val"][0]
    assert record.group == "0016E5" and record.name == "val/0016E5_07959.jpg" and record.split == "val"
    assert record.label == os.path.join(str(camvid({})), "valannot", "0016E5_07959.png")
    assert found.splits["train"][1].group == "Seq05VD" and len(found.classes.names) == 11


def test_pairs_by_name_never_by_position(camvid):
    root = camvid({"train": ["1", "2", "10", "20", "a.b"]})
    os.remove(str(root / "trainannot" / "2.png"))
    os.remove(str(root / "train" / "10.jpg"))
    found = layout.read(str(root))
    for record in found.splits["train"]:
        assert os.path.basename(record.label)[:-4] == record.key[:-4]
    assert [record.key for record in found.splits["train"]] == ["1.jpg", "20.jpg", "a.b.jpg"]
    assert found.unpaired_images == (str(root / "train" / "2.jpg"),)
    assert found.unpaired_labels == (str(root / "trainannot" / "10.png"),)


def test_images_without_any_label_can_be_measured_but_not_learnt_from(camvid):
    root = camvid({"train": ["1", "2"]})
    for name in ("1", "2"):
        os.remove(str(root / "trainannot" / (name + ".png")))
    found = layout.read(str(root))
    assert [record.label for record in found.splits["train"]] == [None, None] and len(found.unpaired_images) == 2
    with pytest.raises(DataError) as caught:
        require_labels(found)
    assert "2 images and no label" in caught.value.message


def test_a_test_split_without_a_label_folder_lacks_nothing(camvid, write, scene):
    root = camvid({"train": ["1"]})
    write(root / "test" / "5.jpg", scene())
    found = layout.read(str(root))
    assert found.splits["test"][0].label is None and found.unpaired_images == ()


def test_stored_names_find_their_records_again(camvid):
    root = camvid({"train": ["1", "2"], "val": ["1"]})
    found = layout.read(str(root))
    assert [one.split for one in by_name(found, ["val/1.jpg", "train/1.jpg"])] == ["val", "train"]
    with pytest.raises(DataError, match="train/9.jpg"):
        by_name(found, ["train/1.jpg", "train/9.jpg"])


def test_the_real_one(data_dir):
    found = layout.read(os.path.join(data_dir, "camvid"))
    assert {name: len(records) for name, records in found.splits.items()} == {"train": 367, "val": 101}
    assert {record.group for record in found.splits["val"]} == {"0016E5"}
