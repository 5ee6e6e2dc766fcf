import queue
import sys
import threading
import time

import pytest

from dance_edge.energy.jtop import JtopSensor, decode
from dance_edge.errors import DeviceError

NEW_FORM = {
    "rail": {"VDD_SYS_GPU": {"volt": 19016, "curr": 157, "power": 3000, "avg": 2000},
             "VDD_SYS_CPU": {"volt": 19016, "curr": 78, "power": 1500, "avg": 1500}},
    "tot": {"volt": 19016, "curr": 420, "power": 8000, "avg": 9000, "name": "VDD_IN"}}
OLD_FORM = ({"cur": 8000, "avg": 9000}, {"VDD_IN": {"cur": 8000, "avg": 9000}, "VDD_SYS_GPU": {"cur": 3000, "avg": 1}})


class Service:
    """What a jtop service is to its clients: a period that the first of them sets, a power, a time stamp."""

    def __init__(self, power=NEW_FORM, period_s=None, failures=()):
        self.power, self.period_s, self.failures = power, period_s, list(failures)
        self.ticks = 0
        self.stuck = False
        self.open_clients = 0
        self.lives = 1
        self.known = threading.local()  # as multiprocessing keeps a thread's connection to an address

    def connect(self, interval_s):
        return Client(self, interval_s)


class Client:
    def __init__(self, service, interval_s):
        self.service, self.interval_user = service, interval_s
        self.observers = set()

    def attach(self, observer):
        self.observers.add(observer)

    def start(self):
        if getattr(self.service.known, "connected", None) not in (None, self.service.lives):
            raise BrokenPipeError(32, "Broken pipe")
        self.service.known.connected = self.service.lives
        if self.service.failures:
            raise self.service.failures.pop(0)
        self.service.period_s = self.service.period_s or self.interval_user
        self.interval = self.service.period_s
        self.service.open_clients += 1

    def ok(self):
        self.service.ticks += not self.service.stuck
        return self.interval_user >= self.interval

    @property
    def uptime(self):
        return self.service.ticks

    @property
    def power(self):
        return self.service.power

    def close(self):
        self.service.open_clients -= 1


def test_milliwatts_and_the_total_by_its_own_name():
    assert decode(NEW_FORM) == ({"VDD_SYS_GPU": 3.0, "VDD_SYS_CPU": 1.5, "VDD_IN": 8.0}, "VDD_IN")


def test_the_older_form():
    assert decode(OLD_FORM) == ({"VDD_IN": 8.0, "VDD_SYS_GPU": 3.0}, "VDD_IN")


@pytest.mark.parametrize("power", [
    {"rail": NEW_FORM["rail"], "tot": {"power": 4500, "avg": 4500}},
    ({"cur": 4500, "avg": 4500}, {"GPU": {"cur": 3000, "avg": 1}, "CPU": {"cur": 1500, "avg": 1}}),
])
def test_a_sum_of_rails_is_not_taken_for_a_total(power):
    rails_w, total = decode(power)
    assert total is None and sorted(rails_w.values()) == [1.5, 3.0]


@pytest.mark.parametrize("power", [{}, {"rail": {}, "tot": {}}, None, 5, ({}, {})])
def test_no_rails_are_an_error(power):
    with pytest.raises(DeviceError):
        decode(power)


def test_a_sensor_reads_its_service():
    service = Service()
    sensor = JtopSensor(0.5, service.connect)
    sample = sensor.read()
    assert (sensor.name, sensor.scope, sensor.interval_s) == ("jtop", "VDD_IN", 0.5)
    assert sample.total == "VDD_IN" and sample.rails_w["VDD_IN"] == 8.0
    sensor.close()
    assert service.open_clients == 0


def test_a_service_with_a_longer_period_is_joined_at_that_period():
    service = Service(period_s=1.0)
    sensor = JtopSensor(0.1, service.connect)
    assert sensor.interval_s == 1.0 and sensor.read().rails_w["VDD_IN"] == 8.0
    assert service.open_clients == 1


@pytest.mark.parametrize("late", [RuntimeError("Error connection"), queue.Empty()])
def test_a_service_that_is_late_with_its_first_sample_is_waited_for(late):
    assert JtopSensor(0.1, Service(failures=[late]).connect).scope == "VDD_IN"
    with pytest.raises(DeviceError):
        JtopSensor(0.1, Service(failures=[late] * 3).connect)


@pytest.mark.parametrize("text, message, hint", [
    ("The jtop.service is not active. Please run:\nsudo jtop --install-service", "not active", "systemctl start jtop"),
    ("I can't access jtop.service.\nPlease logout or reboot this board.", "can't access", "usermod"),
    ("Mismatch version jtop service: [4.2.1] and client: [4.3.2]. Please run:\n\nsudo jtop --install-service",
     "[4.2.1] and client: [4.3.2]", "one version"),
    ("Mismatch of Python versions between library and service", "Mismatch of Python", "for the Python"),
    ("something new", "something new", "systemctl status"),
])
def test_each_refusal_has_its_own_line(text, message, hint):
    with pytest.raises(DeviceError) as caught:
        JtopSensor(1.0, Service(failures=[RuntimeError(text)]).connect)
    assert message in caught.value.message and hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_a_service_that_repeats_its_last_sample_is_no_source(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("dance_edge.energy.jtop.time.monotonic", lambda: now[0])
    service = Service()
    sensor = JtopSensor(1.0, service.connect)
    service.stuck = True
    now[0] += 1.0
    assert sensor.read().monotonic_s == 100.0  # the same sample: the trace drops it
    now[0] += 10.0
    with pytest.raises(DeviceError, match="no new sample"):
        sensor.read()
    service.stuck = False
    assert sensor.read().monotonic_s == now[0]  # connected again


def test_a_service_that_came_back_is_joined_from_any_thread():
    service = Service()
    sensor = JtopSensor(1.0, service.connect)
    for _ in range(3):
        sensor.close()
        service.lives += 1
        assert sensor.read().rails_w["VDD_IN"] == 8.0


def test_the_processor_time_of_the_clients_own_thread_is_known():
    service = Service()
    clients = []

    def connect(interval_s):
        clients.append(service.connect(interval_s))
        return clients[-1]

    def work():
        busy_s = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + 0.05
        while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < busy_s:
            pass
        for observer in clients[-1].observers:
            observer(clients[-1])

    sensor = JtopSensor(1.0, connect)
    assert sensor.cpu_s == 0.0
    for least_s in (0.05, 0.1):  # a client that takes the place of one that is gone adds to it
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert least_s <= sensor.cpu_s < least_s + 0.05
        sensor.close()
        sensor.read()


def test_without_jetson_stats(monkeypatch):
    monkeypatch.setitem(sys.modules, "jtop", None)
    with pytest.raises(DeviceError, match="jetson-stats is not installed"):
        JtopSensor()


def test_a_real_service_over_a_fake_tx2(jtop_rig):
    result = jtop_rig("first_look", interval_s=0.1)
    reading = result["reading"]
    assert result["scope"] == "VDD_IN" and reading["label"] == "measured (jtop, VDD_IN)"
    assert reading["gross_j"] == pytest.approx(result["exact_j"], rel=0.05)  # four steps of 6 W in four seconds
    assert reading["low_j"] < reading["gross_j"] < reading["high_j"]
    assert 0.09 < result["sample_s"] < 0.3
    assert result["late_interval_s"] == pytest.approx(0.1) and result["late_w"] in (4.0, 10.0)
    assert "not active" in result["without_service"][0]
    assert result["after"]["gross_j"] is None and "jtop" in result["after"]["reason"]
