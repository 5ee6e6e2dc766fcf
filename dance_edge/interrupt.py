"""Being told to stop: the step under way is finished first."""
import signal
from types import FrameType, TracebackType
from typing import Any, Dict, Optional, Type


class StopRequest:
    """While entered, SIGINT and SIGTERM only set `exit_code` (130, 143); a second one acts as it did before."""

    def __init__(self) -> None:
        self.exit_code = 0
        self._former: Dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._asked)
        except ValueError:  # not in the main thread: whoever runs us there stops us in their own way
            self._former.clear()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._restore()

    def _asked(self, number: int, _frame: Optional[FrameType]) -> None:
        self.exit_code = 128 + int(number)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former.clear()
