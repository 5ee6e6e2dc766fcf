"""`dance-edge power`: known joules, a metered command's own code, and what is said where there is no figure."""
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dance_edge.cli import main, power_table, powering
from dance_edge.cli.progress import Listener
from dance_edge.energy import ina3221, sensors
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading, PowerSample, PowerSensor
from dance_edge.errors import DeviceError
from dance_edge.events import Note, Warned

PROMISED = {"format", "energy_j", "mean_power_w", "duration_s", "started_unix_s", "ended_unix_s", "sample_count",
            "refresh_s", "energy_source", "energy_scope", "measured", "idle_power_w", "gaps", "energy", "rails_j",
            "meter_cost", "conditions"}
# A process of its own over the tree that the first argument names; what follows is the command line.
OWN_PROCESS = ("import sys\nfrom dance_edge.energy import ina3221\nina3221.ROOT = sys.argv[1]\n"
               "from dance_edge.cli.main import main\nmain(['power', '--power', 'ina3221'] + sys.argv[2:])\n")


@pytest.fixture(autouse=True)
def own_config(monkeypatch, tmp_path):
    """No calibration of this machine is taken, and none is left on it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def tree(monkeypatch, tmp_path, lay_chip):
    """The INA3221's files of a module that draws 8 W: the folder."""
    folder = lay_chip("tree/0-0041/iio:device1", [("VDD_IN", 8000), ("VDD_SYS_CPU", 1500)])
    for index in (0, 1):
        (folder / ("in_voltage%d_input" % index)).write_text("19000\n")
    monkeypatch.setattr(ina3221, "ROOT", str(tmp_path / "tree"))
    return str(tmp_path / "tree")


class Named(PowerSensor):
    name, scope = "scripted", "VDD_IN"

    def read(self):
        raise AssertionError("it is not sampled")


def put(monkeypatch, meter):
    """`meter` stands in for what the machine has; it is not entered, so that no thread has to keep pace."""
    @contextlib.contextmanager
    def meter_over(found, interval_s, on_event, is_said):
        assert is_said and found.sensor is meter.sensor
        on_event(Note("power: scripted, rail VDD_IN"))
        yield meter

    monkeypatch.setattr(powering, "find_sensor", lambda kind, interval_s: sensors.Found(kind, meter.sensor))
    monkeypatch.setattr(powering, "meter_over", meter_over)
    return meter


@pytest.fixture
def eight_watts(monkeypatch):
    """A sensor of 8 W whose samples, one every 5 ms, are there for twenty seconds ahead."""
    meter, now_s = EnergyMeter(Named(), 0.005), time.monotonic()
    for i in range(-20, 4000):
        meter.trace.append(PowerSample(now_s + 0.005 * i, {"VDD_IN": 8.0}, "VDD_IN"))
    return put(monkeypatch, meter)


@pytest.fixture
def no_sensor(monkeypatch):
    def refuse(service_s):
        raise DeviceError("jtop: The jtop.service is not active", "start it")

    monkeypatch.setattr(sensors, "SENSORS", {"jtop": refuse})


def read(path):
    return json.loads(path.read_text())


def own_process(tree, arguments):
    """Started as the leader of a session, as a shell starts a job."""
    return subprocess.Popen([sys.executable, "-c", OWN_PROCESS, tree] + arguments, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, universal_newlines=True, start_new_session=True,
                            env=dict(os.environ, LC_ALL="C.UTF-8"))


def wait_for(process, text):
    """Read its stderr up to the line that holds `text`."""
    for line in process.stderr:
        if text in line:
            return
    pytest.fail("it never said %r" % text)


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


@pytest.mark.parametrize("script, code", [
    ("echo done; exit 7", 7), ("echo done; kill -9 $$", 137), ("echo done", 0),
    ("echo done; kill -TERM $PPID; exec sleep 30", 143),  # what is sent to the meter alone is passed on
    ("echo done; kill -INT $PPID; exit 5", 5),
])
def test_a_metered_command_has_its_own_stdout_and_code(eight_watts, tmp_path, capfd, script, code):
    path = tmp_path / "c.json"
    assert main.run(["power", "--json", str(path), "--", "sh", "-c", script]) == code
    out, err = capfd.readouterr()
    assert out == "done\n" and "energy " in err and "error:" not in err
    result = read(path)
    assert (result["exit_code"], result["command"]) == (code, ["sh", "-c", script])


def test_a_command_is_metered_while_it_runs(eight_watts, tmp_path, capfd):
    assert main.run(["power", "--json", "-", "sleep", "0.3"]) == 0  # the two dashes may be left out
    result = json.loads(capfd.readouterr().out)
    assert 0.3 <= result["duration_s"] < 10.0 and result["energy_j"] == pytest.approx(8.0 * result["duration_s"])


@pytest.mark.parametrize("word, code, text", [
    ("no-such-command", 127, "command not found"), ("./nothing", 127, "No such file"), ("./", 126, "Is a directory"),
    ("./plain", 126, "Permission denied"), ("./lost", 127, "No such file")])
def test_a_command_that_cannot_run_ends_as_in_a_shell(eight_watts, monkeypatch, tmp_path, capsys, word, code, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_text("")
    (tmp_path / "lost").write_text("#!/no/such/interpreter\n")
    (tmp_path / "lost").chmod(0o755)
    assert main.run(["power", "--", word, "--for"]) == code
    error, hint = capsys.readouterr().err.splitlines()[-2:]
    assert error.startswith("error: cannot run %s: " % word) and text in error and "--" in hint

    assert main.run(["power", "--csv", "o.csv", "--", word]) == code
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_the_commands_code_comes_before_a_report_that_cannot_be_written(tree, capsys, option):
    for word, code in (("exit 7", 7), ("true", 0)):
        assert main.run(["power", "--power", "ina3221", option, "/dev/full", "--", "sh", "-c", word]) == code
        assert "warning: cannot write /dev/full" in capsys.readouterr().err


def test_without_a_command_a_report_that_cannot_be_written_is_an_error(eight_watts, capsys):
    assert main.run(["power", "--for", "0.1", "--csv", "/dev/full"]) == 2
    assert "error: cannot write /dev/full" in capsys.readouterr().err


def test_the_code_comes_before_a_stderr_that_is_full(tree):
    with open("/dev/full", "w") as full:
        quiet = OWN_PROCESS.replace("main(['power'", "main(['-q', 'power'")
        done = subprocess.run([sys.executable, "-c", quiet, tree, "--", "sh", "-c", "exit 7"], stderr=full,
                              stdout=subprocess.PIPE)
    assert done.returncode == 7


class Late(PowerSensor):
    name, scope = "jtop", "VDD_IN"

    def read(self):
        raise AssertionError("it is not sampled")


class Chip(Late):
    name = "ina3221"

    def error_w(self, watts):
        return 0.2


@pytest.fixture
def two_sensors(monkeypatch):
    """jtop once a second, and the chip's files every 20 ms, whose values are new every 0.42 s."""
    meter, now_s = EnergyMeter(Late(), 1.0, quick=Chip()), time.monotonic()
    slow, quick = meter.sampler_of("jtop"), meter.sampler_of("ina3221")
    assert slow is not quick and meter.sampler_of("jtop + ina3221") is quick and meter.sampler_of("none") is slow
    for i in range(30):
        slow.trace.append(PowerSample(now_s + i - 2.0, {"VDD_IN": 8.0}, "VDD_IN"))
    for i in range(1500):
        watts = 7.0 + (int(0.02 * i / 0.42) * 7919 % 101) / 50.0
        quick.trace.append(PowerSample(now_s + 0.02 * i - 2.0, {"VDD_IN": watts}, "VDD_IN"))
    return put(monkeypatch, meter)


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


def test_ctrl_c_reaches_a_metered_command_and_the_meter_reports(tree, tmp_path):
    path = tmp_path / "c.json"
    script = "trap 'echo caught; exit 5' INT; echo ready >&2; while :; do sleep 0.05; done"
    process = own_process(tree, ["--interval", "0.05", "--json", str(path), "--", "sh", "-c", script])
    wait_for(process, "ready")
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (5, "caught\n")
    assert "measured (ina3221, VDD_IN)" in err or "run for at least" in err
    assert read(path)["exit_code"] == 5


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


def test_power_none_runs_a_command_unmetered(tmp_path, capfd):
    assert main.run(["power", "--power", "none", "--json", str(tmp_path / "c.json"), "--", "true"]) == 0
    assert read(tmp_path / "c.json")["energy_j"] is None
    assert "warning" not in capfd.readouterr().err


@pytest.mark.parametrize("arguments, text", [
    (["--for", "0"], "seconds above 0"), (["--interval", "inf"], "seconds above 0"), (["--idle", "x"], "seconds above"),
    (["--for", "5", "--", "true"], "a metered command ends by itself"),
    (["--power", "solar"], "unknown power sensor"), (["--power", "estimate"], "power measures"),
    (["--power", "none"], "measures nothing"), (["--csv", "/no/such/folder/p.csv"], "cannot write"),
    (["--json", "/no/such/folder/p.json"], "no folder"),
    (["--calibrate", "--", "true"], "takes no command"), (["--calibrate", "--calibrate-from", "x"], "one of them"),
    (["--calibrate-from", "x", "--for", "3"], "measures nothing")])
def test_what_cannot_be_is_refused_before_anything_is_measured(monkeypatch, capsys, arguments, text):
    monkeypatch.setattr(powering, "find_sensor", lambda *given: pytest.fail("a sensor was opened"))
    assert main.run(["power"] + arguments) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert text in error + hint and error.startswith("error: ") and hint.startswith("hint: ")


class Loads(EnergyMeter):
    """A sensor that reads so many watts in each window; None is no figure."""

    def __init__(self, watts):
        super().__init__(None)
        self.sensor = Named()
        self.watts = iter(watts)

    def between(self, start_s, end_s):
        watts, seconds = next(self.watts), end_s - start_s
        return EnergyReading(gross_j=None if watts is None else watts * seconds, duration_s=seconds, measured=True,
                             source="scripted", scope="VDD_IN", reason="too few samples" if watts is None else "")


def calibrate(monkeypatch, watts, typed, *arguments):
    put(monkeypatch, Loads(watts))
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return main.run(["power", "--calibrate", "--for", "0.01"] + list(arguments))


def test_a_calibration_is_typed_load_by_load(monkeypatch, tmp_path, capsys):
    path = tmp_path / "k.json"  # the meter has 1.2 times the sensor's watts, and 2 W of the carrier
    assert calibrate(monkeypatch, [3.0, 5.0, 10.0], "5.6\n8\nabout 14\n14\n\n", "--json", str(path)) == 0
    out, err = capsys.readouterr()
    assert "load 1: sensor 3.000 W, meter 5.600 W" in err and "'about 14' is not a number of watts" in err
    assert "slope     1.2\n" in out and "offset    2 W" in out and "residual" in out
    kept = tmp_path / "config" / "dance-edge" / "calibration-scripted.json"
    assert str(kept) in out
    result = read(path)
    assert result["path"] == str(kept) and result["calibration"]["loads"] == 3
    assert result["calibration"]["slope"] == pytest.approx(1.2)
    assert [pair["meter_w"] for pair in result["pairs"]] == [5.6, 8.0, 14.0]
    assert read(kept)["offset_w"] == pytest.approx(2.0)


def test_a_load_without_a_figure_does_not_count_and_the_end_of_input_is_done(monkeypatch, capsys):
    assert calibrate(monkeypatch, [3.0, None, 5.0, 10.0], "5.6\n7\n8\n14") == 0
    err = capsys.readouterr().err
    assert "does not count: too few samples" in err and "load 3: sensor 10.00 W" in err


def test_two_loads_are_no_calibration(monkeypatch, tmp_path, capsys):
    assert calibrate(monkeypatch, [3.0, 5.0], "5\n8\n\n") == 2
    assert "error: a calibration takes 3 loads or more, got 2" in capsys.readouterr().err
    assert not (tmp_path / "config").exists()


def test_joules_are_calibrated_from_a_file_of_pairs(tree, tmp_path, capsys):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("# a bench supply\nload, sensor_w, meter_w\nidle,3,5.6\n\nwork,5,8\nfull,10,14\n")
    assert main.run(["power", "--power", "ina3221", "--calibrate-from", str(pairs)]) == 0
    assert main.run(["power", "--power", "ina3221", "--interval", "0.02", "--for", "0.6",
                     "--json", str(tmp_path / "p.json")]) == 0
    result = read(tmp_path / "p.json")
    assert result["energy"]["calibrated"] is True
    assert result["mean_power_w"] == pytest.approx(1.2 * 8.0 + 2.0)
    assert result["rails_j"]["VDD_IN"] == pytest.approx(8.0 * result["duration_s"])  # the sensor's own word
    out = capsys.readouterr().out
    assert "VDD_IN), calibrated, +- " in out and "calibrated at 3 loads to within" in out


@pytest.mark.parametrize("text, said", [
    (None, "cannot read"), ("", "has no columns"), ("3,5\n4,6\n", "has no columns"),
    ("sensor_w,meter_w\n3,5\n4,lots\n", "line 3 is not two numbers: 4,lots"), ("sensor_w,meter_w\n3\n", "line 2"),
    ("sensor_w,meter_w\n3,nan\n", "line 2"), (b"\xff\xfe\x00", "cannot read")])
def test_a_file_that_holds_no_pairs_is_one_clear_line(monkeypatch, tmp_path, capsys, text, said):
    monkeypatch.setattr(powering, "find_sensor", lambda *given: pytest.fail("a sensor was opened"))
    path = tmp_path / "pairs.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main.run(["power", "--calibrate-from", str(path)]) == 3
    error, hint = capsys.readouterr().err.splitlines()
    assert said in error and "sensor_w,meter_w" in hint


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
