"""The seam behind which inference backends stand: one network, run at the sizes of a ladder."""
from abc import ABC, abstractmethod
from typing import Callable, Dict

import numpy as np

from dance_edge.size import Size


class Engine(ABC):
    """One network at one size."""

    @abstractmethod
    def labels(self, inputs: np.ndarray) -> np.ndarray:
        """Class ids, int32 (N, H, W), of `inputs`, float32 (N, 3, H, W) as `data.transforms.to_input` makes them."""


class Engines:
    """The engines of one network by rung, each opened when it is first needed.

    A backend may give every rung a file of its own, or stand behind all rungs with one session: callers
    cannot tell and must not care. `name` is the backend's, for people and reports.
    """

    def __init__(self, open_at: Callable[[Size], Engine], name: str) -> None:
        self._open_at = open_at
        self._opened: Dict[Size, Engine] = {}
        self.name = name

    def at(self, size: Size) -> Engine:
        """The engine whose input is `size`; errors are those of the backend's `open_...`."""
        engine = self._opened.get(size)
        if engine is None:
            engine = self._opened[size] = self._open_at(size)
        return engine
