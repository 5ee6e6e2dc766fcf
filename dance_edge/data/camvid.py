"""CamVid in both its forms: the SegNet tutorial's folders of 11 classes, and the data set as it was published.

SegNet's: `train/ trainannot/ val/ valannot/ test/ testannot/`; labels hold train ids, 11 (or 255) is void.
Published: `701_StillsRaw_full/NAME.png` and `LabeledApproved_full/NAME_L.png`, 32 classes as colours, of which SegNet
made the 11. It has no splits of its own; the images are parted as the literature parts them, so that a score on one
form can be laid beside one on the other.
"""
import os
from typing import Dict, List, Tuple

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, SplitFiles, assemble, split_files, subfolders
from dance_edge.data.label_codes import identity_code, table_code
from dance_edge.data.labels import CAMVID11, VOID, Colour

NAME = "camvid"
_ANNOT = "annot"
_SPLITS = ("train", "val", "test")
_STILLS, _LABELS = "701_StillsRaw_full", "LabeledApproved_full"

COLOURS_OF: Dict[str, Tuple[Colour, ...]] = {
    "sky": ((128, 128, 128),),
    "building": ((128, 0, 0), (64, 192, 0), (0, 128, 64), (192, 0, 128), (64, 0, 64)),  # wall, bridge, arch, tunnel
    "pole": ((192, 192, 128), (0, 0, 64)),  # and traffic cone
    "road": ((128, 64, 128), (128, 0, 192), (192, 0, 64)),  # and lane markings, for driving or not
    "pavement": ((0, 0, 192), (64, 192, 128), (128, 128, 192)),  # and parking block, road shoulder
    "tree": ((128, 128, 0), (192, 192, 0)),  # and other vegetation
    "sign": ((192, 128, 128), (128, 128, 64), (0, 64, 64)),  # and other text, traffic light
    "fence": ((64, 64, 128),),
    "car": ((64, 0, 128), (64, 128, 192), (192, 128, 192), (192, 64, 128), (128, 64, 64)),  # pickup, lorry, train
    "pedestrian": ((64, 64, 0), (192, 128, 64), (64, 0, 192), (64, 128, 64)),  # and child, pram or luggage, animal
    "bicyclist": ((0, 128, 192), (192, 0, 192)),  # and motorcycle
    "void": ((0, 0, 0),)}
"""The colours of the 32 published classes (`label_colors.txt`), by the class of SegNet's 11 that each went into."""

_TABLE = [(colour, name) for name, colours in COLOURS_OF.items() for colour in colours]
COLOUR_CODE = table_code([VOID if name == "void" else CAMVID11.index(name) for _, name in _TABLE],
                         colours=[colour for colour, _ in _TABLE])


def recognise(root: str) -> bool:
    """Whether a folder `Xannot` stands beside a folder `X`, or the published stills are there."""
    return bool(_labelled_splits(root)) or _STILLS in subfolders(root)


def read(root: str) -> Dataset:
    """Every split; a sequence is what stands before the last `_` of a file's name."""
    labelled = _labelled_splits(root)
    if not labelled and _STILLS in subfolders(root):
        return assemble(root, NAME, LabelForm(CAMVID11, COLOUR_CODE, "colours"), _published(root), _sequence)
    bare = [name for name in _SPLITS if name in subfolders(root) and name not in labelled]
    parts = [split_files(split, os.path.join(root, split), os.path.join(root, split + _ANNOT))
             for split in labelled + bare + _lone_annots(root)]
    return assemble(root, NAME, LabelForm(CAMVID11, identity_code(11, (11,)), "trainIds"), parts, _sequence)


def _labelled_splits(root: str) -> List[str]:
    folders = subfolders(root)
    return [name for name in folders if name + _ANNOT in folders]


def _lone_annots(root: str) -> List[str]:
    """The splits with labels and no images: each of their labels is an orphan."""
    folders = subfolders(root)
    bare = [name[:-len(_ANNOT)] for name in folders if name.endswith(_ANNOT)]
    return [name for name in bare if name and name not in folders]


def _published(root: str) -> List[SplitFiles]:
    """The three splits of the one folder."""
    whole = split_files("", os.path.join(root, _STILLS), os.path.join(root, _LABELS), "", "_L")
    parts: List[SplitFiles] = []
    for split in _SPLITS:
        images, labels = ({stem: path for stem, path in files.items() if literature_split(stem) == split}
                          for files in (whole.images, whole.labels))
        strays = () if parts else whole.stray_labels  # once is enough
        parts.append(whole._replace(split=split, images=images, labels=labels, stray_labels=strays))
    return parts


def literature_split(stem: str) -> str:
    """The split of a frame such as `0016E5_07959`: of the 701, 367 are train, 101 val and 233 test.

    val is the stretch of 0016E5 that was labelled at 15 Hz, test is Seq05VD and the later half of 0001TP (dusk), all
    else is train.
    """
    sequence, _, frame = stem.rpartition("_")
    number = int(frame) if frame.isdigit() else 0
    if sequence == "0016E5" and 7959 <= number <= 8159:
        return "val"
    return "test" if sequence == "Seq05VD" or (sequence == "0001TP" and number >= 8550) else "train"


def _sequence(key: str) -> str:
    """`0016E5` of `0016E5_07959.jpg`."""
    name = key.split("/")[-1]
    return name.rsplit("_", 1)[0] if "_" in name else ""
