import time

import pytest

from dance_edge.energy import calibration, sensors
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.sensors import check_kind, find_sensor, meter_over, metered, open_sensor
from dance_edge.errors import ConfigError, DataError, DeviceError
from dance_edge.events import Note, Warned


class Service(PowerSensor):
    name, scope, interval_s = "jtop", "VDD_IN", 0.4

    def __init__(self, service_s):
        self.asked_s = service_s
        self.closed = False

    def read(self):
        return PowerSample(time.monotonic(), {"VDD_IN": 8.0}, "VDD_IN")

    def close(self):
        self.closed = True


def no_service(service_s):
    raise DeviceError("jtop: The jtop.service is not active.", "start it")


def no_gpu():
    raise DeviceError("nvidia-ml-py is not installed", "install it")


class Gpu(Service):
    name, scope = "nvml", "GPU 0"

    def __init__(self):
        super().__init__(0.0)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    """No service, no GPU, and empty folders for the kernel's: what a test lays in them is all there is."""
    monkeypatch.setattr(sensors, "JtopSensor", no_service)
    monkeypatch.setattr(sensors, "NvmlSensor", no_gpu)
    monkeypatch.setattr("dance_edge.energy.ina3221.ROOT", str(tmp_path))
    monkeypatch.setattr("dance_edge.energy.ina3221.HWMON_ROOT", str(tmp_path / "hwmon"))
    monkeypatch.setattr("dance_edge.energy.rapl.ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def with_jtop(monkeypatch):
    monkeypatch.setattr(sensors, "JtopSensor", Service)


@pytest.fixture
def with_files(lay_chip):
    return lay_chip("0-0041/iio:device1", [("VDD_IN", 8000)])


def test_auto_takes_jtop_first_and_says_so(with_jtop, with_files):
    heard = []
    sensor = open_sensor("auto", 0.5, heard.append)
    assert sensor.name == "jtop" and sensor.asked_s == 0.5
    assert heard == [Note("power: jtop, rail VDD_IN")]


def test_auto_falls_to_the_files_and_says_why(with_files):
    heard = []
    assert open_sensor("auto", on_event=heard.append).name == "ina3221"
    assert heard == [Note("power: ina3221, rail VDD_IN (jtop: The jtop.service is not active.)")]


def test_auto_falls_to_a_gpu_and_then_to_the_processor(monkeypatch):
    heard = []
    monkeypatch.setattr(sensors, "RaplSensor", type("Processor", (Gpu,), {"name": "rapl", "scope": "package-0"}))
    assert open_sensor("auto", on_event=heard.append).name == "rapl"
    for reason in ("not active", "INA3221", "nvidia-ml-py"):
        assert reason in heard[0].text
    monkeypatch.setattr(sensors, "NvmlSensor", Gpu)
    assert open_sensor("auto").name == "nvml"


def test_no_total_rail_is_a_warning(lay_chip):
    lay_chip("0-0040/iio:device0", [("VDD_SYS_GPU", 3000)])
    heard = []
    open_sensor("auto", on_event=heard.append)
    assert any(isinstance(event, Warned) and "no total rail" in event.text for event in heard)


def test_no_sensor_at_all_is_said_with_its_reasons():
    heard = []
    assert open_sensor("auto", on_event=heard.append) is None
    assert len(heard) == 1
    for reason in ("not active", "INA3221", "nvidia-ml-py", "RAPL", "estimated"):
        assert reason in heard[0].text


@pytest.mark.parametrize("kind", ["jtop", "ina3221", "nvml", "rapl"])
def test_a_sensor_that_was_named_must_be_there(kind):
    with pytest.raises(DeviceError):
        open_sensor(kind)


def test_the_named_one_is_taken_though_a_better_is_there(with_jtop, with_files):
    assert open_sensor("ina3221").name == "ina3221"


@pytest.mark.parametrize("kind", ["solar", "", "replay:", "replay", "jtop "])
def test_nonsense_is_refused_with_what_there_is(kind):
    with pytest.raises(ConfigError) as caught:
        check_kind(kind)
    assert "auto, jtop, ina3221, nvml, rapl" in caught.value.hint and "replay:FILE" in caught.value.hint


@pytest.mark.parametrize("kind", ["auto", "jtop", "ina3221", "nvml", "rapl", "replay:t.csv", "estimate", "none"])
def test_every_kind_is_known(kind):
    check_kind(kind)


def test_none_gives_no_joules_and_no_estimate():
    heard = []
    with metered("none", on_event=heard.append) as meter, meter.window("job") as window:
        pass
    assert heard == [] and meter.sensor is None and not meter.may_estimate
    assert window.reading().gross_j is None and window.reading().label == "none (not metered: --power none)"


def test_estimate_looks_for_no_sensor(with_jtop):
    heard = []
    with metered("estimate", on_event=heard.append) as meter:
        assert meter.sensor is None and meter.may_estimate
    assert heard == [Note("power: joules are estimated by the TX2 model (--power estimate)")]


def test_a_trace_is_played(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("# format: 1, source: jtop, total: VDD_IN\nmonotonic_s,VDD_IN_w\n1.0,8.0\n2.0,8.0\n")
    heard = []
    assert open_sensor("replay:%s" % path, on_event=heard.append).read().rails_w == {"VDD_IN": 8.0}
    assert heard[0] == Note("power: replay, rail VDD_IN, recorded by jtop")
    with pytest.raises(DataError):
        open_sensor("replay:%s" % tmp_path)


def test_the_meter_s_sensors_are_closed_behind_it(with_jtop):
    with metered("jtop") as meter:
        sensor = meter.sensor
        assert meter.interval_s == 0.4 and not sensor.closed
    assert sensor.closed
    with metered("jtop", service_s=0.5) as meter:
        assert meter.sensor.asked_s == 0.5 and meter.interval_s == 0.4


def test_the_chip_s_files_stand_beside_the_service_for_short_windows(with_jtop, with_files):
    with metered() as meter:
        assert meter.sensor.name == "jtop"
        with meter.window("short") as window:
            time.sleep(0.9)
        reading = window.reading()
    assert reading.label == "measured (ina3221, VDD_IN)" and reading.gross_j == pytest.approx(8.0 * reading.duration_s)


def test_without_the_files_a_window_too_short_has_no_figure(with_jtop):
    with metered() as meter, meter.window("short") as window:
        time.sleep(0.2)
    assert window.reading().gross_j is None and "run for at least" in window.reading().reason


def test_a_board_s_calibration_is_taken_and_a_damaged_one_is_a_warning(with_files):
    made = calibration.fit([(2.0, 2.5), (5.0, 5.8), (10.0, 11.3)], calibration.board_id(), "ina3221", "VDD_IN")
    path = calibration.path_of("ina3221")
    calibration.save(made, path)
    with metered() as meter:
        assert meter.calibration == made
        with meter.window("job") as window:
            time.sleep(0.9)
    reading = window.reading()
    assert reading.calibrated and reading.gross_j == pytest.approx((1.1 * 8.0 + 0.3) * reading.duration_s)
    with open(path, "w") as file:
        file.write("{")
    heard = []
    with metered(on_event=heard.append) as meter:
        assert meter.calibration is None
    assert any(isinstance(one, Warned) and "uncalibrated" in one.text for one in heard)


def test_auto_prefers_a_later_sensor_with_a_total_to_one_without(monkeypatch, with_files):
    closed = []

    class Scopeless(Service):
        scope = ""

        def close(self):
            closed.append(self)

    monkeypatch.setattr(sensors, "JtopSensor", Scopeless)
    found = find_sensor("auto")
    assert found.sensor.name == "ina3221" and found.refused == ("jtop finds no total rail",) and len(closed) == 1
    found.sensor.close()
    (with_files / "rail_name_0").write_text("VDD_SYS_GPU\n")  # and where none has one, the first is taken
    found = find_sensor("auto")
    assert found.sensor.name == "jtop" and any("no joules can be measured" in one.text for one in found.events())


def test_what_was_refused_is_told_as_a_list_and_nothing_is_said_where_the_caller_does():
    found, heard = find_sensor("auto"), []
    assert found.sensor is None and len(found.refused) == 4 and "RAPL" in found.refused[3]
    assert found.reason == "no sensor here (%s)" % "; ".join(found.refused)
    with meter_over(found, on_event=heard.append, is_said=False) as meter:
        assert heard == [] and meter.no_sensor == found.reason and meter.may_estimate
    with meter_over(found, on_event=heard.append):
        assert [event.text for event in heard] == [
            "power: %s: joules are estimated by the TX2 model" % found.reason]
    assert find_sensor("none").reason == "not metered: --power none" and find_sensor("estimate").refused == ()


@pytest.mark.parametrize("place, taken", [("", "nvml"), ("cuda", "nvml"), ("cuda:0", "nvml"), ("CUDA", "nvml"),
                                          ("cpu", "rapl"), ("CPU", "rapl")])
def test_auto_takes_a_sensor_that_sees_the_work(monkeypatch, place, taken):
    monkeypatch.setattr(sensors, "NvmlSensor", Gpu)
    monkeypatch.setattr(sensors, "RaplSensor", type("Processor", (Gpu,), {"name": "rapl", "scope": "package-0"}))
    found = find_sensor("auto", place=place)
    assert found.sensor.name == taken
    assert ("nvml sees the GPU alone, and the work is on the CPU" in found.refused) == (taken == "rapl")
    with metered("auto", place=place) as meter:
        assert meter.sensor.name == taken


def test_without_one_that_sees_the_work_there_is_none_and_a_named_one_is_warned_of(monkeypatch):
    monkeypatch.setattr(sensors, "RaplSensor", type("Processor", (Gpu,), {"name": "rapl", "scope": "package-0"}))
    found = find_sensor("auto", place="cuda")
    assert found.sensor is None and "rapl sees the CPU alone, and the work is on the GPU" in found.refused
    heard = []
    with metered("rapl", on_event=heard.append, place="cuda") as meter:
        assert meter.sensor.name == "rapl"
    assert heard[1:] == [Warned("rapl sees the CPU alone, and the work is on the GPU")]
    assert find_sensor("rapl").blind == find_sensor("rapl", place="cpu").blind == ""


def test_a_trace_without_volts_says_what_is_not_known(tmp_path):
    for volts, said in (("", True), (", volts: 19", False)):
        path = tmp_path / "t.csv"
        path.write_text("# format: 2, source: jtop, total: VDD_IN%s\nmonotonic_s,VDD_IN_w\n1.0,8.0\n" % volts)
        assert any("volts" in event.text for event in find_sensor("replay:%s" % path).events()) == said
