"""A trace of power that was written before (`Trace.write_csv`), played again in its own time."""
import math
import re
import time
from typing import Callable, List, NamedTuple, Optional, Tuple

import numpy as np

from dance_edge.energy import chip
from dance_edge.energy.nvml import POWER_DELAY_S
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.span import usual_interval
from dance_edge.energy.trace import AVERAGES, FORMAT, SINCE, Columns
from dance_edge.errors import DataError, DeviceError

MIN_INTERVAL_S = 0.01
CHIPS = ("ina3221", "jtop")  # sensors whose values an INA3221 has averaged
DELAYS_S = dict({name: chip.AVERAGING_S for name in CHIPS}, nvml=POWER_DELAY_S)  # where a trace does not say it
HINT = "give the energy.csv of a run, or what `dance-edge power --csv FILE` wrote"
_NUMBER = "([0-9.e+-]+)"
_HEAD = re.compile(r"^# format: (\d+), source: ([^,]*), total: (.*?)(?:, delay_s: %s)?(?:, volts: %s)?(%s)?$" % (
    _NUMBER, _NUMBER, AVERAGES))


class Recorded(NamedTuple):
    """What a file holds: its last part's `columns`, the sensor that they come from, whether samples are means, and,
    None where it does not say, the sensor's delay and the total rail's volts."""

    columns: Columns
    source: str
    averages: bool
    delay_s: Optional[float] = None
    volts: Optional[float] = None


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
        self.recorded = recorded.source
        self.averages = recorded.averages
        times_s = recorded.columns.times_s
        usual_s = usual_interval(times_s) or 0.0
        self.delay_s = recorded.delay_s if recorded.delay_s is not None else (
            usual_s if recorded.averages else DELAYS_S.get(recorded.source, 0.0))
        self.of_chip = recorded.source in CHIPS  # what the sensor may be off by is then the chip's,
        self.volts = recorded.volts              # and known where these are
        self.step_w = chip.step_w(recorded.columns.total or "", self.volts) if self.of_chip else 0.0
        self.interval_s = max(MIN_INTERVAL_S, usual_s / 2.0)  # half, so that none is missed
        self._later_s = clock() - float(times_s[0])
        self._times_s = times_s + self._later_s
        self._given = -1

    def read(self) -> PowerSample:
        """The newest sample that is due, at its own time since the opening; `DeviceError` once the last was given."""
        index = max(0, int(np.searchsorted(self._times_s, self._clock(), side="right")) - 1)
        if index == self._given == self._times_s.size - 1:
            raise DeviceError("the trace is over", "play a longer one")
        self._given = index
        rails_w = {name: float(watts[index]) for name, watts in self._columns.rails_w.items()}
        since_s = math.nan if self._columns.since_s is None else float(self._columns.since_s[index]) + self._later_s
        return PowerSample(float(self._times_s[index]), rails_w, self._columns.total,
                           since_s if math.isfinite(since_s) else None)

    def error_w(self, watts: float) -> Optional[float]:
        """As `PowerSensor.error_w`, of the chip that was recorded and at the volts that it had then."""
        return chip.error_w(self._columns.total or "", watts, self.volts) if self.of_chip else None


def read_csv(path: str) -> Recorded:
    """The last part of the trace at `path`; `DataError` for a file that is missing, damaged or another's."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, ValueError) as reason:
        raise DataError("cannot read the trace %s: %s" % (path, reason), HINT)
    heads = [number for number, line in enumerate(lines) if line.startswith("#")]
    head = _HEAD.match(lines[heads[-1]]) if heads else None
    if head is None or not 1 <= int(head.group(1)) <= FORMAT:
        raise DataError("%s is no trace of power of format %d or before" % (path, FORMAT), HINT)
    names, rows = _rows(path, lines, heads[-1] + 1)
    since_s = None
    if names[0] == SINCE:
        names, since_s, rows = names[1:], rows[:, 1], np.delete(rows, 1, axis=1)
    total = None if head.group(3) == "none" else head.group(3)
    if total is not None and total not in names:
        raise DataError("the trace %s has no column of its total, %s" % (path, total), HINT)
    columns = Columns(rows[:, 0], {name: rows[:, i + 1] for i, name in enumerate(names)}, total, since_s)
    return Recorded(columns, head.group(2), bool(head.group(6)), _number(head.group(4)), _number(head.group(5)))


def _number(text: Optional[str]) -> Optional[float]:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _rows(path: str, lines: List[str], begin: int) -> Tuple[List[str], np.ndarray]:
    """The columns' names but for the first, those of rails without their unit, and the numbers, float64 (N, columns),
    of the part whose header is line `begin` from 0."""
    header = lines[begin].split(",") if begin < len(lines) else [""]
    first = [SINCE] if header[1:2] == [SINCE] else []
    names = first + [title[:-2] for title in header[1 + len(first):]]
    if header != ["monotonic_s"] + first + [name + "_w" for name in names[len(first):]] or names == first:
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
