"""Cityscapes: `leftImg8bit/SPLIT/CITY/X_leftImg8bit.png` and `gtFine/SPLIT/CITY/X_gtFine_labelIds.png`, 19 classes."""
import os
from typing import List, Tuple

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, SplitFiles, any_image, assemble, first_folder, split_files, subfolders
from dance_edge.data.label_codes import identity_code, table_code
from dance_edge.data.labels import CITYSCAPES19, VOID

NAME = "cityscapes"
_IMAGES, _LABELS = "leftImg8bit", "gtFine"
_RAW, _TRAIN = "_gtFine_labelIds", "_gtFine_labelTrainIds"
_BESIDE = ("_gtFine_color", "_gtFine_instanceIds", "_gtFine_instanceTrainIds")

TRAIN_IDS = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14,
             28: 15, 31: 16, 32: 17, 33: 18}
"""The raw ids (0-33) that count, and their train ids; the rest of 0-33 is void."""

LABEL_IDS = table_code([TRAIN_IDS.get(raw, VOID) for raw in range(34)])


def recognise(root: str) -> bool:
    """Whether `leftImg8bit` holds files named `..._leftImg8bit`."""
    return any_image(os.path.join(root, _IMAGES), "_leftImg8bit")


def read(root: str) -> Dataset:
    """Every split, with the encoding that has labels for more of the images; the official `labelIds` where both do.

    Six raw ids are below 19 and look like train ids: only the table of `labelIds` makes them the right ones.
    """
    raw, raw_pairs = _parts(root, _RAW, _TRAIN)
    train, train_pairs = _parts(root, _TRAIN, _RAW)
    if train_pairs > raw_pairs:
        return assemble(root, NAME, LabelForm(CITYSCAPES19, identity_code(19), "trainIds"), train, first_folder)
    return assemble(root, NAME, LabelForm(CITYSCAPES19, LABEL_IDS, "labelIds"), raw, first_folder)


def _parts(root: str, ending: str, other: str) -> Tuple[List[SplitFiles], int]:
    """The files of every split with labels of one encoding, and how many pairs they make."""
    images, labels = os.path.join(root, _IMAGES), os.path.join(root, _LABELS)
    parts = [split_files(split, os.path.join(images, split), os.path.join(labels, split), "_leftImg8bit", ending,
                         _BESIDE + (other,))
             for split in sorted(set(subfolders(images) + subfolders(labels)))]
    return parts, sum(1 for part in parts for stem in part.images if stem in part.labels)
