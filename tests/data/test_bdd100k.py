"""BDD100K in both its generations."""
import os

import pytest

from dance_edge.data import bdd100k as layout


@pytest.mark.parametrize("images, labels, ending", [
    ("images/10k", "labels/sem_seg/masks", ""), ("seg/images", "seg/labels", "_train_id")])
def test_both_generations(tmp_path, write, scene, images, labels, ending):
    for split, name in (("train", "00a7ef03-00000000"), ("val", "7d06fefd-f7be05a6")):
        write(tmp_path / images / split / (name + ".jpg"), scene())
        write(tmp_path / labels / split / (name + ending + ".png"), scene()[:, :, 0] % 19)
    assert layout.recognise(str(tmp_path))
    found = layout.read(str(tmp_path))
    assert {name: [one.key for one in records] for name, records in found.splits.items()} == {
        "train": ["00a7ef03-00000000.jpg"], "val": ["7d06fefd-f7be05a6.jpg"]}
    assert found.unpaired_images == found.unpaired_labels == () and len(found.classes.names) == 19
    assert all(record.label for record in found.records())


def test_the_real_sample(data_dir):
    found = layout.read(os.path.join(data_dir, "bdd100k"))
    assert {name: len(records) for name, records in found.splits.items()} == {"train": 16, "val": 4}
