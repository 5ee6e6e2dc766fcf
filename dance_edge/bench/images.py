"""What a bench runs over: files of the data that a model was made for, or drawn ones that are as hard to see."""
import hashlib
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np

from dance_edge.complexity.indicator import measure
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.dataset import Dataset, Record, by_name
from dance_edge.data.images import BrokenImage, read_image
from dance_edge.data.layouts import open_dataset
from dance_edge.data.splits import train_and_val
from dance_edge.errors import DataError
from dance_edge.events import OnEvent, Warned
from dance_edge.size import Size

CELL = 4  # pixels between the knots of a drawn image's noise, at the size that complexity is measured at
MIDDLE, SWING = 128.0, 127.0  # gray levels


class ImageSet(NamedTuple):
    """`paths` of readable images, in order; `origin` says in words where they are from, for the report. `records` are
    those of the data set in the folder `root`, likewise; none of drawn images."""

    paths: Tuple[str, ...]
    origin: str
    records: Tuple[Record, ...] = ()
    root: str = ""

    def sha256(self) -> str:
        """Of the files' contents, one after the other: whether another bench ran over the same."""
        digest = hashlib.sha256()
        for path in self.paths:
            with open(path, "rb") as file:
                digest.update(file.read())
        return digest.hexdigest()


def of_folder(data: str, count: int, on_event: OnEvent) -> ImageSet:
    """`count` images of the data set in the folder `data`, of its validation split where it has one."""
    dataset = open_dataset(data)
    records, split = _validation(dataset)
    return _readable(records, count, "%s (%s)" % (dataset.name, split), on_event)._replace(root=dataset.root)


def of_run(state: Dict[str, Any], count: int, on_event: OnEvent) -> Optional[ImageSet]:
    """`count` images of the split that a run stored, None where it names none or its data is not here any more."""
    target = state.get("target") or {}
    names = target.get("val")
    if not names:
        return None
    try:
        dataset = open_dataset(str(target["root"]), str(target["layout"]))
        found = _readable(by_name(dataset, names), count, "%s (the run's validation split)" % dataset.name, on_event)
        return found._replace(root=dataset.root)
    except DataError as reason:
        on_event(Warned("the run's images cannot be read: %s" % reason.message))
        return None


def trained_on(found: ImageSet, state: Dict[str, Any]) -> bool:
    """Whether the run whose run.json `state` is has learned from one of the images: its score on them is then another
    than on images that it never saw."""
    target = state.get("target") or {}
    if not found.records or os.path.realpath(found.root) != os.path.realpath(str(target.get("root"))):
        return False
    return bool(set(target.get("train") or ()) & {record.name for record in found.records})


def marked(found: ImageSet) -> ImageSet:
    """The images, said to be such that were trained on."""
    return found._replace(origin="images that were trained on: " + found.origin)


def drawn(folder: str, count: int, size: Size, profile: Optional[ComplexityProfile]) -> ImageSet:
    """Draw `count` images of `size` into `folder`, noise of such contrast that their p is spread evenly over 0-1.

    By its definition p is spread so over the images that `profile` was fitted on; without one, contrast is.
    """
    paths = []
    for i in range(count):
        wanted = (i + 0.5) / count
        path = os.path.join(folder, "%04d.jpg" % i)
        cv2.imwrite(path, _image_of(wanted, size, profile, seed=i), [cv2.IMWRITE_JPEG_QUALITY, 95])
        paths.append(path)
    return ImageSet(tuple(paths), "%d drawn images of %s, p spread evenly" % (count, size.wxh))


def _validation(dataset: Dataset) -> Tuple[Sequence[Record], str]:
    try:
        split = train_and_val(dataset)
        return split.val, split.how if split.val_is_trained_on else "validation"
    except DataError:  # without labels there is no such split, and a bench needs none
        return dataset.records(), "all images"


def _readable(records: Sequence[Record], count: int, origin: str, on_event: OnEvent) -> ImageSet:
    """`count` of `records`, evenly spaced, so that the mix of complexities stays; broken ones are left out."""
    chosen = [records[i * len(records) // count] for i in range(count)] if len(records) > count else list(records)
    whole: List[Record] = []
    for record in chosen:
        try:
            read_image(record.image)
            whole.append(record)
        except BrokenImage as reason:
            on_event(Warned("left out: %s" % reason.message))
    if not whole:
        raise DataError("%s has no image that can be read" % origin, "give another folder with --data")
    return ImageSet(tuple(one.image for one in whole), "%d images of %s" % (len(whole), origin), tuple(whole))


def _image_of(wanted_p: float, size: Size, profile: Optional[ComplexityProfile], seed: int) -> np.ndarray:
    """(H, W, 3) uint8 whose p is `wanted_p`, or as near as noise comes: contrast by bisection."""
    cell = CELL
    if profile is not None:  # what is finer than this would vanish when complexity is measured
        cell = max(CELL, int(round(CELL * size.height / profile.measured_size.height)))
    rows, columns = size.height // cell + 2, size.width // cell + 2
    knots = np.random.RandomState(seed).uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    noise = cv2.resize(knots, size.cv2, interpolation=cv2.INTER_LINEAR)
    if profile is None:
        return _with_contrast(noise, wanted_p)
    low, high = 0.0, 1.0
    for _ in range(8):
        middle = (low + high) / 2.0
        p = profile.p(measure(_with_contrast(noise, middle), profile.measured_size, profile.indicator))
        low, high = (middle, high) if p < wanted_p else (low, middle)
    return _with_contrast(noise, (low + high) / 2.0)


def _with_contrast(noise: np.ndarray, contrast: float) -> np.ndarray:
    gray = np.clip(np.rint(MIDDLE + SWING * contrast * noise), 0, 255).astype(np.uint8)
    return np.repeat(gray[:, :, np.newaxis], 3, axis=2)
