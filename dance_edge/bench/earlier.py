"""An earlier bench.json, checked before anything is measured: what it lacks is found out now and not in the end."""
import json
import math
from typing import Any, Dict, Sequence

from dance_edge.bench.findings import FORMAT
from dance_edge.energy.reading import reading_from_dict
from dance_edge.errors import DataError
from dance_edge.report.joules import kind

HINT = "give a bench.json that dance-edge bench wrote"


def read_bench(path: str) -> Dict[str, Any]:
    """bench.json at `path`, with all that a later bench is held against; `DataError` for what is missing, damaged,
    newer or another file."""
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
            _check(one)
        _check_conditions(earlier)
    except KeyError as reason:
        raise DataError("the bench %s is damaged: it lacks %s" % (path, reason), HINT)
    except (AttributeError, TypeError, ValueError, IndexError) as reason:
        raise DataError("the bench %s is damaged: %s" % (path, reason), HINT)
    if lacking:
        raise DataError("the bench %s has no turns of %s: an older version wrote it" % (path, ", ".join(lacking)),
                        "bench anew, and keep bench.json")
    return earlier


def check_common(earlier: Dict[str, Any], names: Sequence[str], path: str) -> None:
    """`DataError` where the bench at `path` has none of the models `names`."""
    then = sorted(one["name"] for one in earlier["inference"])
    if not set(then) & set(names):
        raise DataError("%s has none of these models (%s), it has %s" % (path, ", ".join(names), ", ".join(then)),
                        "bench what was benched then")


def _check(one: Dict[str, Any]) -> None:
    """`KeyError`, `TypeError` or `ValueError` for a variant that cannot be compared."""
    name = one["name"]
    if not isinstance(name, str):
        raise ValueError("a model's name is %r" % (name,))
    for turn in one["turns"]:
        _number(name, "seconds_per_image", turn["seconds_per_image"])
        if turn["energy_j_per_image"] is not None:
            _number(name, "energy_j_per_image", turn["energy_j_per_image"], least=-math.inf)
    energy, measured = reading_from_dict(one["energy"]), one["energy"]["measured"]
    if not isinstance(measured, bool):
        raise ValueError("%s: measured is %r" % (name, measured))
    for what, value in (("energy_j_per_image", one["energy_j_per_image"]), ("gross_j", one["energy"]["gross_j"])):
        if value is not None:
            _number(name, what, value)
    if energy.sensor_j is not None:
        _number(name, "sensor_j", energy.sensor_j, least=-math.inf)
    kind(energy), one["backend"]  # a source or scope that is no text
    for what in ("macs_g", "params_m"):
        if one.get(what) is not None:
            _number(name, what, one[what], least=-math.inf)
    for what in ("sizes", "calibration"):
        if not isinstance(one.get(what, {}), (dict, type(None))):
            raise ValueError("%s: %s is %r" % (name, what, one[what]))
    for what in ("slope", "offset_w") if one.get("calibration") is not None else ():
        _number(name, what, one["calibration"][what], least=-math.inf)


def _check_conditions(earlier: Dict[str, Any]) -> None:
    conditions = earlier.get("conditions") or {}
    if not isinstance(conditions, dict) or not isinstance(conditions.get("start") or {}, dict):
        raise ValueError("conditions are %r" % (conditions,))


def _number(name: str, what: str, value: Any, least: float = 0.0) -> None:
    """`ValueError` for what is no finite number above `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least < value < math.inf:
        raise ValueError("%s: %s is %r" % (name, what, value))
