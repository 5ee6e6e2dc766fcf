"""`dance-edge power`: known joules, and what is said where there is no figure."""
import json
import os
import signal
import time

import pytest

from dance_edge.cli import main, power_table, powering
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.trace import Trace

PROMISED = {"format", "energy_j", "mean_power_w", "duration_s", "started_unix_s", "ended_unix_s", "sample_count",
            "refresh_s", "energy_source", "energy_scope", "measured", "idle_power_w", "gaps", "energy", "rails_j",
            "meter_cost", "conditions"}
pytestmark = pytest.mark.usefixtures("own_config")


def read(path):
    return json.loads(path.read_text())


def test_constant_power_is_watts_times_seconds(eight_watts, tmp_path, capsys):
    path = tmp_path / "p.json"
    began_s = time.time()
    assert main.run(["power", "--for", "0.3", "--json", str(path)]) == 0
    ended_s = time.time()
    result = read(path)
    assert PROMISED <= set(result)
    assert 0.3 <= result["duration_s"] < 5.0
    assert result["energy_j"] == pytest.approx(8.0 * result["duration_s"])
    assert result["mean_power_w"] == pytest.approx(8.0)
    assert began_s <= result["started_unix_s"] <= result["ended_unix_s"] <= ended_s
    assert result["ended_unix_s"] - result["started_unix_s"] == pytest.approx(result["duration_s"])
    assert (result["measured"], result["energy_scope"], result["gaps"]) == (True, "VDD_IN", 0)
    assert result["energy_source"] == result["energy"]["label"] == "measured (scripted, VDD_IN)"
    assert result["energy"]["gross_j"] == result["rails_j"]["VDD_IN"] == pytest.approx(result["energy_j"])
    assert result["sample_count"] > 30 and result["refresh_s"] == pytest.approx(0.005)
    assert 0.0 <= result["meter_cost"] < 1.0
    assert (result["idle_power_w"], result["command"], result["exit_code"]) == (None, None, 0)
    assert set(result["conditions"]) == {"start", "end"} and "power_mode" in result["conditions"]["start"]
    out = capsys.readouterr().out
    assert "), measured (scripted, VDD_IN), uncalibrated, the sensor's own error is not known" in out
    assert "8.000 W over" in out


def test_a_wall_clock_that_jumps_moves_no_end(eight_watts, monkeypatch, tmp_path):
    now_s = [1e9]

    def jumping():
        now_s[0] += 1e6
        return now_s[0]

    monkeypatch.setattr(powering.time, "time", jumping)
    assert main.run(["power", "--for", "0.2", "--json", str(tmp_path / "p.json")]) == 0
    result = read(tmp_path / "p.json")
    assert result["ended_unix_s"] - result["started_unix_s"] == pytest.approx(result["duration_s"])


def test_the_files_of_a_chip_and_back_from_the_raw_trace(tree, tmp_path, capsys):
    csv = tmp_path / "p.csv"
    csv.write_text("what was here before\n")
    arguments = ["power", "--interval", "0.02", "--for", "0.8", "--json", str(tmp_path / "p.json")]
    assert main.run(arguments + ["--power", "ina3221", "--csv", str(csv)]) == 0
    result = read(tmp_path / "p.json")
    assert result["energy_j"] == pytest.approx(8.0 * result["duration_s"])
    assert result["rails_j"]["VDD_SYS_CPU"] == pytest.approx(1.5 * result["duration_s"])
    assert result["energy"]["sensor_j"] == pytest.approx(0.4 * result["duration_s"], rel=0.01)  # 19 V, 5 mOhm, 0.25 %
    out = capsys.readouterr().out
    assert "by the sensor's own offset and gain" in out and "VDD_SYS_CPU" in out and "not added up" in out
    lines = csv.read_text().splitlines()
    assert lines[0].startswith("# format: ") and ", source: ina3221, total: VDD_IN" in lines[0]
    columns = lines[1].split(",")
    assert columns[0] == "monotonic_s" and sorted(columns[1:]) == ["VDD_IN_w", "VDD_SYS_CPU_w"]
    assert len(lines) - 2 >= result["sample_count"]
    assert float(lines[2].split(",")[0]) <= result["started_monotonic_s"]

    csv.write_text("\n".join(lines[:2] + ["%.2f,%s" % (i / 20.0, ",".join(
        {"VDD_IN_w": "8.0", "VDD_SYS_CPU_w": "1.5"}[name] for name in columns[1:])) for i in range(200)]) + "\n")
    assert main.run(["power", "--for", "0.5", "--power", "replay:%s" % csv, "--json", str(tmp_path / "r.json")]) == 0
    replayed = read(tmp_path / "r.json")
    assert replayed["energy_j"] == pytest.approx(8.0 * replayed["duration_s"])
    assert replayed["energy"]["source"] == "replay"


class Late(PowerSensor):
    name, scope = "jtop", "VDD_IN"

    def read(self):
        raise AssertionError("it is not sampled")


class Chip(Late):
    name = "ina3221"

    def error_w(self, watts):
        return 0.2


@pytest.fixture
def two_sensors(put_meter):
    """jtop once a second, and the chip's files every 20 ms, whose values are new every 0.42 s."""
    meter, now_s = EnergyMeter(Late(), 1.0, quick=Chip()), time.monotonic()
    slow, quick = meter.sampler_of("jtop"), meter.sampler_of("ina3221")
    assert slow is not quick and meter.sampler_of("jtop + ina3221") is quick and meter.sampler_of("none") is slow
    for i in range(30):
        slow.trace.append(PowerSample(now_s + i - 2.0, {"VDD_IN": 8.0}, "VDD_IN"))
    for i in range(1500):
        watts = 7.0 + (int(0.02 * i / 0.42) * 7919 % 101) / 50.0
        quick.trace.append(PowerSample(now_s + 0.02 * i - 2.0, {"VDD_IN": watts}, "VDD_IN"))
    return put_meter(meter)


def test_samples_and_trace_are_those_of_the_sensor_whose_joules_are_shown(two_sensors, tmp_path, capsys):
    csv, path = tmp_path / "p.csv", tmp_path / "p.json"
    assert main.run(["power", "--for", "3", "--csv", str(csv), "--json", str(path)]) == 0
    result = read(path)
    assert result["energy"]["source"] == "ina3221" and result["sample_count"] == pytest.approx(150, abs=5)
    assert result["sample_s"] == pytest.approx(0.02) and result["refresh_s"] == pytest.approx(0.42, abs=0.02)
    assert ", one every 0.02 s, a new value every 0.42 s, " in capsys.readouterr().out
    lines = csv.read_text().splitlines()
    assert "source: ina3221" in lines[0] and len(lines) > 1000


def test_too_short_a_window_says_how_long_to_run(tree, tmp_path, capsys):
    path = tmp_path / "c.json"
    assert main.run(["power", "--power", "ina3221", "--interval", "0.5", "--json", str(path), "--", "true"]) == 0
    result = read(path)
    assert result["energy_j"] is None and result["mean_power_w"] is None and result["measured"] is False
    assert "run for at least 3" in result["energy"]["reason"]
    assert "none (" in capsys.readouterr().err


def test_an_idle_baseline_gives_net_beside_gross(eight_watts, tmp_path, capsys):
    assert main.run(["power", "--for", "0.2", "--idle", "0.2", "--json", str(tmp_path / "p.json")]) == 0
    result = read(tmp_path / "p.json")
    assert result["idle_power_w"] == pytest.approx(8.0)
    assert result["energy"]["net_j"] == pytest.approx(0.0, abs=1e-6)
    assert result["energy"]["gross_j"] == pytest.approx(8.0 * result["duration_s"])
    assert "net of it" in capsys.readouterr().out


def test_ctrl_c_ends_with_the_report_and_130(eight_watts, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(power_table.PowerTable, "draw", lambda self: os.kill(os.getpid(), signal.SIGINT))
    assert main.run(["power", "--json", str(tmp_path / "p.json")]) == 130
    assert read(tmp_path / "p.json")["energy_j"] > 0.0
    out, err = capsys.readouterr()
    assert "energy " in out and "error" not in err


def test_no_sensor_is_6_and_one_line(no_sensor, capsys):
    assert main.run(["power", "--for", "1"]) == 6
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "error: no sensor here (jtop: The jtop.service is not active)" and hint.startswith("hint: ")


def test_no_sensor_lets_a_command_run_and_gives_no_figure(no_sensor, tmp_path, capfd):
    path = tmp_path / "c.json"
    assert main.run(["power", "--idle", "9", "--json", str(path), "--", "sh", "-c", "echo done; exit 7"]) == 7
    out, err = capfd.readouterr()
    assert out == "done\n" and "warning: no sensor here" in err and "estimated" not in err
    result = read(path)
    assert PROMISED <= set(result)
    for key in ("energy_j", "mean_power_w", "refresh_s", "energy_scope", "idle_power_w", "gaps", "meter_cost"):
        assert result[key] is None, key
    assert result["measured"] is False and result["sample_count"] == 0 and result["duration_s"] > 0.0
    assert "jtop.service is not active" in result["energy_source"] and len(result["warnings"]) == 1


@pytest.mark.parametrize("arguments, text", [
    (["--for", "0"], "seconds above 0"), (["--interval", "inf"], "seconds above 0"), (["--idle", "x"], "seconds above"),
    (["--for", "5", "--", "true"], "a metered command ends by itself"),
    (["--power", "solar"], "unknown power sensor"), (["--power", "estimate"], "power measures"),
    (["--power", "none"], "measures nothing"), (["--csv", "/no/such/folder/p.csv"], "cannot write"),
    (["--json", "/no/such/folder/p.json"], "no folder"), (["--json", "/proc/p.json"], "cannot write /proc/p.json"),
    (["--calibrate", "--json", "/proc/p.json"], "cannot write"),
    (["--calibrate", "--power", "replay:t.csv"], "a recorded trace is no sensor"),
    (["--calibrate-from", "x", "--power", "replay:t.csv"], "a recorded trace is no sensor"),
    (["--calibrate", "--", "true"], "takes no command"), (["--calibrate", "--calibrate-from", "x"], "one of them"),
    (["--calibrate-from", "x", "--for", "3"], "measures nothing")])
def test_what_cannot_be_is_refused_before_anything_is_measured(monkeypatch, capsys, arguments, text):
    monkeypatch.setattr(powering, "find_sensor", lambda *given: pytest.fail("a sensor was opened"))
    assert main.run(["power"] + arguments) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert text in error + hint and error.startswith("error: ") and hint.startswith("hint: ")


def test_a_trace_that_is_played_keeps_its_sensor_when_it_is_written_anew(tmp_path, capsys):
    """Else its second life would have lost what the chip may be off by."""
    trace, first, second = Trace(), tmp_path / "t.csv", tmp_path / "o.csv"
    for i in range(200):
        trace.append(PowerSample(0.05 * i, {"VDD_CPU": 1.0, "VDD_IN": 8.0}, "VDD_IN"))
    trace.write_csv(str(first), "ina3221", volts=19.0)
    found = []
    for path, more in ((first, ["--csv", str(second)]), (second, [])):
        result = tmp_path / "p.json"
        assert main.run(["power", "--power", "replay:%s" % path, "--for", "0.6", "--json", str(result)] + more) == 0
        found.append(read(result)["energy"])
        shown = capsys.readouterr().out
        assert "by the sensor's own offset and gain" in shown
        rails = shown[shown.index("not added up"):]
        assert 0 < rails.index("VDD_IN") < rails.index("VDD_CPU")  # the rail that feeds all is first
    assert "source: ina3221, total: VDD_IN" in second.read_text().splitlines()[0]
    assert [one["scope"] for one in found] == ["VDD_IN, recorded by ina3221"] * 2
    watts = [one["sensor_j"] / one["duration_s"] for one in found]
    assert watts == pytest.approx([0.4, 0.4], rel=0.01)  # 19 V, 5 mOhm, 0.25 %
