"""The files of one export appear together: all are written and checked under other names before one takes its place."""
import contextlib
import os
from typing import Iterator, List, Tuple

from dance_edge.atomic import temporary_name
from dance_edge.errors import ExportError


class Files:
    """What was written so far, in the order in which it takes its place."""

    def __init__(self) -> None:
        self._waiting: List[Tuple[str, str]] = []

    def write_to(self, path: str) -> str:
        """The name under which the file that becomes `path` waits for the others; `sweep` knows it."""
        self._waiting.append((temporary_name(path), path))
        return self._waiting[-1][0]

    def appear(self) -> None:
        """Give all files their names. `ExportError` where a folder has one: then none is given."""
        for _, path in self._waiting:
            if os.path.isdir(path):
                raise ExportError("%s is a folder: no file can take its place" % path, "move it away, or give --out")
        for temporary, path in self._waiting:
            os.replace(temporary, path)

    def forget(self) -> None:
        """Remove what has not appeared."""
        for temporary, _ in self._waiting:
            if os.path.exists(temporary):
                os.remove(temporary)


@contextlib.contextmanager
def together() -> Iterator[Files]:
    """Files that appear when the block ends, or none of them where it fails.

    A disk that fails among the renames can still leave some new and some old: what names the others comes last, so that
    it never names what is not there.
    """
    files = Files()
    try:
        yield files
        files.appear()
    finally:
        files.forget()
