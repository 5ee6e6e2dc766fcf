"""Reading images and labels from files, for every job alike.

Images come as they are stored: an EXIF orientation is not applied, since nothing would turn the label with it. Gray
images and images with alpha become three channels; of 16-bit images the high byte counts.
"""
import os
from typing import Optional, Tuple, Type

import cv2
import numpy as np

from dance_edge.data import headers
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.labels import UNKNOWN
from dance_edge.errors import DataError
from dance_edge.size import Size, size_of

_HEADER_BYTES = 1 << 16


class BrokenImage(DataError):
    """A file that cannot be read or decoded; `reason` says why, `path` where it is."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__("%s: %s" % (path, reason), "replace the file or take it out of the data set")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> Tuple[Type[DataError], Tuple[str, str]]:
        return (BrokenImage, (self.path, self.reason))


class SizeMismatch(DataError):
    """A label that does not have its image's size."""


def read_image(path: str) -> np.ndarray:
    """The image at `path`, (H, W, 3) uint8 BGR; `BrokenImage` where it is missing, cut or no image."""
    return _decode(path, _bytes(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def image_size(path: str) -> Size:
    """The size of the image at `path`, from its header where that tells; `BrokenImage` where nothing does."""
    try:
        with open(path, "rb") as file:
            size = headers.stored_size(file.read(_HEADER_BYTES))
    except OSError as reason:
        raise BrokenImage(path, _why(path, reason))
    return size_of(read_image(path)) if size is None else size


def read_label(path: str, lookup: bytes) -> np.ndarray:
    """The label at `path` as uint8 (H, W) of `lookup`'s ids; a palette's indices are the ids, not its colours.

    `lookup`: 256 bytes, raw id -> id. `BrokenImage` where it cannot be decoded; `DataError` for colours, JPEG, ids of
    more than a byte, and ids that `lookup` does not know.
    """
    raw = _raw_label(path)
    label = cv2.LUT(raw, np.frombuffer(lookup, dtype=np.uint8))
    if np.any(label == UNKNOWN):
        unknown = np.unique(raw[label == UNKNOWN])
        raise DataError("label %s has the id %s, which is neither a class nor void"
                        % (path, ", ".join(str(one) for one in unknown[:8])),
                        "are these the labels of this layout? classes.json names a plain folder's ids, void included")
    return label


def read_pair(record: Record, lookup: bytes) -> Sample:
    """Image and label of `record`; label None where it has none. `lookup` as in `read_label`.

    `BrokenImage` and `DataError` as there, and `SizeMismatch` where the two differ in size.
    """
    image = read_image(record.image)
    if record.label is None:
        return Sample(image, None, record.key)
    label = read_label(record.label, lookup)
    if size_of(label) != size_of(image):
        raise _size_mismatch(record.image, size_of(image), record.label, size_of(label))
    return Sample(image, label, record.key)


def _size_mismatch(image_path: str, image: Size, label_path: str, label: Size) -> SizeMismatch:
    turned = ""
    orientation = headers.exif_orientation(_bytes(image_path))
    if orientation >= 5 and label == Size(image.width, image.height):
        turned = " as stored; EXIF orientation %d would turn it, but images are read as they are stored" % orientation
    return SizeMismatch("label %s is %s, its image is %s%s"
                        % (os.path.basename(label_path), label.wxh, image.wxh, turned),
                        "give the labels at the images' size, or leave the pair out with --skip-mismatched")


def _raw_label(path: str) -> np.ndarray:
    """The ids as stored, uint8 (H, W)."""
    data = _bytes(path)
    if headers.is_jpeg(data):
        raise DataError("label %s is a JPEG, which changes ids on the way" % path, "save labels as PNG")
    form = headers.png_form(data)
    if form is not None and form.palette and headers.png_is_whole(data):
        data = headers.palette_as_gray(data)
    raw = _decode(path, data, cv2.IMREAD_UNCHANGED)
    if raw.ndim == 3:
        if not (np.array_equal(raw[:, :, 0], raw[:, :, 1]) and np.array_equal(raw[:, :, 0], raw[:, :, 2])):
            raise DataError("label %s is a picture in colours, not one of ids" % path,
                            "save one channel that holds the id of each pixel's class")
        raw = np.ascontiguousarray(raw[:, :, 0])
    if raw.dtype != np.uint8:
        if raw.min() < 0 or raw.max() > 255:
            raise DataError("label %s has ids up to %s" % (path, raw.max()), "ids are 0 to 255")
        raw = raw.astype(np.uint8)
    if form is not None and form.bits < 8:  # the decoder spreads 1, 2 and 4 bits over 0 to 255
        raw = raw // np.uint8(255 // ((1 << form.bits) - 1))
    return raw


def _decode(path: str, data: bytes, flags: int) -> np.ndarray:
    """Decode whole files only.

    OpenCV fills what a cut JPEG lacks with gray: `imread` always, `imdecode` in some versions for some files.
    """
    if not data:
        raise BrokenImage(path, "the file is empty")
    form = "JPEG" if headers.is_jpeg(data) else "PNG" if headers.is_png(data) else ""
    if (form == "JPEG" and not headers.jpeg_is_whole(data)) or (form == "PNG" and not headers.png_is_whole(data)):
        raise BrokenImage(path, "the %s is cut off" % form)
    image: Optional[np.ndarray] = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    if image is None:
        raise BrokenImage(path, "the %s is damaged" % form if form else "this is not an image")
    return image


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as reason:
        raise BrokenImage(path, _why(path, reason))


def _why(path: str, reason: OSError) -> str:
    if os.path.islink(path) and not os.path.exists(path):
        return "a link to %s, which does not exist" % os.readlink(path)
    return reason.strerror or str(reason)
