"""What `dance-edge power` leaves: what cannot be written takes nothing else with it."""
import json
import os

import pytest

from dance_edge.cli import main, power_report
from dance_edge.energy import sensors
from dance_edge.energy.reading import PowerSensor
from dance_edge.errors import DeviceError

pytestmark = pytest.mark.usefixtures("own_config")


@pytest.mark.parametrize("option", ["--csv", "--json"])
def test_the_commands_code_comes_before_a_report_that_cannot_be_written(tree, capsys, option):
    for word, code in (("exit 7", 7), ("true", 0)):
        assert main.run(["power", "--power", "ina3221", option, "/dev/full", "--", "sh", "-c", word]) == code
        assert "warning: cannot write /dev/full" in capsys.readouterr().err


def test_without_a_command_a_report_that_cannot_be_written_is_an_error(eight_watts, capsys):
    assert main.run(["power", "--for", "0.1", "--csv", "/dev/full"]) == 2
    assert "error: cannot write /dev/full" in capsys.readouterr().err


def test_what_cannot_be_written_takes_nothing_else_with_it(eight_watts, tmp_path, capsys):
    path = tmp_path / "p.json"
    assert main.run(["-q", "power", "--for", "0.2", "--csv", "/dev/full", "--json", str(path)]) == 2
    out, err = capsys.readouterr()
    assert "energy " in out and err.splitlines() == [
        "error: cannot write /dev/full: No space left on device",
        "hint:  give --csv a file in a folder that can be written to"]
    result = json.loads(path.read_text())
    assert result["energy_j"] > 0.0 and result["csv"] is None
    assert result["warnings"] == ["cannot write /dev/full: No space left on device"]

    assert main.run(["-q", "power", "--for", "0.2", "--csv", str(tmp_path / "p.csv"), "--json", "/dev/full"]) == 2
    out, err = capsys.readouterr()
    assert "energy " in out and err.startswith("error: cannot write /dev/full") and len(err.splitlines()) == 2
    assert len((tmp_path / "p.csv").read_text().splitlines()) > 100

    assert main.run(["-q", "power", "--for", "0.2", "--csv", "/dev/full", "--json", "/dev/full"]) == 2
    out, err = capsys.readouterr()
    assert "energy " in out and err.count("cannot write /dev/full") == 2 and len(err.splitlines()) == 2


def test_a_stdout_that_is_full_costs_the_lines_alone(eight_watts, monkeypatch, tmp_path):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(power_report, "say", full)
    csv, path = tmp_path / "p.csv", tmp_path / "p.json"
    assert main.run(["power", "--for", "0.2", "--csv", str(csv), "--json", str(path)]) == 6
    assert json.loads(path.read_text())["csv"] == str(csv) and csv.exists()


def test_the_check_beforehand_leaves_files_as_they_are(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("p.csv", "p.json"):
        (tmp_path / name).write_text("kept\n")
    os.mkfifo("pipe")
    power_report.check_files("p.csv", "p.json")
    power_report.check_files("new.csv", "new.json")
    power_report.check_files(None, "pipe")  # and does not wait for its reader
    power_report.check_files(None, "-")
    assert sorted(os.listdir(".")) == ["p.csv", "p.json", "pipe"]
    assert (tmp_path / "p.csv").read_text() == (tmp_path / "p.json").read_text() == "kept\n"


class Silent(PowerSensor):
    name, scope, interval_s = "silent", "VDD_IN", 0.01

    def read(self):
        raise DeviceError("it says nothing", "")


@pytest.mark.parametrize("flags", [["--power", "none"], ["--power", "auto"], ["--power", "silent"]])
def test_without_samples_the_users_file_stays(no_sensor, monkeypatch, tmp_path, flags):
    monkeypatch.setitem(sensors.SENSORS, "silent", lambda service_s: Silent())
    monkeypatch.setattr(sensors, "WORDS", sensors.WORDS + ("silent",))
    if flags[1] == "auto":
        monkeypatch.delitem(sensors.SENSORS, "silent")
    csv, path = tmp_path / "p.csv", tmp_path / "p.json"
    csv.write_text("what was here before\n")
    assert main.run(["power", "--csv", str(csv), "--json", str(path)] + flags + ["--", "true"]) == 0
    assert csv.read_text() == "what was here before\n" and json.loads(path.read_text())["csv"] is None
