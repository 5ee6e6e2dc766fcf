"""Which images are trained on and which are scored on."""
import os

import pytest

from dance_edge.data.dataset import Record
from dance_edge.data.layouts import open_dataset
from dance_edge.data.splits import (
    named_split,
    part,
    restored,
    stored_names,
    train_and_val,
    training_records,
)
from dance_edge.errors import DataError


def _records(groups):
    return [Record("%s_%d.jpg" % (group, i), "", "label", group, "val")
            for group, count in groups.items() for i in range(count)]


def test_two_splits_are_taken_as_they_are(camvid):
    dataset = open_dataset(str(camvid({"train": ["1", "2", "3"], "val": ["4"], "test": ["5"]})))
    split = train_and_val(dataset)
    assert stored_names(split.train) == ["train/1.jpg", "train/2.jpg", "train/3.jpg"]
    assert stored_names(split.val) == ["val/4.jpg"] and not split.val_is_trained_on
    assert split.how == "3 images of train, scored on the 1 of val"
    assert stored_names(named_split(dataset, "test")) == ["test/5.jpg"]
    with pytest.raises(DataError, match="night") as caught:
        named_split(dataset, "night")
    assert "test, train, val" in caught.value.hint


@pytest.mark.parametrize("groups, held", [
    ({"a": 1, "b": 1, "c": 3}, {"a"}), ({"a": 30, "b": 10}, {"b"}), ({"a": 4, "b": 4, "c": 4, "d": 4}, {"a"}),
    ({"a": 60, "b": 15, "c": 15, "d": 10}, {"b", "c"})])
def test_one_split_is_parted_by_whole_groups(groups, held):
    split = part(_records(groups), "val")
    assert {record.group for record in split.val} == held
    assert not held & {record.group for record in split.train}
    assert len(split.train) + len(split.val) == sum(groups.values()) and "only split" in split.how


@pytest.mark.parametrize("groups", [{"": 20}, {"a": 19, "b": 1}])
def test_else_a_block_of_neighbours_is_held_out(groups):
    records = _records(groups)
    split = part(records[::-1])
    order = {record: i for i, record in enumerate(records)}
    places = sorted(order[record] for record in split.val)
    assert len(places) == 5 and places == list(range(15, 20))
    assert "a block" in split.how


def test_two_images_are_parted_and_one_is_said_to_be_both():
    assert [len(some) for some in part(_records({"a": 2}))[:2]] == [1, 1]
    alone = part(_records({"a": 1}))
    assert alone.train == alone.val and alone.val_is_trained_on and "trained on and scored on" in alone.how


def test_a_stored_split_comes_back(camvid):
    root = camvid({"val": ["a_1", "a_2", "b_1", "b_2"]})
    split = train_and_val(open_dataset(str(root)))
    again = restored(open_dataset(str(root)), stored_names(split.train), stored_names(split.val), split.how)
    assert again == split and set(again.train) & set(again.val) == set()


def test_images_alone_have_no_split_but_a_profile_can_be_fitted(tmp_path, write, scene):
    write(tmp_path / "1.jpg", scene())
    dataset = open_dataset(str(tmp_path))
    assert [record.key for record in training_records(dataset)] == ["1.jpg"]
    with pytest.raises(DataError, match="no label"):
        train_and_val(dataset)


def test_the_real_cityscapes_sample_is_parted_by_city(data_dir):
    split = train_and_val(open_dataset(os.path.join(data_dir, "cityscapes")))
    assert len(split.val) == 1 and {one.group for one in split.val}.isdisjoint({one.group for one in split.train})
