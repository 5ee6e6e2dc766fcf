"""The few sizes that images are brought to, so that a batch has one size and an engine one shape."""
from typing import List, NamedTuple, Tuple

from dance_edge.size import Size

RUNGS = 5


class Ladder(NamedTuple):
    """Sizes from the smallest to the largest ("full") for images of size `image`; `rungs` and `ratios` align."""

    image: Size
    rungs: Tuple[Size, ...]
    ratios: Tuple[float, ...]

    @property
    def full(self) -> Size:
        """The top rung: the image's own size, rounded to the stride."""
        return self.rungs[-1]

    def at(self, ratio: float) -> Size:
        """The rung nearest to `ratio` (per side)."""
        nearest = min(range(len(self.ratios)), key=lambda i: (abs(self.ratios[i] - ratio), i))
        return self.rungs[nearest]


def build_ladder(image: Size, stride: int, ratio_range: Tuple[float, float] = (0.5, 1.0), rungs: int = RUNGS) -> Ladder:
    """`rungs` equally spaced ratios per side over `ratio_range`, each side rounded to a multiple of `stride`.

    A rung has at least two strides a side and never more than the image, unless the image is smaller than
    two strides. Equal rungs are merged, so a small image has fewer.
    """
    low, high = ratio_range
    steps = 1 if rungs < 2 or high <= low else rungs
    sizes: List[Size] = []
    ratios: List[float] = []
    for i in range(steps):
        ratio = high if steps == 1 else low + (high - low) * i / (steps - 1)
        size = Size(_snap(image.height, ratio, stride), _snap(image.width, ratio, stride))
        if size in sizes:
            ratios[sizes.index(size)] = ratio
            continue
        sizes.append(size)
        ratios.append(ratio)
    return Ladder(image, tuple(sizes), tuple(ratios))


def fixed_size(image: Size, ratio: float, stride: int) -> Size:
    """The one size that `ratio` per side gives, by the ladder's rounding."""
    return Size(_snap(image.height, ratio, stride), _snap(image.width, ratio, stride))


def _snap(side: int, ratio: float, stride: int) -> int:
    nearest = int(round(side * ratio / stride))
    return max(2, min(nearest, side // stride)) * stride
