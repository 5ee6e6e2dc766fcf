"""How much memory a stretch of a program's life took at most."""
import contextlib
import ctypes
import gc
from types import TracebackType
from typing import Optional, Type

STATUS, CLEAR = "/proc/self/status", "/proc/self/clear_refs"
RESET_PEAK = "5"


class PeakMemory:
    """Used as `with PeakMemory() as memory: ...`; then `memory.bytes` is by how much the process' resident memory rose
    at most, and `memory.kept_bytes` by how much in the end. None where the system does not tell (not Linux, or a kernel
    that lets nobody reset its high-water mark). What was let go of before is given back first: it would be taken again
    unseen."""

    def __init__(self) -> None:
        self.bytes: Optional[int] = None
        self.kept_bytes: Optional[int] = None
        self._before: Optional[int] = None

    def __enter__(self) -> "PeakMemory":
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # not every C library has it
            ctypes.CDLL(None).malloc_trim(0)
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
        now = _status("VmRSS")
        if self._before is not None and peak is not None and now is not None:
            self.bytes, self.kept_bytes = max(0, peak - self._before), max(0, now - self._before)


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
