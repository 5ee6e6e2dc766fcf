import pytest

from dance_edge.energy import sensors
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.sensors import open_sensor
from dance_edge.errors import ConfigError, DeviceError
from dance_edge.events import Note, Warned


class Service(PowerSensor):
    name, scope = "jtop", "VDD_IN"

    def __init__(self, interval_s):
        self.interval_s = interval_s

    def read(self):
        return PowerSample(0.0, {"VDD_IN": 8.0}, "VDD_IN")


def no_service(interval_s):
    raise DeviceError("jtop: The jtop.service is not active.", "start it")


@pytest.fixture
def without_jtop(monkeypatch):
    monkeypatch.setattr(sensors, "JtopSensor", no_service)


def test_auto_takes_jtop_first_and_says_so(monkeypatch, tmp_path, lay_chip):
    monkeypatch.setattr(sensors, "JtopSensor", Service)
    lay_chip("0-0041/iio:device1", [("VDD_IN", 8000)])
    heard = []
    sensor = open_sensor("auto", heard.append, 0.5, str(tmp_path))
    assert sensor.name == "jtop" and sensor.interval_s == 0.5
    assert heard == [Note("power: jtop, rail VDD_IN")]


def test_auto_falls_to_the_files_and_says_why(without_jtop, tmp_path, lay_chip):
    lay_chip("0-0041/iio:device1", [("VDD_IN", 8000)])
    heard = []
    sensor = open_sensor("auto", heard.append, ina3221_root=str(tmp_path))
    assert sensor.name == "ina3221"
    assert heard == [Note("power: ina3221, rail VDD_IN (jtop: The jtop.service is not active.)")]


def test_no_total_rail_is_a_warning(without_jtop, tmp_path, lay_chip):
    lay_chip("0-0040/iio:device0", [("VDD_SYS_GPU", 3000)])
    heard = []
    open_sensor("auto", heard.append, ina3221_root=str(tmp_path))
    assert any(isinstance(event, Warned) and "no total rail" in event.text for event in heard)


def test_no_sensor_at_all_is_said_with_its_reasons(without_jtop, tmp_path):
    heard = []
    assert open_sensor("auto", heard.append, ina3221_root=str(tmp_path)) is None
    assert "not active" in heard[0].text and "INA3221" in heard[0].text and "estimated" in heard[0].text


@pytest.mark.parametrize("kind", ["jtop", "ina3221"])
def test_a_sensor_that_was_named_must_be_there(without_jtop, tmp_path, kind):
    with pytest.raises(DeviceError):
        open_sensor(kind, ina3221_root=str(tmp_path))


def test_none_is_none_and_nonsense_is_refused():
    assert open_sensor("none") is None
    with pytest.raises(ConfigError):
        open_sensor("solar")
