"""BDD100K's semantic segmentation, 19 classes, in both its generations.

Today's: `images/10k/SPLIT/NAME.jpg` and `labels/sem_seg/masks/SPLIT/NAME.png`; the older one:
`seg/images/SPLIT/NAME.jpg` and `seg/labels/SPLIT/NAME_train_id.png`. Labels are train ids in both.
"""
import os
from typing import NamedTuple, Optional

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, assemble, split_files, subfolders
from dance_edge.data.label_codes import identity_code
from dance_edge.data.labels import CITYSCAPES19

NAME = "bdd100k"


class _Generation(NamedTuple):
    images: str
    labels: str
    ending: str


_TODAY = _Generation(os.path.join("images", "10k"), os.path.join("labels", "sem_seg", "masks"), "")
_OLDER = _Generation(os.path.join("seg", "images"), os.path.join("seg", "labels"), "_train_id")


def recognise(root: str) -> bool:
    """Whether one of the two image folders is there."""
    return _generation(root) is not None


def read(root: str) -> Dataset:
    """Every split."""
    found = _generation(root) or _TODAY
    images, labels = os.path.join(root, found.images), os.path.join(root, found.labels)
    parts = [split_files(split, os.path.join(images, split), os.path.join(labels, split), "", found.ending)
             for split in sorted(set(subfolders(images) + subfolders(labels)))]
    return assemble(root, NAME, LabelForm(CITYSCAPES19, identity_code(19), "trainIds"), parts, _no_group)


def _generation(root: str) -> Optional[_Generation]:
    return next((one for one in (_TODAY, _OLDER) if subfolders(os.path.join(root, one.images))), None)


def _no_group(key: str) -> str:
    return ""  # nearly every image is from a drive of its own
