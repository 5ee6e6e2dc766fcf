"""A TensorRT plan on the disk, with what it was built from and for: one that does not fit is never loaded."""
import contextlib
import errno
import fcntl
import hashlib
import json
import os
from typing import IO, Any, Dict, Iterator, NamedTuple, Optional

from dance_edge.atomic import replace_file, sweep
from dance_edge.events import Note, OnEvent, Warned

FORMAT = 1
LOCK = "lock"
# What each fact is called where a plan is of another.
WORDS = {"onnx_sha256": "another ONNX file", "tensorrt": "TensorRT %s", "compute_capability": "a GPU of sm_%s",
         "precision": "%s", "input": "an input of %s", "workspace_bytes": "a workspace of %s bytes"}


class Plan(NamedTuple):
    """A serialised engine and the memory that it takes on the device: weights, what it works in, inputs and outputs."""

    content: bytes
    memory_bytes: int


class Found(NamedTuple):
    """What stands at a path: a plan that fits, or why there is none (empty where nothing is there at all)."""

    plan: Optional[Plan]
    why_not: str = ""


def read_plan(path: str, facts: Dict[str, Any]) -> Found:
    """The plan at `path` if it is whole and was built from and for `facts`, which are JSON's own types."""
    try:
        with open(path, "rb") as file:
            header = json.loads(file.readline(1 << 16).decode("utf-8"))
            content = file.read()
        if header["format"] != FORMAT:
            return Found(None, "it is of format %s, not %d" % (header["format"], FORMAT))
        stored = dict(header["facts"])
        if header["sha256"] != hashlib.sha256(content).hexdigest():
            return Found(None, "it is damaged")
        memory = int(header["memory_bytes"])
    except FileNotFoundError:
        return Found(None)
    except (OSError, ValueError, KeyError, TypeError) as reason:
        return Found(None, "it cannot be read (%s)" % reason)
    others = [_said(name, stored.get(name)) for name in sorted(facts) if stored.get(name) != facts[name]]
    if others:
        return Found(None, "it is of " + " and of ".join(others))
    return Found(Plan(content, memory))


def write_plan(path: str, facts: Dict[str, Any], plan: Plan) -> None:
    """Put `plan` at `path`, whole or not at all; `OSError` where the disk does not take it."""
    header = {"format": FORMAT, "facts": facts, "memory_bytes": plan.memory_bytes,
              "sha256": hashlib.sha256(plan.content).hexdigest()}
    with replace_file(path) as file:
        file.write(json.dumps(header, sort_keys=True).encode("utf-8") + b"\n")
        file.write(plan.content)


@contextlib.contextmanager
def one_builder(folder: str, on_event: OnEvent) -> Iterator[None]:
    """Hold the folder of plans, so that one process builds at a time: two would fight for the GPU and for memory.

    The second waits, and says so. A folder that cannot be written needs no such care, since nothing lands in it; one
    on a file system without locks is used without, which is said: plans are whole all the same.
    """
    with contextlib.ExitStack() as held:
        file: Optional[IO[str]] = None
        with contextlib.suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            file = held.enter_context(open(os.path.join(folder, LOCK), "a"))
        # Without a lock others may be writing now, from other machines too: what they have half-written is let be.
        if file is not None and _locked(file, folder, on_event):
            with contextlib.suppress(OSError):
                sweep(folder)
        yield


def _locked(file: IO[str], folder: str, on_event: OnEvent) -> bool:
    try:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as reason:
            if reason.errno not in (errno.EACCES, errno.EAGAIN):  # POSIX has both for a lock that another holds
                raise
            on_event(Note("another process is building engines in %s: waiting for it" % folder))
            fcntl.lockf(file, fcntl.LOCK_EX)
    except OSError as reason:
        on_event(Warned("%s cannot be locked (%s): build engines there with one process at a time" % (folder, reason)))
        return False
    return True


def _said(name: str, value: Any) -> str:
    words: str = WORDS.get(name, name + " %s")
    return str(words % value) if "%" in words else words
