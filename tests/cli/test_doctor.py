"""`dance-edge doctor` on the machine that runs the tests."""
import json

from dance_edge import machine
from dance_edge.cli.main import run
from dance_edge.machine import PACKAGES


def test_doctor_writes_its_promised_keys(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(machine, "PROBES", {"onnxruntime": machine.PROBES["onnxruntime"]})
    path = tmp_path / "doctor.json"
    assert run(["doctor", "--json", str(path)]) == 0
    facts = json.loads(path.read_text())
    assert set(facts) >= {"format", "machine", "packages", "backends", "sensors", "cameras", "hints"}
    assert [one["name"] for one in facts["packages"]] == list(PACKAGES)
    assert {"name": "onnxruntime", "usable": True} in facts["backends"]
    assert [one["name"] for one in facts["sensors"]] == ["jtop", "ina3221", "nvml", "rapl"]
    out = capsys.readouterr().out
    assert "onnxruntime" in out and "Python %s" % facts["machine"]["python"] in out


def test_doctor_leaves_stdout_to_the_json(capsys, monkeypatch):
    monkeypatch.setattr(machine, "PROBES", {})
    assert run(["doctor", "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["format"] == 1 and "Backends" in err
