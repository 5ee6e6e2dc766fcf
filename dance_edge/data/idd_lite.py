"""IDD Lite: `leftImg8bit/SPLIT/DRIVE/FRAME_image.jpg` and `gtFine/SPLIT/DRIVE/FRAME_label.png`, 7 classes."""
import os

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, any_image, assemble, first_folder, split_files, subfolders
from dance_edge.data.labels import IDD7, identity_lookup

NAME = "idd_lite"
_IMAGES, _LABELS = "leftImg8bit", "gtFine"


def recognise(root: str) -> bool:
    """Whether `leftImg8bit` holds files named `..._image`."""
    return any_image(os.path.join(root, _IMAGES), "_image")


def read(root: str) -> Dataset:
    """Every split; file names repeat across drives, so that a drive is part of the key."""
    images, labels = os.path.join(root, _IMAGES), os.path.join(root, _LABELS)
    parts = []
    for split in sorted(set(subfolders(images) + subfolders(labels))):
        part = split_files(split, os.path.join(images, split), os.path.join(labels, split), "_image", "_label")
        # The data set also has FRAME_inst_label.png, its instances.
        semantic = {stem: path for stem, path in part.labels.items() if not stem.endswith("_inst")}
        parts.append(part._replace(labels=semantic))
    return assemble(root, NAME, LabelForm(IDD7, identity_lookup(7), "trainIds"), parts, first_folder)
