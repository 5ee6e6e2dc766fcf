"""Seconds in words."""


def in_words(seconds: float) -> str:
    """`75 s`, `12 min`, `2.5 h`."""
    if seconds < 120.0:
        return "%.0f s" % seconds
    return "%.0f min" % (seconds / 60.0) if seconds < 7200.0 else "%.1f h" % (seconds / 3600.0)
