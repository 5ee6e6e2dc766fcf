"""Which files count, and pairing by name."""
import os
import sys

import pytest

from dance_edge.data.files import any_image, image_files, natural, split_files, subfolders
from dance_edge.errors import DataError


def _touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_junk_is_passed_over_and_suffixes_have_any_case(tmp_path):
    for name in ("A.JPG", "b.jpeg", "._x.jpg", ".hidden.png", "Thumbs.db", "notes.txt", "Straße 1.png",
                 ".ipynb_checkpoints/c-checkpoint.png", "__MACOSX/d.png", "drive/e.png"):
        _touch(tmp_path / name)
    assert sorted(image_files(str(tmp_path))) == ["A.JPG", "Straße 1.png", "b.jpeg", "drive/e.png"]
    assert subfolders(str(tmp_path)) == ["drive"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems have no such names")
def test_a_name_that_is_no_utf_8_is_refused_before_anything_is_measured(tmp_path):
    _touch(tmp_path / "1.png")
    os.rename(str(tmp_path / "1.png"), os.fsencode(str(tmp_path)) + b"/caf\xe9.png")
    with pytest.raises(DataError, match="caf.*udce9.*not UTF-8") as caught:
        image_files(str(tmp_path))
    caught.value.message.encode("utf-8")  # the line itself can be printed


def test_frames_come_in_natural_order(tmp_path):
    for name in ("10.png", "2.png", "1.png", "a.b.png", "20.png"):
        _touch(tmp_path / name)
    assert image_files(str(tmp_path)) == ["1.png", "2.png", "10.png", "20.png", "a.b.png"]
    assert natural("f9_x10") < natural("f10_x2")


def test_links_are_followed_and_lead_nowhere_twice(tmp_path):
    _touch(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "set").mkdir()
    os.symlink(str(tmp_path / "elsewhere"), str(tmp_path / "set" / "one"))
    os.symlink(str(tmp_path / "elsewhere"), str(tmp_path / "set" / "two"))
    os.symlink(str(tmp_path / "set"), str(tmp_path / "set" / "loop"))
    os.symlink(str(tmp_path / "gone.png"), str(tmp_path / "set" / "broken.png"))
    assert image_files(str(tmp_path / "set")) == ["broken.png", "one/a.png", "two/a.png"]


def test_folders_that_lead_to_each_other_are_walked_once_each_way(tmp_path):
    for one, other in ("ab", "ba"):
        _touch(tmp_path / one / (one + ".png"))
        os.symlink(str(tmp_path / other), str(tmp_path / one / "on"))
    assert image_files(str(tmp_path)) == ["a/a.png", "a/on/b.png", "b/b.png", "b/on/a.png"]


def test_two_images_of_one_stem_are_refused_and_in_two_drives_they_are_two(tmp_path):
    _touch(tmp_path / "1" / "a.png")
    _touch(tmp_path / "2" / "a.png")
    assert split_files("", str(tmp_path), None).images == {"1/a": "1/a.png", "2/a": "2/a.png"}
    _touch(tmp_path / "2" / "a.jpg")
    with pytest.raises(DataError) as caught:
        split_files("", str(tmp_path), None)
    assert "2/a.jpg" in caught.value.message and "2/a.png" in caught.value.message


def test_a_missing_folder_has_nothing(tmp_path):
    assert image_files(str(tmp_path / "no")) == [] and subfolders(str(tmp_path / "no")) == []
    assert not any_image(str(tmp_path / "no"))
    assert split_files("train", str(tmp_path / "no"), str(tmp_path / "not")).label_folder is None


def test_a_file_with_a_name_of_no_kind_is_a_stray_and_a_known_one_is_not(tmp_path):
    for name in ("i/1_image.jpg", "i/renamed.jpg", "l/1_label.png", "l/1_inst_label.png", "l/d/2_lable.png"):
        _touch(tmp_path / name)
    found = split_files("", str(tmp_path / "i"), str(tmp_path / "l"), "_image", "_label", ("_inst_label",))
    assert found.images == {"1": "1_image.jpg"} and found.labels == {"1": "1_label.png"}
    assert found.stray_images == (str(tmp_path / "i" / "renamed.jpg"),)
    assert found.stray_labels == (str(tmp_path / "l" / "d" / "2_lable.png"),)
