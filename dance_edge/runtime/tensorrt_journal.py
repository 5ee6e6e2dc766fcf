"""What TensorRT says while it works, kept for the message of an error instead of printed."""
import collections
from typing import Any, Deque, List

KEPT_ERRORS = 256
# How its releases and C++ say it, in small letters.
OUT_OF_MEMORY = ("out of memory", "outofmemory", "out_of_memory", "bad_alloc", "failed_allocation",
                 "could not be allocated", "insufficient memory")


class Journal:
    """What TensorRT said while it worked: its `logger` collects errors instead of printing them.

    `heard` counts them: who keeps it before a call knows afterwards what the call said. `open_journal` gives it.
    """

    def __init__(self, trt: Any) -> None:
        self.trt = trt
        self.heard = 0
        self._errors: Deque[str] = collections.deque(maxlen=KEPT_ERRORS)
        self.logger = _listener(trt, self)

    def hear(self, error: str) -> None:
        """Note one."""
        self.heard += 1
        self._errors.append(" ".join(error.split()))

    def since(self, heard: int) -> List[str]:
        """The errors, a line each, after `heard` of them, but for those that many others followed."""
        count = min(self.heard - heard, len(self._errors))
        return list(self._errors)[len(self._errors) - count:]

    def last(self, heard: int) -> str:
        """The last error after `heard` of them; empty where there was none."""
        return (self.since(heard) or [""])[-1]

    def of_memory(self, heard: int) -> str:
        """The first error after `heard` of them that says that memory ran out; empty where none does. What follows on
        it speaks of plans that cannot be read, or of layers that cannot be built."""
        return next((one for one in self.since(heard) if any(words in one.lower() for words in OUT_OF_MEMORY)), "")


def open_journal(trt: Any) -> Journal:
    """The process's only journal. TensorRT keeps the first logger that it is given, up to 8.4 for everything, and calls
    it to the end of the process: a second would hear nothing, and the first must not go."""
    if not _journals or _journals[-1].trt is not trt:
        _journals[:] = [Journal(trt)]
    return _journals[-1]


_journals: List[Journal] = []


def _listener(trt: Any, journal: Journal) -> Any:
    base: Any = trt.ILogger

    class Listener(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)  # pybind11 refuses an object whose own constructor was not called

        def log(self, severity: Any, message: str) -> None:
            if int(severity) <= int(trt.ILogger.ERROR):
                journal.hear(message)

    return Listener()
