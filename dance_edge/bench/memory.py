"""How much memory a stretch of a program's life took at most."""
import contextlib
import ctypes
import gc
from types import TracebackType
from typing import Callable, NamedTuple, Optional, Set, Type

import numpy as np

from dance_edge.errors import DanceError
from dance_edge.events import OnEvent, ignore
from dance_edge.manifest import Manifest
from dance_edge.runtime.engine import Engines
from dance_edge.size import Size

STATUS, CLEAR = "/proc/self/status", "/proc/self/clear_refs"
RESET_PEAK = "5"
ANY_SIZE = Size(128, 192)  # of an image for a model that does not say what it was made for


class PeakMemory:
    """Used as `with PeakMemory() as memory: ...`; then `memory.bytes` is by how much the process' resident memory rose
    at most, and `memory.kept_bytes` by how much in the end. None where the system does not tell (not Linux, or a kernel
    that lets nobody reset its high-water mark). What was let go of before is given back first: it would be taken again
    unseen. So is what the stretch itself let go of, before the end is looked at: how much of that a C library keeps for
    later depends on all that went before; the peak holds it."""

    def __init__(self) -> None:
        self.bytes: Optional[int] = None
        self.kept_bytes: Optional[int] = None
        self._before: Optional[int] = None

    def __enter__(self) -> "PeakMemory":
        _give_back()
        try:
            with open(CLEAR, "w", encoding="ascii") as file:
                file.write(RESET_PEAK)
        except OSError:
            return self
        self._before = _status("VmRSS")
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        peak = _status("VmHWM")
        _give_back()
        now = _status("VmRSS")
        if self._before is not None and peak is not None and now is not None:
            self.bytes, self.kept_bytes = max(0, peak - self._before), max(0, now - self._before)


class Opened(NamedTuple):
    """Engines, by how much the process grew at most while they were opened, and what they keep; None: not known."""

    engines: Engines
    peak_bytes: Optional[int]
    kept_bytes: Optional[int]


class Openings:
    """Opens networks one after the other. The first of a backend is opened, run and closed once before it counts: what
    a backend's libraries load for themselves is no network's, and would make the first look larger than it is."""

    def __init__(self) -> None:
        self._loaded: Set[str] = set()

    def open(self, opening: Callable[[OnEvent], Engines], manifest: Manifest, on_event: OnEvent) -> Opened:
        """What `opening` gives; it may be called twice, and is heard once. Errors are its own."""
        with PeakMemory() as memory:
            engines = opening(on_event)
        if engines.name in self._loaded:
            return Opened(engines, memory.bytes, memory.kept_bytes)
        self._loaded.add(engines.name)
        image_size = manifest.image_size if manifest.image_size.pixels else ANY_SIZE
        image, size = np.zeros(image_size + (3,), np.uint8), manifest.full_for(image_size)
        with engines, contextlib.suppress(DanceError):  # what goes wrong will do so again, when it counts
            engines.segment(image, size, manifest.normalization)
        del engines
        with PeakMemory() as memory:
            engines = opening(ignore)
        return Opened(engines, memory.bytes, memory.kept_bytes)


def _give_back() -> None:
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # not every C library has it
        ctypes.CDLL(None).malloc_trim(0)


def _status(name: str) -> Optional[int]:
    """Bytes of a line of /proc/self/status."""
    try:
        with open(STATUS, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None
