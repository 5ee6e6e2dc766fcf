"""What is said about energy: a sensor's sample, and the joules of a window with all that a sceptical reader asks."""
from abc import ABC, abstractmethod
from typing import Any, Dict, NamedTuple, Optional, Sequence

MODEL_SOURCE = "tx2_model"


class PowerSample(NamedTuple):
    """One reading. `rails_w` holds watts by rail name; `total` names the rail that feeds all, None without one."""

    monotonic_s: float
    rails_w: Dict[str, float]
    total: Optional[str]


class PowerSensor(ABC):
    """A source of power samples. `name` is said in reports (`jtop`), `scope` the rail that is meant (`VDD_IN`)."""

    name = ""
    scope = ""
    interval_s = 0.1  # between readings, where the user names no other
    paced = False     # `read` waits for the sensor's next sample by itself
    averages = False  # a sample is the mean power since the one before it (of an energy counter), not that of a moment
    delay_s = 0.0     # the most that what a value tells of may lie before its time stamp; of a counter, its beat
    step_w = 0.0      # between one value of the total rail and the next that there can be

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

    `net_j` is less the idle baseline. `low_j` and `high_j` are a measurement's 95 % interval for what lies between the
    samples and behind their delay, or an estimate's leave-one-out error. `sensor_j` is beside it: the most that the
    sensor itself may be off by, either way (an offset, a gain: the same in every reading of a board). `coverage` is
    the share of the window, 0-1, that the samples cover without one of the `gaps`. `refresh_s` is how often the sensor
    was seen to have a new value. `measured` is False for an estimate and where there is no figure. `calibrated`:
    against an external meter.
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
            return self._replace(gross_j=None, net_j=None, low_j=None, high_j=None, sensor_j=None, rails_j={},
                                 reason=self.reason or "no work was done")
        return self._replace(
            gross_j=_scaled(self.gross_j, count), net_j=_scaled(self.net_j, count), low_j=_scaled(self.low_j, count),
            high_j=_scaled(self.high_j, count), sensor_j=_scaled(self.sensor_j, count),
            duration_s=self.duration_s / count,
            rails_j={name: joules / count for name, joules in self.rails_j.items()})


def reading_from_dict(facts: Dict[str, Any]) -> EnergyReading:
    """The inverse of `to_dict`; keys that this version does not know are left out."""
    return EnergyReading(**{name: facts[name] for name in EnergyReading._fields if name in facts})


def add_up(readings: Sequence[EnergyReading]) -> EnergyReading:
    """One reading for parts that follow each other: a run and its resumption, a variant's turns.

    Joules are known only where every part's are. Sources that differ are all named, and one estimated part makes
    the sum an estimate.
    """
    if not readings:
        return EnergyReading(reason="nothing was metered")
    duration_s = sum(one.duration_s for one in readings)
    covered_s = sum(one.duration_s * one.coverage for one in readings)
    rails = set(readings[0].rails_j).intersection(*(one.rails_j for one in readings[1:]))
    return EnergyReading(
        gross_j=_sum([one.gross_j for one in readings]), net_j=_sum([one.net_j for one in readings]),
        low_j=_sum([one.low_j for one in readings]), high_j=_sum([one.high_j for one in readings]),
        sensor_j=_sum([one.sensor_j for one in readings]),
        duration_s=duration_s, rails_j={name: sum(one.rails_j[name] for one in readings) for name in sorted(rails)},
        sample_count=sum(one.sample_count for one in readings), measured=all(one.measured for one in readings),
        source=_joined([one.source for one in readings], " + "), scope=_joined([one.scope for one in readings], " + "),
        calibrated=all(one.calibrated for one in readings),
        coverage=covered_s / duration_s if duration_s > 0 else 0.0,
        reason=_joined([one.reason for one in readings], "; "), gaps=sum(one.gaps for one in readings),
        refresh_s=max((one.refresh_s for one in readings if one.refresh_s is not None), default=None))


def _scaled(joules: Optional[float], count: int) -> Optional[float]:
    return None if joules is None else joules / count


def _sum(joules: Sequence[Optional[float]]) -> Optional[float]:
    known = [one for one in joules if one is not None]
    return sum(known) if len(known) == len(joules) else None


def _joined(texts: Sequence[str], between: str) -> str:
    return between.join(sorted(set(text for text in texts if text), key=list(texts).index))
