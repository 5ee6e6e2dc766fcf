"""Runs the command that `dance-edge power` meters, as a shell would run it."""
import os
import shutil
import signal
import subprocess
from types import FrameType, TracebackType
from typing import Any, Dict, Optional, Sequence, Type

from dance_edge.errors import ConfigError

NOT_EXECUTABLE = 126
NOT_FOUND = 127


class NotStarted(ConfigError):
    """A command that cannot be run; `exit_code` is what a shell ends with: 127 where it is not found, else 126."""

    def __init__(self, command: str, why: str, exit_code: int) -> None:
        super().__init__("cannot run %s: %s" % (command, why),
                         "give the command and its arguments behind --, as in: dance-edge power -- sleep 10")
        self.exit_code = exit_code


def check_startable(words: Sequence[str]) -> None:
    """`NotStarted` for what surely cannot be run, before anything is measured."""
    name = words[0]
    if os.sep not in name:
        if shutil.which(name) is None:
            raise NotStarted(name, "command not found", NOT_FOUND)
    elif not os.path.exists(name):
        raise NotStarted(name, "No such file or directory", NOT_FOUND)
    elif os.path.isdir(name):
        raise NotStarted(name, "Is a directory", NOT_EXECUTABLE)
    elif not os.access(name, os.X_OK):
        raise NotStarted(name, "Permission denied", NOT_EXECUTABLE)


def run(words: Sequence[str]) -> int:
    """Run `words` to its end on our own stdin, stdout and stderr; its exit code, 128 + N where signal N ended it."""
    with _Signals() as signals:
        try:
            process = subprocess.Popen(list(words))
        except FileNotFoundError as reason:  # a script's interpreter too
            raise NotStarted(words[0], reason.strerror or str(reason), NOT_FOUND)
        except OSError as reason:
            raise NotStarted(words[0], reason.strerror or str(reason), NOT_EXECUTABLE)
        signals.started(process)
        code = process.wait()
    return code if code >= 0 else 128 - code


class _Signals:
    """While entered, Ctrl-C is the command's affair, which gets it from the terminal as we do; SIGTERM, which whoever
    runs us sends to us alone, is passed on. Either way the command's end is waited for, and metered."""

    def __init__(self) -> None:
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._terminated = False
        self._former: Dict[int, Any] = {}

    def __enter__(self) -> "_Signals":
        # Handlers, and not SIG_IGN: what is ignored the command would inherit as ignored.
        self._former[signal.SIGINT] = signal.signal(signal.SIGINT, lambda number, frame: None)
        self._former[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._terminate)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        while self._former:
            signal.signal(*self._former.popitem())

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        """From now on SIGTERM goes to `process`, also one that came before it was there."""
        self._process = process
        if self._terminated:
            process.send_signal(signal.SIGTERM)

    def _terminate(self, _number: int, _frame: Optional[FrameType]) -> None:
        self._terminated = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
