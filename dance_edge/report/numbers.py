"""Shares and changes as tables and lines say them, the same everywhere."""
from typing import Optional


def percent(share: Optional[float]) -> str:
    """`0.123` as `12.3 %`, `0.0004` as `0.04 %`; a figure that could not be had as `-`."""
    if share is None:
        return "-"
    value = 100.0 * share
    return "%.2g %%" % value if 0.0 < abs(value) < 0.1 else "%.1f %%" % value


def change(before: Optional[float], after: Optional[float]) -> str:
    """What `after` is more or less than `before`: `-32.5 %`; `-` where one of them could not be had."""
    if not before or after is None:
        return "-"
    return "%+.1f %%" % (100.0 * (after / before - 1.0))
