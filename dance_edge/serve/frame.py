"""One frame on its way: as it was captured, and what was found out about it."""
from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from dance_edge.size import Size


class Frame(NamedTuple):
    """`image` is (H, W, 3) BGR uint8; `index` counts what the source captured, dropped frames included.

    `captured_at_s` is on the monotonic clock, taken when the image had been decoded.
    """

    image: np.ndarray
    index: int  # type: ignore[assignment]  # a tuple's own `index` is of no use here
    captured_at_s: float


class FrameResult(NamedTuple):
    """What one frame gave. `frame` is its index, `size` the rung that the engine ran at, `labels` uint8 (H, W) at the
    frame's own size. `p` and `complexity_ms` are None where there is no profile to have a p by.

    `engine_ms` has resizing and normalising in it, since a GPU does them in one go with the network. `total_ms` runs
    from the capture to the labels, a live frame's wait for its turn included.
    """

    frame: int
    p: Optional[float]
    size: Size
    complexity_ms: Optional[float]
    engine_ms: float
    total_ms: float
    labels: np.ndarray

    def facts(self) -> Dict[str, Any]:
        """The line that the log has for it."""
        return {"frame": self.frame, "p": _rounded(self.p, 6), "height": self.size.height, "width": self.size.width,
                "complexity_ms": _rounded(self.complexity_ms, 3), "engine_ms": round(self.engine_ms, 3),
                "total_ms": round(self.total_ms, 3)}


def _rounded(value: Optional[float], digits: int) -> Optional[float]:
    return None if value is None else round(value, digits)
