"""Energy counters of Intel's and AMD's processors (RAPL), as the kernel's powercap tree shows them."""
import glob
import os
from typing import Dict, List, NamedTuple, Optional

from dance_edge.energy.counters import Counters
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.trace import MAX_W
from dance_edge.errors import DeviceError

ROOT = "/sys/class/powercap"
PLATFORM = "psys"
PACKAGES = "packages"
PARTS = ("package", "dram")  # of what is read; cores and graphics are inside their package
REMEDY = "run as root, or allow it until the next start: sudo chmod o+r %s/intel-rapl:*/energy_uj"


class Zone(NamedTuple):
    """A zone's name (`package-0`, `dram-0`), the file of its microjoules, and the joules at which it begins anew."""

    name: str
    path: str
    turn_j: Optional[float]


class RaplSensor(PowerSensor):
    """Reads every zone of `root`. The total is `psys`, the whole platform, where there is one; else the processor's
    package; else the sum of several packages, which are sockets of their own and do not overlap. Memory (`dram`) is a
    rail of its own: it lies beside the packages, and is in no total but psys.
    """

    name = "rapl"
    averages = True

    def __init__(self, root: Optional[str] = None) -> None:
        root = ROOT if root is None else root
        self.zones = find_zones(root)
        packages = [zone.name for zone in self.zones if zone.name.startswith("package")]
        platform = [zone.name for zone in self.zones if zone.name == PLATFORM]
        if not packages and not platform:
            raise DeviceError("no RAPL zones under %s" % root, "a PC's kernel has them: sudo modprobe intel_rapl_msr")
        self._packages = packages if len(packages) > 1 else []
        self.total = PLATFORM if platform else PACKAGES if self._packages else packages[0]
        self.scope = self.total if platform else self.total + ", a part of the machine"
        self._remedy = REMEDY % root
        self._counters = Counters(self._joules, {zone.name: zone.turn_j for zone in self.zones}, MAX_W)
        self.delay_s = self._counters.beat_s

    def read(self) -> PowerSample:
        """Mean watts of each zone since the sample before."""
        means = self._counters.means()
        rails_w = dict(means.rails_w)
        if self._packages:
            rails_w[PACKAGES] = sum(rails_w[name] for name in self._packages)
        return PowerSample(means.at_s, rails_w, self.total, means.since_s)

    def _joules(self) -> Dict[str, float]:
        return {zone.name: self._count(zone) / 1e6 for zone in self.zones}

    def _count(self, zone: Zone) -> int:
        try:
            return int(_read(zone.path))
        except PermissionError:
            raise DeviceError("RAPL: %s may be read by root alone" % zone.path, self._remedy)
        except (OSError, ValueError) as reason:
            raise DeviceError("RAPL: cannot read %s: %s" % (zone.name, reason), "check the file %s" % zone.path)


def find_zones(root: str) -> List[Zone]:
    """The platform's, the packages' and the memory's zones under `root`; a memory zone bears its package's number.

    `intel-rapl-mmio` shows the same package once more and is left alone.
    """
    zones: Dict[str, Zone] = {}
    for folder in sorted(glob.glob(os.path.join(root, "intel-rapl:*"))):
        name, path = _text(os.path.join(folder, "name")), os.path.join(folder, "energy_uj")
        if name == PARTS[1]:
            name = "dram-" + os.path.basename(folder).split(":")[1]
        if name.startswith(PARTS + (PLATFORM,)) and os.path.exists(path):
            turn = _text(os.path.join(folder, "max_energy_range_uj"))
            zones.setdefault(name, Zone(name, path, (int(turn) + 1) / 1e6 if turn.isdigit() else None))
    return sorted(zones.values())


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(32)


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
