"""No joule stands naked: every figure of every report says beside it whether it was measured or estimated."""
import contextlib
import html
import json
import os
import re
import shutil
import time

import numpy as np
import pytest

from dance_edge.cli import bench_pages, benching, demo, power_table, powering
from dance_edge.cli.main import run
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading, PowerSample, PowerSensor
from dance_edge.energy.trace import Trace
from dance_edge.report.document import write_report
from dance_edge.report.joules import joules
from dance_edge.run import read_state

LABEL = re.compile(r"measured|estimated|none \(|not comparable")
MEASURED = re.compile(r"(?<!un)measured \((?!paper)")  # the paper gives no intervals
INTERVAL = re.compile(r"-?[\d.]+ to [-+]?[\d.]+|interval not known")
FIGURE = re.compile(r"(?<![\w.])[-+]?\d[\d.]*(?:e[-+]?\d+)?\s?[kMm]?J(?![\w/])")
COLUMN = re.compile(r"\b[kMm]?J\b|joules|energy")  # the head of a column of joules, or of ratios of them
KEY = re.compile(r"(^|_)[km]?j(_|$)|joules")


def naked_lines(text):
    """Lines of Markdown or plain text with a figure in joules, or a table's cell under such a head, that lack a label,
    or of what was measured an interval or whether the sensor was calibrated."""
    found, heads = [], None
    lines = text.splitlines()
    for i, line in enumerate(lines):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else None
        if cells is None:
            heads = None
        elif i + 1 < len(lines) and lines[i + 1].startswith("|--"):
            heads = [bool(COLUMN.search(cell)) for cell in cells]
            continue
        bare = cells is not None and heads is not None and any(
            head and re.search(r"\d", cell) for head, cell in zip(heads, cells))
        if (FIGURE.search(line) or bare) and not labelled(line):
            found.append(line)
    return found


def labelled(line):
    if MEASURED.search(line):
        return bool(INTERVAL.search(line) and re.search(r"\b(un)?calibrated", line))
    return bool(LABEL.search(line))


def naked_rows(columns, rows):
    return naked_lines("\n".join("| %s |" % " | ".join(one) for one in [columns, ["--"] * len(columns)] + list(rows))
                       .replace("| -- |", "|-- |", 1))


def naked_html(page):
    """As `naked_lines`, of a page of HTML: its paragraphs, items and rows."""
    page = re.sub(r'"data:[^"]*"', '""', page)
    page = re.sub(r"<tr>((?:<th>[^<]*</th>)+)</tr>", r"<tr>\1</tr>|---|\n", page)  # a row of heads alone
    page = re.sub(r"\s*<tr>", "\n| ", page)
    page = re.sub(r"</t[hd]>", " | ", page)
    return naked_lines(html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"</(p|li|tr|h\d)>", "\n", page))))


def naked_keys(value, path=""):
    """Keys of JSON that hold joules in an object that does not say what they are, or says less than it promises."""
    found = []
    if isinstance(value, list):
        return [one for i, inner in enumerate(value) for one in naked_keys(inner, "%s[%d]" % (path, i))]
    if not isinstance(value, dict):
        return found
    label = " ".join(str(value[key]) for key in ("label", "energy_source") if key in value)
    for key, inner in value.items():
        figures = isinstance(inner, (int, float)) or (isinstance(inner, dict) and inner and key.endswith("_j"))
        if isinstance(inner, dict) and "value" in inner and key == "energy":  # a ratio of joules
            lacking = [one for one in ("label", "measured", "source") if one not in inner]
            found += ["%s.%s lacks %s" % (path, key, one) for one in lacking]
        if KEY.search(key) and figures and not LABEL.search(label):
            found.append(path + "." + key)
        elif not key.endswith("_j"):
            found += naked_keys(inner, path + "." + key)
    if "gross_j" in value:
        wanted = ["low_j", "high_j", "source", "scope", "measured", "calibrated"]
        found += ["%s lacks %s" % (path, key) for key in wanted if key not in value]
        if value["gross_j"] is not None:
            found += ["%s has no %s" % (path, key) for key in wanted[:4] if value.get(key) in (None, "")]
    return found


class Steps(PowerSensor):
    name, scope = "scripted", "VDD_IN"

    def error_w(self, watts):
        return 0.2

    def read(self):
        raise AssertionError("every sample is taken already")


@pytest.fixture
def scripted(monkeypatch):
    """A sensor of 4 to 6 W whose samples of the next three minutes are there already: a busy machine takes its time."""
    @contextlib.contextmanager
    def metered(*arguments, **named):
        meter, now_s = EnergyMeter(Steps(), 0.001), time.monotonic()
        for i in range(-50, 180000):
            meter.trace.append(PowerSample(now_s + 0.001 * i, {"VDD_IN": 4.0 + (i * 7919 % 101) / 50.0}, "VDD_IN"))
        yield meter

    monkeypatch.setattr(benching, "metered", metered)


@pytest.fixture
def tables(monkeypatch):
    """The tables that a bench prints, as columns and rows."""
    shown = []
    monkeypatch.setattr(bench_pages, "table", lambda columns, rows, **named: shown.append((columns, rows)))
    return shown


def read(folder, name):
    with open(os.path.join(str(folder), name), encoding="utf-8") as file:
        return file.read()


def test_the_scanner_sees_a_naked_joule():
    assert naked_lines("it took 3.2 J an image") and naked_lines("saved 12 kJ.") and naked_lines("-0.5 J net")
    assert not naked_lines("3.2 J an image (3.1 to 3.3), measured (jtop, VDD_IN), uncalibrated")
    assert not naked_lines("at 0.2 J/GMAC or 5 Jetsons")
    for short in ("3.2 J an image, measured (jtop, VDD_IN), uncalibrated", "may be off by 3 J either way",
                  "3.2 J an image (3.1 to 3.3), measured (jtop, VDD_IN)"):
        assert naked_lines(short) == [short]
    table = "| model | J an image | energy |\n|---|---|---|\n| a | 3.2 | %s |\n"
    assert naked_lines(table % "jtop") == ["| a | 3.2 | jtop |"] and not naked_lines(table % "estimated (TX2 model)")
    assert naked_rows(["model", "joules"], [["a", "-12 %"]]) and not naked_rows(["model", "joules"], [["a", "-"]])
    page = "<table><tr><th>model</th><th>J</th></tr>\n<tr><td>a</td><td>%s</td></tr></table><p>so &lt; 5 J</p>"
    assert naked_html(page % "3.2") == ["| a | 3.2 | ", "so < 5 J"]
    assert naked_html("<p>3 J (2 to 4), measured (jtop, VDD_IN), calibrated</p>") == []


def test_the_scanner_sees_a_naked_key():
    whole = {"gross_j": 1.0, "low_j": 0.9, "high_j": 1.1, "source": "jtop", "scope": "VDD_IN", "measured": True,
             "calibrated": False, "rails_j": {"VDD_IN": 1.0}, "label": "measured (jtop, VDD_IN)"}
    assert naked_keys({"energy": whole}) == []
    assert naked_keys({"a": [{"energy_j_per_image": 1.0}]}) == [".a[0].energy_j_per_image"]
    assert naked_keys({"energy_j": 1.0, "energy_source": "jtop"}) == [".energy_j"]
    assert naked_keys({"rails_j": {"VDD_IN": 1.0}}) == [".rails_j"] and naked_keys({"energy_j": None}) == []
    assert naked_keys(dict(whole, scope="")) == [" has no scope"]
    assert naked_keys(dict(whole, low_j=None)) == [" has no low_j"]
    assert naked_keys({key: value for key, value in whole.items() if key != "source"})
    ratio = {"value": 0.5, "low": 0.4, "high": 0.6}
    assert len(naked_keys({"ratios": [{"energy": ratio}]})) == 3
    assert naked_keys({"energy": dict(ratio, label=whole["label"], measured=True, source="jtop")}) == []


def test_a_runs_report(small_run):
    assert naked_lines(read(small_run, "report.md")) == [] and naked_html(read(small_run, "report.html")) == []
    facts = json.loads(read(small_run, "report.json"))
    assert naked_keys(facts) == [] and facts["energy_j"] > 0
    said = "%s J" % joules(facts["energy_j"])
    assert said in read(small_run, "report.md") and said in read(small_run, "report.html")


def test_a_metered_runs_report(small_run, tmp_path):
    reading = EnergyReading(gross_j=50.0, low_j=48.0, high_j=52.0, duration_s=10.0, measured=True, source="jtop",
                            scope="VDD_IN", coverage=0.9, sensor_j=3.0).to_dict()
    facts = dict(json.loads(read(small_run, "report.json")), energy_j=50.0, energy_source=reading["label"],
                 energy=reading, energy_phases={"scan": reading, "training": reading})
    write_report(str(tmp_path), facts, read_state(small_run)["manifest"], facts["export"])
    assert naked_keys(json.loads(read(tmp_path, "report.json"))) == []
    for name, naked in (("report.md", naked_lines), ("report.html", naked_html)):
        page = html.unescape(read(tmp_path, name))
        assert "50 J (48 to 52), measured (jtop, VDD_IN), uncalibrated, +- 3 J" in page and naked(page) == []


FLAGS = ["-q", "bench", "--images", "2", "--rounds", "1", "--train-steps", "2", "--paper"]


def benched(folder, small_run, tables, capsys, more):
    copy = str(folder / "run")
    if not os.path.exists(copy):
        shutil.copytree(small_run, copy)
    assert run(FLAGS + [copy] + more) == 0
    assert naked_lines(read(copy, "bench.md")) == [] and naked_html(read(copy, "bench.html")) == []
    facts = json.loads(read(copy, "bench.json"))
    assert naked_keys(facts) == []
    assert naked_lines(capsys.readouterr().out) == []
    assert len(tables) >= 3 and [naked_rows(columns, rows) for columns, rows in tables] == [[]] * len(tables)
    return facts, read(copy, "bench.md")


def test_a_bench_without_a_sensor(small_run, tmp_path, tables, capsys):
    facts, page = benched(tmp_path, small_run, tables, capsys, ["--power", "estimate"])
    assert len(FIGURE.findall(page)) >= 4 and page.count("estimated (TX2 model)") >= 6
    assert all(one["energy_j_per_image"] > 0 for one in facts["inference"])


def test_a_bench_with_a_sensor_and_against_it(small_run, tmp_path, tables, capsys, scripted):
    facts, page = benched(tmp_path, small_run, tables, capsys, ["--idle", "0.2"])
    old = str(tmp_path / "old.json")
    shutil.copy(str(tmp_path / "run" / "bench.json"), old)
    assert facts["training_steps"]["energy_source"].startswith("extrapolated from ")
    for line in [one for one in page.splitlines() if FIGURE.search(one) and "scripted" in one]:
        assert re.search(r"\(-?[\d.]+ to -?[\d.]+\), measured \(scripted, VDD_IN\), uncalibrated", line), line
    assert page.count("by the sensor's own offset") >= 3
    del tables[:]
    facts, page = benched(tmp_path, small_run, tables, capsys, ["--idle", "0", "--against", old])
    assert len(facts["changes"]) == 2 and "Now against" in page


def test_the_meter_alone(tmp_path, capsys):
    trace, path = Trace(), tmp_path / "trace.csv"
    for i in range(200):
        trace.append(PowerSample(0.05 * i, {"VDD_IN": 5.0 + i % 3, "VDD_SYS_GPU": 1.0 + i % 2}, "VDD_IN"))
    trace.write_csv(str(path), "ina3221")
    result = tmp_path / "p.json"
    assert run(["-q", "power", "--power", "replay:%s" % path, "--for", "1.5", "--json", str(result)]) == 0
    assert naked_keys(json.loads(result.read_text())) == [] and json.loads(result.read_text())["energy_j"] > 0
    shown = capsys.readouterr().out
    assert FIGURE.search(shown) and naked_lines(shown) == []


def test_the_meters_rails_on_a_terminal_and_in_the_end():
    reading = EnergyReading(gross_j=50.0, low_j=48.0, high_j=52.0, duration_s=10.0, measured=True, source="jtop",
                            scope="VDD_IN", rails_j={"VDD_IN": 50.0, "VDD_CPU": 9.0}, calibrated=True)
    rows = powering.rail_rows(reading)
    assert len(rows) == 2 and naked_rows(powering.RAIL_COLUMNS, rows) == []
    meter = EnergyMeter(Steps())
    meter.trace.append(PowerSample(1.0, {"VDD_IN": 5.0, "VDD_CPU": 1.0}, "VDD_IN"))
    live = power_table.live_rows(meter, reading._replace(coverage=1.0))
    # the rail that feeds all has its interval in the line above
    assert naked_rows(["rail", "W", "mean W", "J", "energy"], live[1:]) == [] and "), calibrated" in live[0][-1]
    assert naked_lines(power_table.plain_line(10.0, meter, reading)) == []


@pytest.fixture
def clip(tmp_path, monkeypatch, switch_manifest, write_switch, write_clip):
    """A folder with a clip of 12 frames and a network for it, entered."""
    monkeypatch.chdir(tmp_path)
    write_switch(tmp_path / "net.onnx", switch_manifest())
    write_clip(tmp_path / "v.avi", [np.full((128, 192, 3), 60, dtype=np.uint8)] * 12)


@pytest.mark.parametrize("kind, words", [("estimate", "estimated (TX2 model)"), ("auto", "measured (scripted, VDD_IN)"),
                                         ("none", "none (")])
def test_what_serve_says(clip, scripted, capsys, kind, words, monkeypatch):
    if kind == "auto":
        monkeypatch.setattr("dance_edge.energy.sensors.metered", benching.metered)
    assert run(["-q", "serve", "net.onnx", "--video", "v.avi", "--power", kind, "--json", "s.json"]) == 0
    shown = capsys.readouterr().out
    with open("s.json") as file:
        facts = json.load(file)
    assert words in shown and bool(FIGURE.search(shown)) == (kind != "none")
    assert naked_lines(shown) == [] and naked_keys(facts) == []


@pytest.mark.parametrize("measured", [False, True])
def test_the_demos_table(monkeypatch, measured):
    shown = []
    monkeypatch.setattr("dance_edge.cli.output.table", lambda columns, rows, **named: shown.append((columns, rows)))
    monkeypatch.setattr("dance_edge.cli.output.say", lambda *given: None)
    energy = EnergyReading(gross_j=2.0, low_j=1.9, high_j=2.1, measured=measured, scope="VDD_IN",
                           source="jtop" if measured else "tx2_model")
    one = {"name": "source", "miou_night": 0.5, "miou_day": 0.6, "macs_g": 1.0, "params_m": 2.0,
           "latency_ms": {"p50": 3.0}, "energy_j_per_image": 2.0, "energy_source": energy.label,
           "energy": energy.to_dict()}
    demo._print({"models": [one], "served": {"frames": 1, "sizes": {"64x96": 1}}, "files": {}, "duration_s": 1.0},
                demo.DemoConfig("d", 0, True, False, None))
    ((columns, rows),) = shown
    assert rows[0][6] == "2 (1.9 to 2.1)" and naked_rows(columns, rows) == []


def test_adapts_answer(small_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(os.path.dirname(small_run))
    answer = tmp_path / "a.json"
    assert run(["-q", "adapt", "--out", "r", "--json", str(answer)]) == 0  # it is finished: nothing is written
    facts = json.loads(answer.read_text())
    shown = capsys.readouterr().out
    assert naked_keys(facts) == [] and facts["energy_j"] > 0
    assert FIGURE.search(shown) and naked_lines(shown) == []


def test_adapts_plan(small_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = str(tmp_path / "c.json")
    with open(config, "w") as file:
        json.dump(read_state(small_run)["config"], file)
    flags = ["--config", config, "--out", "new", "--power", "estimate", "--dry-run", "--json", "d.json"]
    assert run(["adapt"] + flags) == 0
    with open("d.json") as file:
        facts = json.load(file)
    shown, said = capsys.readouterr()
    assert naked_keys(facts) == [] and facts["energy_j"] > 0 and naked_lines(shown) == [] and naked_lines(said) == []
