"""A trace of power that was written before (`Trace.write_csv`), played again in its own time."""
import re
import time
from typing import Callable, List, NamedTuple, Tuple

import numpy as np

from dance_edge.energy import chip
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.span import usual_interval
from dance_edge.energy.trace import AVERAGES, FORMAT, Columns
from dance_edge.errors import DataError, DeviceError

MIN_INTERVAL_S = 0.01
CHIPS = ("ina3221", "jtop")  # sensors whose values an INA3221 has averaged
HINT = "give the energy.csv of a run, or what `dance-edge power --csv FILE` wrote"
_HEAD = re.compile(r"^# format: (\d+), source: ([^,]*), total: (.*?)(%s)?$" % AVERAGES)


class Recorded(NamedTuple):
    """What a file holds: its last part's `columns`, the sensor that they come from, and whether samples are means."""

    columns: Columns
    source: str
    averages: bool


class ReplaySensor(PowerSensor):
    """Plays the last part of the file at `path` from when it is opened.

    The file of a run that was resumed has several parts, each by a clock of its own: what lies between them is not
    known, so only the last is played. `DataError` for what is no whole trace. `scope` names the rail and the sensor
    that was recorded.
    """

    name = "replay"

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        recorded = read_csv(path)
        self._columns = recorded.columns
        self._clock = clock
        self.scope = ", recorded by ".join(part for part in (recorded.columns.total, recorded.source) if part)
        self.averages = recorded.averages
        times_s = recorded.columns.times_s
        usual_s = usual_interval(times_s) or 0.0
        self.delay_s = usual_s if recorded.averages else chip.AVERAGING_S if recorded.source in CHIPS else 0.0
        self.interval_s = max(MIN_INTERVAL_S, usual_s / 2.0)  # half, so that none is missed
        self._times_s = times_s - times_s[0] + clock()
        self._given = -1

    def read(self) -> PowerSample:
        """The newest sample that is due, at its own time since the opening; `DeviceError` once the last was given."""
        index = max(0, int(np.searchsorted(self._times_s, self._clock(), side="right")) - 1)
        if index == self._given == self._times_s.size - 1:
            raise DeviceError("the trace is over", "play a longer one")
        self._given = index
        rails_w = {name: float(watts[index]) for name, watts in self._columns.rails_w.items()}
        return PowerSample(float(self._times_s[index]), rails_w, self._columns.total)


def read_csv(path: str) -> Recorded:
    """The last part of the trace at `path`; `DataError` for a file that is missing, damaged or another's."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, ValueError) as reason:
        raise DataError("cannot read the trace %s: %s" % (path, reason), HINT)
    heads = [number for number, line in enumerate(lines) if line.startswith("#")]
    head = _HEAD.match(lines[heads[-1]]) if heads else None
    if head is None or int(head.group(1)) != FORMAT:
        raise DataError("%s is no trace of power of format %d" % (path, FORMAT), HINT)
    names, rows = _rows(path, lines, heads[-1] + 1)
    total = None if head.group(3) == "none" else head.group(3)
    if total is not None and total not in names:
        raise DataError("the trace %s has no column of its total, %s" % (path, total), HINT)
    return Recorded(Columns(rows[:, 0], {name: rows[:, i + 1] for i, name in enumerate(names)}, total), head.group(2),
                    bool(head.group(4)))


def _rows(path: str, lines: List[str], begin: int) -> Tuple[List[str], np.ndarray]:
    """The rails' names and the numbers, float64 (N, 1 + rails), of the part whose header is line `begin` from 0."""
    header = lines[begin].split(",") if begin < len(lines) else [""]
    names = [title[:-2] for title in header[1:]]
    if header != ["monotonic_s"] + [name + "_w" for name in names] or not names:
        raise DataError("the trace %s has no header in line %d" % (path, begin + 1), HINT)
    rows: List[List[float]] = []
    for number, line in enumerate(lines[begin + 1:], begin + 2):
        try:
            row = [float(text) for text in line.split(",")]
        except ValueError:
            row = []
        if len(row) != len(header) or not np.isfinite(row[0]) or (rows and row[0] <= rows[-1][0]):
            raise DataError("the trace %s is damaged in line %d: %r" % (path, number, line[:60]),
                            "take the line out, if it is the last of a run that was killed")
        rows.append(row)
    if not rows:
        raise DataError("the trace %s has no samples after line %d" % (path, begin + 1), HINT)
    return names, np.array(rows, dtype=np.float64)
