"""Figures, shares and changes as tables and lines say them: the same everywhere, and never in powers of ten."""
import math
from typing import Optional

DECIMALS = 6  # at most: what is smaller is shown as nothing


def short(value: float, figures: int) -> str:
    """A number with so many of its figures, but whole before the point, and no zeros behind it: `0.042`, `0.000012`."""
    text = "%.*g" % (figures, value)
    if "e" in text:
        text = ("%.*f" % (DECIMALS, value)).rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def percent(share: Optional[float]) -> str:
    """`0.123` as `12.3 %`, `0.0004` as `0.04 %`; a figure that could not be had as `-`."""
    if share is None or not math.isfinite(share):
        return "-"
    value = 100.0 * share
    if abs(value) >= 0.1:
        return "%.1f %%" % value
    text = short(value, 2)
    return ("0.0" if text == "0" else text) + " %"


def change(before: Optional[float], after: Optional[float]) -> str:
    """What `after` is more or less than `before`: `-32.5 %`; `-` where one of them could not be had."""
    if before is None or after is None or not before or not math.isfinite(after / before):
        return "-"
    return "%+.1f %%" % (100.0 * (after / before - 1.0))
