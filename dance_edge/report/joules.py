"""Joules as pages say them: never without what they are, where they are from and how far off they may be."""
import math
from typing import List, Optional, Sequence

from dance_edge.energy.reading import EnergyReading
from dance_edge.report.numbers import DECIMALS, percent, short


def joules(value: Optional[float]) -> str:
    """Three figures, never in powers of ten: `3.79`, `0.042`, `12300`; `-` for None and what is not finite."""
    if value is None or not math.isfinite(value):
        return "-"
    return "%.0f" % value if abs(value) >= 100 else short(value, 3)


def watts(value: Optional[float]) -> str:
    """Four figures, never in powers of ten: `3.798`, `0.04210`, `12345`; `-` for None and what is not finite, as a rail
    is in a sample that lacks it."""
    if value is None or not math.isfinite(value):
        return "-"
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return "%.*f" % (min(max(3 - magnitude, 0), DECIMALS), value)


def energy_words(energy: EnergyReading, each: str = "") -> str:
    """`2.00 J an image (1.90 to 2.10), measured (jtop, VDD_IN), uncalibrated`, with what else is to be said of it.

    `each` is what the joules are of: ` an image`. Without a figure the label alone, which says why.
    """
    if energy.gross_j is None:
        return energy.label
    return "%s J%s%s, %s" % (joules(energy.gross_j), each, interval(energy), ", ".join([kind(energy)] + bounds(energy)))


def cell(energy: EnergyReading) -> str:
    """A table's cell of joules with their interval: `2 (1.9 to 2.1)`."""
    return joules(energy.gross_j) + (interval(energy) if energy.gross_j is not None else "")


def kind(energy: EnergyReading) -> str:
    """What the joules are, in a table's cell: `measured (jtop, VDD_IN), uncalibrated`; an estimate's label alone."""
    if not energy.measured or energy.gross_j is None:
        return energy.label
    return "%s, %s" % (energy.label, "calibrated" if energy.calibrated else "uncalibrated")


def alike(readings: Sequence[EnergyReading]) -> bool:
    """Whether a quotient of any two of them says something: those that have a figure are of one kind, source, rail and
    calibration. A measurement is not held against an estimate, nor one rail's joules against another's."""
    return len({kind(one) for one in readings if one.gross_j is not None}) <= 1


def rail_kind(energy: EnergyReading, rail: str) -> str:
    """What the joules of one of its rails are: as the sensor has them, since a calibration is of the whole alone."""
    return "measured (%s, %s), uncalibrated, interval not known" % (energy.source, rail)


def interval(energy: EnergyReading) -> str:
    """` (1.90 to 2.10)`; empty where there is none."""
    return _between(energy.low_j, energy.high_j)


def net_cell(energy: EnergyReading) -> str:
    """A table's cell of joules above the idle machine's, with their interval."""
    return joules(energy.net_j) + (net_interval(energy) if energy.net_j is not None else "")


def net_interval(energy: EnergyReading) -> str:
    """As `interval`, of the joules above the idle machine's."""
    return _between(energy.net_low_j, energy.net_high_j)


def _between(low_j: Optional[float], high_j: Optional[float]) -> str:
    return "" if low_j is None or high_j is None else " (%s to %s)" % (joules(low_j), joules(high_j))


def bounds(energy: EnergyReading) -> List[str]:
    """What the interval does not hold: the sensor's own error, how much was covered; of a measurement without an
    interval or without that error, that it is not known."""
    said = []
    if energy.measured:
        if energy.low_j is None or energy.high_j is None:
            said.append("interval not known")
        said.append("the sensor's own error is not known" if energy.sensor_j is None else
                    "+- %s J by the sensor's own %s" % (joules(energy.sensor_j), "residual" if energy.calibrated
                                                        else "offset and gain"))
        if energy.coverage < 1.0:
            said.append("%s of the time covered" % percent(energy.coverage))
    return said + ([energy.reason] if energy.reason else [])
