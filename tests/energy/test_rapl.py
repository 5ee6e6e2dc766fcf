"""RAPL over a made powercap tree whose counters are moved by the test."""
import time

import pytest

from dance_edge.energy import counters, rapl
from dance_edge.energy.rapl import RaplSensor, find_zones
from dance_edge.errors import DeviceError

RANGE_UJ = 262143328850


class Tree:
    """Zones under `root`: `lay("intel-rapl:0", "package-0")`. With every look at a counter it has gone on by as much
    as the watts of its zone make of the time."""

    def __init__(self, root, monkeypatch):
        self.root = root
        self.began_s = time.monotonic()
        self.watts, self.offset = {}, {}
        monkeypatch.setattr(rapl, "_read", self.read)

    def lay(self, folder, name, watts=0.0, offset=0, turn=RANGE_UJ):
        path = self.root / folder
        path.mkdir()
        (path / "name").write_text(name + "\n")
        (path / "energy_uj").write_text("0\n")
        (path / "max_energy_range_uj").write_text("%d\n" % turn)
        self.watts[str(path / "energy_uj")] = watts
        self.offset[str(path / "energy_uj")] = offset

    def read(self, path):
        microjoules = self.watts[path] * 1e6 * (time.monotonic() - self.began_s) + self.offset[path]
        return b"%d\n" % (int(microjoules) % (RANGE_UJ + 1))

    def sensor(self):
        return RaplSensor(str(self.root))


@pytest.fixture
def tree(tmp_path, monkeypatch):
    return Tree(tmp_path, monkeypatch)


def read(sensor):
    time.sleep(0.03)
    return sensor.read()


def test_one_package_is_the_total_and_memory_a_rail_of_its_own(tree):
    tree.lay("intel-rapl:0", "package-0", 40.0)
    tree.lay("intel-rapl:0:0", "core", 30.0)
    tree.lay("intel-rapl:0:1", "dram", 5.0)
    tree.lay("intel-rapl-mmio:0", "package-0", 999.0)
    sensor = tree.sensor()
    sample = read(sensor)
    assert sensor.averages and sensor.scope == "package-0, a part of the machine"
    assert sample.total == "package-0" and set(sample.rails_w) == {"package-0", "dram-0"}
    assert sample.rails_w["package-0"] == pytest.approx(40.0, rel=0.1)
    assert sample.rails_w["dram-0"] == pytest.approx(5.0, rel=0.1)


def test_packages_are_sockets_and_are_added_up(tree):
    for number, watts in ((0, 40.0), (1, 60.0)):
        tree.lay("intel-rapl:%d" % number, "package-%d" % number, watts)
        tree.lay("intel-rapl:%d:0" % number, "dram", 4.0)
    sensor = tree.sensor()
    sample = read(sensor)
    assert sample.total == "packages" and sensor.scope == "packages, a part of the machine"
    assert set(sample.rails_w) == {"packages", "package-0", "package-1", "dram-0", "dram-1"}
    assert sample.rails_w["packages"] == pytest.approx(100.0, rel=0.1)


def test_the_platform_holds_them_all(tree):
    tree.lay("intel-rapl:0", "package-0", 10.0)
    tree.lay("intel-rapl:1", "psys", 25.0)
    sensor = tree.sensor()
    assert sensor.scope == sensor.read().total == "psys"
    assert read(sensor).rails_w["psys"] == pytest.approx(25.0, rel=0.1)


def test_a_counter_that_turns_over_goes_on(tree):
    tree.lay("intel-rapl:0", "package-0", 100.0, offset=RANGE_UJ - 1500000)  # 15 ms before its end
    sensor = tree.sensor()
    watts = [read(sensor).rails_w["package-0"] for _ in range(4)]
    assert int(tree.read(sensor.zones[0].path)) < RANGE_UJ / 2
    assert watts == pytest.approx([100.0] * 4, rel=0.2)


def test_what_root_alone_may_read_is_said_with_its_remedy(tree, monkeypatch):
    tree.lay("intel-rapl:0", "package-0", 40.0)

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(rapl, "_read", refuse)
    with pytest.raises(DeviceError, match="root alone") as caught:
        tree.sensor()
    assert "sudo chmod o+r %s/intel-rapl:*/energy_uj" % tree.root in caught.value.hint


def test_no_zones_a_counter_that_stands_still_and_one_that_breaks(tree, tmp_path, monkeypatch):
    with pytest.raises(DeviceError, match="no RAPL zones"):
        tree.sensor()
    tree.lay("intel-rapl:0:0", "core", 40.0)
    assert find_zones(str(tmp_path)) == []
    tree.lay("intel-rapl:0", "package-0", 0.0)
    monkeypatch.setattr(counters, "FIRST_S", 0.1)
    with pytest.raises(DeviceError, match="stands still"):
        tree.sensor()
    monkeypatch.undo()
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("garbage")
    with pytest.raises(DeviceError, match="cannot read package-0"):
        tree.sensor()
