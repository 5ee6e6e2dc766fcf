"""The seam behind which inference backends stand: one network, run at the sizes of a ladder."""
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Callable, Dict, Optional, Sequence, Type

import numpy as np

from dance_edge.complexity.indicator import measure
from dance_edge.data.transforms import Normalization, to_input
from dance_edge.size import Size


class Engine(ABC):
    """One network at one size."""

    @abstractmethod
    def labels(self, inputs: np.ndarray) -> np.ndarray:
        """Class ids, int32 (N, H, W), of `inputs`, float32 (N, 3, H, W) as `data.transforms.to_input` makes them."""


class Engines:
    """The engines of one network by rung, each opened when it is first needed; `with` closes them.

    A backend may give every rung a file of its own, or stand behind all rungs with one session: callers
    cannot tell and must not care. `name` is the backend's, `place` where it runs, `precision` that of its arithmetic
    where a backend has several, for people and reports.
    """

    def __init__(self, open_at: Callable[[Size], Engine], name: str, place: str = "",
                 precision: Optional[str] = None) -> None:
        self._open_at = open_at
        self._opened: Dict[Size, Engine] = {}
        self.name = name
        self.place = place
        self.precision = precision

    def __enter__(self) -> "Engines":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def prepare(self, sizes: Sequence[Size]) -> None:
        """Do for `sizes` what takes long, before the first frame waits for it. Most backends have nothing to do."""

    def at(self, size: Size) -> Engine:
        """The engine whose input is `size`; errors are those of the backend's `open_...`."""
        engine = self._opened.get(size)
        if engine is None:
            engine = self._opened[size] = self._open_at(size)
        return engine

    def complexity(self, image: np.ndarray, measured_size: Size, indicator: str) -> float:
        """The spatial complexity of `image`, (H, W, 3) BGR uint8: `complexity.indicator.measure`."""
        return measure(image, measured_size, indicator)

    def segment(self, image: np.ndarray, size: Size, normalization: Normalization) -> np.ndarray:
        """Class ids, int32 (h, w), of `image`, (H, W, 3) BGR uint8, seen at `size`: resized, normalised, run."""
        return self.at(size).labels(to_input(image, size, normalization)[np.newaxis])[0]

    def watch_memory(self) -> None:
        """From now on `gpu_memory_bytes` counts this network's images, and no other's."""

    def gpu_memory_bytes(self) -> Optional[int]:
        """The most of a GPU's memory that the network took since; None where there is none, or nobody tells."""
        return None

    def close(self) -> None:
        """Let go of what the engines hold beyond this process's memory; they are not used afterwards."""
