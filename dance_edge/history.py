"""A run's history, RUN/scalars.csv: one row an optimizer step, for the report's curves and for any spreadsheet."""
import contextlib
import csv
import errno
import io
import os
from types import TracebackType
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Type

from dance_edge.atomic import replace_file
from dance_edge.events import OnEvent, Warned, ignore

FILE = "scalars.csv"


class Scalars(NamedTuple):
    """One optimizer step, a column a field. `height` and `width` are the batch's, in pixels; `time_s`, `pixels_ratio`
    (pixels kept / at full size) and `macs_p` (1e15 multiply-accumulates) count from the run's first step on.

    `power_w` is the meter's latest sample, `miou` (0-1) the score of the network after this step; None, in the file
    empty, where there was no sensor or no score.
    """

    step: int
    time_s: float
    loss: float
    learning_rate: float
    mean_p: float
    height: int
    width: int
    pixels_ratio: float
    channels_kept: float
    macs_p: float
    power_w: Optional[float] = None
    miou: Optional[float] = None


_WHOLE = ("step", "height", "width")
_OPTIONAL = ("power_w", "miou")


class History:
    """Appends rows to the file `path`, used as a context manager; a process that is killed leaves all it added.

    Rows after the step `after_step`, which a resumed run takes again, are dropped first, and so is what a killed run
    tore; at 0 the file begins anew. A row that cannot be written, on a full disk, is lost and the work goes on: that is
    said once. `OSError` where the file cannot be opened.
    """

    def __init__(self, path: str, after_step: int, on_event: OnEvent = ignore) -> None:
        kept = [row for row in read_history(path) if row.step <= after_step]
        with replace_file(path) as file:
            file.write(_lines([Scalars._fields]) + _lines(kept))
        self._path = path
        self._on_event = on_event
        self._said = False
        self._file = open(path, "ab", buffering=0)  # no buffer: what a full disk refuses is not kept to fail again

    def __enter__(self) -> "History":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._file.close()

    def add(self, row: Scalars) -> None:
        """Append `row`, whole or not at all."""
        line = _lines([row])
        end = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as reason:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
            if not self._said:
                self._said = True
                self._on_event(Warned("%s lacks step %d and maybe later ones: %s" % (
                    self._path, row.step, reason.strerror or reason)))


def read_history(path: str) -> List[Scalars]:
    """The rows of a scalars.csv, up to the first that a dying run tore or garbled; none without the file."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii", errors="replace", newline="") as file:
        whole, _newline, _torn = file.read().rpartition("\n")  # a row ends with its line: 0.5 may be a torn 0.53
    rows: List[Scalars] = []
    with contextlib.suppress(ValueError, csv.Error):
        for fields in csv.DictReader(whole.splitlines(), restval=""):
            rows.append(_row(fields))
    return rows


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("ascii")


def _row(fields: Dict[str, str]) -> Scalars:
    """By the columns' names, so that a file of another version's columns can be read; `ValueError` where one lacks."""
    values: Dict[str, Any] = {}
    for name in Scalars._fields:
        text = fields.get(name, "")
        if text or name not in _OPTIONAL:
            values[name] = int(text) if name in _WHOLE else float(text)
    return Scalars(**values)
