"""What is not as it was then, beside times and joules: what was measured, by what, and on which machine."""
import math
from typing import Any, Callable, Dict, List, Sequence, Tuple

from dance_edge.report.numbers import short

Fact = Tuple[str, str, Callable[[Any], str]]  # a key, what to call a value that is another one, how to say a value


def differing(earlier: Dict[str, Any], now: Dict[str, Any], both: Sequence[Tuple[Dict[str, Any], Dict[str, Any]]]) \
        -> List[str]:
    """In words; `both` are the variants, then and now. What the earlier bench does not tell is not compared."""
    lines = ["%s than then: %s, it was %s" % (what, words(now.get(key)), words(earlier.get(key)))
             for key, what, words in BENCH if earlier.get(key) != now.get(key)]
    lines += _lines("", CONDITIONS, _started(earlier), _started(now))
    for then, one in both:
        lines += _lines(one["name"] + ": ", VARIANT, then, one)
    return lines


def _lines(whose: str, facts: Sequence[Fact], then: Dict[str, Any], one: Dict[str, Any]) -> List[str]:
    return ["%s%s than then: %s, it was %s" % (whose, what, words(one[key]), words(then[key]))
            for key, what, words in facts if key in then and key in one and not _same(then[key], one[key])
            and not (key in IF_KNOWN and None in (then[key], one[key]))]


def _same(before: Any, after: Any) -> bool:
    numbers = all(isinstance(side, (int, float)) for side in (before, after))
    return math.isclose(before, after, rel_tol=1e-9) if numbers else bool(before == after)


def _started(bench: Dict[str, Any]) -> Dict[str, Any]:
    """The conditions that a bench began under; empty for one that does not tell."""
    found: Dict[str, Any] = (bench.get("conditions") or {}).get("start") or {}
    return found


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 and " " in text else text[:12]


def _text(value: Any) -> str:
    return str(value or "unknown")


def _figure(value: Any) -> str:
    return "unknown" if value is None else short(value, 4)


def _mix(sizes: Any) -> str:
    return ", ".join("%s: %s" % one for one in sorted(sizes.items())) if sizes else "unknown"


def _line(calibration: Any) -> str:
    """`1.04 * W +0.2 W`, W as the sensor has them."""
    return "%.4g * W %+.3g W" % (calibration["slope"], calibration["offset_w"])


BENCH: Sequence[Fact] = (("machine", "another machine", _short), ("images_sha256", "other images", _short))
CONDITIONS: Sequence[Fact] = (("power_mode", "another power mode", _text),
                              ("cpu_governor", "another CPU governor", _text))
VARIANT: Sequence[Fact] = (
    ("backend", "another backend", _text), ("precision", "another precision", _text),
    ("model", "another network", _text), ("weights_sha256", "other weights", _short),
    ("params_m", "other M parameters", _figure), ("sizes", "other sizes", _mix), ("macs_g", "other GMAC", _figure),
    ("calibration", "another calibration", _line))
IF_KNOWN = ("weights_sha256", "calibration")  # None: not told, or none, which the kind of the joules says
