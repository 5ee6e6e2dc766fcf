"""Which layout a folder has."""
import os

import pytest

from dance_edge.data.layouts import LAYOUTS, open_dataset
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
