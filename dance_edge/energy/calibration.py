"""A board's sensor against an external meter: INA3221 rails read too little, and by a constant share and offset."""
import json
import os
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.atomic import replace_file
from dance_edge.energy.reading import EnergyReading
from dance_edge.errors import ConfigError, DataError

FORMAT = 2  # 1 did not say the range of the loads
ANEW = "make it anew: dance-edge power --calibrate"
MIN_LOADS = 3
MIN_SPREAD = 2.0  # of the largest load to the smallest: a line through one spot says nothing
NUMBERS = ("slope", "offset_w", "residual_w", "low_w", "high_w")
BOARD_FILES = ("/proc/device-tree/serial-number", "/etc/machine-id")


class Calibration(NamedTuple):
    """true watts = slope * sensor's watts + offset_w, off by at most `residual_w` at the loads it was made from, which
    the sensor had at `low_w` to `high_w` (None: not known, of a file of format 1)."""

    slope: float
    offset_w: float
    residual_w: float
    loads: int
    board: str
    source: str
    scope: str
    low_w: Optional[float] = None
    high_w: Optional[float] = None

    def outside(self, sensor_w: float) -> str:
        """What to say of a mean of `sensor_w` that no load was near; empty where one was."""
        if self.low_w is None or self.high_w is None:
            return "at loads that are not known"
        if self.low_w <= sensor_w <= self.high_w:
            return ""
        return "%.3g W is outside the calibrated %.3g to %.3g W" % (sensor_w, self.low_w, self.high_w)


def fit(pairs: Sequence[Tuple[float, float]], board: str, source: str, scope: str) -> Calibration:
    """By least squares from (sensor's watts, meter's watts) at three or more loads; `ConfigError` for what cannot be
    a calibration."""
    if len(pairs) < MIN_LOADS:
        raise ConfigError("a calibration takes %d loads or more, got %d" % (MIN_LOADS, len(pairs)),
                          "read the meter when idle, at some work and at full work")
    sensor_w, meter_w = np.array(pairs, dtype=np.float64).T
    if not (np.all(np.isfinite(sensor_w)) and np.all(np.isfinite(meter_w)) and sensor_w.min() > 0.0
            and meter_w.min() > 0.0):
        raise ConfigError("watts must be above 0: %s" % _listed(pairs), "give sensor and meter both in watts")
    if sensor_w.max() < MIN_SPREAD * sensor_w.min():
        raise ConfigError("the loads are too much alike: %s" % _listed(pairs),
                          "take an idle board for one of them and full work for another")
    slope, offset_w = np.polyfit(sensor_w, meter_w, 1)
    if slope <= 0.0:
        raise ConfigError("the meter falls where the sensor rises: %s" % _listed(pairs),
                          "give each line as sensor's watts, meter's watts of the same load")
    residual_w = float(np.max(np.abs(slope * sensor_w + offset_w - meter_w)))
    return Calibration(float(slope), float(offset_w), residual_w, len(pairs), board, source, scope,
                       float(sensor_w.min()), float(sensor_w.max()))


def calibrated(reading: EnergyReading, calibration: Calibration) -> EnergyReading:
    """`reading` as the external meter would have it; rails stay as the sensor says. Where its mean power lies outside
    the loads that were calibrated that is said, and what it may be off by is never less than the sensor's own bound."""
    same = chip_of(reading.source) == chip_of(calibration.source) and reading.scope == calibration.scope
    if reading.gross_j is None or not same:
        return reading
    slope, offset_j = calibration.slope, calibration.offset_w * reading.duration_s

    def corrected(joules: Optional[float]) -> Optional[float]:
        return None if joules is None else slope * joules + offset_j

    def times_slope(joules: Optional[float]) -> Optional[float]:
        return None if joules is None else slope * joules  # of the difference of two figures the offset falls out

    outside = calibration.outside(reading.gross_j / reading.duration_s) if reading.duration_s > 0.0 else ""
    residual_j = calibration.residual_w * reading.duration_s
    said = "calibrated at %d loads to within %.2g W%s" % (calibration.loads, calibration.residual_w,
                                                          outside and ", but " + outside)
    return reading._replace(
        gross_j=corrected(reading.gross_j), low_j=corrected(reading.low_j), high_j=corrected(reading.high_j),
        net_j=times_slope(reading.net_j), net_low_j=times_slope(reading.net_low_j),
        net_high_j=times_slope(reading.net_high_j), calibrated=True,
        sensor_j=max(residual_j, slope * (reading.sensor_j or 0.0)) if outside else residual_j,
        reason="; ".join(part for part in (reading.reason, said) if part))


def chip_of(source: str) -> str:
    """The chip behind a sensor: jtop reads the INA3221's files as we do, so a calibration of one holds for both."""
    return "ina3221" if source == "jtop" else source


def board_id() -> str:
    """What tells this board from others; empty where nothing does."""
    for path in BOARD_FILES:
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                text = file.read().strip("\0\n ")
        except OSError:
            continue
        if text:
            return text
    return ""


def path_of(source: str) -> str:
    """Where a calibration of the sensor `source` is kept: under the user's configuration folder."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "dance-edge", "calibration-%s.json" % chip_of(source))


def save(calibration: Calibration, path: str) -> None:
    """Write it to `path`."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with replace_file(path) as file:
        file.write(json.dumps(dict(calibration._asdict(), format=FORMAT), indent=2).encode("utf-8"))


def load(path: str, source: str, scope: str, board: str) -> Optional[Calibration]:
    """The calibration at `path`; None where there is none, or one of another board, sensor or rail. `DataError` for a
    file that is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            facts: Dict[str, Any] = json.load(file)
        names = Calibration._fields if facts.get("format") == FORMAT else Calibration._fields[:-2]
        found = Calibration(*(facts[name] for name in names))
        finite = all(np.isfinite(float(facts[name])) for name in names if name in NUMBERS)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as reason:
        raise DataError("cannot read the calibration %s: %r" % (path, reason), ANEW)
    if not finite or facts.get("format") not in (1, FORMAT):
        raise DataError("the calibration %s is not one of format %d or before" % (path, FORMAT), ANEW)
    same = (found.board, chip_of(found.source), found.scope) == (board, chip_of(source), scope)
    return found if same else None


def _listed(pairs: Sequence[Tuple[float, float]]) -> str:
    return ", ".join("%.4g and %.4g W" % pair for pair in pairs)
