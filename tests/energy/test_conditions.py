"""What a machine tells of itself, over trees as a TX2, a Nano and a PC lay them."""
import json
import os

import pytest

from dance_edge.energy.conditions import Conditions, conditions

NVPMODEL = """\
# TX2's table, in short
< PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_1 /sys/devices/system/cpu/cpu1/online
< POWER_MODEL ID=0 NAME=MAXN >
CPU_ONLINE CORE_1 1
< POWER_MODEL ID=1 NAME=MAXQ >
CPU_ONLINE CORE_1 0
< PM_CONFIG DEFAULT=1 >
"""


def lay(root, files):
    for path, text in files.items():
        full = os.path.join(str(root), path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as file:
            file.write("%s\n" % text)


@pytest.fixture
def tx2(tmp_path):
    files = {"var/lib/nvpmodel/status": "pmode:0001 fmode:fanNull", "etc/nvpmodel.conf": NVPMODEL,
             "sys/devices/17000000.gp10b/devfreq/17000000.gp10b/cur_freq": 1300500000,
             "sys/class/devfreq/13e10000.host1x/cur_freq": 40800000}
    for core, khz in ((0, 345600), (1, 2035200), (10, 1113600)):
        files["sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq" % core] = khz
        files["sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor" % core] = "schedutil"
    for zone, (name, millidegrees) in enumerate((
            ("BCPU-therm", 41500), ("GPU-therm", 39000), ("Tboard_tegra", 36000), ("PMIC-Die", 100000),
            ("AO-therm", -256000))):
        files["sys/class/thermal/thermal_zone%d/type" % zone] = name
        files["sys/class/thermal/thermal_zone%d/temp" % zone] = millidegrees
    lay(tmp_path, files)
    return tmp_path


def test_a_tx2_tells_its_mode_clocks_and_temperatures(tx2):
    assert conditions(str(tx2)) == Conditions(
        power_mode="MAXQ", cpu_governor="schedutil",
        cpu_hz={"cpu0": 345.6e6, "cpu1": 2035.2e6, "cpu10": 1113.6e6}, gpu_hz=1300.5e6,
        temperatures_c={"BCPU-therm": 41.5, "GPU-therm": 39.0, "Tboard_tegra": 36.0})


def test_the_cores_come_by_number_and_the_line_has_it_all(tx2):
    found = conditions(str(tx2))
    assert list(found.cpu_hz) == ["cpu0", "cpu1", "cpu10"]
    assert found.summary() == ("power mode MAXQ, CPU 346 to 2035 MHz (schedutil), GPU 1300 MHz, 41.5 C (BCPU-therm)")


def test_it_goes_into_json_as_it_is(tx2):
    facts = conditions(str(tx2)).to_dict()
    assert json.loads(json.dumps(facts)) == facts
    assert list(facts) == ["power_mode", "cpu_governor", "cpu_hz", "gpu_hz", "temperatures_c"]


def test_a_mode_without_a_name_is_its_number(tx2):
    (tx2 / "etc/nvpmodel.conf").unlink()
    assert conditions(str(tx2)).power_mode == "1"


@pytest.mark.parametrize("device", ["57000000.gpu", "17000000.gv11b", "17000000.ga10b"])
def test_the_gpu_of_other_boards_is_known_by_its_link(tmp_path, device):
    lay(tmp_path, {"sys/class/devfreq/%s/cur_freq" % device: 921600000})
    assert conditions(str(tmp_path)).gpu_hz == 921.6e6


def test_zones_of_one_type_are_told_apart_and_one_that_refuses_is_left_out(tmp_path):
    lay(tmp_path, {"sys/class/thermal/thermal_zone0/type": "acpitz", "sys/class/thermal/thermal_zone0/temp": 27800,
                   "sys/class/thermal/thermal_zone1/type": "acpitz", "sys/class/thermal/thermal_zone1/temp": 29800,
                   "sys/class/thermal/thermal_zone2/type": "iwlwifi_1", "sys/class/thermal/thermal_zone2/temp": ""})
    assert conditions(str(tmp_path)).temperatures_c == {"acpitz": 27.8, "acpitz 2": 29.8}


def test_different_governors_are_all_named(tmp_path):
    lay(tmp_path, {"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
                   "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave"})
    assert conditions(str(tmp_path)).cpu_governor == "performance, powersave"


def test_a_machine_that_tells_nothing(tmp_path):
    found = conditions(str(tmp_path))
    assert found == Conditions() and found.summary() == ""
    assert found.to_dict()["gpu_hz"] is None and found.to_dict()["temperatures_c"] == {}
