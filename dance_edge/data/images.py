"""Reading images and labels from files, for every job alike.

Images come as they are stored: an EXIF orientation is not applied, since nothing would turn the label with it. Gray
images and images with alpha become three channels; of 16-bit images the high byte counts, and one that leaves it next
to empty is refused. Where a job wants no more, a JPEG is decoded at half its size, in half to three quarters of the
time.
"""
import os
from typing import Dict, NamedTuple, Optional, Tuple, Type

import cv2
import numpy as np

from dance_edge.data import headers
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.label_codes import UNKNOWN, LabelCode, ids_of_colours, pixels_by_id
from dance_edge.errors import DataError
from dance_edge.size import Size, size_of

_HEADER_BYTES = (1 << 11, 1 << 16)  # where a JPEG carries no preview, its size stands in the first
_DARK_BYTE = 16  # 12 of 16 bits end below it
_FULL = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_GRAY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
_HALF = cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION


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
    return _decode_image(path, _bytes(path), _FULL)


def image_size(path: str) -> Size:
    """The size of the image at `path`, from its header where that tells; `BrokenImage` where nothing does."""
    for count in _HEADER_BYTES:
        size = headers.stored_size(_first_bytes(path, count))
        if size is not None:
            return size
    return size_of(read_image(path))


def read_label(path: str, code: LabelCode) -> np.ndarray:
    """The label at `path` as uint8 (H, W) of `code`'s ids; of a palette its indices are the ids, not its colours.

    Where `code` has colours, the colours are what counts. `BrokenImage` where the file cannot be decoded; `DataError`
    for JPEG and WebP, for colours in place of ids or ids in place of colours, ids of more than a byte, and whatever
    `code` does not know.
    """
    stored = _stored_label(path, bool(code.colours))
    label = cv2.LUT(_raw_ids(stored, code), np.frombuffer(code.lookup, dtype=np.uint8))
    if np.any(label == UNKNOWN):
        raise _unknown_pixels(path, stored, label == UNKNOWN)
    return label


class CountedPair(NamedTuple):
    """An image to be measured, and how many pixels of its label each id has; of no label none.

    `image`: (H, W) uint8 gray of a JPEG, (H, W, 3) uint8 BGR of another file.
    """

    image: np.ndarray
    pixels: Dict[int, int]


def read_counted(record: Record, code: LabelCode) -> CountedPair:
    """Image of `record` and what its label holds by `code`'s ids, in less time than colours and label take.

    A JPEG stores its gray beside its colours, which need not be made then: a quarter of the decoding, or more. It
    is the gray of the decoded colours but where these are clipped; p moves by 0.005 at most (95th percentile, road
    scenes). Errors as in `read_pair`.
    """
    data = _bytes(record.image)
    image = _decode_image(record.image, data, _GRAY if headers.is_jpeg(data) else _FULL)
    if record.label is None:
        return CountedPair(image, {})
    stored = _stored_label(record.label, bool(code.colours))
    raw = _raw_ids(stored, code)
    pixels: Dict[int, int] = {}
    for one, count in pixels_by_id(raw).items():
        pixels[code.lookup[one]] = pixels.get(code.lookup[one], 0) + count
    if UNKNOWN in pixels:
        unknown = np.frombuffer(code.lookup, dtype=np.uint8)[raw] == UNKNOWN
        raise _unknown_pixels(record.label, stored, unknown)
    _refuse_sizes(record.image, size_of(image), record.label, size_of(raw))
    return CountedPair(image, pixels)


def read_pair(record: Record, code: LabelCode, wanted: Optional[Size] = None) -> Sample:
    """Image and label of `record`; label None where it has none. `code` as in `read_label`.

    `wanted` is the size that the image is going to be brought to: a JPEG at least twice as high and as wide then comes
    at half its size (rounded up), the label always whole. Each of its pixels is about the mean of four. Brought to
    exactly half it is within 1 gray level (mean absolute difference) of the full image resized; brought to less, within
    3 where there is little to see (p below 1/8) and 10 elsewhere, since bilinear resizing leaves pixels out there.

    `BrokenImage` and `DataError` as in `read_label`, and `SizeMismatch` where the two differ in size.
    """
    image, stored = _image_for(record.image, wanted)
    if record.label is None:
        return Sample(image, None, record.key)
    label = read_label(record.label, code)
    _refuse_sizes(record.image, stored, record.label, size_of(label))
    return Sample(image, label, record.key)


def _image_for(path: str, wanted: Optional[Size]) -> Tuple[np.ndarray, Size]:
    """The image at `path`, halved where `wanted` allows it, and the size that it is stored in."""
    data = _bytes(path)
    stored = headers.stored_size(data) if wanted is not None and headers.is_jpeg(data) else None
    if wanted and stored and 2 * wanted.height <= stored.height and 2 * wanted.width <= stored.width:
        return _decode_image(path, data, _HALF), stored
    image = _decode_image(path, data, _FULL)
    return image, size_of(image)


def _refuse_sizes(image_path: str, image: Size, label_path: str, label: Size) -> None:
    if image == label:
        return
    turned = ""
    orientation = headers.exif_orientation(_bytes(image_path))
    if orientation >= 5 and label == Size(image.width, image.height):
        turned = " as stored; EXIF orientation %d would turn it, but images are read as they are stored" % orientation
    raise SizeMismatch("label %s is %s, its image is %s%s"
                       % (os.path.basename(label_path), label.wxh, image.wxh, turned),
                       "give the labels at the images' size, or leave the pair out with --skip-mismatched")


def _unknown_pixels(path: str, stored: np.ndarray, unknown: np.ndarray) -> DataError:
    """What stands at the first of the `unknown` pixels; of ids also which others there are."""
    y, x = np.argwhere(unknown)[0]
    if stored.ndim == 3:
        colour = "(%d, %d, %d)" % tuple(stored[y, x, ::-1])
        return DataError("label %s has %d pixels in colours that are no class's; the first is %s at x %d, y %d"
                         % (path, np.count_nonzero(unknown), colour, x, y),
                         "are these the labels of this layout? resizing them other than by nearest mixes colours")
    ids = ", ".join(str(one) for one in np.unique(stored[unknown])[:8])
    return DataError("label %s has the id %s, which is neither a class nor void; the first is at x %d, y %d"
                     % (path, ids, x, y),
                     "are these the labels of this layout? classes.json names a plain folder's ids, void included")


def _raw_ids(stored: np.ndarray, code: LabelCode) -> np.ndarray:
    return ids_of_colours(stored, code.colours) if code.colours else stored


def _stored_label(path: str, colours: bool) -> np.ndarray:
    """What the file holds: ids, (H, W) uint8, or `colours`, (H, W, 3) uint8 BGR."""
    data = _bytes(path)
    lossy = "JPEG" if headers.is_jpeg(data) else "WebP" if headers.is_webp(data) else ""
    if lossy:
        raise DataError("label %s is a %s, which changes ids on the way" % (path, lossy), "save labels as PNG")
    return _stored_colours(path, data) if colours else _stored_ids(path, data)


def _stored_colours(path: str, data: bytes) -> np.ndarray:
    picture = _decode(path, data, cv2.IMREAD_UNCHANGED)
    if picture.ndim != 3 or picture.dtype != np.uint8:
        raise DataError("label %s is no picture of three times 8 bits, while this layout's classes are colours" % path,
                        "give the labels as they were published")
    return np.ascontiguousarray(picture[:, :, :3])


def _stored_ids(path: str, data: bytes) -> np.ndarray:
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
        if raw.dtype.kind == "f" or raw.min() < 0 or raw.max() > 255:
            raise DataError("label %s has ids up to %s (%s)" % (path, raw.max(), raw.dtype),
                            "ids are whole numbers from 0 to 255")
        raw = raw.astype(np.uint8)
    if form is not None and form.bits < 8:  # the decoder spreads 1, 2 and 4 bits over 0 to 255
        raw = raw // np.uint8(255 // ((1 << form.bits) - 1))
    return raw


def _decode_image(path: str, data: bytes, flags: int) -> np.ndarray:
    """Three channels of a byte. Cameras write 10 or 12 bits into PNGs of 16: their high byte is next to black."""
    image = _decode(path, data, flags)
    form = headers.png_form(data)
    if form is not None and form.bits == 16 and image.max() < _DARK_BYTE:
        largest = int(_decode(path, data, _FULL | cv2.IMREAD_ANYDEPTH).max())
        if 0 < largest:
            raise BrokenImage(path, "its 16-bit values end at %d of 65535, which would be next to black; scale them up"
                              % largest)
    return image


def _decode(path: str, data: bytes, flags: int) -> np.ndarray:
    """Decode whole files only.

    OpenCV fills what a cut JPEG lacks with gray: `imread` always, `imdecode` in some versions for some files.
    """
    if not data:
        raise BrokenImage(path, "the file is empty")
    form = "JPEG" if headers.is_jpeg(data) else "PNG" if headers.is_png(data) else ""
    if (form == "JPEG" and not headers.jpeg_is_whole(data)) or (form == "PNG" and not headers.png_is_whole(data)):
        raise BrokenImage(path, "the %s is cut off" % form)
    try:
        image: Optional[np.ndarray] = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error:  # its header asks for more pixels than OpenCV takes
        raise BrokenImage(path, "it is damaged, or too large for OpenCV")
    if image is None:
        raise BrokenImage(path, "the %s is damaged" % form if form else "this is not an image")
    return image


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as reason:
        raise BrokenImage(path, _why(path, reason))


def _first_bytes(path: str, count: int) -> bytes:
    """Past Python's buffers, which take longer than the rest: every image of a data set is asked for its size."""
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, count)
        finally:
            os.close(file)
    except OSError as reason:
        raise BrokenImage(path, _why(path, reason))


def _why(path: str, reason: OSError) -> str:
    if os.path.islink(path) and not os.path.exists(path):
        return "a link to %s, which does not exist" % os.readlink(path)
    return reason.strerror or str(reason)
