"""From a folder to a data set: which layout it has, as it was downloaded."""
import os
from typing import Any, Dict, List, Optional

from dance_edge.data import bdd100k, camvid, cityscapes, folder, idd_lite
from dance_edge.data.dataset import Dataset
from dance_edge.data.files import any_image, subfolders
from dance_edge.errors import ConfigError, DataError

# In the order in which they are tried; a plain folder takes whatever has images, so it is last.
_LAYOUTS: Dict[str, Any] = {one.NAME: one for one in (camvid, cityscapes, bdd100k, idd_lite, folder)}
LAYOUTS = tuple(_LAYOUTS)


def open_dataset(path: str, layout: Optional[str] = None) -> Dataset:
    """List the data set in the folder `path`; no file of it but a `classes.json` is read.

    `DataError` where there is no such folder or no image in it, `ConfigError` for an unknown `layout`.
    """
    if layout is not None and layout not in _LAYOUTS:
        raise ConfigError("there is no layout %r" % layout, "take one of: " + ", ".join(LAYOUTS))
    if not os.path.isdir(path):
        what = "is a file, not a folder" if os.path.exists(path) else "does not exist"
        raise DataError("the data set %s %s" % (path, what),
                        "give the folder of a data set, in one of the layouts " + ", ".join(LAYOUTS))
    root = os.path.normpath(path)
    found = layout or recognise(root)
    if found is None:
        raise DataError("%s has no images" % path,
                        "give the folder of a data set, in one of the layouts " + ", ".join(LAYOUTS))
    if layout is None and found == folder.NAME:
        _refuse_a_shelf(root)
    dataset: Dataset = _LAYOUTS[found].read(root)
    if not dataset.splits:
        raise DataError("%s has no images in the layout %s" % (path, found),
                        "look at what it holds, or name another layout with --layout: " + ", ".join(LAYOUTS))
    return dataset


def recognise(root: str) -> Optional[str]:
    """The name of the layout of the folder `root`, None where it holds no image."""
    return next((name for name, one in _LAYOUTS.items() if one.recognise(root)), None)


def _refuse_a_shelf(root: str) -> None:
    """A folder that holds data sets is none: their labels would be taken for images."""
    if any_image(os.path.join(root, "images")):
        return
    sets: List[str] = []
    for name in subfolders(root):
        inside = os.path.join(root, name)
        if (recognise(inside) or folder.NAME) != folder.NAME or os.path.isfile(os.path.join(inside, "classes.json")):
            sets.append(inside)
    if sets:
        raise DataError("%s is no data set, but holds %d" % (root, len(sets)), "give one of: " + ", ".join(sets))
