"""The INA3221's files under sysfs, as the kernels of JetPack 4 (iio) and of 5 and later (hwmon) lay them."""
import glob
import math
import os
import time
from typing import Dict, List, NamedTuple, NoReturn, Optional

from dance_edge.energy import chip
from dance_edge.energy.gauge import Gauge, ProductGauge
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.errors import DeviceError

ROOT = "/sys/bus/i2c/drivers/ina3221x"
HWMON_ROOT = "/sys/bus/i2c/drivers/ina3221"
IIO = ("*/iio:device*/rail_name_*", "iio:device*/rail_name_*", "rail_name_*")
HWMON = ("*/hwmon/hwmon*/in*_label", "hwmon/hwmon*/in*_label")
UNCONNECTED = ("", "NC")
PARTS_S = 0.09  # between readings of all rails but the total: none of them is new sooner than `chip.AVERAGING_S`
TOTALS = ("VDD_IN", "POM_5V_IN")  # the module's own input: TX2 and Xavier NX, Nano


class Rail(NamedTuple):
    """A rail's name, the file that holds its power in mW, and that of its voltage in mV. Where there is a file of its
    current in mA, `path` is that one, and power the product."""

    name: str
    path: str
    voltage_path: str
    is_current: bool = False

    def gauge(self) -> Gauge:
        """What reads its watts."""
        return ProductGauge(self.path, self.voltage_path) if self.is_current else Gauge(self.path)


class Ina3221Sensor(PowerSensor):
    """Reads every rail found under `root`, told apart by name: their numbers differ from board to board.

    Without a total rail it still reads, and every reading says that there is none: rails overlap (VDD_IN feeds the
    others, VDD_MUX is parallel to it), so they are never added up.
    """

    name = "ina3221"
    delay_s = chip.AVERAGING_S

    def __init__(self, root: Optional[str] = None) -> None:
        self._roots = (ROOT, HWMON_ROOT) if root is None else (root,)
        self.rails = self._find()
        if not self.rails:
            raise DeviceError("no INA3221 rails under %s" % " or ".join(self._roots),
                              "Jetsons up to Xavier have them; else use jtop")
        names = [rail.name for rail in self.rails]
        self.total = next((name for name in TOTALS if name in names), None)
        self.scope = self.total or ""
        self._parts_w: Dict[str, float] = {}  # the other rails, as they were last read
        self._parts_s = -math.inf
        self._gauges = {rail.name: rail.gauge() for rail in self.rails}
        self.volts = next((_volts(rail.voltage_path) for rail in self.rails if rail.name == self.total), None)
        self.step_w = chip.step_w(self.scope, self.volts)
        self.read()

    def read(self) -> PowerSample:
        """Watts of each rail: the total's now, of the others at most `PARTS_S` old. One that cannot be read is left
        out; the total must be there."""
        now_s = time.monotonic()
        total, failure = self.total, ""
        if now_s - self._parts_s >= PARTS_S or total is None:
            self._parts_s = now_s
            failure = self._read_parts()
        rails_w = self._parts_w.copy()
        if total is not None:
            try:
                rails_w[total] = self._gauges[total].value()
            except (OSError, ValueError) as reason:
                self._fail(_unread(total, reason))
        elif not rails_w:
            self._fail(failure)
        return PowerSample(now_s, rails_w, total)

    def error_w(self, watts: float) -> Optional[float]:
        """As `PowerSensor.error_w`, at the voltage that the total rail had when the sensor was opened."""
        return chip.error_w(self.scope, watts, self.volts)

    def close(self) -> None:
        """Close the files; another `read` opens them again."""
        for gauge in self._gauges.values():
            gauge.close()

    def _find(self) -> List[Rail]:
        found: Dict[str, Rail] = {}
        for root in self._roots:
            for rail in find_rails(root):
                found.setdefault(rail.name, rail)
        return sorted(found.values())

    def _read_parts(self) -> str:
        """Read all rails but the total; says which one could not be."""
        self._parts_w, failure = {}, ""
        for name, gauge in self._gauges.items():
            gauge.leave_replaced()
            if name != self.total:
                try:
                    self._parts_w[name] = gauge.value()
                except (OSError, ValueError) as reason:
                    failure = _unread(name, reason)
        return failure

    def _fail(self, failure: str) -> NoReturn:
        """For the next reading all is looked for anew: a driver that was bound anew may number its devices anew."""
        self._parts_s = -math.inf
        folder = os.path.dirname(self.rails[0].path)
        rails = self._find()
        if rails and (self.total is None or self.total in [rail.name for rail in rails]):
            self.close()
            self.rails, self._gauges = rails, {rail.name: rail.gauge() for rail in rails}
        raise DeviceError(failure, "check the files under %s" % folder)


def _unread(name: str, reason: Exception) -> str:
    return "cannot read %s: %s" % (name, reason)


def find_rails(root: str) -> List[Rail]:
    """The rails under `root`, by their names: of */iio:device*/rail_name_K, or of */hwmon/hwmon*/inK_label; or under a
    device's own folder."""
    rails: Dict[str, Rail] = {}
    for pattern in IIO + HWMON:
        for label in sorted(glob.glob(os.path.join(root, pattern))):
            rail = (_iio_rail if pattern in IIO else _hwmon_rail)(label)
            if rail.name not in UNCONNECTED and os.path.exists(rail.path) and (
                    not rail.is_current or os.path.exists(rail.voltage_path)):
                rails.setdefault(rail.name, rail)
    return sorted(rails.values())


def _iio_rail(label: str) -> Rail:
    folder, index = os.path.dirname(label), label.rsplit("_", 1)[1]
    return Rail(_text(label) or "", os.path.join(folder, "in_power%s_input" % index),
                os.path.join(folder, "in_voltage%s_input" % index))


def _hwmon_rail(label: str) -> Rail:
    """It has no file of its power, but of each of both factors."""
    folder, index = os.path.dirname(label), os.path.basename(label)[len("in"):-len("_label")]
    return Rail(_text(label) or "", os.path.join(folder, "curr%s_input" % index),
                os.path.join(folder, "in%s_input" % index), True)


def _text(path: str) -> Optional[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def _volts(path: str) -> Optional[float]:
    try:
        return float(_text(path) or "") / 1000.0
    except ValueError:
        return None
