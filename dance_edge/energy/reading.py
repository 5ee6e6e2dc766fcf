"""What is said about energy: a sensor's sample, and the joules of a window with all that a sceptical reader asks."""
import math
from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence

MODEL_SOURCE = "tx2_model"
MIN_COVERAGE = 0.5  # of the time: less of it known, and there is no figure
JOULES = ("gross_j", "low_j", "high_j", "net_j", "net_low_j", "net_high_j", "sensor_j")  # of a reading
NO_JOULES: Dict[str, Any] = {name: None for name in JOULES}


class PowerSample(NamedTuple):
    """One reading. `rails_w` holds watts by rail name; `total` names the rail that feeds all, None without one. Of a
    sensor that `averages`, `since_s` is when the mean begins: the time of the sample before, or later where the sensor
    was away in between."""

    monotonic_s: float
    rails_w: Dict[str, float]
    total: Optional[str]
    since_s: Optional[float] = None


class PowerSensor(ABC):
    """A source of power samples. `name` is said in reports (`jtop`), `scope` the rail that is meant (`VDD_IN`)."""

    name = ""
    scope = ""
    interval_s = 0.1  # between readings, where the user names no other
    paced = False     # `read` waits for the sensor's next sample by itself
    averages = False  # a sample is the mean power since the one before it (of an energy counter), not that of a moment
    delay_s = 0.0     # the most that what a value tells of may lie before its time stamp; of a counter, its beat
    cpu_s = 0.0       # processor time, so far, of threads that the sensor keeps for itself
    step_w = 0.0      # between one value of the total rail and the next that there can be
    volts: Optional[float] = None  # of the total rail, where the sensor knows them
    recorded = ""     # of a trace that is played: the name of the sensor that it is of

    @abstractmethod
    def read(self) -> PowerSample:
        """A sample; may wait for the sensor's next one. `DeviceError` where there is none now."""

    def error_w(self, watts: float) -> Optional[float]:
        """The largest error, in watts, that the sensor's data sheet allows in a mean of `watts`; None: not known."""
        return None

    def close(self) -> None:  # noqa: B027 (most sensors hold nothing open)
        """Let go of the device."""


class EnergyReading(NamedTuple):
    """Joules of one window. None is "no figure", and `reason` says why; 0 J is never said for a lack of data.

    `net_j` is less the idle baseline, in `net_low_j` to `net_high_j`, which holds the baseline's own interval; what a
    sensor is off by at idle and at work alike is not in it. `low_j` and `high_j` are a measurement's 95 % interval for
    what lies between the samples and behind their delay, or an estimate's leave-one-out error. `sensor_j` is beside it:
    the most that the sensor itself may be off by, either way (an offset, a gain: the same in every reading of a board).
    `coverage` is the share of the window, 0-1, that the samples cover without one of the `gaps`. `refresh_s` is how
    often the sensor was seen to have a new value. `measured` is False for an estimate and where there is no figure.
    `calibrated`: against an external meter.
    """

    gross_j: Optional[float] = None
    net_j: Optional[float] = None
    low_j: Optional[float] = None
    high_j: Optional[float] = None
    duration_s: float = 0.0
    rails_j: Dict[str, float] = {}
    sample_count: int = 0
    measured: bool = False
    source: str = "none"
    scope: str = ""
    calibrated: bool = False
    coverage: float = 0.0
    reason: str = ""
    sensor_j: Optional[float] = None
    refresh_s: Optional[float] = None
    gaps: int = 0
    net_low_j: Optional[float] = None
    net_high_j: Optional[float] = None

    @property
    def label(self) -> str:
        """What stands beside every figure: `measured (jtop, VDD_IN)`, `estimated (TX2 model)`, `none (reason)`."""
        if self.gross_j is None:
            return "none (%s)" % (self.reason or "no sensor")
        if not self.measured:
            return "estimated (%s)" % ("TX2 model" if self.source == MODEL_SOURCE else self.source)
        return "measured (%s)" % ", ".join(part for part in (self.source, self.scope) if part)

    def to_dict(self) -> Dict[str, Any]:
        """The promised `energy` object: the fields and the label."""
        return dict(self._asdict(), rails_j=dict(self.rails_j), label=self.label)

    def per(self, count: int) -> "EnergyReading":
        """The same for one of `count` equal pieces of work, an image say; `duration_s` is a piece's too."""
        if count < 1:
            return self._replace(rails_j={}, reason=self.reason or "no work was done",
                                 **NO_JOULES)
        return self._replace(
            duration_s=self.duration_s / count,
            rails_j={name: joules / count for name, joules in self.rails_j.items()},
            **_each(lambda name: _scaled(getattr(self, name), 1.0 / count)))


def reading_from_dict(facts: Dict[str, Any]) -> EnergyReading:
    """The inverse of `to_dict`; keys that this version does not know are left out."""
    return EnergyReading(**{name: facts[name] for name in EnergyReading._fields if name in facts})


def add_up(readings: Sequence[EnergyReading]) -> EnergyReading:
    """One reading for parts that follow each other: a run and its resumption, a variant's turns.

    A part without a figure is time that was not covered: it is taken at the others' mean power, with any power between
    their lowest and highest mean as its bounds. Where less than half of the time was covered so there is no figure.
    Sources that differ are all named, and one estimated part makes the sum an estimate.
    """
    if not readings:
        return EnergyReading(reason="nothing was metered")
    known = [one for one in readings if one.gross_j is not None]
    duration_s, known_s = (sum(one.duration_s for one in parts) for parts in (readings, known))
    covered_s = sum(one.duration_s * one.coverage for one in known)
    if len(known) < len(readings) and (not known or covered_s < MIN_COVERAGE * duration_s):
        return _summed(readings)._replace(**NO_JOULES)
    whole = _summed(known)
    if len(known) == len(readings):
        return whole
    lost = [one for one in readings if one.gross_j is None]
    reason = "%d of %d parts, %.3g of %.4g s, without a figure, taken at the others' mean power (%s)" % (
        len(lost), len(readings), duration_s - known_s, duration_s, lost[0].reason)
    return _stretched(whole, known, duration_s)._replace(
        sample_count=sum(one.sample_count for one in readings), gaps=sum(one.gaps for one in readings) + len(lost),
        coverage=covered_s / duration_s if duration_s > 0.0 else whole.coverage,
        reason=_joined([whole.reason, reason], "; "))


def _summed(readings: Sequence[EnergyReading]) -> EnergyReading:
    duration_s = sum(one.duration_s for one in readings)
    covered_s = sum(one.duration_s * one.coverage for one in readings)
    rails = set(readings[0].rails_j).intersection(*(one.rails_j for one in readings[1:]))
    return EnergyReading(
        duration_s=duration_s, rails_j={name: sum(one.rails_j[name] for one in readings) for name in sorted(rails)},
        sample_count=sum(one.sample_count for one in readings), measured=all(one.measured for one in readings),
        source=_joined([one.source for one in readings], " + "), scope=_joined([one.scope for one in readings], " + "),
        calibrated=all(one.calibrated for one in readings),
        coverage=covered_s / duration_s if duration_s > 0 else 0.0,
        reason=_joined([one.reason for one in readings], "; "), gaps=sum(one.gaps for one in readings),
        refresh_s=max((one.refresh_s for one in readings if one.refresh_s is not None), default=None),
    )._replace(**_each(lambda name: _sum([getattr(one, name) for one in readings])))


def _stretched(whole: EnergyReading, known: Sequence[EnergyReading], duration_s: float) -> EnergyReading:
    """The sum of the `known` parts for `duration_s`, longer than they are. Of a single one's power nothing is known
    but its mean: what is missing may have taken nothing, or twice as much."""
    missing_s = duration_s - whole.duration_s
    if missing_s <= 0.0 or whole.gross_j is None:
        return whole
    mean_w = whole.gross_j / whole.duration_s
    powers_w = [(one.gross_j or 0.0) / one.duration_s for one in known if one.duration_s > 0.0]
    lowest_w, highest_w = (min(powers_w), max(powers_w)) if len(powers_w) > 1 else (0.0, 2.0 * mean_w)
    factor = duration_s / whole.duration_s
    less_j, more_j = missing_s * (mean_w - max(0.0, lowest_w)), missing_s * (highest_w - mean_w)
    gross_j, net_j = _scaled(whole.gross_j, factor), _scaled(whole.net_j, factor)
    return whole._replace(
        gross_j=gross_j, low_j=_moved(whole.low_j, whole.gross_j, gross_j, -less_j),
        high_j=_moved(whole.high_j, whole.gross_j, gross_j, more_j),
        net_j=net_j, net_low_j=_moved(whole.net_low_j, whole.net_j, net_j, -less_j),
        net_high_j=_moved(whole.net_high_j, whole.net_j, net_j, more_j),
        sensor_j=_scaled(whole.sensor_j, factor), duration_s=duration_s,
        rails_j={name: factor * joules for name, joules in whole.rails_j.items()})


def _moved(bound_j: Optional[float], before_j: Optional[float], after_j: Optional[float],
           more_j: float) -> Optional[float]:
    """The bound of a figure that has gone from `before_j` to `after_j`, and has become wider by `more_j`."""
    if bound_j is None or before_j is None or after_j is None:
        return None
    return after_j + (bound_j - before_j) + more_j


def less_idle(reading: EnergyReading, idle_w: Optional[float], idle_error_w: float) -> EnergyReading:
    """`reading` with its net joules: less `idle_w` all the time, a mean that is known to within `idle_error_w` (95 %),
    which is independent of what is not known of the window."""
    if idle_w is None or reading.gross_j is None:
        return reading
    net_j, off_j = reading.gross_j - idle_w * reading.duration_s, idle_error_w * reading.duration_s
    if reading.low_j is None or reading.high_j is None:
        return reading._replace(net_j=net_j)
    return reading._replace(net_j=net_j, net_low_j=net_j - math.hypot(reading.gross_j - reading.low_j, off_j),
                            net_high_j=net_j + math.hypot(reading.high_j - reading.gross_j, off_j))


def _each(joules_of: Callable[[str], Optional[float]]) -> Dict[str, Any]:
    return {name: joules_of(name) for name in JOULES}


def _scaled(joules: Optional[float], factor: float) -> Optional[float]:
    return None if joules is None else joules * factor


def _sum(joules: Sequence[Optional[float]]) -> Optional[float]:
    known = [one for one in joules if one is not None]
    return sum(known) if len(known) == len(joules) else None


def _joined(texts: Sequence[str], between: str) -> str:
    return between.join(dict.fromkeys(text for text in texts if text))  # each once, in order, as of Python 3.6
