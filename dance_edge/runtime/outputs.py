"""What a graph gave, as labels at the size that it ran at: the one way from integers or logits, on every backend."""
import cv2
import numpy as np

from dance_edge.errors import CheckpointError
from dance_edge.size import Size


def to_labels(output: np.ndarray, size: Size) -> np.ndarray:
    """Class ids, int32 (N, H, W) of `size`, from a graph's output.

    Integers (N, h, w) or (N, 1, h, w) are class ids already, brought to `size` by nearest. Floats (N, C, h, w), C >= 2,
    are logits: bilinear to `size` with half-pixel centres, then the first of the largest. `CheckpointError` for
    anything else, one channel of floats too, and for logits that are not numbers.
    """
    if np.issubdtype(output.dtype, np.integer):
        labels = output[:, 0] if output.ndim == 4 and output.shape[1] == 1 else output
        if labels.ndim == 3:
            return _ids_to_size(np.asarray(labels, dtype=np.int32), size)
    elif np.issubdtype(output.dtype, np.floating) and output.ndim == 4 and output.shape[1] > 1:
        return np.stack([_of_logits(one, size) for one in output])
    raise refused_output("the graph gave %s %s" % (output.dtype, output.shape),
                         binary=output.ndim == 4 and output.shape[1] == 1)


def refused_output(given: str, binary: bool) -> CheckpointError:
    """The error for an output that is no segmentation; `given` says what it is, `binary` that it has one channel."""
    if binary:
        return CheckpointError(
            "%s: one channel of floats is a binary mask whose threshold is not known; integer labels (N, H, W) or "
            "float logits (N, classes, h, w) were expected" % given,
            "end the graph in one channel a class, so for two classes the logits 0 and x, or in integer labels")
    return CheckpointError("%s; integer labels (N, H, W) or float logits (N, classes, h, w) were expected" % given,
                           "end the graph in its logits, channels before height and width, or in their ArgMax over "
                           "axis 1")


def plane_to_size(plane: np.ndarray, size: Size) -> np.ndarray:
    """One channel of logits, float32 (h, w), at `size`: bilinear with half-pixel centres (`align_corners=False`)."""
    if plane.shape == size:
        return plane
    return cv2.resize(plane, size.cv2, interpolation=cv2.INTER_LINEAR)


def class_ids(labels: np.ndarray, count: int) -> np.ndarray:
    """`labels`, int32, as uint8; `CheckpointError` where one of them is no id of `count` classes."""
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= count:
        raise CheckpointError("the network gave the class id %d, and there are %d classes: 0 to %d"
                              % (low if low < 0 else high, count, count - 1),
                              "name all of its classes, in the order of their ids")
    return labels.astype(np.uint8)


def _ids_to_size(labels: np.ndarray, size: Size) -> np.ndarray:
    if labels.shape[1:] == size:
        return labels
    rows = _nearest(labels.shape[1], size.height)
    return np.ascontiguousarray(labels[:, rows[:, np.newaxis], _nearest(labels.shape[2], size.width)])


def _nearest(have: int, want: int) -> np.ndarray:
    """For each of `want` places the one of `have` that is taken, as `cv2.INTER_NEAREST` takes it; OpenCV 4.1 resizes no
    int32."""
    return np.minimum((np.arange(want) * (have / float(want))).astype(np.int64), have - 1)


def _of_logits(logits: np.ndarray, size: Size) -> np.ndarray:
    """A running maximum over (C, h, w): it takes less time than an argmax over all planes at full size, and two of them
    in memory."""
    best = plane_to_size(np.ascontiguousarray(logits[0], dtype=np.float32), size)
    labels = np.zeros(size, dtype=np.int32)
    for index in range(1, logits.shape[0]):
        plane = plane_to_size(np.ascontiguousarray(logits[index], dtype=np.float32), size)
        labels[cv2.compare(plane, best, cv2.CMP_GT) != 0] = index
        best = cv2.max(plane, best)
    if np.isnan(best).any():  # such a pixel would be class 0, which looks plausible
        raise CheckpointError("the network gave logits that are not numbers",
                              "its weights are broken, or half precision overflows: run it in float32")
    return labels
