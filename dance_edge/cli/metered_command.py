"""Runs the command that `dance-edge power` meters, as a shell would run it."""
import errno
import os
import shutil
import signal
import subprocess
from types import FrameType, TracebackType
from typing import Any, Dict, List, Optional, Sequence, Type

from dance_edge.errors import ConfigError

NOT_EXECUTABLE = 126
NOT_FOUND = 127
LINE_BYTES = 80  # of a file's first line that are looked at


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


def run(words: Sequence[str], signals: "Signals") -> int:
    """Run `words` to its end on our own stdin, stdout and stderr; its exit code, 128 + N where signal N ended it.
    `signals`, of a command and entered, are its own meanwhile."""
    try:
        process = _start(list(words))
    except FileNotFoundError as reason:  # a script's interpreter too
        raise NotStarted(words[0], reason.strerror or str(reason), NOT_FOUND)
    except OSError as reason:
        raise NotStarted(words[0], reason.strerror or str(reason), NOT_EXECUTABLE)
    signals.started(process)
    code = process.wait()
    signals.ended()
    return code if code >= 0 else 128 - code


def _start(words: List[str]) -> "subprocess.Popen[bytes]":
    """The process; what the kernel cannot execute is read by sh where it is text, as a shell has it: a script may lack
    its first line."""
    try:
        return subprocess.Popen(words)
    except OSError as reason:
        path = words[0] if os.sep in words[0] else shutil.which(words[0])
        if reason.errno != errno.ENOEXEC or path is None or not _is_text(path):
            raise
        return subprocess.Popen(["/bin/sh", path] + words[1:])


def _is_text(path: str) -> bool:
    """Whether the file's first line holds no NUL: another machine's program does."""
    with open(path, "rb") as file:
        return b"\0" not in file.readline(LINE_BYTES)


class Signals:
    """What Ctrl-C and SIGTERM do, while entered, from a window's begin until its report is out: figures are not lost
    to them. `has_command` says that the window is a command's.

    While a command runs, Ctrl-C is its affair, which gets it from the terminal as we do; SIGTERM, which whoever runs
    us sends to us alone, is passed on. Either way the command's end is waited for, and metered. After it, and without
    a command, each is let pass once: the last samples are a second or two away, and who presses Ctrl-C again
    meanwhile still wants the report. One more acts as before, since a report may be written where nobody reads.
    """

    def __init__(self, has_command: bool) -> None:
        self._is_theirs = has_command
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._terminated = False
        self._former: Dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        # Handlers, and not SIG_IGN: what is ignored the command would inherit as ignored. So what is ignored already,
        # Ctrl-C of a script's job in the background, stays so.
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._came)
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

    def ended(self) -> None:
        """The command is over: what comes now is meant for us."""
        self._is_theirs = False

    def _came(self, number: int, _frame: Optional[FrameType]) -> None:
        if not self._is_theirs:
            if number in self._former:  # else it is being left
                signal.signal(number, self._former.pop(number))
        elif number == signal.SIGTERM:
            self._terminated = True
            if self._process is not None:
                self._process.send_signal(signal.SIGTERM)
