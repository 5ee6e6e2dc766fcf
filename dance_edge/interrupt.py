"""Being told to stop: the step under way is finished first."""
import signal
from types import FrameType, TracebackType
from typing import Any, Dict, Optional, Type


class StopRequest:
    """While entered, SIGINT and SIGTERM only set `exit_code` (130, 143); the same once more acts as it did before.

    One after the other is one wish: who launched several processes passes a Ctrl-C, which they got as well, on to them.
    """

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
        while self._former:
            signal.signal(*self._former.popitem())

    def _asked(self, number: int, _frame: Optional[FrameType]) -> None:
        self.exit_code = self.exit_code or 128 + int(number)
        if number in self._former:  # else it is being left
            signal.signal(number, self._former.pop(number))
