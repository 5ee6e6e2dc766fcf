"""What the meter itself takes: an INA3221's six rails, read 100 times a second from files, in percent of a core.

The tree is a made one; a board's own bus comes on top, but waits more than it works.
"""
import os
import sys
import tempfile
import time

from dance_edge.energy.ina3221 import Ina3221Sensor
from dance_edge.energy.meter import EnergyMeter

RAILS = {"0-0041/iio:device1": ("VDD_IN", "VDD_SYS_CPU", "VDD_SYS_DDR"),
         "0-0040/iio:device0": ("VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_4V0_WIFI")}
INTERVAL_S = 0.01
PROMISED = 0.02
FLOOR_READS = 2000


def lay_tree(root):
    """Two chips' files under `root`."""
    for folder, rails in RAILS.items():
        path = os.path.join(root, folder)
        os.makedirs(path)
        for index, rail in enumerate(rails):
            for name, text in (("rail_name_%d", rail), ("in_power%d_input", "8000"), ("in_voltage%d_input", "19000")):
                with open(os.path.join(path, name % index), "w", encoding="ascii") as file:
                    file.write(text + "\n")


def floor_s(paths):
    """Processor seconds of opening, reading and closing `paths` once, in the mean."""
    began_s = time.process_time()
    for _ in range(FLOOR_READS):
        for path in paths:
            number = os.open(path, os.O_RDONLY)
            os.read(number, 32)
            os.close(number)
    return (time.process_time() - began_s) / FLOOR_READS


def waking_s():
    """Processor seconds of waking up once in INTERVAL_S and doing nothing: no thread that samples takes less."""
    turns = int(2.0 / INTERVAL_S)
    began_s = time.process_time()
    for _ in range(turns):
        time.sleep(INTERVAL_S)
    return (time.process_time() - began_s) / turns


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory() as root:
        lay_tree(root)
        sensor = Ina3221Sensor(root)
        files = floor_s([rail.path for rail in sensor.rails]) / INTERVAL_S
        waking = waking_s() / INTERVAL_S
        with EnergyMeter(sensor, INTERVAL_S) as meter:
            time.sleep(seconds)
        sensor.close()
    cost = meter.cost or 0.0
    print("%d samples of %d rails in %.0f s" % (len(meter.trace), len(sensor.rails), seconds))
    print("the meter                                  %.2f %% of a core (promised: under %.0f %%)" % (
        100.0 * cost, 100.0 * PROMISED))
    print("floor: waking up as often, doing nothing   %.2f %%" % (100.0 * waking))
    print("floor: open, read and close the same files %.2f %%" % (100.0 * files))


if __name__ == "__main__":
    main()
