"""IDD Lite's layout."""
import os

from dance_edge.data import idd_lite as layout


def test_one_file_name_in_two_drives_is_two_images(tmp_path, write, scene):
    for drive in ("0", "12"):
        write(tmp_path / "leftImg8bit" / "train" / drive / "024541_image.jpg", scene())
        write(tmp_path / "gtFine" / "train" / drive / "024541_label.png", scene()[:, :, 0] % 7)
        write(tmp_path / "gtFine" / "train" / drive / "024541_inst_label.png", scene()[:, :, 0])
    write(tmp_path / "leftImg8bit" / "test" / "3" / "1_image.jpg", scene())  # the data set keeps these labels back
    assert layout.recognise(str(tmp_path))
    found = layout.read(str(tmp_path))
    assert [(one.key, one.group) for one in found.splits["train"]] == [("0/024541_image.jpg", "0"),
                                                                      ("12/024541_image.jpg", "12")]
    assert found.splits["test"][0].label is None
    assert found.unpaired_images == found.unpaired_labels == () and len(found.classes.names) == 7


def test_the_real_one(data_dir):
    found = layout.read(os.path.join(data_dir, "idd_lite"))
    assert {name: len(records) for name, records in found.splits.items()} == {"train": 1403, "val": 102}
    bare = [os.path.basename(record.key) for record in found.records()]
    assert len(set(record.name for record in found.records())) == 1505 and len(bare) - len(set(bare)) >= 22
