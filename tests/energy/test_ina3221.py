import os
import time

import pytest

from dance_edge.energy import ina3221
from dance_edge.energy.ina3221 import Ina3221Sensor, find_rails
from dance_edge.errors import DeviceError

MODULE = [("VDD_IN", 8000), ("VDD_SYS_CPU", 1500), ("VDD_SYS_DDR", 1200)]
PARTS = [("VDD_SYS_GPU", 3000), ("VDD_SYS_SOC", 1000), ("VDD_4V0_WIFI", 5)]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_rails_are_told_apart_by_name_in_any_order(tmp_path, lay_chip, order):
    lay_chip("0-0041/iio:device1", [MODULE[i] for i in order])
    lay_chip("0-0040/iio:device0", PARTS)
    sensor = Ina3221Sensor(str(tmp_path))
    sample = sensor.read()
    assert sensor.scope == sample.total == "VDD_IN"
    assert sample.rails_w == {name: milliwatts / 1000.0 for name, milliwatts in MODULE + PARTS}


def test_without_a_total_rail_it_reads_and_says_so(tmp_path, lay_chip):
    lay_chip("0-0040/iio:device0", PARTS)
    sensor = Ina3221Sensor(str(tmp_path))
    assert sensor.total is None and sensor.scope == "" and sensor.read().total is None


def test_no_files_no_sensor(tmp_path):
    with pytest.raises(DeviceError):
        Ina3221Sensor(str(tmp_path / "missing"))
    assert find_rails(str(tmp_path)) == []


@pytest.mark.parametrize("text", ["", "garbage\n", None])
def test_a_total_that_cannot_be_read_is_an_error_not_zero(tmp_path, lay_chip, text):
    path = lay_chip("0-0041/iio:device1", MODULE) / "in_power0_input"
    sensor = Ina3221Sensor(str(tmp_path))
    if text is None:
        path.unlink()
        time.sleep(ina3221.PARTS_S)  # a file that stays open is looked for as often as the other rails
    else:
        path.write_text(text)
    with pytest.raises(DeviceError, match="VDD_IN"):
        sensor.read()


def test_a_part_that_cannot_be_read_is_left_out(tmp_path, lay_chip):
    (lay_chip("0-0041/iio:device1", MODULE) / "in_power1_input").write_text("")
    rails_w = Ina3221Sensor(str(tmp_path)).read().rails_w
    assert rails_w == {"VDD_IN": 8.0, "VDD_SYS_DDR": 1.2}


def test_values_are_read_anew_from_files_that_stay_open(tmp_path, lay_chip):
    """As a kernel changes them, and as a file that takes another's place."""
    folder = lay_chip("0-0041/iio:device1", MODULE)
    sensor = Ina3221Sensor(str(tmp_path))
    for milliwatts in (9000, 100, 12345):
        (folder / "in_power0_input").write_text("%d\n" % milliwatts)
        assert sensor.read().rails_w["VDD_IN"] == milliwatts / 1000.0
        (folder / "new").write_text("%d\n" % (milliwatts + 1))
        (folder / "new").rename(folder / "in_power0_input")
        time.sleep(ina3221.PARTS_S)
        assert sensor.read().rails_w["VDD_IN"] == (milliwatts + 1) / 1000.0
    open_files = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        sensor.read()
    assert len(os.listdir("/proc/self/fd")) == open_files
    sensor.close()
    assert len(os.listdir("/proc/self/fd")) == open_files - 3
    assert sensor.read().rails_w["VDD_IN"] == 12.346  # it opens them again
    sensor.close()


def test_the_other_rails_are_read_ten_times_a_second(tmp_path, lay_chip, monkeypatch):
    folder = lay_chip("0-0041/iio:device1", MODULE)
    now_s = [100.0]
    monkeypatch.setattr(ina3221.time, "monotonic", lambda: now_s[0])
    sensor = Ina3221Sensor(str(tmp_path))
    for name in ("in_power0_input", "in_power1_input"):
        (folder / name).write_text("9000\n")
    now_s[0] += 0.05
    assert sensor.read().rails_w == {"VDD_IN": 9.0, "VDD_SYS_CPU": 1.5, "VDD_SYS_DDR": 1.2}
    now_s[0] += 0.05
    assert sensor.read().rails_w == {"VDD_IN": 9.0, "VDD_SYS_CPU": 9.0, "VDD_SYS_DDR": 1.2}
    (folder / "in_power1_input").unlink()
    now_s[0] += 0.1
    assert sensor.read().rails_w == {"VDD_IN": 9.0, "VDD_SYS_DDR": 1.2}


def test_devices_that_were_numbered_anew_are_found_again(tmp_path, lay_chip):
    folder = lay_chip("0-0041/iio:device1", MODULE)
    sensor = Ina3221Sensor(str(tmp_path))
    sensor.close()
    folder.rename(folder.parent / "iio:device4")
    with pytest.raises(DeviceError, match="VDD_IN"):
        sensor.read()
    assert sensor.read().rails_w["VDD_IN"] == 8.0


def lay_hwmon(root, device, rails):
    """As JetPack 5 lays them: `rails` of (label, mV, mA)."""
    folder = root / device
    folder.mkdir(parents=True)
    (folder / "name").write_text("ina3221\n")
    for number, (label, millivolts, milliamperes) in enumerate(rails, 1):
        (folder / ("in%d_label" % number)).write_text(label + "\n")
        (folder / ("in%d_input" % number)).write_text("%d\n" % millivolts)
        (folder / ("curr%d_input" % number)).write_text("%d\n" % milliamperes)
    (folder / "in7_label").write_text("sum of shunt voltages\n")
    (folder / "in7_input").write_text("4\n")
    return folder


def test_a_xavier_nx_s_rails_under_hwmon(tmp_path):
    folder = lay_hwmon(tmp_path, "7-0040/hwmon/hwmon3", [
        ("VDD_IN", 5000, 1600), ("VDD_CPU_GPU_CV", 5000, 300), ("VDD_SOC", 5000, 280)])
    sensor = Ina3221Sensor(str(tmp_path))
    sample = sensor.read()
    assert sensor.scope == sample.total == "VDD_IN" and sensor.volts == 5.0
    assert sample.rails_w == pytest.approx({"VDD_IN": 8.0, "VDD_CPU_GPU_CV": 1.5, "VDD_SOC": 1.4})
    (folder / "curr1_input").write_text("2000\n")
    assert sensor.read().rails_w["VDD_IN"] == pytest.approx(10.0)
    sensor.close()


def test_an_agx_xavier_has_rails_and_no_total(tmp_path):
    lay_hwmon(tmp_path, "1-0040/hwmon/hwmon4", [("GPU", 19000, 100), ("CPU", 19000, 50), ("SOC", 19000, 80)])
    lay_hwmon(tmp_path, "1-0041/hwmon/hwmon5", [("CV", 19000, 0), ("NC", 19000, 0), ("SYS5V", 19000, 90)])
    sensor = Ina3221Sensor(str(tmp_path))
    assert sensor.total is None and sensor.scope == ""
    assert sensor.read().rails_w == pytest.approx({"GPU": 1.9, "CPU": 0.95, "SOC": 1.52, "CV": 0.0, "SYS5V": 1.71})
    sensor.close()
