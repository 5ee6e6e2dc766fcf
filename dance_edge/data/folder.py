"""A plain folder: `images/` and `labels/` with equal names and a `classes.json`; or images alone."""
import json
import os
from typing import Any, Dict, List, Sequence, Tuple

from dance_edge.data.dataset import Dataset
from dance_edge.data.files import LabelForm, SplitFiles, any_image, assemble, split_files, subfolders
from dance_edge.data.label_codes import identity_code
from dance_edge.data.labels import KNOWN_CLASS_SETS, VOID, ClassSet, Colour
from dance_edge.errors import DataError

NAME = "folder"
SPLITS = ("train", "training", "val", "valid", "validation", "test")
_FORM = 'write {"classes": [names in id order], "palette": [[r, g, b], ...], "void": [255]} to classes.json'


def recognise(root: str) -> bool:
    """Whether there is any image: a plain folder asks for nothing else."""
    return any_image(root)


def read(root: str) -> Dataset:
    """`images/` with or without `labels/`; else every image below `root`, without labels.

    Where a folder right below `images/` is named train, val or test, all of them are splits, and `labels/` has the
    same; files beside them are of no split. Else folders are groups of images.
    """
    images, labels = os.path.join(root, "images"), os.path.join(root, "labels")
    if not any_image(images) and not any_image(labels):
        images, labels = root, ""
    form = LabelForm(None, identity_code(0), "trainIds")
    if os.path.isfile(os.path.join(root, "classes.json")):
        form = read_classes(os.path.join(root, "classes.json"))
    elif labels and any_image(labels):
        raise DataError("%s has labels and no classes.json: their ids have no names" % root, _FORM)
    folders = subfolders(images)
    whole = split_files("", images, labels or None)
    if not any(name in SPLITS for name in folders):
        return assemble(root, NAME, form, [whole], _folder_of)
    parts = [split_files(split, os.path.join(images, split), os.path.join(labels, split) if labels else None)
             for split in sorted(set(folders + subfolders(labels)))]
    return assemble(root, NAME, form, parts + [_beside_the_splits(whole)], _folder_of)


def _beside_the_splits(whole: SplitFiles) -> SplitFiles:
    """The files in no folder of their own: pairs of no split, or orphans that are named."""
    images, labels = ({stem: path for stem, path in files.items() if "/" not in path}
                      for files in (whole.images, whole.labels))
    return whole._replace(images=images, labels=labels)


def read_classes(path: str) -> LabelForm:
    """A `classes.json`; colours may be left out, void is 255 where it is."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError) as reason:
        raise DataError("cannot read %s: %s" % (path, reason), _FORM)
    names = facts.get("classes") if isinstance(facts, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise DataError("%s has no list of class names" % path, _FORM)
    if not 1 <= len(names) <= 254 or len(set(names)) != len(names):
        raise DataError("%s has %d classes, of which %d differ" % (path, len(names), len(set(names))),
                        "give 1 to 254 classes, each name once")
    palette = _palette(path, facts, names)
    return LabelForm(ClassSet(tuple(names), palette), identity_code(len(names), _void(path, facts, len(names))),
                     "trainIds")


def _folder_of(key: str) -> str:
    return key.rsplit("/", 1)[0] if "/" in key else ""


def _palette(path: str, facts: Dict[str, Any], names: Sequence[str]) -> Tuple[Colour, ...]:
    given = facts.get("palette")
    if given is None:
        return default_palette(names)
    colours: List[Colour] = []
    for one in given if isinstance(given, list) else []:
        if isinstance(one, list) and len(one) == 3 and all(isinstance(v, int) and 0 <= v <= 255 for v in one):
            colours.append((one[0], one[1], one[2]))
    if len(colours) != len(names) or len(given) != len(names):
        raise DataError("%s has %d classes and %d colours of the form [r, g, b], 0 to 255"
                        % (path, len(names), len(colours)), "give one colour a class, or leave the palette out")
    return tuple(colours)


def default_palette(names: Sequence[str]) -> Tuple[Colour, ...]:
    """Colours for `names`: a known class set's where it has all of them, else well apart from each other."""
    for known in KNOWN_CLASS_SETS:
        if all(name in known.names for name in names):
            return tuple(known.palette[known.index(name)] for name in names)
    return tuple(_spread(i + 1) for i in range(len(names)))


def _spread(index: int) -> Colour:
    """The bits of `index` dealt out to red, green and blue, the high bits first, so that neighbours differ most."""
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    return (channels[0], channels[1], channels[2])


def _void(path: str, facts: Dict[str, Any], class_count: int) -> List[int]:
    void = facts.get("void", [VOID])
    void = [void] if isinstance(void, int) else void
    if not isinstance(void, list) or not all(isinstance(one, int) and class_count <= one <= 255 for one in void):
        raise DataError("%s has the void ids %r" % (path, void),
                        "void ids are ids of pixels without a class, %d to 255: classes have 0 to %d"
                        % (class_count, class_count - 1))
    return void
