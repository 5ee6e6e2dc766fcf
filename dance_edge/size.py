"""The size of an image, in pixels."""
from typing import TYPE_CHECKING, NamedTuple, Tuple

if TYPE_CHECKING:  # every command's --help stands on this module, and numpy takes longer than the help may
    import numpy as np


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int

    @property
    def pixels(self) -> int:
        """How many pixels an image of this size has."""
        return self.height * self.width

    @property
    def hxw(self) -> str:
        """For machines: `"360x480"` is 360 rows of 480 columns."""
        return "%dx%d" % (self.height, self.width)

    @property
    def wxh(self) -> str:
        """For people, as image viewers say it: `"480x360"` is 480 wide and 360 high."""
        return "%dx%d" % (self.width, self.height)

    @property
    def cv2(self) -> Tuple[int, int]:
        """(width, height), the order that OpenCV takes."""
        return (self.width, self.height)


def size_of(image: "np.ndarray") -> Size:
    """The size of `image`, (H, W) or (H, W, C)."""
    return Size(int(image.shape[0]), int(image.shape[1]))
