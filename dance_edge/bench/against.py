"""A bench held against an earlier one's bench.json: what changed beyond the spread of both."""
import json
import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from dance_edge.bench.findings import FORMAT
from dance_edge.bench.measured import labelled
from dance_edge.bench.ratio import Ratio, t_95, widened
from dance_edge.errors import DataError
from dance_edge.report.page import Section

COLUMNS = ("model", "time", "joules", "energy")
SAME = (("machine", "machine"), ("images_sha256", "images"))  # keys that ought to be equal, and what they are called
CONDITIONS = (("power_mode", "power mode"), ("cpu_governor", "CPU governor"))  # likewise, of a bench's start
RUN_BY = ("backend", "precision")  # likewise, of a variant
HINT = "give a bench.json that dance-edge bench wrote"


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


def read_bench(path: str) -> Dict[str, Any]:
    """bench.json at `path`; `DataError` for what is missing, damaged, newer or another file."""
    try:
        with open(path, encoding="utf-8") as file:
            earlier = json.load(file)
    except (OSError, ValueError) as reason:
        raise DataError("cannot read the bench %s: %s" % (path, reason), HINT)
    if not isinstance(earlier, dict) or not isinstance(earlier.get("inference"), list):
        raise DataError("%s is no bench.json: it has no list `inference`" % path, HINT)
    if not isinstance(earlier.get("format"), int) or earlier["format"] > FORMAT:
        raise DataError("the bench %s has format %r, this version reads up to %d" % (
            path, earlier.get("format"), FORMAT), "install a newer dance-edge")
    try:
        lacking = [str(one["name"]) for one in earlier["inference"] if not one.get("turns")]
        for one in earlier["inference"] if not lacking else ():
            _times(one), _joules(one), str(one["energy_source"]), one["energy"]["measured"], one["backend"]
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as reason:
        raise DataError("the bench %s is damaged: %r" % (path, reason), HINT)
    if lacking:
        raise DataError("the bench %s has no turns of %s: an older version wrote it" % (path, ", ".join(lacking)),
                        "bench anew, and keep bench.json")
    return earlier


def changes(earlier: Dict[str, Any], now: Dict[str, Any], path: str) -> Changes:
    """What is `now` against `earlier`, both as `bench --json` has them, of the variants that are in both."""
    then_by_name = {one["name"]: one for one in earlier["inference"]}
    both = [(then_by_name[one["name"]], one) for one in now["inference"] if one["name"] in then_by_name]
    if not both:
        raise DataError("%s has none of these models, it has %s" % (path, ", ".join(sorted(then_by_name))),
                        "bench what was benched then")
    differs = ["another %s than then: %s, it was %s" % (what, _short(now.get(key)), _short(earlier.get(key)))
               for key, what in SAME if earlier.get(key) != now.get(key)]
    before, after = _started(earlier), _started(now)
    differs += ["another %s than then: %s, it was %s" % (what, after[key] or "unknown", before[key] or "unknown")
                for key, what in CONDITIONS if key in before and key in after and before[key] != after[key]]
    differs += ["%s: another %s than then: %s, it was %s" % (
        one["name"], what, one.get(what) or "unknown", then[what] or "unknown")
                for then, one in both for what in RUN_BY if what in then and one.get(what) != then[what]]
    return Changes(path, [_change(then, one) for then, one in both], differs)


def _change(then: Dict[str, Any], one: Dict[str, Any]) -> Change:
    times = unpaired_ratio(_times(then), _times(one))
    source, before = (_kind(side) for side in (one, then))
    if one["energy_j_per_image"] is None or then["energy_j_per_image"] is None:
        return Change(one["name"], times, None, "none (one of the two has no figure)")
    if source != before:
        return Change(one["name"], times, None, "not comparable: %s, it was %s" % (source, before))
    if not one["energy"]["measured"]:  # by MACs: nothing is spread, and nothing is noise
        return Change(one["name"], times, Ratio(one["energy_j_per_image"] / then["energy_j_per_image"], None, None, 1),
                      source, one["energy"])
    joules = unpaired_ratio(_joules(then), _joules(one))
    if joules is not None:
        joules = widened(joules, *[(float(side["energy_j_per_image"]), float(side["energy"].get("sensor_j") or 0.0))
                                   for side in (then, one)])
    return Change(one["name"], times, joules, source, one["energy"])


def _kind(one: Dict[str, Any]) -> str:
    """What its joules are; of measured ones, whether the sensor was calibrated too: a calibration moves all of them."""
    if not one["energy"]["measured"]:
        return str(one["energy_source"])
    return "%s, %s" % (one["energy_source"], "calibrated" if one["energy"].get("calibrated") else "uncalibrated")


def _started(bench: Dict[str, Any]) -> Dict[str, Any]:
    """The conditions that a bench began under; empty for one that does not tell."""
    found: Dict[str, Any] = (bench.get("conditions") or {}).get("start") or {}
    return found


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


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 and " " in text else text[:12]
