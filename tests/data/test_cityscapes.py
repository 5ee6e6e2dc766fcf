"""Cityscapes: the same histogram whichever of its label files are there."""
import os
import shutil

import numpy as np
import pytest

from dance_edge.data import cityscapes as layout
from dance_edge.data.images import read_label
from dance_edge.data.label_codes import UNKNOWN
from dance_edge.data.labels import VOID

CITIES = (("aachen", "aachen_000000_000019"), ("bonn", "bonn_000001_000019"))


def _tree(root, write, scene, endings):
    """Two cities; labels that hold every raw id from 0 to 33."""
    raw = np.tile(np.arange(34, dtype=np.uint8), 24).reshape(24, 34)
    train = np.array([layout.TRAIN_IDS.get(one, 255) for one in range(34)], dtype=np.uint8)[raw]
    pictures = {"labelIds": raw, "labelTrainIds": train, "instanceIds": raw.astype(np.uint16) * 1000,
                "color": np.repeat(raw[:, :, np.newaxis], 3, axis=2)}
    for city, stem in CITIES:
        write(root / "leftImg8bit" / "val" / city / (stem + "_leftImg8bit.png"), scene(1, 24, 34))
        for ending in endings:
            write(root / "gtFine" / "val" / city / ("%s_gtFine_%s.png" % (stem, ending)), pictures[ending])
        (root / "gtFine" / "val" / city / (stem + "_gtFine_polygons.json")).write_text("{}")
    return layout.read(str(root))


def test_raw_ids_become_the_official_train_ids():
    official = "7>0 8>1 11>2 12>3 13>4 17>5 19>6 20>7 21>8 22>9 23>10 24>11 25>12 26>13 27>14 28>15 31>16 32>17 33>18"
    expected = {int(raw): int(train) for raw, train in (pair.split(">") for pair in official.split())}
    table = layout.LABEL_IDS.lookup
    assert {raw: train for raw, train in enumerate(table) if train < 19} == expected
    assert all(table[raw] == VOID for raw in range(34) if raw not in expected) and table[255] == VOID
    assert all(table[raw] == UNKNOWN for raw in range(34, 255))


def _histogram(dataset):
    labels = [read_label(record.label, dataset.code) for record in dataset.records()]
    return np.bincount(np.concatenate([label.ravel() for label in labels]), minlength=256)


@pytest.mark.parametrize("endings, encoding", [
    (("labelIds",), "labelIds"), (("labelTrainIds",), "trainIds"), (("labelIds", "labelTrainIds"), "labelIds"),
    (("color", "instanceIds", "labelIds"), "labelIds"), (("color", "labelTrainIds"), "trainIds")])
def test_every_form_of_the_tree_gives_one_histogram(tmp_path, write, scene, endings, encoding):
    dataset = _tree(tmp_path, write, scene, endings)
    assert dataset.label_encoding == encoding and len(dataset.records()) == 2 and dataset.unpaired_labels == ()
    counts = _histogram(dataset)
    assert list(counts[:19]) == [48] * 19 and counts[255] == 2 * 24 * 15 and counts.sum() == 2 * 24 * 34
    assert [(record.key, record.group) for record in dataset.records()] == [
        ("%s/%s_leftImg8bit.png" % (city, stem), city) for city, stem in CITIES]


def test_the_encoding_with_more_labels_is_taken(tmp_path, write, scene):
    _tree(tmp_path, write, scene, ("labelIds", "labelTrainIds"))
    shutil.rmtree(str(tmp_path / "gtFine" / "val" / "bonn"))
    write(tmp_path / "gtFine" / "val" / "bonn" / "bonn_000001_000019_gtFine_labelTrainIds.png", scene()[:, :, 0] % 19)
    assert layout.read(str(tmp_path)).label_encoding == "trainIds"


def test_the_real_sample(data_dir):
    dataset = layout.read(os.path.join(data_dir, "cityscapes"))
    assert dataset.label_encoding == "labelIds" and len(dataset.records()) == 5
    counts = _histogram(dataset)
    assert counts[:19].sum() + counts[255] == 5 * 1024 * 2048 and counts[0] > 0.3 * counts[:19].sum()
