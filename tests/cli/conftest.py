import contextlib
import os
import shutil
import time

import pytest

from dance_edge.energy.reading import PowerSample, PowerSensor

SMALL_NETWORKS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "training")


@pytest.fixture(scope="module")
def quick_run(small_set, tmp_path_factory):
    """A finished run like `small_run`, of a network of seven layers that the catalogue has as `small` meanwhile: an
    export takes a tenth of the time. The folder's path; tests copy it."""
    from dance_edge.cli.main import run
    from dance_edge.models import catalog

    folder = tmp_path_factory.mktemp("quick")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SMALL_NETWORKS)
        import small_networks

        patch.setitem(catalog.MODELS, "small", catalog.Entry(small_networks.steady, ()))
        with pytest.MonkeyPatch.context() as there:
            there.chdir(str(folder))
            assert run(["-q", "adapt", "--model", "small", "--target", small_set, "--steps", "20", "--batch-size", "3",
                        "--stages", "2", "--pruning-ratio", "0.5", "--scope", "all",
                        "--out", "r"]) == 0
        yield str(folder / "r")
    shutil.rmtree(str(folder))


@pytest.fixture
def own_config(monkeypatch, tmp_path):
    """No calibration of this machine is taken, and none is left on it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def tree(monkeypatch, tmp_path, lay_chip):
    """The INA3221's files of a module that draws 8 W: the folder."""
    from dance_edge.energy import ina3221

    folder = lay_chip("tree/0-0041/iio:device1", [("VDD_IN", 8000), ("VDD_SYS_CPU", 1500)])
    for index in (0, 1):
        (folder / ("in_voltage%d_input" % index)).write_text("19000\n")
    monkeypatch.setattr(ina3221, "ROOT", str(tmp_path / "tree"))
    return str(tmp_path / "tree")


class Named(PowerSensor):
    name, scope = "scripted", "VDD_IN"

    def read(self):
        raise AssertionError("it is not sampled")


@pytest.fixture
def put_meter(monkeypatch):
    """put_meter(meter) has it stand in for what the machine has; it is not entered, so that no thread has to keep
    pace. Without a sensor of its own it gets one of the rail VDD_IN."""
    from dance_edge.cli import powering
    from dance_edge.energy import sensors
    from dance_edge.events import Note

    def put(meter):
        @contextlib.contextmanager
        def meter_over(found, interval_s, on_event, is_said):
            assert is_said and found.sensor is meter.sensor
            on_event(Note("power: scripted, rail VDD_IN"))
            yield meter

        meter.sensor = meter.sensor or Named()
        monkeypatch.setattr(powering, "find_sensor", lambda kind, interval_s: sensors.Found(kind, meter.sensor))
        monkeypatch.setattr(powering, "meter_over", meter_over)
        return meter

    return put


@pytest.fixture
def eight_watts(put_meter):
    """A sensor of 8 W whose samples, one every 5 ms, are there for twenty seconds ahead."""
    from dance_edge.energy.meter import EnergyMeter

    meter, now_s = EnergyMeter(Named(), 0.005), time.monotonic()
    for i in range(-20, 4000):
        meter.trace.append(PowerSample(now_s + 0.005 * i, {"VDD_IN": 8.0}, "VDD_IN"))
    return put_meter(meter)


@pytest.fixture
def no_sensor(monkeypatch):
    from dance_edge.energy import sensors
    from dance_edge.errors import DeviceError

    def refuse(service_s):
        raise DeviceError("jtop: The jtop.service is not active", "start it")

    monkeypatch.setattr(sensors, "SENSORS", {"jtop": refuse})
