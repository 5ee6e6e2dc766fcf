"""The demo in its tiny setting, end to end: what `make demo` does in minutes, in seconds."""
import json
import os
import re

import pytest

from dance_edge.cli import demo as demo_command
from dance_edge.cli.main import run

ROW = r"(?mi)^\W*%s\b[^\d\n]*([\d.]+)"  # as a script reads the table: the first figure of the last row of that name


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder that a tiny demo was run in, in a folder `demo`, with its JSON in `demo.json`."""
    folder = tmp_path_factory.mktemp("newcomer")
    before = os.getcwd()
    os.chdir(str(folder))
    try:
        assert run(["-q", "demo", "--tiny", "--out", "demo", "--json", "demo.json"]) == 0
    finally:
        os.chdir(before)
    return folder


def test_everything_is_there(demo):
    result = json.loads((demo / "demo.json").read_text(encoding="utf-8"))
    for name, path in result["files"].items():
        assert os.path.getsize(str(demo / path)) > 0, name
    assert [one["name"] for one in result["models"]] == ["source", "adapted"]
    for one in result["models"]:
        assert 0.0 <= one["miou_night"] <= 1.0 and 0.0 <= one["miou_day"] <= 1.0
        assert one["macs_g"] > 0 and one["params_m"] > 0 and one["latency_ms"]["p50"] > 0
    source, adapted = result["models"]
    assert adapted["macs_g"] < source["macs_g"] and adapted["params_m"] < source["params_m"]
    assert result["served"]["frames"] == sum(result["served"]["sizes"].values()) == 8
    assert os.path.realpath(str(demo / "runs" / "latest")) == os.path.realpath(str(demo / "demo" / "adapted"))


def test_again_makes_only_what_is_missing(demo, monkeypatch, capfd):
    monkeypatch.chdir(demo)
    model = demo / "demo" / "adapted" / "model.onnx"
    before = os.stat(str(model)).st_mtime_ns
    assert run(["demo", "--tiny", "--out", "demo"]) == 0
    assert os.stat(str(model)).st_mtime_ns == before
    said = capfd.readouterr()
    for name in ("source", "adapted"):
        assert 0.0 <= float(re.findall(ROW % name, said.out)[-1]) <= 100.0
    assert "finished" in said.err
    if "jtop)" not in said.out and "INA3221" not in said.out:
        assert said.out.count("estimated") >= 2  # where no sensor is, every joule says so


def test_another_demo_is_not_mixed_in(demo, monkeypatch, capfd):
    monkeypatch.chdir(demo)
    assert run(["demo", "--tiny", "--seed", "1", "--out", "demo"]) == 2
    assert "--fresh" in capfd.readouterr().err


def test_a_folder_of_other_things_is_left_alone(tmp_path, capfd):
    kept = tmp_path / "day"
    kept.mkdir()
    (kept / "holiday.jpg").write_bytes(b"mine")
    for flags in ([], ["--fresh"]):
        assert run(["demo", "--tiny", "--out", str(tmp_path)] + flags) == 2
        assert "hint:" in capfd.readouterr().err
    assert (kept / "holiday.jpg").read_bytes() == b"mine"


def test_a_demo_that_was_killed_before_its_first_file_was_whole_is_begun(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "demo.json.4194304.tmp").write_text("{")  # a number that no process has
    demo_command._claim(demo_command.DemoConfig(str(tmp_path / "d"), 0, True, False, None), demo_command.TINY)
    assert [one.name for one in (tmp_path / "d").iterdir()] == ["demo.json"]
