"""The run folder: what a job leaves and what the next one takes. No torch here: a board that serves reads it too."""
import contextlib
import errno
import fcntl
import json
import os
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from dance_edge.atomic import TEMPORARY, replace_file, sweep, temporary_name
from dance_edge.errors import CheckpointError, ConfigError, DataError

FORMAT = 1
RUNS = "runs"
LATEST = os.path.join(RUNS, "latest")
LOCK = "lock"
RUNNING, INTERRUPTED, FINISHED, DEPLOYABLE = "running", "interrupted", "finished", "deployable"


class Run(NamedTuple):
    """The files that a RUN argument names: a run folder, or one file that travels alone."""

    path: str
    folder: Optional[str]
    model_pt: Optional[str]
    model_onnx: Optional[str]
    source_onnx: Optional[str]

    def state(self) -> Dict[str, Any]:
        """run.json, or an empty dict where a single file was named."""
        return read_state(self.folder) if self.folder else {}


def open_run(path: Optional[str] = None) -> Run:
    """What `path` (default: runs/latest) holds; `CheckpointError` where there is no model in it."""
    given = path or LATEST
    if not os.path.exists(given):
        hint = "give a run folder, a .pt or an .onnx file" if path else "name a run, or make one with: dance-edge adapt"
        raise CheckpointError("there is no run %s" % given, hint)
    given = os.path.realpath(given)  # resolved once: runs/latest may move while we work
    if os.path.isfile(given):
        if given.endswith(".onnx"):
            return Run(given, None, None, given, None)
        return Run(given, None, given, None, None)
    pt, onnx, source = (_existing(given, name) for name in ("model.pt", "model.onnx", "source.onnx"))
    if pt is None and onnx is None:
        unfinished = os.path.exists(os.path.join(given, "run.json"))
        raise CheckpointError("the run folder %s has no model" % (path or given),
                              "finish it first: dance-edge adapt --out %s" % (path or given) if unfinished
                              else "give a folder that `dance-edge adapt` left behind")
    return Run(given, given, pt, onnx, source)


def _existing(folder: str, name: str) -> Optional[str]:
    path = os.path.join(folder, name)
    return path if os.path.isfile(path) else None


def hardly_begun(folder: str, first: str = "run.json") -> bool:
    """Whether `folder` holds nothing, or what a start that was killed before it wrote its `first` file leaves there."""
    return all(name == LOCK or (name.startswith(first + ".") and TEMPORARY.search(name))
               for name in os.listdir(folder))


def write_json(path: str, content: Dict[str, Any]) -> None:
    """Write a JSON object, atomically."""
    with replace_file(path) as file:
        file.write((json.dumps(content, indent=1, allow_nan=False) + "\n").encode("utf-8"))


def read_json(path: str) -> Dict[str, Any]:
    """A JSON object from a file that a user named; `ConfigError` where it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError) as reason:
        raise ConfigError("cannot read %s: %s" % (path, reason), "give a JSON file, such as RUN/run.json")
    if not isinstance(content, dict):
        raise ConfigError("%s holds no JSON object" % path, "give a JSON file, such as RUN/run.json")
    return content


def read_state(folder: str) -> Dict[str, Any]:
    """run.json of `folder`; an empty dict where there is none, `ConfigError` where it is newer than this version."""
    path = os.path.join(folder, "run.json")
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            state: Dict[str, Any] = json.load(file)
    except ValueError as reason:
        raise DataError("%s is damaged: %s" % (path, reason), "start the run anew with --fresh, or give another --out")
    if state.get("format", 0) > FORMAT:
        raise ConfigError("%s has format %s, this version reads up to %d" % (path, state.get("format"), FORMAT),
                          "install a newer dance-edge")
    return state


def write_state(folder: str, state: Dict[str, Any]) -> None:
    """Write run.json: the first and the last thing that a run writes."""
    write_json(os.path.join(folder, "run.json"), dict(state, format=FORMAT))


def judged(state: Dict[str, Any]) -> Dict[str, Any]:
    """`state` of a run that is finished, called deployable where its `parity` says so of all that was made of it.

    Each entry has `why_not`, what speaks against it in words, and `forced`, the user's word against these.
    """
    if state.get("state") not in (FINISHED, DEPLOYABLE):
        return state
    parity = state.get("parity", {})
    right = bool(parity) and all(one["forced"] or not one["why_not"] for one in parity.values())
    return dict(state, state=DEPLOYABLE if right else FINISHED)


@contextlib.contextmanager
def lock(folder: str) -> Iterator[None]:
    """Hold RUN/lock, so that a run has one writer; `ConfigError` with the holder's pid where another process has it.

    The lock is the process's own and ends with it: a loader's worker, forked while it was held, does not keep it for
    the seconds that it outlives a process that was killed. What such a process had half-written is removed, but for
    checkpoints, which the next whole one makes superfluous.
    """
    with open(os.path.join(folder, LOCK), "a+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as reason:
            if reason.errno not in (errno.EAGAIN, errno.EACCES):  # a network's file system may have no locks
                raise ConfigError("%s cannot be locked: %s" % (folder, reason), "give an --out on a local disk")
            file.seek(0)
            raise ConfigError("%s is being written by process %s" % (folder, file.read().strip() or "?"),
                              "wait for it, stop it, or give another --out")
        file.seek(0)
        file.truncate()
        file.write("%d\n" % os.getpid())
        file.flush()
        sweep(folder)
        yield


def new_folder(target: str) -> str:
    """The name of a new run: runs/YYYYMMDD-HHMMSS-TARGET, one that is not taken. Creates nothing."""
    name = os.path.basename(os.path.normpath(target))
    wanted = os.path.join(RUNS, "%s-%s" % (time.strftime("%Y%m%d-%H%M%S"), name))
    path, again = wanted, 1
    while os.path.exists(path):
        again += 1
        head, _, tail = wanted.rpartition("-" + name)
        path = "%s-%d-%s" % (head, again, name)
    return path


def next_number() -> int:
    """One more than the highest number of a run in runs/: the order of runs, since a board's clock may say 1970."""
    return 1 + max([0] + [int(read_state(folder).get("number", 0)) for folder in run_folders()])


def run_folders() -> List[str]:
    """The run folders in the current folder's runs/."""
    if not os.path.isdir(RUNS):
        return []
    folders = [os.path.join(RUNS, name) for name in sorted(os.listdir(RUNS))]
    return [one for one in folders if os.path.isfile(os.path.join(one, "run.json")) and not os.path.islink(one)]


def mark_latest(folder: str) -> None:
    """Point runs/latest, a symbolic link in the current folder, at `folder`."""
    os.makedirs(RUNS, exist_ok=True)
    sweep(RUNS)
    temporary = temporary_name(LATEST)
    os.symlink(os.path.relpath(os.path.realpath(folder), os.path.realpath(RUNS)), temporary)
    os.replace(temporary, LATEST)
