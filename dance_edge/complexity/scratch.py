"""Arrays that a thread keeps for its next image: fresh memory costs more than the arithmetic that is done in it."""
import threading
from typing import Any, Dict, Tuple

import numpy as np


class Scratch(threading.local):
    """Each thread's own arrays by name."""

    def __init__(self) -> None:
        self._kept: Dict[str, np.ndarray] = {}

    def array(self, name: str, shape: Tuple[int, int], dtype: Any) -> np.ndarray:
        """C-contiguous, with whatever it held before; the next call of this name gives the same memory again."""
        count = shape[0] * shape[1]
        kept = self._kept.get(name)
        if kept is None or kept.size < count:
            kept = self._kept[name] = np.empty(count, dtype)
        return kept[:count].reshape(shape)
