"""Label maps as users write them: JSON files, and the ones that come with the package."""
import json
import os
from typing import Any, Dict, List, Optional, Tuple

from dance_edge.data.labels import ClassSet, Relabel, relabel
from dance_edge.errors import DataError

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "maps")
_FORM = "write one object: {\"data set's class\": \"model's class\" or null}"


def shipped() -> Tuple[str, ...]:
    """The names of the maps that come with the package, such as `camvid11-to-idd7`."""
    return tuple(sorted(name[:-5] for name in os.listdir(_FOLDER) if name.endswith(".json")))


def read_label_map(path_or_name: str) -> Dict[str, Optional[str]]:
    """The map in a JSON file, or a shipped map by its name; in the order it was written."""
    path = path_or_name
    if not os.path.exists(path) and path_or_name in shipped():
        path = os.path.join(_FOLDER, path_or_name + ".json")
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file, object_pairs_hook=_no_twice)
    except OSError as reason:
        raise DataError("cannot read the label map %s: %s" % (path_or_name, reason.strerror or reason),
                        "give a JSON file, or one of the shipped maps: " + ", ".join(shipped()))
    except ValueError as reason:  # also what is not UTF-8
        raise DataError("the label map %s is not JSON: %s" % (path_or_name, reason), _FORM)
    return checked_label_map(facts, path_or_name)


def checked_label_map(facts: Any, source: str) -> Dict[str, Optional[str]]:
    """`facts` if they are a label map; `DataError` naming `source` where they are not."""
    if not isinstance(facts, dict) or not facts:
        raise DataError("the label map %s is not an object with at least one class" % source, _FORM)
    for left, right in facts.items():
        if not isinstance(left, str) or not (right is None or isinstance(right, str)):
            raise DataError("the label map %s maps %r to %r" % (source, left, right), _FORM)
    return dict(facts)


def load_label_map(path_or_name: str, dataset_classes: ClassSet, model_classes: Optional[ClassSet]) -> Relabel:
    """`read_label_map`, applied: the lookup table and the model's classes (where None, the map's right side)."""
    return relabel(dataset_classes, model_classes, read_label_map(path_or_name))


def _no_twice(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        raise ValueError("a class stands twice on the left side")
    return seen
