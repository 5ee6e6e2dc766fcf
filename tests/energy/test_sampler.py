"""The thread that reads a sensor: its pace, its cost, and what becomes of a sensor that fails."""
import threading
import time

import pytest

from dance_edge.energy import sampler as module
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.sampler import Sampler
from dance_edge.errors import DeviceError
from dance_edge.events import Warned, ignore


class Six(PowerSensor):
    """6 W; `busy_s` of processor time a reading; fails while `broken` says how."""

    name, scope = "six", "VDD_IN"

    def __init__(self, busy_s=0.0, **facts):
        self.busy_s = busy_s
        self.broken = None
        self.readings = 0
        for name, value in facts.items():
            setattr(self, name, value)

    def read(self):
        self.readings += 1
        if self.broken is not None:
            raise self.broken
        end_s = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) + self.busy_s
        while time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) < end_s:
            pass
        return PowerSample(time.monotonic(), {"VDD_IN": 6.0}, "VDD_IN")

    def error_w(self, watts):
        return 0.1 * watts


@pytest.fixture
def sampling():
    """Starts a sampler and stops it in the end: `sampling(sensor, interval_s, on_event)`."""
    begun = []

    def start(sensor, interval_s=0.01, on_event=ignore):
        begun.append(Sampler(sensor, interval_s, on_event, time.monotonic))
        begun[-1].start()
        return begun[-1]

    yield start
    for one in begun:
        one.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "power"]


def wait_for(condition):
    end_s = time.monotonic() + 20.0
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.005)
    assert condition()


def test_the_first_sample_is_there_when_it_has_started_and_a_last_when_it_has_stopped(sampling):
    sensor = Six()
    one = sampling(sensor, 0.3)
    assert len(one.trace) == 1
    one.stop()
    assert len(one.trace) == sensor.readings == 2
    one.start()  # and once more
    assert len(one.trace) == 3


def test_readings_keep_their_pace_and_it_is_seen(sampling):
    one = sampling(Six(), 0.02)
    wait_for(lambda: len(one.trace) >= 25)
    assert one.sample_s == pytest.approx(0.02, rel=0.3)


def test_a_sensor_that_paces_itself_is_read_at_once(sampling):
    class Paced(Six):
        paced = True

        def read(self):
            time.sleep(0.01)
            return super().read()

    one = sampling(Paced(), 10.0)
    wait_for(lambda: len(one.trace) >= 10)
    assert 0.01 <= one.sample_s < 1.0  # its own pace, not the ten seconds asked for


def test_its_cost_is_the_thread_s_processor_time(sampling):
    one = sampling(Six(busy_s=0.004), 0.01)
    wait_for(lambda: one.sensor.readings >= 30)
    one.stop()
    assert 0.004 * one.sensor.readings <= one.cpu_s <= 0.010 * one.sensor.readings


def test_joules_come_with_what_the_sensor_may_be_off_by(sampling):
    one = sampling(Six())
    start_s = time.monotonic()
    time.sleep(0.2)
    reading = one.over([(start_s, time.monotonic())])
    assert reading.gross_j == pytest.approx(6.0 * reading.duration_s)
    assert reading.sensor_j == pytest.approx(0.6 * reading.duration_s)


def test_what_the_sensor_may_be_off_by_is_known_while_it_is_away(sampling, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    one = sampling(Six(), 0.01)
    start_s = time.monotonic()
    time.sleep(0.4)
    one.sensor.broken = DeviceError("unplugged", "plug it in")
    wait_for(lambda: one.failure)
    reading = one.over([(start_s, one.trace.last_s + 0.01)])
    assert reading.sensor_j == pytest.approx(0.1 * reading.gross_j) and reading.gross_j > 0.0
    one.trace.append(PowerSample(one.trace.last_s + 0.3, {"VDD_IN": 6.0}, "VDD_IN"))
    reading = one.over([(start_s, one.trace.last_s)])
    assert reading.coverage < 1.0 and "unplugged" in reading.reason
    assert reading.sensor_j == pytest.approx(0.1 * reading.gross_j)


def test_a_window_that_has_its_end_when_the_sampler_stops_can_be_read_after_it(sampling):
    one = sampling(Six(delay_s=0.3), 0.02)
    start_s = time.monotonic()
    time.sleep(0.3)
    end_s = time.monotonic()
    one.stop()
    assert one.trace.last_s > end_s + 0.3 and one.over([(start_s, end_s)]).coverage == 1.0
    broken = sampling(Six(delay_s=30.0, broken=DeviceError("unplugged", "plug it in")))
    before_s = time.monotonic()
    broken.stop()  # what failed is not waited for
    assert time.monotonic() < before_s + 5.0


@pytest.mark.parametrize("broken, said", [(DeviceError("unplugged", "plug it in"), "unplugged"),
                                          (ZeroDivisionError("inside"), "ZeroDivisionError: inside")])
def test_a_failure_is_said_once_and_so_is_the_return(sampling, monkeypatch, broken, said):
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    heard = []
    one = sampling(Six(), 0.01, heard.append)
    one.sensor.broken = broken
    wait_for(lambda: one.failure)
    readings = one.sensor.readings
    wait_for(lambda: one.sensor.readings >= readings + 3)
    assert one.failure == said and [said in event.text for event in heard] == [True]
    one.sensor.broken = None
    wait_for(lambda: not one.failure)
    assert heard[1:] == [Warned("the power sensor is back")]


def test_the_end_of_a_window_is_waited_for_but_not_for_ever(sampling):
    one = sampling(Six(), 0.05)
    now_s = time.monotonic()
    one.wait_beyond(now_s, 5.0)
    assert one.trace.last_s > now_s
    one.wait_beyond(now_s + 100.0, 0.05)
    assert time.monotonic() < now_s + 10.0


def test_a_value_that_comes_late_is_waited_for_too(sampling):
    one = sampling(Six(delay_s=0.3), 0.02)
    start_s = time.monotonic()
    time.sleep(0.2)
    end_s = time.monotonic()
    one.over([(start_s, end_s)])
    assert one.trace.last_s > end_s + 0.3
