"""Which class was taken for which, over a whole data set, and the IoU that follows."""
from typing import Tuple

import numpy as np

from dance_edge.errors import DataError

VOID = 255
Cells = Tuple[np.ndarray, np.ndarray]


class Confusion:
    """One matrix for all images: row = truth, column = prediction, int64 pixels at the labels' own size.

    A mean over images is another figure: it weighs small images and rare classes differently.
    """

    __slots__ = ("num_classes", "matrix")

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.matrix = np.zeros((num_classes, num_classes), dtype=np.int64)

    def add(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Count one image. Both are integer (H, W); pixels whose truth is 255 (void) do not count at all.

        Raises `DataError` where the shapes differ or a value is neither a class nor, in the truth, void.
        """
        if truth.shape != prediction.shape:
            raise DataError("the prediction is %s, its label is %s" % (prediction.shape, truth.shape),
                            "bring the prediction to the label's size, by nearest")
        valid = truth != VOID
        expected = truth[valid].astype(np.int64)  # uint8 would wrap from class 13 of 19 on
        got = prediction[valid].astype(np.int64)
        _within("label", expected, self.num_classes)
        _within("prediction", got, self.num_classes)
        counts = np.bincount(expected * self.num_classes + got, minlength=self.num_classes ** 2)
        self.matrix += counts.reshape(self.num_classes, self.num_classes).astype(np.int64)

    def cells(self) -> Cells:
        """The places of the cells that are not 0, in the flat matrix, and their pixels; an image fills few of them."""
        places = np.flatnonzero(self.matrix)
        return places, self.matrix.ravel()[places]

    def add_cells(self, cells: Cells) -> None:
        """Count the `cells` of another matrix of as many classes."""
        places, pixels = cells
        self.matrix.ravel()[places] += pixels

    def iou(self) -> np.ndarray:
        """IoU per class, float64 (C,); nan for a class that neither the labels nor the predictions have."""
        hits = np.diag(self.matrix).astype(np.float64)
        union = (self.matrix.sum(axis=0) + self.matrix.sum(axis=1)).astype(np.float64) - hits
        return np.divide(hits, union, out=np.full(self.num_classes, np.nan), where=union > 0)

    def miou(self) -> float:
        """Mean IoU over the classes that occur, 0-1; nan where no pixel was counted."""
        present = self.iou()
        present = present[~np.isnan(present)]
        return float(np.mean(present)) if present.size else float("nan")


def _within(what: str, values: np.ndarray, num_classes: int) -> None:
    if values.size and (int(values.min()) < 0 or int(values.max()) >= num_classes):
        odd = values[(values < 0) | (values >= num_classes)][0]
        raise DataError("a %s has the value %d, the model has the classes 0 to %d" % (what, odd, num_classes - 1),
                        "map the data set's classes to the model's with --label-map")
