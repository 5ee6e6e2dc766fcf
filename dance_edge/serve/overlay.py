"""The picture for people: the frame, tinted by class, with a line of figures."""
from typing import Optional

import cv2
import numpy as np

from dance_edge.data.labels import ClassSet
from dance_edge.serve.frame import Frame, FrameResult

OPACITY = 0.5


class Overlay:
    """Draws one frame at a time; asked twice for the same one, as by two sinks, it draws once."""

    def __init__(self, classes: ClassSet) -> None:
        self._colors = np.zeros((256, 3), dtype=np.uint8)
        for index, (red, green, blue) in enumerate(classes.palette):
            self._colors[index] = (blue, green, red)
        self._result: Optional[FrameResult] = None
        self._picture = np.zeros((0, 0, 3), dtype=np.uint8)

    def draw(self, frame: Frame, result: FrameResult) -> np.ndarray:
        """(H, W, 3) BGR uint8 of the frame's size."""
        if result is not self._result:
            self._picture = cv2.addWeighted(frame.image, 1.0 - OPACITY, self._colors[result.labels], OPACITY, 0.0)
            p = "" if result.p is None else "p %.2f  " % result.p
            _write(self._picture, "%s%s  %.0f ms" % (p, result.size.wxh, result.total_ms))
            self._result = result
        return self._picture


def _write(picture: np.ndarray, text: str) -> None:
    """`text` in the upper left corner, white on a dark ground; its height goes with the picture's.

    A ground and not a rim: what a thicker stroke looks like, and how wide, depends on OpenCV's version.
    """
    scale = max(0.35, picture.shape[0] / 660.0)  # a capital is 22 pixels high at scale 1: a thirtieth of the picture
    thickness = max(1, int(round(1.5 * scale)))
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    pad = int(8 * scale) + 1
    ground = picture[:height + below + 2 * pad, :width + 2 * pad]
    ground //= 4
    cv2.putText(picture, text, (pad, height + pad), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), thickness,
                cv2.LINE_AA)
