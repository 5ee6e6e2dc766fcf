"""Classes: their names, colours and ids, and the ways from one class set's ids to another's."""
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.errors import DataError

VOID = 255
"""The train id of pixels that have no class: they move neither loss nor mIoU."""

Colour = Tuple[int, int, int]


class ClassSet(NamedTuple):
    """Class names and RGB colours; the position is the train id."""

    names: Tuple[str, ...]
    palette: Tuple[Colour, ...]

    def index(self, name: str) -> int:  # type: ignore[override]  # a tuple's own would look among the two fields
        """The train id of `name`; ValueError where there is none."""
        return self.names.index(name)


class Relabel(NamedTuple):
    """`lookup`: uint8 (256,), data set train id -> model id (255 void stays void); `classes`: the model's."""

    lookup: np.ndarray
    classes: ClassSet


CAMVID11 = ClassSet(
    ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"),
    ((128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192), (128, 128, 0), (192, 128, 128),
     (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192)))

CITYSCAPES19 = ClassSet(
    ("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
     "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
    ((128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153), (250, 170, 30),
     (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142),
     (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32)))

IDD7 = ClassSet(
    ("drivable", "non-drivable", "living thing", "vehicle", "roadside object", "far object", "sky"),
    ((128, 64, 128), (244, 35, 232), (220, 20, 60), (0, 0, 230), (220, 190, 40), (70, 70, 70), (70, 130, 180)))

KNOWN_CLASS_SETS = (CAMVID11, CITYSCAPES19, IDD7)


def relabel(dataset: ClassSet, model: Optional[ClassSet],
            mapping: Optional[Dict[str, Optional[str]]] = None) -> Relabel:
    """The way from a data set's classes to a model's, by name.

    `model` None: the model does not exist yet; its classes are the data set's, or the right side of `mapping` in order
    of first appearance. `DataError` for names that one side lacks, and for different classes without a `mapping`.
    """
    if mapping is not None:
        return _by_map(dataset, model, mapping)
    if model is None:
        return Relabel(_table(range(len(dataset.names))), dataset)
    if sorted(dataset.names) != sorted(model.names):
        raise DataError("the data set has %s, the model %s" % (listed(dataset.names), listed(model.names)),
                        "say how they correspond with --label-map FILE.json: "
                        "{\"data set's class\": \"model's class\" or null}")
    return Relabel(_table([model.index(name) for name in dataset.names]), model)


def unmapped(dataset: ClassSet, lookup: np.ndarray) -> Tuple[str, ...]:
    """The data set's classes that become void."""
    return tuple(name for i, name in enumerate(dataset.names) if int(lookup[i]) == VOID)


def unreached(model: ClassSet, lookup: np.ndarray) -> Tuple[str, ...]:
    """The model's classes that no class of the data set becomes."""
    return tuple(name for i, name in enumerate(model.names) if i not in lookup)


def listed(names: Sequence[str], limit: int = 24) -> str:
    """`names` for a message: `7 classes (a, b, c, ...)`."""
    shown = list(names[:limit]) + (["..."] if len(names) > limit else [])
    return "%d classes (%s)" % (len(names), ", ".join(shown))


def _by_map(dataset: ClassSet, model: Optional[ClassSet], mapping: Dict[str, Optional[str]]) -> Relabel:
    target = _right_side(dataset, mapping) if model is None else model
    _refuse_unknown(list(mapping), dataset.names, "data set")
    _refuse_unknown([name for name in mapping.values() if name is not None], target.names, "model")
    wanted = [mapping.get(name) for name in dataset.names]
    ids = [VOID if name is None else target.index(name) for name in wanted]
    if all(one == VOID for one in ids):
        raise DataError("the label map leaves no class: every class of the data set becomes void",
                        "map at least one of the data set's classes to a class of the model")
    return Relabel(_table(ids), target)


def _refuse_unknown(names: Sequence[str], known: Sequence[str], side: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataError("the label map names %s, which the %s does not have"
                        % (", ".join(repr(name) for name in unknown), side),
                        "the %s's classes are: %s" % (side, ", ".join(known)))


def _right_side(dataset: ClassSet, mapping: Dict[str, Optional[str]]) -> ClassSet:
    """The classes of a model that a map makes: a known set's colours, else those of each class's first source."""
    first: Dict[str, Colour] = {}
    for left, right in mapping.items():
        if right is not None and right not in first:
            first[right] = dataset.palette[dataset.index(left)] if left in dataset.names else (0, 0, 0)
    for known in KNOWN_CLASS_SETS:
        if first and all(name in known.names for name in first):
            first = {name: known.palette[known.index(name)] for name in first}
            break
    return ClassSet(tuple(first), tuple(first.values()))


def _table(ids: Sequence[int]) -> np.ndarray:
    table = np.full(256, VOID, dtype=np.uint8)
    table[:len(ids)] = list(ids)
    return table
