"""Files that appear whole or not at all: written beside their place, brought to the disk, renamed."""
import contextlib
import os
import re
from typing import IO, Iterator

TEMPORARY = re.compile(r"\.(\d+)\.tmp$")  # what a process with this number is writing, or has left behind


@contextlib.contextmanager
def replace_file(path: str) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of `path` only when it is whole and on the disk."""
    temporary = temporary_name(path)
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(os.path.dirname(path) or ".")
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def _sync_folder(folder: str) -> None:
    """Bring a folder's names to the disk: without it a power cut may bring back the file that was replaced."""
    with contextlib.suppress(OSError):  # some file systems refuse; the file itself is there
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def temporary_name(path: str) -> str:
    """What `path` is called while it is being written."""
    return "%s.%d.tmp" % (path, os.getpid())


def sweep(folder: str) -> None:
    """Remove from `folder` what processes that were killed had half-written; not what others are writing now."""
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        match = TEMPORARY.search(name)
        if match and not _is_another_process(int(match.group(1))):
            os.remove(os.path.join(folder, name))


def _is_another_process(pid: int) -> bool:
    """Whether `pid` runs and is not this process: in a container, each start may well have the same one."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's process, or no number of ours: let it be
        pass
    return True
