"""Which files of a folder count, and how images find their labels: by name, never by position."""
import os
import re
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from dance_edge.data.dataset import Dataset, Record
from dance_edge.data.label_codes import LabelCode
from dance_edge.data.labels import ClassSet
from dance_edge.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


class SplitFiles(NamedTuple):
    """The files of one split. `images` and `labels`: stem below the folder -> path below the folder.

    `label_folder` None: the split comes without labels, so that its images lack nothing. `stray_*`: paths of files with
    names that are none of the layout's, so that nothing can pair them.
    """

    split: str
    image_folder: str
    images: Dict[str, str]
    label_folder: Optional[str]
    labels: Dict[str, str]
    stray_images: Tuple[str, ...] = ()
    stray_labels: Tuple[str, ...] = ()


class LabelForm(NamedTuple):
    """How the labels of a layout are read; see `Dataset`."""

    classes: Optional[ClassSet]
    code: LabelCode
    encoding: str


def image_files(folder: str) -> List[str]:
    """Paths below `folder`, with "/", of every file that is an image by its suffix (any case), in natural order.

    Hidden files and folders, and what other systems leave behind, are passed over; links are followed.
    A missing folder has none. `DataError` for a name that is not UTF-8: it goes into no table and no JSON.
    """
    paths = sorted(_walk(folder), key=natural)
    for path in paths:
        shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
        if shown != path:
            raise DataError("%s: the name of this file in %s is not UTF-8" % (shown, folder),
                            "rename it; convmv does so for a whole folder")
    return paths


def any_image(folder: str, ending: str = "") -> bool:
    """Whether an image in `folder` or below has a name that ends in `ending` before its suffix."""
    return any(os.path.splitext(path)[0].endswith(ending) for path in _walk(folder))


def _walk(folder: str) -> Iterator[str]:
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _is_junk(name) and not _leads_back(where, name)]
        below = os.path.relpath(where, folder).replace(os.sep, "/")
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES:
                yield name if below == "." else below + "/" + name


def _is_junk(folder: str) -> bool:
    return folder.startswith(".") or folder == "__MACOSX"


def _leads_back(where: str, name: str) -> bool:
    """Whether the folder `name` in `where` is a link to a folder on the way to it, whatever links lead there."""
    path = os.path.join(where, name)
    if not os.path.islink(path):
        return False
    target = os.path.realpath(path) + os.sep
    while not (os.path.realpath(where) + os.sep).startswith(target):
        above = os.path.dirname(where)
        if above in ("", where):
            return False
        where = above
    return True


def subfolders(folder: str) -> List[str]:
    """The names of the folders in `folder`, junk left out, sorted; none where it is missing."""
    if not os.path.isdir(folder):
        return []
    names = sorted(name for name in os.listdir(folder) if not _is_junk(name))
    return [name for name in names if os.path.isdir(os.path.join(folder, name))]


def natural(text: str) -> List[Union[str, int]]:
    """A sort key by which frame 2 comes before frame 10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"([0-9]+)", text))]


def split_files(split: str, image_folder: str, label_folder: Optional[str], image_ending: str = "",
                label_ending: str = "", beside: Sequence[str] = ()) -> SplitFiles:
    """List a split. The endings stand between stem and suffix: `_image` of `frame12_image.jpg`.

    `beside`: the endings of other files that the layout has among the labels. A `label_folder` that does not exist is
    none.
    """
    images, strays = _by_stem(image_folder, image_ending, ())
    if label_folder is None or not os.path.isdir(label_folder):
        return SplitFiles(split, image_folder, images, None, {}, strays)
    labels, stray_labels = _by_stem(label_folder, label_ending, beside)
    return SplitFiles(split, image_folder, images, label_folder, labels, strays, stray_labels)


def _by_stem(folder: str, ending: str, beside: Sequence[str]) -> Tuple[Dict[str, str], Tuple[str, ...]]:
    """Stem -> path below `folder`, and the paths of files that end neither so nor as one of `beside`.

    Two files of one stem are a `DataError`: nothing tells which is meant.
    """
    stems: Dict[str, str] = {}
    strays: List[str] = []
    for path in image_files(folder):
        bare = os.path.splitext(path)[0]
        if any(bare.endswith(other) for other in beside):
            continue
        if not bare.endswith(ending):
            strays.append(os.path.join(folder, *path.split("/")))
            continue
        stem = bare[:len(bare) - len(ending)]
        if stem in stems:
            raise DataError("%s and %s in %s have one name" % (stems[stem], path, folder),
                            "keep one of the two: images and labels find each other by name")
        stems[stem] = path
    return stems, tuple(strays)


def assemble(root: str, layout: str, form: LabelForm, parts: Sequence[SplitFiles],
             group_of: Callable[[str], str]) -> Dataset:
    """The data set that `parts` make. `group_of`: key -> sequence, drive or city.

    Images without a label are named as unpaired and left out, unless no image has one: then every image is a record,
    so that the images can still be measured.
    """
    whole = any(stem in part.labels for part in parts for stem in part.images)
    splits: Dict[str, Tuple[Record, ...]] = {}
    lone_images: List[str] = []
    lone_labels: List[str] = []
    for part in parts:
        records = []
        for stem, key in part.images.items():
            image = os.path.join(part.image_folder, *key.split("/"))
            label: Optional[str] = None
            if part.label_folder is not None and stem in part.labels:
                label = os.path.join(part.label_folder, *part.labels[stem].split("/"))
            elif part.label_folder is not None:
                lone_images.append(image)
                if whole:
                    continue
            records.append(Record(key, image, label, group_of(key), part.split))
        lone_labels += [os.path.join(part.label_folder or "", *path.split("/"))
                        for stem, path in part.labels.items() if stem not in part.images]
        lone_images += part.stray_images
        lone_labels += part.stray_labels
        if records:
            splits[part.split] = tuple(records)
    name = os.path.basename(os.path.abspath(root)) or "root"
    return Dataset(name, layout, root, form.classes, splits, form.code, form.encoding,
                   tuple(lone_images), tuple(lone_labels))


def first_folder(key: str) -> str:
    """The group of layouts that keep a sequence, drive or city in a folder of its own; "" for a file beside them."""
    return key.split("/")[0] if "/" in key else ""
