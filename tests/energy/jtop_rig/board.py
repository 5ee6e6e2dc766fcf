"""A fake TX2 for jetson-stats' test mode: the power monitors' files, and a power on VDD_IN that goes by a schedule."""
import os
import threading
import time

ROOT = "/fake_sys"  # jetson-stats' own name for it
VDD_IN = ROOT + "/bus/i2c/devices/0-0041/iio:device1"
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


def lay():
    """The power monitors' files, and the few others without which the service does not start."""
    for (address, number), rails in CHIPS.items():
        chip = "%s/bus/i2c/devices/%s" % (ROOT, address)
        write(chip + "/name", "ina3221x")
        folder = "%s/iio:device%d" % (chip, number)
        for index, rail in enumerate(rails):
            write("%s/rail_name_%d" % (folder, index), rail)
            write("%s/in_voltage%d_input" % (folder, index), round(1e3 * VOLTS))
            set_power(folder, index, 1.0)
    for path in ("class/thermal", "class/hwmon", "class/power_supply", "class/devfreq", "devices/system/cpu/cpu0",
                 "kernel/debug/bpmp/debug/clk/emc"):
        os.makedirs("%s/%s" % (ROOT, path))
    write(ROOT + "/stat", "cpu  1 1 1 1 1 0 1 0 0 0\ncpu0 1 1 1 1 1 0 1 0 0 0")


class Schedule:
    """VDD_IN's power: `steps` of (watts, seconds), over and over, from entering to leaving. What it really was is
    kept by the monotonic clock, so that a busy machine that is late with a step does not spoil the truth."""

    def __init__(self, steps):
        self.steps = steps
        self.log = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._drive)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._over.set()
        self._thread.join()

    def _drive(self):
        due_s = time.monotonic()
        while True:
            for watts, seconds in self.steps:
                set_power(VDD_IN, 0, watts)
                self.log.append((time.monotonic(), watts))
                due_s += seconds
                if self._over.wait(max(0.0, due_s - time.monotonic())):
                    return

    def exact_joules(self, start_s, end_s):
        """Of a stretch that has begun after the first step."""
        log = list(self.log)
        ends = [time_s for time_s, _ in log[1:]] + [max(end_s, log[-1][0])]
        return sum(watts * max(0.0, min(end, end_s) - max(begin, start_s)) for (begin, watts), end in zip(log, ends))
