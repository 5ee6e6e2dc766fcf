"""Under what conditions joules were measured: power mode, clocks, temperatures. They move a board's power twofold."""
import glob
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional

GPUS = re.compile(r"gp10b|gv11b|ga10b|gpu")  # of TX2, Xavier, Orin and Nano among the devices that change their clock
NO_SENSOR = ("PMIC-Die",)  # says 100 degrees on every board at any time: it knows an alarm, not a temperature
SANE_C = (-60.0, 200.0)    # a zone that is switched off answers with -256 or less


class Conditions(NamedTuple):
    """What a machine tells of itself at one moment; None or empty is what it does not tell.

    `power_mode` is nvpmodel's, by name where its table has one (`MAXN`), else by number. `cpu_hz` is by core, of those
    that are on. `temperatures_c` is by thermal zone.
    """

    power_mode: Optional[str] = None
    cpu_governor: Optional[str] = None
    cpu_hz: Dict[str, float] = {}
    gpu_hz: Optional[float] = None
    temperatures_c: Dict[str, float] = {}

    def to_dict(self) -> Dict[str, Any]:
        """The fields, for JSON."""
        return dict(self._asdict(), cpu_hz=dict(self.cpu_hz), temperatures_c=dict(self.temperatures_c))

    def summary(self) -> str:
        """In one line, the hottest zone for all; empty where nothing is known."""
        clocks_hz = sorted(self.cpu_hz.values())
        parts = ["power mode %s" % self.power_mode if self.power_mode else ""]
        if clocks_hz:
            low, high = clocks_hz[0] / 1e6, clocks_hz[-1] / 1e6
            parts.append("CPU %.0f%s MHz%s" % (low, "" if round(low) == round(high) else " to %.0f" % high,
                                               " (%s)" % self.cpu_governor if self.cpu_governor else ""))
        if self.gpu_hz is not None:
            parts.append("GPU %.0f MHz" % (self.gpu_hz / 1e6))
        if self.temperatures_c:
            hottest = max(self.temperatures_c, key=self.temperatures_c.__getitem__)
            parts.append("%.1f C (%s)" % (self.temperatures_c[hottest], hottest))
        return ", ".join(part for part in parts if part)


def conditions(root: str = "/") -> Conditions:
    """Those of the machine whose file system begins at `root`, now."""
    cores = _by_number(os.path.join(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq"))
    governors = sorted({text for text in (_text(os.path.join(core, "scaling_governor")) for core in cores) if text})
    cpu_khz = {os.path.basename(os.path.dirname(core)): _number(os.path.join(core, "scaling_cur_freq"))
               for core in cores}
    return Conditions(
        power_mode=_power_mode(root), cpu_governor=", ".join(governors) or None,
        cpu_hz={name: 1e3 * khz for name, khz in cpu_khz.items() if khz is not None},
        gpu_hz=_gpu_hz(root), temperatures_c=_temperatures(root))


def _power_mode(root: str) -> Optional[str]:
    found = re.search(r"pmode:(\d+)", _text(os.path.join(root, "var/lib/nvpmodel/status")))
    if found is None:
        return None
    number = int(found.group(1))
    table = _text(os.path.join(root, "etc/nvpmodel.conf"))
    names = {int(one.group(1)): one.group(2)
             for one in re.finditer(r"^\s*<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", table, re.MULTILINE)}
    return names.get(number, str(number))


def _gpu_hz(root: str) -> Optional[float]:
    for pattern in ("sys/class/devfreq/*/cur_freq", "sys/devices/*/devfreq/*/cur_freq"):
        for path in sorted(glob.glob(os.path.join(root, pattern))):
            hz = _number(path) if GPUS.search(os.path.basename(os.path.dirname(path))) else None
            if hz is not None:
                return hz
    return None


def _temperatures(root: str) -> Dict[str, float]:
    """By a zone's type; zones of one type are numbered from the second on."""
    found: Dict[str, float] = {}
    for zone in _by_number(os.path.join(root, "sys/class/thermal/thermal_zone[0-9]*")):
        name, millidegrees = _text(os.path.join(zone, "type")), _number(os.path.join(zone, "temp"))
        if not name or name in NO_SENSOR or millidegrees is None:
            continue
        if SANE_C[0] < millidegrees / 1e3 < SANE_C[1]:
            same = sum(1 for other in found if other == name or other.startswith(name + " "))
            found["%s %d" % (name, same + 1) if same else name] = millidegrees / 1e3
    return found


def _by_number(pattern: str) -> List[str]:
    """The paths that fit, cpu2 before cpu10."""
    return sorted(glob.glob(pattern), key=lambda path: [int(one) for one in re.findall(r"\d+", path)])


def _number(path: str) -> Optional[float]:
    try:
        return float(_text(path))
    except ValueError:
        return None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ")
    except OSError:  # a sensor that is switched off has its file all the same
        return ""
