"""Meter a fake TX2 through a real jtop service. Started in a mount namespace of its own, as root:

    unshare -m -p --fork --kill-child --mount-proc --propagation private PYTHON inside.py INTERVAL_S RESULT.json

VDD_IN goes 4, 10, 4, 10 W in steps of a second while the meter runs; the result holds its reading and the truth.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

from dance_edge.energy.jtop import JtopSensor
from dance_edge.energy.meter import EnergyMeter
from dance_edge.errors import DeviceError

HERE = os.path.dirname(os.path.abspath(__file__))
SOCKET = "/run/jtop.sock"
CHIPS = {
    ("0-0040", 0): ["VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_4V0_WIFI"],
    ("0-0041", 1): ["VDD_IN", "VDD_SYS_CPU", "VDD_SYS_DDR"],
    ("0-0042", 2): ["VDD_MUX", "VDD_5V0_IO_SYS", "VDD_3V3_SYS"],
}
VOLTS = 19.0


def write(path, value):
    """In one go, as sysfs changes: the service would fall over a file that is empty for a moment."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with open(path + ".new", "w") as file:
        file.write("%s\n" % value)
    os.replace(path + ".new", path)


def set_power(folder, index, watts):
    write("%s/in_current%d_input" % (folder, index), round(1e3 * watts / VOLTS))
    write("%s/in_power%d_input" % (folder, index), round(1e3 * watts))


def lay_tree(root):
    """The power monitors' files, and the few others without which the service does not start."""
    for (address, number), rails in CHIPS.items():
        chip = "%s/bus/i2c/devices/%s" % (root, address)
        write(chip + "/name", "ina3221x")
        folder = "%s/iio:device%d" % (chip, number)
        for index, rail in enumerate(rails):
            write("%s/rail_name_%d" % (folder, index), rail)
            write("%s/in_voltage%d_input" % (folder, index), round(1e3 * VOLTS))
            set_power(folder, index, 1.0)
    for path in ("class/thermal", "class/hwmon", "class/power_supply", "class/devfreq", "devices/system/cpu/cpu0",
                 "kernel/debug/bpmp/debug/clk/emc"):
        os.makedirs("%s/%s" % (root, path))
    write(root + "/stat", "cpu  1 1 1 1 1 0 1 0 0 0\ncpu0 1 1 1 1 1 0 1 0 0 0")
    return "%s/bus/i2c/devices/0-0041/iio:device1" % root


def start_service():
    log = open("/run/server.log", "w")
    service = subprocess.Popen([sys.executable, os.path.join(HERE, "server.py")], stdout=log, stderr=log,
                               env=dict(os.environ, JTOP_TESTING="true"), start_new_session=True)
    for _ in range(200):
        if os.path.exists(SOCKET) or service.poll() is not None:
            break
        time.sleep(0.05)
    if os.path.exists(SOCKET) and service.poll() is None:
        return service
    raise SystemExit("the service did not start: " + open("/run/server.log").read()[-2000:])


def drive(folder, steps, log):
    for watts in steps:
        set_power(folder, 0, watts)
        log.append((time.monotonic(), watts))
        time.sleep(1.0)


def exact_joules(log, start_s, end_s):
    ends = [time_s for time_s, _ in log[1:]] + [max(end_s, log[-1][0])]
    return sum(watts * max(0.0, min(end, end_s) - max(begin, start_s)) for (begin, watts), end in zip(log, ends))


def error_of(interval_s):
    try:
        JtopSensor(interval_s)
    except DeviceError as error:
        return [error.message, error.hint]
    return None


def main(interval_s, result_path):
    subprocess.check_call(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    subprocess.check_call(["mount", "-t", "tmpfs", "tmpfs", "/fake_sys"])
    shutil.copy("/etc/group", "/run/group")
    with open("/run/group", "a") as file:
        file.write("jtop:x:987:\n")
    subprocess.check_call(["mount", "--bind", "/run/group", "/etc/group"])
    folder = lay_tree("/fake_sys")
    result = {"without_service": error_of(interval_s)}
    service = start_service()
    set_power(folder, 0, 4.0)
    sensor = JtopSensor(interval_s)
    late = JtopSensor(interval_s / 2.0)  # asks for a shorter period than the service now has
    result.update(scope=sensor.scope, interval_s=sensor.interval_s, late_interval_s=late.interval_s,
                  late_w=late.read().rails_w["VDD_IN"])
    late.close()
    log = []
    driver = threading.Thread(target=drive, args=(folder, [4.0, 10.0, 4.0, 10.0, 4.0], log))
    with EnergyMeter(sensor, interval_s) as meter:
        driver.start()
        time.sleep(0.5)
        with meter.window("all") as window:
            time.sleep(4.0)
    driver.join()
    result.update(exact_j=exact_joules(log, window.start_s, window.end_s), reading=window.reading().to_dict(),
                  refresh_s=meter.refresh_s)
    os.killpg(service.pid, signal.SIGKILL)
    with EnergyMeter(sensor, interval_s) as meter, meter.window("without") as window:
        time.sleep(1.0)
    result["after"] = window.reading().to_dict()
    with open(result_path, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    try:
        main(float(sys.argv[1]), sys.argv[2])
    except BaseException:
        sys.stderr.write(open("/run/server.log").read()[-4000:])
        raise
