"""The meter over a sensor whose time is its own: each reading is an interval later, however busy the machine is."""
import threading
import time

import pytest

from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.errors import DeviceError
from dance_edge.events import ignore

INTERVAL_S = 0.01


class Scripted(PowerSensor):
    """Watts by the number of the reading; None is a failure. Time stands still while `going` is cleared."""

    name, scope = "scripted", "VDD_IN"

    def __init__(self, watts_of):
        self.watts_of = watts_of
        self.readings = 0
        self.now_s = 1000.0
        self.going = threading.Event()
        self.going.set()

    def clock(self):
        return self.now_s

    def read(self):
        time.sleep(0.001)
        self.going.wait(20.0)
        self.readings += 1
        self.now_s += INTERVAL_S
        watts = self.watts_of(self.readings)
        if watts is None:
            raise DeviceError("unplugged", "plug it in")
        return PowerSample(self.now_s, {"VDD_IN": watts}, "VDD_IN")

    def let_pass(self, seconds):
        end_s = self.now_s + seconds
        wait_for(lambda: self.now_s >= end_s)


def metered(sensor, on_event=ignore):
    return EnergyMeter(sensor, INTERVAL_S, on_event, sensor.clock)


def wait_for(condition):
    end_s = time.monotonic() + 20.0
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.005)
    assert condition()


@pytest.fixture
def steady():
    return Scripted(lambda reading: 5.0)


def test_windows_nest_and_can_be_read_after_the_meter_stopped(steady):
    with metered(steady) as meter:
        with meter.window("outer") as outer:
            steady.let_pass(0.2)
            with meter.window("inner") as inner:
                steady.let_pass(0.15)
    whole, part = outer.reading(), inner.reading()
    assert whole.gross_j == pytest.approx(5.0 * whole.duration_s) and whole.coverage == 1.0
    assert part.gross_j == pytest.approx(5.0 * part.duration_s)
    assert part.duration_s < whole.duration_s and part.sample_count < whole.sample_count
    assert whole.label == "measured (scripted, VDD_IN)"
    assert meter.refresh_s == pytest.approx(INTERVAL_S)


def test_a_window_is_read_while_it_is_open(steady):
    with metered(steady) as meter, meter.window("open") as window:
        steady.let_pass(0.1)
        first = window.reading()
        steady.let_pass(0.1)
        assert window.reading().gross_j > first.gross_j > 0.0


def test_the_idle_baseline_is_taken_off(steady):
    with metered(steady) as meter:
        meter.idle_w = 3.0
        with meter.window("job") as window:
            steady.let_pass(0.1)
    reading = window.reading()
    assert reading.net_j == pytest.approx(2.0 * reading.duration_s)


def test_without_a_sensor_there_is_a_duration_and_no_figure():
    with EnergyMeter(None) as meter, meter.window("job") as window:
        time.sleep(0.01)
    reading = window.reading()
    assert reading.gross_j is None and reading.duration_s >= 0.01 and reading.reason == "no power sensor"


def test_too_short_a_window_says_how_long_to_run(steady):
    with metered(steady) as meter:
        steady.let_pass(0.1)
        steady.going.clear()
        with meter.window("short") as window:
            steady.now_s += 0.012
        steady.going.set()
    reading = window.reading()
    assert reading.gross_j is None and "run for at least" in reading.reason


def test_a_sensor_that_dies_half_way_does_not_stop_the_work():
    heard, plugged = [], [True]
    sensor = Scripted(lambda reading: 5.0 if plugged else None)
    with metered(sensor, heard.append) as meter:
        with meter.window("job") as window:
            sensor.let_pass(0.3)
            plugged.clear()
            wait_for(lambda: meter.failure)
            sensor.now_s += sensor.now_s - window.start_s
    reading = window.reading()
    assert reading.gross_j is None and reading.coverage == pytest.approx(0.5, abs=0.1)
    assert "unplugged" in reading.reason and "samples cover" in reading.reason
    assert len(heard) == 1 and "unplugged" in heard[0].text


def test_a_sensor_that_comes_back_leaves_a_gap(monkeypatch):
    monkeypatch.setattr("dance_edge.energy.sampler.RETRY_S", 0.01)
    sensor = Scripted(lambda reading: None if 20 <= reading < 30 else 5.0)
    with metered(sensor) as meter, meter.window("job") as window:
        wait_for(lambda: sensor.readings >= 50)
    reading = window.reading()
    assert reading.gross_j == pytest.approx(5.0 * reading.duration_s)
    assert reading.coverage < 1.0 and "gap" in reading.reason


def test_a_sensor_that_never_answers():
    with metered(Scripted(lambda reading: None)) as meter, meter.window("job") as window:
        wait_for(lambda: meter.failure)
    reading = window.reading()
    assert reading.gross_j is None and "unplugged" in reading.reason and reading.coverage == 0.0


def test_a_library_that_raises_anything_is_a_sensor_that_failed():
    def broken(reading):
        raise ZeroDivisionError("inside the vendor's library")

    with metered(Scripted(broken)) as meter, meter.window("job") as window:
        wait_for(lambda: meter.failure)
    assert "vendor's library" in window.reading().reason


def test_the_wall_clock_does_not_matter(monkeypatch, steady):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    with metered(steady) as meter, meter.window("job") as window:
        steady.let_pass(0.1)
    assert window.reading().gross_j == pytest.approx(5.0 * window.reading().duration_s)
