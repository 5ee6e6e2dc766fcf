"""Joules as pages say them: never without what they are, where they are from and how far off they may be."""
from typing import List, Optional

from dance_edge.energy.reading import EnergyReading


def joules(value: Optional[float]) -> str:
    """Three figures, never in powers of ten: `3.79`, `0.042`, `12300`."""
    if value is None:
        return "-"
    return "%.0f" % value if abs(value) >= 100 else "%.3g" % value


def in_words(energy: EnergyReading, each: str = "") -> str:
    """`2.00 J an image (1.90 to 2.10), measured (jtop, VDD_IN), uncalibrated`, with what else is to be said of it.

    `each` is what the joules are of: ` an image`. Without a figure the label alone, which says why.
    """
    if energy.gross_j is None:
        return energy.label
    return "%s J%s%s, %s" % (joules(energy.gross_j), each, interval(energy), ", ".join([energy.label] + bounds(energy)))


def interval(energy: EnergyReading) -> str:
    """` (1.90 to 2.10)`; empty where there is none."""
    if energy.low_j is None or energy.high_j is None:
        return ""
    return " (%s to %s)" % (joules(energy.low_j), joules(energy.high_j))


def bounds(energy: EnergyReading) -> List[str]:
    """What the interval does not hold: the sensor's own error and whether it was calibrated; how much was covered."""
    said = []
    if energy.measured:
        said.append("calibrated" if energy.calibrated else "uncalibrated")
        if energy.sensor_j is not None:
            said.append("+- %s J by the sensor's own %s" % (
                joules(energy.sensor_j), "residual" if energy.calibrated else "offset and gain"))
        if energy.coverage < 1.0:
            said.append("%.0f %% of the time covered" % (100.0 * energy.coverage))
    return said + ([energy.reason] if energy.reason else [])
