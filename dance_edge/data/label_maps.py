"""Label maps: JSON files as users write them, the maps that come with the package, and which one a pair of sets takes.

A map goes from a data set's classes to a model's. Shipped are those that lose detail and invent none: finer classes
into coarser ones, and CamVid's 11 into Cityscapes' 19, where `bicyclist` (rider and bicycle in one) and `sign` (signs,
other text and traffic lights in one) become void. From IDD Lite's 7 there is none: but for `drivable` and `sky` each
holds several of the finer classes, and a model would unlearn all the classes that are never shown to it.
"""
import itertools
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from dance_edge.data.labels import CAMVID11, CITYSCAPES19, IDD7, ClassSet, Relabel, relabel
from dance_edge.errors import DataError

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "maps")
_FORM = "write one object: {\"data set's class\": \"model's class\" or null}"
_COARSE = ("there is none from idd7 to finer classes: a `vehicle` may be a car, a bus or a motorcycle. Take a model of "
           "idd7's classes, or %s" % _FORM)
SETS = {"camvid11": CAMVID11, "cityscapes19": CITYSCAPES19, "bdd100k19": CITYSCAPES19, "idd7": IDD7}
"""The class sets by the names that they have in the maps' names."""


class Joined(NamedTuple):
    """A data set's classes joined to a model's. `label_map`: the file or shipped map by which, "" where by name."""

    relabel: Relabel
    label_map: str


def join(dataset: ClassSet, model: Optional[ClassSet], label_map: str = "") -> Joined:
    """The way from `dataset`'s classes to `model`'s (None: not there yet): by `label_map`, by equal names, or shipped.

    A shipped map is taken unasked where the two are exactly the sets in its name, in any order. `DataError` for other
    classes without a map, and for a map that does not fit.
    """
    chosen = label_map or _shipped_for(dataset, model)
    return Joined(relabel(dataset, model, read_label_map(chosen) if chosen else None), chosen)


def shipped() -> Tuple[str, ...]:
    """The names of the maps that come with the package, such as `camvid11-to-idd7`; bdd100k19's are cityscapes19's."""
    pairs = itertools.permutations(SETS, 2)
    return tuple("%s-to-%s" % pair for pair in pairs if SETS[pair[0]] == SETS[pair[1]] or _file_of(*pair))


def shipped_goal(name: str) -> Optional[ClassSet]:
    """All the classes of the set that a shipped map leads to, None where `name` is a file's or no map's."""
    left, _, right = name.partition("-to-")
    return SETS[right] if left in SETS and right in SETS and not os.path.exists(name) else None


def read_label_map(path_or_name: str) -> Dict[str, Optional[str]]:
    """The map in a JSON file, or a shipped map by its name; in the order it was written."""
    path = path_or_name
    left, _, right = path_or_name.partition("-to-")
    if not os.path.exists(path) and left in SETS and right in SETS:
        if SETS[left] == SETS[right]:
            return {name: name for name in SETS[left].names}
        path = _file_of(left, right)
        if not path:
            raise DataError("there is no label map %s" % path_or_name, _COARSE)
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file, object_pairs_hook=_no_twice)
    except OSError as reason:
        raise DataError("cannot read the label map %s: %s" % (path_or_name, reason.strerror or reason),
                        "give a JSON file, or one of the shipped maps: " + ", ".join(shipped()))
    except ValueError as reason:  # also what is not UTF-8
        raise DataError("the label map %s is not JSON: %s" % (path_or_name, reason), _FORM)
    return checked_label_map(facts, path_or_name)


def _file_of(left: str, right: str) -> str:
    """The file of a shipped map, "" where there is none."""
    path = os.path.join(_FOLDER, "%s-to-%s.json" % (left.replace("bdd100k19", "cityscapes19"),
                                                    right.replace("bdd100k19", "cityscapes19")))
    return path if os.path.exists(path) else ""


def _shipped_for(dataset: ClassSet, model: Optional[ClassSet]) -> str:
    """The shipped map of exactly these two sets, "" where they have equal names or are no such pair."""
    if model is None or sorted(dataset.names) == sorted(model.names):
        return ""
    left, right = _name_of(dataset), _name_of(model)
    if not left or not right:
        return ""
    if not _file_of(left, right):
        raise DataError("the data set has the classes of %s, the model those of %s, and no shipped map joins them"
                        % (left, right), _COARSE)
    return "%s-to-%s" % (left, right)


def _name_of(classes: ClassSet) -> str:
    return next((name for name, known in SETS.items() if sorted(known.names) == sorted(classes.names)), "")


def checked_label_map(facts: Any, source: str) -> Dict[str, Optional[str]]:
    """`facts` if they are a label map; `DataError` naming `source` where they are not."""
    if not isinstance(facts, dict) or not facts:
        raise DataError("the label map %s is not an object with at least one class" % source, _FORM)
    for left, right in facts.items():
        if not isinstance(left, str) or not (right is None or isinstance(right, str)):
            raise DataError("the label map %s maps %r to %r" % (source, left, right), _FORM)
    return dict(facts)


def _no_twice(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        raise ValueError("a class stands twice on the left side")
    return seen
