"""NVML by a strict double of the few functions of `pynvml` that are used."""
import sys
import time

import pytest

from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.nvml import NvmlSensor
from dance_edge.errors import DeviceError

UUID = b"GPU-1b2c"


class NVMLError(Exception):
    pass


class Driver:
    """`pynvml` over two GPUs that count `watts` where `counts`, and give them where `powers`."""

    NVMLError = NVMLError

    def __init__(self, watts=300.0, counts=True, powers=True, name="NVIDIA H200"):
        self.watts, self.counts, self.powers, self.name = watts, counts, powers, name
        self.opened = 0
        self.began_s = time.monotonic()
        if counts is None:
            self.nvmlDeviceGetTotalEnergyConsumption = None  # a library of before 2019

    def nvmlInit(self):
        self.opened += 1

    def nvmlShutdown(self):
        self.opened -= 1

    def nvmlDeviceGetHandleByIndex(self, index):
        self._check(index in (0, 1), "Invalid Argument")
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid):
        self._check(uuid == UUID, "Not Found")
        return 1

    def nvmlDeviceGetIndex(self, handle):
        return self._known(handle)

    def nvmlDeviceGetName(self, handle):
        self._known(handle)
        return self.name

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        self._known(handle)
        self._check(self.counts, "Not Supported")
        return int(1e3 * self.watts * (time.monotonic() - self.began_s)) + 123456789

    def nvmlDeviceGetPowerUsage(self, handle):
        self._known(handle)
        self._check(self.powers, "Not Supported")
        return int(1e3 * self.watts)

    def _known(self, handle):
        self._check(self.opened == 1, "Uninitialized")
        assert handle in (0, 1)
        return handle

    def _check(self, holds, text):
        if not holds:
            raise NVMLError(text)


@pytest.fixture
def install(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(**facts):
        driver = Driver(**facts)
        monkeypatch.setitem(sys.modules, "pynvml", driver)
        return driver
    return put


def test_the_counter_of_energy_is_taken_first(install):
    install(powers=False)
    sensor = NvmlSensor()
    assert sensor.averages and 0.0 < sensor.delay_s < 0.1
    assert sensor.scope == "GPU 0 NVIDIA H200, a part of the machine"
    time.sleep(0.05)
    sample = sensor.read()
    assert sample.total == "GPU 0" and sample.rails_w["GPU 0"] == pytest.approx(300.0, rel=0.1)


@pytest.mark.parametrize("facts", [{"counts": False}, {"counts": None}])
def test_without_a_counter_it_is_power(install, facts):
    install(name=b"Tesla P4", **facts)
    sensor = NvmlSensor()
    assert not sensor.averages and sensor.delay_s == 1.0 and sensor.scope.startswith("GPU 0 Tesla P4")
    assert sensor.read().rails_w == {"GPU 0": 300.0}


def test_a_counter_that_stands_still_is_not_taken(install):
    driver = install()
    driver.nvmlDeviceGetTotalEnergyConsumption = Driver(0.0).nvmlDeviceGetTotalEnergyConsumption.__func__.__get__(
        Frozen())
    assert not NvmlSensor().averages


class Frozen(Driver):
    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        return 0

    def __init__(self):
        super().__init__(0.0)
        self.opened = 1


@pytest.mark.parametrize("facts, said", [
    ({"counts": False, "powers": False}, "NVML: PowerUsage of GPU 0: Not Supported"),
    ({"counts": False, "watts": 0.0}, "GPU 0 takes 0 W"),
])
def test_what_is_not_supported_is_an_error_and_no_zero(install, facts, said):
    driver = install(**facts)
    with pytest.raises(DeviceError, match=said) as caught:
        NvmlSensor()
    assert "--power estimate" in caught.value.hint
    assert driver.opened == 0


@pytest.mark.parametrize("visible, scope", [("1", "GPU 1"), ("1,0", "GPU 1"), (UUID.decode(), "GPU 1"), ("0", "GPU 0")])
def test_the_gpu_is_the_one_that_cuda_would_take(install, monkeypatch, visible, scope):
    install()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert NvmlSensor().scope.startswith(scope)


@pytest.mark.parametrize("visible, said", [("", "hides every GPU"), ("-1", "hides"), ("7", "no GPU 7"),
                                           ("GPU-99", "no GPU GPU-99: Not Found")])
def test_a_gpu_that_is_not_there(install, monkeypatch, visible, said):
    driver = install()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(DeviceError, match=said):
        NvmlSensor()
    assert driver.opened == 0


def test_a_machine_without_the_library_or_the_driver(install, monkeypatch):
    driver = install()

    def absent():
        raise NVMLError("NVML Shared Library Not Found")

    driver.nvmlInit = absent
    with pytest.raises(DeviceError, match="Shared Library Not Found"):
        NvmlSensor()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(DeviceError, match="not installed") as caught:
        NvmlSensor()
    assert "dance-edge[nvidia]" in caught.value.hint


def test_a_driver_that_fails_is_opened_anew(install):
    driver = install()
    sensor = NvmlSensor()
    driver.counts = False
    with pytest.raises(DeviceError, match="Not Supported"):
        sensor.read()
    with pytest.raises(DeviceError, match="counts the energy of GPU 0 no more"):
        sensor.read()
    assert driver.opened == 0
    driver.counts = True
    assert sensor.read().rails_w["GPU 0"] > 0.0 and driver.opened == 1
    sensor.close()
    assert driver.opened == 0


def test_joules_of_a_counter_through_the_meter(install):
    install(watts=200.0)
    with EnergyMeter(NvmlSensor(), 0.02) as meter, meter.window("job") as window:
        time.sleep(0.4)
    reading = window.reading()
    assert reading.gross_j == pytest.approx(200.0 * reading.duration_s, rel=0.03)
    assert reading.label == "measured (nvml, GPU 0 NVIDIA H200, a part of the machine)" and reading.coverage == 1.0
    assert reading.low_j <= 200.0 * reading.duration_s <= reading.high_j
