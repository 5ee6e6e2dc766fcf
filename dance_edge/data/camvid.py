"""CamVid as the SegNet tutorial lays it out: `train/ trainannot/ val/ valannot/ test/ testannot/`, 11 classes."""
import os
from typing import List

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, assemble, split_files, subfolders
from dance_edge.data.labels import CAMVID11, identity_lookup

NAME = "camvid"
_ANNOT = "annot"
_SPLITS = ("train", "val", "test")


def recognise(root: str) -> bool:
    """Whether a folder `Xannot` stands beside a folder `X`."""
    return bool(_labelled_splits(root))


def read(root: str) -> Dataset:
    """Every split; a sequence is what stands before the last `_` of a file's name."""
    labelled = _labelled_splits(root)
    bare = [name for name in _SPLITS if name in subfolders(root) and name not in labelled]
    parts = [split_files(split, os.path.join(root, split), os.path.join(root, split + _ANNOT))
             for split in labelled + bare]
    return assemble(root, NAME, LabelForm(CAMVID11, identity_lookup(11), "trainIds"), parts, _sequence)


def _labelled_splits(root: str) -> List[str]:
    folders = subfolders(root)
    return [name for name in folders if name + _ANNOT in folders]


def _sequence(key: str) -> str:
    """`0016E5` of `0016E5_07959.jpg`."""
    name = key.split("/")[-1]
    return name.rsplit("_", 1)[0] if "_" in name else ""
