"""Which power sensor this machine has, and a meter over it."""
import contextlib
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from dance_edge.energy import calibration
from dance_edge.energy.ina3221 import Ina3221Sensor
from dance_edge.energy.jtop import JtopSensor
from dance_edge.energy.meter import NO_SENSOR, EnergyMeter
from dance_edge.energy.nvml import NvmlSensor
from dance_edge.energy.rapl import RaplSensor
from dance_edge.energy.reading import PowerSensor
from dance_edge.energy.replay import ReplaySensor
from dance_edge.errors import ConfigError, DataError, DeviceError
from dance_edge.events import Event, Note, OnEvent, Warned, ignore

SENSORS: Dict[str, Callable[[float], PowerSensor]] = {  # by jtop's period; in the order that `auto` tries them
    "jtop": lambda service_s: JtopSensor(service_s),
    "ina3221": lambda service_s: Ina3221Sensor(),
    "nvml": lambda service_s: NvmlSensor(),
    "rapl": lambda service_s: RaplSensor(),
}
SEES = {"nvml": "GPU", "rapl": "CPU"}  # a part of the machine; the others see all of it
REPLAY = "replay:"
WORDS = ("auto",) + tuple(SENSORS) + ("estimate", "none")  # all kinds but `replay:FILE`
KINDS = WORDS + (REPLAY + "FILE",)


class Found(NamedTuple):
    """What was looked for (`kind`) and is open now: `sensor`, None where there is none or none is wanted; `refused`
    says of each that was tried before why it was not taken, and `blind` why the one that was named is the wrong one."""

    kind: str
    sensor: Optional[PowerSensor]
    refused: Tuple[str, ...] = ()
    blind: str = ""

    @property
    def reason(self) -> str:
        """Why there is no sensor; empty where there is one."""
        if self.sensor is not None:
            return ""
        if self.kind == "auto":
            return "no sensor here (%s)" % "; ".join(self.refused)
        return "not metered: --power none" if self.kind == "none" else NO_SENSOR

    def events(self) -> List[Event]:
        """What a user is told: what was chosen, and why."""
        sensor = self.sensor
        if sensor is None:
            why = {"auto": "%s: joules are estimated by the TX2 model" % self.reason,
                   "estimate": "joules are estimated by the TX2 model (--power estimate)"}
            return [Note("power: " + why[self.kind])] if self.kind in why else []
        because = " (%s)" % "; ".join(self.refused) if self.refused else ""
        said: List[Event] = [Note("power: %s, rail %s%s" % (sensor.name, sensor.scope or "none", because))]
        if not sensor.scope:
            said.append(Warned("%s finds no total rail: rails are not added up, so no joules can be measured"
                               % sensor.name))
        if isinstance(sensor, ReplaySensor) and sensor.of_chip and sensor.volts is None:
            said.append(Note("power: the trace does not say the rail's volts, so not what its sensor may be off by"))
        return said + ([Warned(self.blind)] if self.blind else [])


@contextlib.contextmanager
def metered(kind: str = "auto", interval_s: Optional[float] = None, on_event: OnEvent = ignore,
            service_s: float = JtopSensor.interval_s, place: str = "") -> Iterator[EnergyMeter]:
    """An entered meter over the sensor `kind`, which is closed behind it. With `auto` the first that this machine has
    and that sees the work, which is done at `place`: "cpu", a GPU's name ("cuda"), or "" where it is not known.

    `interval_s` is None for the sensor's own; jtop's service is then asked for `service_s`. What was chosen and why is
    said through `on_event`. `DeviceError` where a sensor that was named is not there, `ConfigError` for an unknown one,
    `DataError` for a trace that cannot be played.
    """
    found = find_sensor(kind, interval_s, service_s, place)
    with meter_over(found, interval_s, on_event) as meter:
        yield meter


@contextlib.contextmanager
def meter_over(found: Found, interval_s: Optional[float] = None, on_event: OnEvent = ignore,
               is_said: bool = True) -> Iterator[EnergyMeter]:
    """As `metered`, over what `find_sensor` has found; `is_said` False leaves it to the caller to tell of that."""
    with contextlib.ExitStack() as opened:
        sensor, quick = found.sensor, None
        if sensor is not None:
            opened.callback(sensor.close)
            quick = _quick(found.kind, sensor)
        if quick is not None:
            opened.callback(quick.close)
        for event in found.events() if is_said else ():
            on_event(event)
        meter = EnergyMeter(sensor, interval_s, on_event, quick=quick, calibration=_calibration(sensor, on_event))
        meter.no_sensor = found.reason or NO_SENSOR
        meter.may_estimate = sensor is None and found.kind != "none"
        yield opened.enter_context(meter)


def check_kind(kind: str) -> None:
    """`ConfigError` for what is not a kind of sensor; nothing is opened."""
    if kind not in WORDS and not (kind.startswith(REPLAY) and len(kind) > len(REPLAY)):
        raise ConfigError("unknown power sensor %r" % kind, "take one of: " + ", ".join(KINDS))


def open_sensor(kind: str = "auto", interval_s: Optional[float] = None, on_event: OnEvent = ignore,
                service_s: float = JtopSensor.interval_s) -> Optional[PowerSensor]:
    """The sensor alone, as in `metered`; None where there is none, or none is wanted."""
    found = find_sensor(kind, interval_s, service_s)
    for event in found.events():
        on_event(event)
    return found.sensor


def find_sensor(kind: str = "auto", interval_s: Optional[float] = None, service_s: float = JtopSensor.interval_s,
                place: str = "") -> Found:
    """As in `metered`, and nothing is said. Who calls it closes the sensor, or has `meter_over` do that."""
    check_kind(kind)
    service_s = interval_s or service_s
    if kind in ("none", "estimate"):
        return Found(kind, None)
    if kind.startswith(REPLAY):
        return Found(kind, ReplaySensor(kind[len(REPLAY):]))
    if kind != "auto":
        return Found(kind, SENSORS[kind](service_s), blind=blind_to(kind, place))
    refused: List[str] = []
    partly: Optional[PowerSensor] = None  # has rails, but no total: taken where nothing else is there
    for name, opener in SENSORS.items():
        try:
            if blind_to(name, place):
                raise DeviceError(blind_to(name, place), "name it to take it all the same: --power %s" % name)
            sensor = opener(service_s)
        except DeviceError as reason:
            refused.append(reason.message)
            continue
        if sensor.scope:
            if partly is not None:
                partly.close()
            return Found(kind, sensor, tuple(refused))
        refused.append("%s finds no total rail" % name)
        if partly is None:
            partly = sensor
        else:
            sensor.close()
    return Found(kind, partly, tuple(refused))


def blind_to(name: str, place: str) -> str:
    """Why the sensor `name` does not see work that is done at `place`; empty where it does, or where that is not
    known."""
    on_cpu = place.lower().startswith("cpu")
    if not place or on_cpu != (SEES.get(name) == "GPU") or name not in SEES:
        return ""
    return "%s sees the %s alone, and the work is on the %s" % (name, SEES[name], "CPU" if on_cpu else "GPU")


def _quick(kind: str, sensor: PowerSensor) -> Optional[PowerSensor]:
    """The chip's own files beside jtop's service, whose period is long for a short window."""
    if kind != "auto" or sensor.name != "jtop":
        return None
    try:
        files = Ina3221Sensor()
    except DeviceError:
        return None
    return files if files.scope == sensor.scope else None


def _calibration(sensor: Optional[PowerSensor], on_event: OnEvent) -> Optional[calibration.Calibration]:
    if sensor is None or isinstance(sensor, ReplaySensor):  # what was recorded may come from any board
        return None
    try:
        path = calibration.path_of(sensor.name)
        return calibration.load(path, sensor.name, sensor.scope, calibration.board_id())
    except DataError as reason:
        on_event(Warned("%s; joules are uncalibrated" % reason.message))
        return None
