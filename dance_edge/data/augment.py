"""What an image may also have looked like: flip, scale and brightness, drawn after its complexity is known."""
from typing import NamedTuple, Tuple

import cv2
import numpy as np

from dance_edge.data.labels import VOID
from dance_edge.data.transforms import labels_to_size, to_rung
from dance_edge.size import Size, size_of

PADDING = (104, 116, 124)  # ImageNet's mean colour, BGR: next to zero after normalising


class Augmentation(NamedTuple):
    """Chance of a mirror image; range of the zoom; the largest change of brightness and of contrast (share).

    A kind is turned off by the value that does nothing: 0, (1, 1) and 0. The others then draw what they drew before.
    """

    flip: float = 0.5
    scale: Tuple[float, float] = (0.75, 1.5)
    brightness: float = 0.25


class Variant(NamedTuple):
    """One drawn look. The image is zoomed by `zoom`; a window at the relative place `at` (down, right) shows it.

    Gray levels times `gain`, then shifted by `offset`.
    """

    zoom: float = 1.0
    at: Tuple[float, float] = (0.0, 0.0)
    mirrored: bool = False
    gain: float = 1.0
    offset: float = 0.0

    def zoomed(self, size: Size) -> Size:
        """What `size` becomes before the window is cut out."""
        return Size(max(1, int(round(size.height * self.zoom))), max(1, int(round(size.width * self.zoom))))


AS_IT_IS = Variant()


def draw(rules: Augmentation, random: np.random.RandomState) -> Variant:
    """A look by `rules`. Always six draws, in this order: what one of the rules allows changes no other."""
    zoom = float(np.exp(random.uniform(np.log(rules.scale[0]), np.log(rules.scale[1]))))
    down, right = random.random_sample(2)
    mirrored = bool(random.random_sample() < rules.flip)
    gain, offset = random.uniform(-rules.brightness, rules.brightness, 2)
    return Variant(zoom, (float(down), float(right)), mirrored, 1.0 + float(gain), 255.0 * float(offset))


def apply(variant: Variant, image: np.ndarray, label: np.ndarray, size: Size) -> Tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 3) BGR uint8 and label (H, W) uint8 of one picture, of any sizes, at `size` as `variant` has it."""
    if variant == AS_IT_IS:
        return to_rung(image, size), labels_to_size(label, size)
    zoomed = variant.zoomed(size)
    image = _light(_window(to_rung(image, zoomed), size, variant.at, PADDING), variant.gain, variant.offset)
    label = _window(labels_to_size(label, zoomed), size, variant.at, (VOID,))
    return (cv2.flip(image, 1), cv2.flip(label, 1)) if variant.mirrored else (image, label)


def _light(image: np.ndarray, gain: float, offset: float) -> np.ndarray:
    table = np.clip(np.arange(256, dtype=np.float64) * gain + offset, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table)


def _window(array: np.ndarray, size: Size, at: Tuple[float, float], fill: Tuple[int, ...]) -> np.ndarray:
    """The part of `array` that a window of `size` at the relative place `at` shows; `fill` where it reaches beyond."""
    missing = [max(0, want - have) for want, have in zip(size, size_of(array))]  # rounding may leave one side short
    before = [int(round(place * short)) for place, short in zip(at, missing)]
    array = cv2.copyMakeBorder(array, before[0], missing[0] - before[0], before[1], missing[1] - before[1],
                               cv2.BORDER_CONSTANT, value=fill)
    top, left = (int(round(place * (have - want))) for place, have, want in zip(at, size_of(array), size))
    return np.ascontiguousarray(array[top:top + size.height, left:left + size.width])
