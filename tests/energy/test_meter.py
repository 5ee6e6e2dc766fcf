"""The meter over a sensor whose time is its own: each reading is an interval later, however busy the machine is."""
import threading
import time

import pytest

from dance_edge.energy.calibration import Calibration
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
    assert meter.sample_s == pytest.approx(INTERVAL_S)


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
    sensor = Scripted(lambda reading: None if 40 <= reading < 80 else 5.0)
    with metered(sensor) as meter, meter.window("job") as window:
        wait_for(lambda: sensor.readings >= 160)
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


def test_windows_overlap(steady):
    with metered(steady) as meter:
        first, second = meter.window("first"), meter.window("second")
        first.__enter__()
        steady.let_pass(0.1)
        second.__enter__()
        steady.let_pass(0.1)
        first.__exit__(None, None, None)
        steady.let_pass(0.1)
        second.__exit__(None, None, None)
    both = meter.between(second.start_s, first.end_s)
    whole = meter.between(first.start_s, second.end_s)
    assert both.gross_j == pytest.approx(5.0 * both.duration_s) and both.duration_s >= 0.1
    assert first.reading().gross_j + second.reading().gross_j == pytest.approx(whole.gross_j + both.gross_j)


def test_the_baseline_is_measured_and_then_taken_off():
    watts = [3.0]
    sensor = Scripted(lambda reading: watts[0])
    with metered(sensor) as meter:
        idle = meter.measure_idle(0.2, sensor.let_pass)
        watts[0] = 5.0
        sensor.let_pass(0.05)
        with meter.window("job") as window:
            sensor.let_pass(0.2)
    reading = window.reading()
    assert meter.idle_w == pytest.approx(3.0) == pytest.approx(idle.gross_j / idle.duration_s)
    assert reading.gross_j == pytest.approx(5.0 * reading.duration_s)
    assert reading.net_j == pytest.approx(2.0 * reading.duration_s)


def test_a_baseline_without_a_figure_is_none(steady):
    with metered(Scripted(lambda reading: None)) as meter:
        assert meter.measure_idle(0.0, lambda seconds: None).gross_j is None
    assert meter.idle_w is None and EnergyMeter(None).measure_idle(0.0).gross_j is None


class Rare(PowerSensor):
    name, scope, interval_s = "service", "VDD_IN", 30.0

    def read(self):
        return PowerSample(time.monotonic(), {"VDD_IN": 7.0}, "VDD_IN")


class Quick(Rare):
    name, interval_s = "files", 0.02


def test_the_quick_sensor_takes_over_where_the_first_is_too_rare():
    with EnergyMeter(Rare(), quick=Quick()) as meter, meter.window("short") as window:
        time.sleep(0.25)
    reading = window.reading()
    assert reading.label == "measured (files, VDD_IN)" and reading.gross_j == pytest.approx(7.0 * reading.duration_s)
    assert meter.interval_s == 30.0 and len(meter.trace) == 2
    with EnergyMeter(Rare()) as meter, meter.window("short") as window:
        time.sleep(0.25)
    assert window.reading().gross_j is None


def test_the_first_sensor_speaks_where_it_has_a_figure(steady):
    with EnergyMeter(steady, INTERVAL_S, clock=steady.clock, quick=Quick()) as meter, meter.window("job") as window:
        steady.let_pass(0.2)
    assert window.reading().source == "scripted"


def test_a_calibrated_meter_gives_an_external_meter_s_joules(steady):
    made = Calibration(1.1, 0.3, 0.05, 3, "board", "scripted", "VDD_IN")
    with EnergyMeter(steady, INTERVAL_S, clock=steady.clock, calibration=made) as meter, meter.window("job") as window:
        steady.let_pass(0.2)
    reading = window.reading()
    assert reading.calibrated and reading.gross_j == pytest.approx((1.1 * 5.0 + 0.3) * reading.duration_s)
    assert reading.sensor_j == pytest.approx(0.05 * reading.duration_s)


def test_the_meter_knows_what_it_takes_itself():
    assert EnergyMeter(None).cost is None
    with EnergyMeter(Quick()) as meter:
        time.sleep(0.3)
    assert 0.0 < meter.cost < 0.5
    cost = meter.cost
    time.sleep(0.05)
    assert meter.cost == cost  # of the time that it was on


def test_whether_a_model_may_speak(steady):
    assert EnergyMeter(None).may_estimate and not EnergyMeter(steady).may_estimate
