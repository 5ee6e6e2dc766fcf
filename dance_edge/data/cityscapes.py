"""Cityscapes: `leftImg8bit/SPLIT/CITY/X_leftImg8bit.png` and `gtFine/SPLIT/CITY/X_gtFine_labelIds.png`, 19 classes."""
import os
from typing import List, Tuple

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, SplitFiles, any_image, assemble, first_folder, split_files, subfolders
from dance_edge.data.labels import CITYSCAPES19, cityscapes_lookup, identity_lookup

NAME = "cityscapes"
_IMAGES, _LABELS = "leftImg8bit", "gtFine"


def recognise(root: str) -> bool:
    """Whether `leftImg8bit` holds files named `..._leftImg8bit`."""
    return any_image(os.path.join(root, _IMAGES), "_leftImg8bit")


def read(root: str) -> Dataset:
    """Every split, with the encoding that has labels for more of the images; the official `labelIds` where both do.

    Six raw ids are below 19 and look like train ids: only the table of `labelIds` makes them the right ones.
    """
    raw, raw_pairs = _parts(root, "_gtFine_labelIds")
    train, train_pairs = _parts(root, "_gtFine_labelTrainIds")
    if train_pairs > raw_pairs:
        return assemble(root, NAME, LabelForm(CITYSCAPES19, identity_lookup(19), "trainIds"), train, first_folder)
    return assemble(root, NAME, LabelForm(CITYSCAPES19, cityscapes_lookup(), "labelIds"), raw, first_folder)


def _parts(root: str, ending: str) -> Tuple[List[SplitFiles], int]:
    """The files of every split with labels of one encoding, and how many pairs they make."""
    images, labels = os.path.join(root, _IMAGES), os.path.join(root, _LABELS)
    parts = [split_files(split, os.path.join(images, split), os.path.join(labels, split), "_leftImg8bit", ending)
             for split in sorted(set(subfolders(images) + subfolders(labels)))]
    return parts, sum(1 for part in parts for stem in part.images if stem in part.labels)
