"""What is seen while `dance-edge power` measures."""
import io
import sys
import time

import pytest

from dance_edge.cli import main, power_table, powering
from dance_edge.cli.progress import Listener
from dance_edge.energy.calibration import Calibration
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading, PowerSample, PowerSensor
from dance_edge.events import Warned

pytestmark = pytest.mark.usefixtures("own_config")


class Played(PowerSensor):
    name, scope = "replay", "VDD_IN, recorded by ina3221"

    def read(self):
        raise AssertionError("it is not sampled")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_table_that_is_gone_in_the_end(eight_watts, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(power_table, "REDRAW_S", 0.0)
    listener = Listener(stream=stream, quiet=False)
    shown = power_table.PowerTable(listener, 30.0)
    with eight_watts.window("power") as window, shown.over(eight_watts, window):
        shown.draw()
        shown(Warned("the power sensor failed"))
        shown.draw()
    text = stream.getvalue()
    assert "VDD_IN" in text and "W now" in text and "of 0:30" in text and "measured (scripted, VDD_IN)" in text
    assert "warning: the power sensor failed\n" in text and listener.warnings == ["the power sensor failed"]
    assert "\x1b[2K" in text  # lines are erased


def test_elsewhere_there_is_a_line_now_and_then(eight_watts, monkeypatch, capsys):
    monkeypatch.setattr(power_table, "PLAIN_INTERVAL_S", 0.0)
    assert main.run(["power", "--for", "0.2"]) == 0
    err = capsys.readouterr().err
    assert "8.000 W now" in err and "J so far (" in err and ", measured (scripted, VDD_IN), uncalibrated" in err


def test_quiet_leaves_the_report_alone(eight_watts, monkeypatch, capsys):
    monkeypatch.setattr(power_table, "PLAIN_INTERVAL_S", 0.0)
    assert main.run(["-q", "power", "--for", "0.2"]) == 0
    out, err = capsys.readouterr()
    assert "energy " in out and err == ""


@pytest.fixture
def calibrated_board(eight_watts):
    """Its meter has 1.2 times the sensor's 8 W and 2 W more, 11.6 W; a part of it takes 1.5 W. Meter and reading."""
    eight_watts.trace.append(PowerSample(time.monotonic() + 99.0, {"VDD_IN": 8.0, "VDD_CPU": 1.5}, "VDD_IN"))
    eight_watts.calibration = Calibration(1.2, 2.0, 0.1, 3, "", "scripted", "VDD_IN", 3.0, 10.0)
    reading = EnergyReading(gross_j=116.0, low_j=115.0, high_j=117.0, duration_s=10.0, measured=True, source="scripted",
                            scope="VDD_IN", rails_j={"VDD_IN": 80.0}, calibrated=True, coverage=1.0)
    return eight_watts, reading


def test_a_line_of_calibrated_joules_has_calibrated_watts(calibrated_board):
    meter, reading = calibrated_board
    assert power_table.plain_line(10.0, meter, reading) == (
        "0:10  11.60 W now  116 J so far (115 to 117), measured (scripted, VDD_IN), calibrated")
    assert power_table.live_rows(meter, reading) == [
        ["VDD_IN", "11.60", "11.60", "116 (115 to 117)", "measured (scripted, VDD_IN), calibrated"]]
    meter.calibration = None
    assert "  8.000 W now  " in power_table.plain_line(10.0, meter, reading)


def test_the_rail_that_feeds_all_is_first_and_the_readings_own_also_of_a_played_trace():
    meter, scope = EnergyMeter(Played()), Played.scope
    meter.trace.append(PowerSample(1.0, {"VDD_CPU": 1.0, "VDD_IN": 5.0}, "VDD_IN"))
    reading = EnergyReading(gross_j=50.0, low_j=48.0, high_j=52.0, duration_s=10.0, measured=True, source="replay",
                            scope=scope, rails_j={"VDD_CPU": 9.0, "VDD_IN": 50.0}, coverage=1.0)
    rows = power_table.live_rows(meter, reading)
    assert rows[0] == ["VDD_IN", "5.000", "5.000", "50 (48 to 52)", "measured (replay, %s), uncalibrated" % scope]
    assert rows[1][:4] == ["VDD_CPU", "1.000", "0.9000", "9"] and "interval not known" in rows[1][4]
    assert [row[0] for row in powering.rail_rows(reading, meter.trace.total)] == ["VDD_IN", "VDD_CPU"]
    none = reading._replace(gross_j=None, low_j=None, high_j=None, reason="too few samples")
    assert power_table.live_rows(meter, none)[0] == ["VDD_IN", "5.000", "-", "-", ""]
