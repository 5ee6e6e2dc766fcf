"""A bench held against an earlier one's bench.json: what changed beyond the spread of both."""
import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from dance_edge.bench.differing import differing
from dance_edge.bench.earlier import check_common
from dance_edge.bench.measured import labelled
from dance_edge.bench.ratio import Ratio, quotient, t_95, widened
from dance_edge.energy.reading import reading_from_dict
from dance_edge.report.joules import alike, kind
from dance_edge.report.page import Section

COLUMNS = ("model", "time", "joules", "energy")


class Change(NamedTuple):
    """A variant of both benches, now against then. `energy_source` is what the joules of both are, and why there is no
    ratio of them where there is none; `of` is the `energy` object of now."""

    name: str
    time: Optional[Ratio]
    energy: Optional[Ratio]
    energy_source: str
    of: Dict[str, Any] = {}

    def to_dict(self) -> Dict[str, Any]:
        """An entry of `changes` in `bench --json`."""
        return {"name": self.name, "time": self.time and self.time.to_dict(),
                "energy": self.energy and labelled(self.energy, self.of), "energy_source": self.energy_source}

    def cells(self) -> List[str]:
        """Under `COLUMNS`."""
        energy = "-"
        if self.energy is not None:
            energy = self.energy.measured_change if self.of.get("measured") else self.energy.change
        return [self.name, self.time.change if self.time else "-", energy, self.energy_source]


class Changes(NamedTuple):
    """`path` is the earlier bench.json; `differs` says what else is not as it was then."""

    path: str
    changes: Sequence[Change]
    differs: Sequence[str]

    def to_dict(self) -> Dict[str, Any]:
        """The keys that `--against` adds to `bench --json`."""
        return {"against": self.path, "changes": [one.to_dict() for one in self.changes],
                "differs": list(self.differs)}

    def section(self) -> Section:
        """For a page."""
        return Section("Now against %s" % self.path, (
            "Ratios of the means of turns with their 95 % interval, from the spread of the turns within both; what "
            "differs between two days on the same machine (its temperature, other programs) is not in it.",),
            COLUMNS, [one.cells() for one in self.changes], list(self.differs))


def changes(earlier: Dict[str, Any], now: Dict[str, Any], path: str) -> Changes:
    """What is `now` against `earlier`, as `read_bench` gives it, both as `bench --json` has them: of the variants that
    are in both. `DataError` where there are none."""
    check_common(earlier, [one["name"] for one in now["inference"]], path)
    then_by_name = {one["name"]: one for one in earlier["inference"]}
    both = [(then_by_name[one["name"]], one) for one in now["inference"] if one["name"] in then_by_name]
    differs = differing(earlier, now, both)
    one_board = earlier.get("machine") == now.get("machine")
    return Changes(path, [_change(then, one, one_board) for then, one in both], differs)


def _change(then: Dict[str, Any], one: Dict[str, Any], one_board: bool) -> Change:
    times = unpaired_ratio(_times(then), _times(one))
    before, after = (reading_from_dict(side["energy"]) for side in (then, one))
    source, name = kind(after), one["name"]
    if before.gross_j is None or after.gross_j is None:
        return Change(name, times, None, "none (one of the two has no figure)")
    if not alike([before, after]):
        return Change(name, times, None, "not comparable: %s, it was %s" % (source, kind(before)))
    if not after.measured:  # by MACs: nothing is spread, and nothing is noise
        value = quotient(before, after)
        return Change(name, times, None if value is None else Ratio(value, None, None, 1), source, one["energy"])
    joules = unpaired_ratio(_joules(then), _joules(one))
    if joules is not None:
        joules = widened(joules, before, after, one_board)
    return Change(name, times, joules, source, one["energy"])


def unpaired_ratio(before: Sequence[float], after: Sequence[float]) -> Optional[Ratio]:
    """after / before of two series that have nothing to do with each other, over logarithms; Welch's interval, None
    where one series has a single value. `pairs` is the shorter one's length."""
    logs = [np.log(np.array([one for one in side if one > 0.0], dtype=np.float64)) for side in (before, after)]
    if min(side.size for side in logs) == 0:
        return None
    middle, count = float(np.mean(logs[1]) - np.mean(logs[0])), min(side.size for side in logs)
    if count == 1:
        return Ratio(math.exp(middle), None, None, 1)
    errors = [float(np.var(side, ddof=1)) / side.size for side in logs]
    total = sum(errors)
    freedom = total ** 2 / sum(one ** 2 / (side.size - 1) for one, side in zip(errors, logs)) if total else 1.0
    half = t_95(max(1, int(freedom))) * math.sqrt(total)
    return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half), count)


def _times(one: Dict[str, Any]) -> List[float]:
    return [float(turn["seconds_per_image"]) for turn in one["turns"]]


def _joules(one: Dict[str, Any]) -> List[float]:
    return [float(turn["energy_j_per_image"]) for turn in one["turns"] if turn["energy_j_per_image"] is not None]
