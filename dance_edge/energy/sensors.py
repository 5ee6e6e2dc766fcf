"""Which power sensor this machine has."""
from typing import List, Optional

from dance_edge.energy import ina3221
from dance_edge.energy.ina3221 import Ina3221Sensor
from dance_edge.energy.jtop import INTERVAL_S, JtopSensor
from dance_edge.energy.reading import PowerSensor
from dance_edge.errors import ConfigError, DeviceError
from dance_edge.events import Note, OnEvent, Warned, ignore

KINDS = ("auto", "jtop", "ina3221", "none")


def open_sensor(kind: str = "auto", on_event: OnEvent = ignore, interval_s: float = INTERVAL_S,
                ina3221_root: str = ina3221.ROOT) -> Optional[PowerSensor]:
    """The sensor `kind`; with `auto` jtop where its service runs, else the INA3221's files, else None.

    What was chosen and why is said through `on_event`. `DeviceError` where a sensor that was named is not there.
    """
    if kind not in KINDS:
        raise ConfigError("unknown power sensor %r" % kind, "take one of: " + ", ".join(KINDS))
    if kind == "none":
        return None
    refused: List[str] = []
    if kind in ("auto", "jtop"):
        try:
            return _said(JtopSensor(interval_s), refused, on_event)
        except DeviceError as reason:
            if kind == "jtop":
                raise
            refused.append(reason.message)
    try:
        return _said(Ina3221Sensor(ina3221_root), refused, on_event)
    except DeviceError as reason:
        if kind == "ina3221":
            raise
        refused.append(reason.message)
    on_event(Note("power: no sensor here (%s): joules are estimated by the TX2 model" % "; ".join(refused)))
    return None


def _said(sensor: PowerSensor, refused: List[str], on_event: OnEvent) -> PowerSensor:
    because = " (%s)" % "; ".join(refused) if refused else ""
    on_event(Note("power: %s, rail %s%s" % (sensor.name, sensor.scope or "none", because)))
    if not sensor.scope:
        on_event(Warned("%s finds no total rail: rails are not added up, so no joules can be measured" % sensor.name))
    return sensor
