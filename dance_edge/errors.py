"""What a user gets to read when something is wrong: one line, one hint, one exit code."""
from typing import Any, Tuple


class DanceError(Exception):
    """Base of every error that the command line reports.

    `message` says what was got and what was expected; `hint` says what to do. `exit_code` is the process's.
    `everywhere`: every rank of the run has been told of it.
    """

    exit_code = 1
    everywhere = False

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> Tuple[Any, ...]:
        """So that it travels whole from a worker process."""
        return type(self), (self.message, self.hint)


class ConfigError(DanceError):
    """A flag or a configuration value that cannot be."""

    exit_code = 2


class DataError(DanceError):
    """Images, labels, label maps or videos that are missing, broken or do not fit together."""

    exit_code = 3


class CheckpointError(DanceError):
    """Weights, or a run folder, that are missing or do not fit."""

    exit_code = 4


class ExportError(DanceError):
    """A graph that could not be written, or does not agree with its model."""

    exit_code = 5


class DeviceError(DanceError):
    """A camera, sensor or backend that is not there or refuses."""

    exit_code = 6


class Interrupted(DanceError):
    """A job that was told to stop and left what it needs to go on; `hint` is the command that goes on.

    `exit_code` is 130 after Ctrl-C (SIGINT) and 143 after SIGTERM.
    """

    exit_code = 130

    def __init__(self, message: str, hint: str, exit_code: int = 130) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.message, self.hint, self.exit_code)
