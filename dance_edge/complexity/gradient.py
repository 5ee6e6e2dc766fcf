"""Eq. 1 on 8-bit images, fast enough to be asked of every frame: integers, and rows that speak for their neighbours."""
from typing import Tuple

import cv2
import numpy as np

from dance_edge.complexity.scratch import Scratch
from dance_edge.size import Size, size_of

SAMPLED_FROM = 480  # rows; an image of fewer is measured whole
TRIPLES = 36  # at least so many rows of an image have their gradient taken
# Prime: an enlarged image repeats a pattern every 2, 3, 4 ... rows and a JPEG every 8, and each of their phases counts.
_TRIPLE_STEPS = (13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
_LUMINANCE_STEP = 5
_BLOCK = 16  # triples at a time: arrays so small stay in the cache, and need no fresh pages of memory
_BLOCK_PIXELS = 60000  # at a time where an image is measured whole, for the first of these reasons
_EVERY_PAIR_BELOW = 720  # rows; from there on every second pair of rows is compared
_TRUSTED = (0.5, 2.0)  # on road scenes the ratio lies within 0.85-1.15
_kept = Scratch().array


def mean_gradient(image: np.ndarray) -> float:
    """Mean Sobel magnitude of `image`, uint8 (H, W) gray or (H, W, 3) BGR, with its gray in [0, 1]: DANCE Eq. 1.

    Exact up to float32's rounding for fewer than 480 rows. Of larger images it is a ratio estimate: the magnitude of at
    least 36 rows, evenly spaced, times how much more the whole image changes than these rows do. The change is summed
    over raw bytes, along both diagonals of two pixels; it costs a fraction of a gradient and goes with it. On road
    scenes such rows alone miss p by 0.03 (95th percentile), the estimate by less than 0.005. Where the two differ
    twofold, the rows are no sample of the image, and it is measured whole.
    """
    size = size_of(image)
    if size.height < SAMPLED_FROM or size.width < 3:
        return _whole(image)
    magnitude, horizontal, change_of_rows = _of_triples(image)
    ratio = _ratio(_change_of_all(image), change_of_rows)
    if not _TRUSTED[0] <= ratio <= _TRUSTED[1]:
        return _whole(image)
    # OpenCV mirrors the image at its border, so the first and the last row have no vertical slope
    return ratio * ((size.height - 2) * magnitude + 2.0 * horizontal) / size.height / 255.0


def mean_luminance(image: np.ndarray) -> float:
    """Mean gray of `image`, uint8 (H, W) gray or (H, W, 3) BGR, 0-1; of every fifth row from 480 rows on."""
    rows = image if image.shape[0] < SAMPLED_FROM else image[_LUMINANCE_STEP // 2::_LUMINANCE_STEP]
    means = cv2.mean(rows)
    level = means[0] if image.ndim == 2 else 0.114 * means[0] + 0.587 * means[1] + 0.299 * means[2]
    return float(level) / 255.0


def triple_step(size: Size) -> int:
    """Every how many rows a gradient is taken at `size`; 1 where the image is measured whole."""
    if size.height < SAMPLED_FROM:
        return 1
    return max(step for step in _TRIPLE_STEPS if step * TRIPLES <= size.height)


def _whole(image: np.ndarray) -> float:
    size = size_of(image)
    block = max(1, _BLOCK_PIXELS // size.width)
    total = 0.0
    for top in range(0, size.height, block):
        above = min(top, 1)  # a row more on either side, as neighbours
        part = image[top - above:top + block + 1]
        across, down = _slopes(part)
        rows = slice(above, above + block) if top + block < size.height else slice(above, None)
        total += _sum_of_magnitudes(across[rows], down[rows])
    return float(total) / size.pixels / 255.0


def _slopes(image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Both slopes of the gray of `image`, (H, W) int16: nothing is rounded. The next call writes over them."""
    shape = image.shape[:2]
    gray = image
    if image.ndim == 3:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=_kept("gray", shape, np.uint8))
    across, down = _kept("across", shape, np.int16), _kept("down", shape, np.int16)
    cv2.spatialGradient(gray, across, down)
    return across, down


def _sum_of_magnitudes(across: np.ndarray, down: np.ndarray) -> float:
    """Sum of the lengths of (across, down), int16 both. Squares and their sums are whole numbers below 2^24, and IEEE
    rounds the root: one image has one value. `cv2.magnitude` has two, by where in memory its arrays happen to lie."""
    squares, others = _kept("squares", across.shape, np.float32), _kept("others", across.shape, np.float32)
    np.copyto(squares, across)
    np.copyto(others, down)
    squares *= squares
    others *= others
    squares += others
    return float(cv2.sumElems(cv2.sqrt(squares, dst=squares))[0])


def _of_triples(image: np.ndarray) -> Tuple[float, float, float]:
    """Of three neighbouring rows every `triple_step`: mean magnitude and mean |horizontal slope| of the middle ones,
    in gray levels, and the change from the upper to the lower ones."""
    size = size_of(image)
    step = triple_step(size)
    count = (size.height - 3) // step + 1
    first = (size.height - 3 - (count - 1) * step) // 2
    rows = (first + step * np.arange(count))[:, np.newaxis] + np.arange(3)
    magnitude = horizontal = 0.0
    for start in range(0, count, _BLOCK):
        across, down = _slopes(image[rows[start:start + _BLOCK].ravel()])
        magnitude += _sum_of_magnitudes(across[1::3], down[1::3])
        horizontal += cv2.norm(across[1::3].astype(np.float32), cv2.NORM_L1)
    pixels = float(count * size.width)
    return magnitude / pixels, horizontal / pixels, _change(image[first:-2:step], image[first + 2::step])


def _change_of_all(image: np.ndarray) -> float:
    """The change between all rows and those two below, or every second of them."""
    step = 1 if image.shape[0] < _EVERY_PAIR_BELOW else 2
    return _change(image[:-2:step], image[2::step])


def _change(upper: np.ndarray, lower: np.ndarray) -> float:
    """Mean |difference| of bytes along both diagonals, `lower` being two rows below `upper`, columns two apart."""
    apart = 2 if upper.ndim == 2 else 2 * upper.shape[2]  # bytes
    upper, lower = upper.reshape(len(upper), -1), lower.reshape(len(lower), -1)
    total = (cv2.norm(upper[:, :-apart], lower[:, apart:], cv2.NORM_L1)
             + cv2.norm(upper[:, apart:], lower[:, :-apart], cv2.NORM_L1))
    return float(total / lower.size)


def _ratio(of_all: float, of_rows: float) -> float:
    if of_rows > 0:
        return of_all / of_rows
    return 1.0 if of_all == 0 else float("inf")
