"""From a decoded image to the network's input and back: the one definition of preprocessing.

adapt, eval, export's parity check, serve and bench all call these, so a network sees the same numbers on every path.
"""
from typing import Any, Dict, NamedTuple, Tuple

import cv2
import numpy as np

from dance_edge.size import Size, size_of


class Normalization(NamedTuple):
    """Mean and standard deviation per channel of an image in [0, 1]; `order` is `rgb` or `bgr`."""

    mean: Tuple[float, float, float]
    std: Tuple[float, float, float]
    order: str = "rgb"

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, strings and lists only."""
        return {"mean": list(self.mean), "std": list(self.std), "order": self.order}


IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def normalization_from_dict(facts: Dict[str, Any]) -> Normalization:
    """The inverse of `to_dict`."""
    mean, std = ([float(value) for value in facts[name]] for name in ("mean", "std"))
    return Normalization((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), str(facts["order"]))


def to_rung(image: np.ndarray, size: Size) -> np.ndarray:
    """`image` (H, W, 3) uint8 at `size`, bilinear as `cv2.INTER_LINEAR` has it: half-pixel centres, no smoothing."""
    if size_of(image) == size:
        return image
    return cv2.resize(image, size.cv2, interpolation=cv2.INTER_LINEAR)


def normalize(image: np.ndarray, normalization: Normalization) -> np.ndarray:
    """`image` (H, W, 3) BGR uint8 as the network's input: (3, H, W) float32, contiguous."""
    channels = cv2.split(image)
    if normalization.order == "rgb":
        channels = channels[::-1]
    scale = np.asarray(normalization.std, dtype=np.float32) * np.float32(255.0)
    shift = np.asarray(normalization.mean, dtype=np.float32) / np.asarray(normalization.std, dtype=np.float32)
    table = np.arange(256, dtype=np.float32)[np.newaxis] / scale[:, np.newaxis] - shift[:, np.newaxis]
    planes = np.empty((3,) + image.shape[:2], dtype=np.float32)
    for channel, values, plane in zip(channels, table, planes):
        cv2.LUT(channel, values, dst=plane)  # a byte has 256 values: looking them up is far quicker than arithmetic
    return planes


def to_input(image: np.ndarray, size: Size, normalization: Normalization) -> np.ndarray:
    """`image` (H, W, 3) BGR uint8, resized to `size` and normalised: (3, h, w) float32."""
    return normalize(to_rung(image, size), normalization)


def labels_to_size(labels: np.ndarray, size: Size) -> np.ndarray:
    """`labels` (h, w), uint8 or int32, at `size` by nearest neighbour; class ids, so uint8 where it resizes."""
    if size_of(labels) == size:
        return labels
    if labels.dtype == np.int32:  # OpenCV 4.1 does not resize int32; class ids fit in a byte
        labels = labels.astype(np.uint8)
    return cv2.resize(labels, size.cv2, interpolation=cv2.INTER_NEAREST)
