"""CamVid's two forms, and pairing as every layout does it."""
import os

import cv2
import numpy as np
import pytest

from dance_edge.data import camvid as layout
from dance_edge.data.dataset import by_name, require_labels
from dance_edge.data.images import read_label, read_pair
from dance_edge.data.label_codes import UNKNOWN
from dance_edge.data.labels import CAMVID11, VOID
from dance_edge.data.layouts import open_dataset
from dance_edge.data.scan import scan
from dance_edge.data.splits import named_split, train_and_val
from dance_edge.errors import DataError

# The 32 classes as label_colors.txt has them (r, g, b), and the class of SegNet's 11 that each belongs to.
PUBLISHED = """
64 128 64 Animal pedestrian; 192 0 128 Archway building; 0 128 192 Bicyclist bicyclist; 0 128 64 Bridge building;
128 0 0 Building building; 64 0 128 Car car; 64 0 192 CartLuggagePram pedestrian; 192 128 64 Child pedestrian;
192 192 128 Column_Pole pole; 64 64 128 Fence fence; 128 0 192 LaneMkgsDriv road; 192 0 64 LaneMkgsNonDriv road;
128 128 64 Misc_Text sign; 192 0 192 MotorcycleScooter bicyclist; 128 64 64 OtherMoving car;
64 192 128 ParkingBlock pavement; 64 64 0 Pedestrian pedestrian; 128 64 128 Road road;
128 128 192 RoadShoulder pavement; 0 0 192 Sidewalk pavement; 192 128 128 SignSymbol sign; 128 128 128 Sky sky;
64 128 192 SUVPickupTruck car; 0 0 64 TrafficCone pole; 0 64 64 TrafficLight sign; 192 64 128 Train car;
128 128 0 Tree tree; 192 128 192 Truck_Bus car; 64 0 64 Tunnel building; 192 192 0 VegetationMisc tree;
0 0 0 Void void; 64 192 0 Wall building"""
CLASSES = [tuple(entry.split()) for entry in PUBLISHED.split(";")]


@pytest.fixture
def published(tmp_path, write, scene):
    """published(["0001TP_006690", ...]): the folders as published; each label has all 32 colours, one a column."""
    def make(stems, suffix=".png"):
        for stem in stems:
            write(tmp_path / "701_StillsRaw_full" / (stem + suffix), scene(1, 24, 32))
            columns = np.array([(int(b), int(g), int(r)) for r, g, b, _, _ in CLASSES], dtype=np.uint8)
            write(tmp_path / "LabeledApproved_full" / (stem + "_L.png"), np.tile(columns, (24, 1, 1)))
        return tmp_path
    return make


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


def test_labels_of_a_split_without_an_image_folder_are_orphans(camvid, write, scene):
    root = camvid({"train": ["1", "2"]})
    orphan = write(root / "valannot" / "3.png", scene()[:, :, 0] % 4)
    found = layout.read(str(root))
    assert found.unpaired_labels == (orphan,) and sorted(found.splits) == ["train"]


def test_stored_names_find_their_records_again(camvid):
    root = camvid({"train": ["1", "2"], "val": ["1"]})
    found = layout.read(str(root))
    assert [one.split for one in by_name(found, ["val/1.jpg", "train/1.jpg"])] == ["val", "train"]
    with pytest.raises(DataError, match="train/9.jpg"):
        by_name(found, ["train/1.jpg", "train/9.jpg"])


def test_segnets_own_void_is_11(camvid, write):
    root = camvid({"train": ["1"]})
    path = write(root / "trainannot" / "1.png", np.array([[10, 11], [255, 0]], dtype=np.uint8))
    code = layout.read(str(root)).code
    assert read_label(path, code).tolist() == [[10, VOID], [VOID, 0]] and code.lookup[12] == UNKNOWN


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_published_form_has_the_11_classes_of_segnets(published, suffix):
    root = published(["0001TP_006690", "0016E5_07959", "Seq05VD_f00000"], suffix)
    (root / "label_colors.txt").write_text("64 128 64 Animal")
    found = open_dataset(str(root))
    assert (found.layout, found.label_encoding, found.classes) == ("camvid", "colours", CAMVID11)
    assert found.unpaired_images == found.unpaired_labels == () and len(found.records()) == 3
    label = read_pair(found.records()[0], found.code).label
    assert label.shape == (24, 32) and (label == label[0]).all() and len(CLASSES) == 32
    assert [("void" if one == VOID else CAMVID11.names[one]) for one in label[0]] == [one[4] for one in CLASSES]
    result = scan(found)
    assert result.faults == () and result.of(found.records()[0]).pixels[CAMVID11.index("building")] == 5 * 24


def test_the_published_form_is_parted_as_the_literature_does(published):
    stems = {"0001TP_006690": "train", "0001TP_008520": "train", "0001TP_008550": "test", "0001TP_010380": "test",
             "0006R0_f00930": "train", "0016E5_00390": "train", "0016E5_07920": "train", "0016E5_07959": "val",
             "0016E5_08159": "val", "0016E5_08190": "train", "Seq05VD_f00000": "test", "Seq05VD_f05100": "test"}
    found = layout.read(str(published(sorted(stems))))
    assert {record.key[:-4]: record.split for record in found.records()} == stems
    assert found.splits["val"][0].group == "0016E5" and found.splits["test"][-1].group == "Seq05VD"
    assert "scored on the 2 of val" in train_and_val(found).how and len(named_split(found, "test")) == 4


def test_of_the_published_form_some_sequences_are_enough(published):
    split = train_and_val(layout.read(str(published(["0006R0_f%05d" % i for i in range(8)]))))
    assert len(split.train) == 6 and len(split.val) == 2 and "train, the only split" in split.how


def test_orphans_of_the_published_form(published, write, scene):
    root = published(["0001TP_006690", "0001TP_006720", "Seq05VD_f00000"])
    os.remove(str(root / "701_StillsRaw_full" / "Seq05VD_f00000.png"))
    os.rename(str(root / "LabeledApproved_full" / "0001TP_006720_L.png"), str(root / "LabeledApproved_full" / "x.png"))
    found = layout.read(str(root))
    assert [record.key for record in found.records()] == ["0001TP_006690.png"]
    assert found.unpaired_images == (str(root / "701_StillsRaw_full" / "0001TP_006720.png"),)
    assert found.unpaired_labels == tuple(str(root / "LabeledApproved_full" / name)
                                          for name in ("x.png", "Seq05VD_f00000_L.png"))


def test_a_colour_that_is_no_class_is_named_with_its_place(published, write):
    root = published(["0001TP_006690"])
    path = str(root / "LabeledApproved_full" / "0001TP_006690_L.png")
    picture = cv2.imread(path)
    picture[5, 7] = picture[9, 2] = (1, 2, 3)
    write(path, picture)
    with pytest.raises(DataError) as caught:
        read_label(path, layout.COLOUR_CODE)
    assert caught.value.message == ("label %s has 2 pixels in colours that are no class's; the first is (3, 2, 1) at "
                                    "x 7, y 5" % path)


def test_a_palette_and_alpha_keep_the_colours_and_ids_are_refused(tmp_path, write, png):
    road, sky = CAMVID11.index("road"), CAMVID11.index("sky")
    (tmp_path / "palette.png").write_bytes(png(np.array([[0, 1, 1]]), 3, 8, [(128, 64, 128), (128, 128, 128)]))
    assert read_label(str(tmp_path / "palette.png"), layout.COLOUR_CODE).tolist() == [[road, sky, sky]]
    rgba = np.array([[(128, 64, 128, 0), (0, 0, 0, 9)]], dtype=np.uint8)
    assert read_label(write(tmp_path / "rgba.png", rgba), layout.COLOUR_CODE).tolist() == [[road, VOID]]
    for ids in (np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.uint16)):
        with pytest.raises(DataError, match="classes are colours"):
            read_label(write(tmp_path / "ids.png", ids), layout.COLOUR_CODE)


def test_the_real_one(data_dir):
    found = layout.read(os.path.join(data_dir, "camvid"))
    assert all(layout.literature_split(record.key[:-4]) == record.split for record in found.records())
    assert {name: len(records) for name, records in found.splits.items()} == {"train": 367, "val": 101}
    assert {record.group for record in found.splits["val"]} == {"0016E5"}
