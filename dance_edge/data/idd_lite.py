"""IDD Lite: `leftImg8bit/SPLIT/DRIVE/FRAME_image.jpg` and `gtFine/SPLIT/DRIVE/FRAME_label.png`, 7 classes."""
import os

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, any_image, assemble, first_folder, split_files, subfolders
from dance_edge.data.label_codes import identity_code
from dance_edge.data.labels import IDD7

NAME = "idd_lite"
_IMAGES, _LABELS = "leftImg8bit", "gtFine"
_BESIDE = ("_inst_label",)  # instances


def recognise(root: str) -> bool:
    """Whether `leftImg8bit` holds files named `..._image`."""
    return any_image(os.path.join(root, _IMAGES), "_image")


def read(root: str) -> Dataset:
    """Every split; file names repeat across drives, so that a drive is part of the key."""
    images, labels = os.path.join(root, _IMAGES), os.path.join(root, _LABELS)
    parts = [split_files(split, os.path.join(images, split), os.path.join(labels, split), "_image", "_label", _BESIDE)
             for split in sorted(set(subfolders(images) + subfolders(labels)))]
    return assemble(root, NAME, LabelForm(IDD7, identity_code(7), "trainIds"), parts, first_folder)
