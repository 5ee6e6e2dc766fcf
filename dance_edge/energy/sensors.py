"""Which power sensor this machine has, and a meter over it."""
import contextlib
from typing import Callable, Dict, Iterator, List, Optional

from dance_edge.energy import calibration
from dance_edge.energy.ina3221 import Ina3221Sensor
from dance_edge.energy.jtop import JtopSensor
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.nvml import NvmlSensor
from dance_edge.energy.rapl import RaplSensor
from dance_edge.energy.reading import PowerSensor
from dance_edge.energy.replay import ReplaySensor
from dance_edge.errors import ConfigError, DataError, DeviceError
from dance_edge.events import Note, OnEvent, Warned, ignore

SENSORS: Dict[str, Callable[[float], PowerSensor]] = {  # by jtop's period; in the order that `auto` tries them
    "jtop": lambda service_s: JtopSensor(service_s),
    "ina3221": lambda service_s: Ina3221Sensor(),
    "nvml": lambda service_s: NvmlSensor(),
    "rapl": lambda service_s: RaplSensor(),
}
REPLAY = "replay:"
WORDS = ("auto",) + tuple(SENSORS) + ("estimate", "none")  # all kinds but `replay:FILE`
KINDS = WORDS + (REPLAY + "FILE",)


@contextlib.contextmanager
def metered(kind: str = "auto", interval_s: Optional[float] = None, on_event: OnEvent = ignore,
            service_s: float = JtopSensor.interval_s) -> Iterator[EnergyMeter]:
    """An entered meter over the sensor `kind`, which is closed behind it. With `auto` the first that this machine has.

    `interval_s` is None for the sensor's own; jtop's service is then asked for `service_s`. What was chosen and why is
    said through `on_event`. `DeviceError` where a sensor that was named is not there, `ConfigError` for an unknown one,
    `DataError` for a trace that cannot be played.
    """
    with contextlib.ExitStack() as opened:
        sensor = open_sensor(kind, interval_s, on_event, service_s)
        quick = None
        if sensor is not None:
            opened.callback(sensor.close)
            quick = _quick(kind, sensor)
        if quick is not None:
            opened.callback(quick.close)
        meter = EnergyMeter(sensor, interval_s, on_event, quick=quick, calibration=_calibration(sensor, on_event))
        if kind == "none":
            meter.no_sensor, meter.may_estimate = "not metered: --power none", False
        yield opened.enter_context(meter)


def check_kind(kind: str) -> None:
    """`ConfigError` for what is not a kind of sensor; nothing is opened."""
    if kind not in WORDS and not (kind.startswith(REPLAY) and len(kind) > len(REPLAY)):
        raise ConfigError("unknown power sensor %r" % kind, "take one of: " + ", ".join(KINDS))


def open_sensor(kind: str = "auto", interval_s: Optional[float] = None, on_event: OnEvent = ignore,
                service_s: float = JtopSensor.interval_s) -> Optional[PowerSensor]:
    """As in `metered`; None where there is none, or none is wanted."""
    check_kind(kind)
    service_s = interval_s or service_s
    if kind == "none":
        return None
    if kind == "estimate":
        on_event(Note("power: joules are estimated by the TX2 model (--power estimate)"))
        return None
    if kind.startswith(REPLAY):
        return _said(ReplaySensor(kind[len(REPLAY):]), [], on_event)
    if kind != "auto":
        return _said(SENSORS[kind](service_s), [], on_event)
    refused: List[str] = []
    for opener in SENSORS.values():
        try:
            return _said(opener(service_s), refused, on_event)
        except DeviceError as reason:
            refused.append(reason.message)
    on_event(Note("power: no sensor here (%s): joules are estimated by the TX2 model" % "; ".join(refused)))
    return None


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
    if sensor is None:
        return None
    try:
        path = calibration.path_of(sensor.name)
        return calibration.load(path, sensor.name, sensor.scope, calibration.board_id())
    except DataError as reason:
        on_event(Warned("%s; joules are uncalibrated" % reason.message))
        return None


def _said(sensor: PowerSensor, refused: List[str], on_event: OnEvent) -> PowerSensor:
    because = " (%s)" % "; ".join(refused) if refused else ""
    on_event(Note("power: %s, rail %s%s" % (sensor.name, sensor.scope or "none", because)))
    if not sensor.scope:
        on_event(Warned("%s finds no total rail: rails are not added up, so no joules can be measured" % sensor.name))
    return sensor
