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
            _write(self._picture, "p %.2f  %s  %.0f ms" % (result.p, result.size.wxh, result.total_ms))
            self._result = result
        return self._picture


def _write(picture: np.ndarray, text: str) -> None:
    """`text` in the upper left corner, white on a black rim, a thirtieth of the picture's height."""
    scale = max(0.35, picture.shape[0] / 30.0 / 22.0)  # a capital of this font is 22 pixels high at scale 1
    origin = (int(8 * scale) + 2, int(30 * scale) + 2)
    stroke = max(1, int(round(1.5 * scale)))
    for gray, thickness in ((0, stroke + 2 * int(round(scale)) + 1), (255, stroke)):
        cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, (gray,) * 3, thickness, cv2.LINE_AA)
