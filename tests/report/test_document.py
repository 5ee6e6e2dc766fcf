import base64
import copy
import re

import pytest

from dance_edge.errors import ConfigError
from dance_edge.history import FILE, History, Scalars
from dance_edge.report import document
from dance_edge.report.document import figures, group_rows, write_report

FACTS = {
    "run": "runs/<b>x</b>", "steps": 40, "resumed_from_step": None, "images_offered": 160, "images_kept": 80,
    "pixels_ratio": 0.7, "pixels_ratio_offered": 0.35, "macs_p": 0.5, "channels_kept": 0.7, "duration_s": 61.0,
    "energy_j": 123.4, "energy_source": "estimated (TX2 model)",
    "energy": {"gross_j": 123.4, "source": "tx2_model", "reason": "r", "label": "estimated (TX2 model)"},
    "miou_before": 0.25, "miou_after": 0.5, "split": "12 of train", "batch_size": 4,
    "broken": [["a/<i>.jpg", "cut off"]],
    "before": {"per_class": {"road": 0.5, "sky": None},
               "groups": [{"kind": "p", "name": "low p", "images": 3, "miou": 0.125}]},
    "after": {"per_class": {"road": 0.75, "sky": None},
              "groups": [{"kind": "sequence", "name": "dusk", "images": 3, "miou": None},
                         {"kind": "p", "name": "low p", "images": 3, "miou": 0.375}]},
    "prunes": [{"step": 10, "channels_kept": 0.9, "macs_ratio": 0.95, "logit_change": 0.01}],
    "layers": [{"layer": "aspp.one", "kind": "multi-scale aggregation", "original": 64, "kept": 16},
               {"layer": "output.<i>", "kind": "other", "original": 32, "kept": 24}],
    "warnings": ["dark & starved"]}
MANIFEST = {"model": "bisenet", "provenance": {"source": "s.pt", "target": "town"},
            "rungs": [{"size": [96, 160], "macs": 2e9}]}
EXPORT = {"rungs": [{"height": 96, "width": 160, "max_logit_error": 2e-6, "label_agreement": 1.0}]}


@pytest.fixture
def written(tmp_path):
    write_report(str(tmp_path), copy.deepcopy(FACTS), MANIFEST, EXPORT)
    names = ("report.json", "report.md", "report.html")
    return {name: (tmp_path / name).read_text(encoding="utf-8") for name in names}


def test_every_figure_stands_in_both_pages(written):
    for text in (written["report.md"], written["report.html"]):
        for words in ("25.0 %", "50.0 %", "80 of 160", "123 J, estimated (TX2 model), r", "75.0 %", "cut off",
                      "starved", "12.5 %", "37.5 %", "dusk"):
            assert words in text


def test_markdown_tables_are_whole(written):
    lines = written["report.md"].splitlines()
    assert "| road | 50.0 % | 75.0 % |" in lines and "| sky | - | - |" in lines
    assert "| sequence | dusk | 3 | - | - |" in lines and "| p | low p | 3 | 12.5 % | 37.5 % |" in lines
    assert "| 160x96 | 2.00 G | 2.0e-06 | 100.0000 % |" in lines
    before = [lines[i - 1] for i, line in enumerate(lines) if line.startswith("|")]
    assert all(line == "" or line.startswith("|") for line in before)


def test_what_was_pruned_stands_by_kind_and_by_layer(written, tmp_path):
    lines = written["report.md"].splitlines()
    for line in ("| all | multi-scale aggregation | 64 | 16 | 75.0 % |", "| all | other | 32 | 24 | 25.0 % |",
                 "| aspp.one | multi-scale aggregation | 64 | 16 | 75.0 % |",
                 "| output.<i> | other | 32 | 24 | 25.0 % |"):
        assert line in lines
    assert "](pruned.png)" in written["report.md"] and "output.&lt;i&gt;" in written["report.html"]
    assert _pictures(written["report.html"]) == [(tmp_path / "pruned.png").read_bytes()]


def _pictures(page):
    """The PNGs that an HTML page holds; every picture must be of this kind, or the page could not be sent alone."""
    sources = re.findall(r'<img src="([^"]*)"', page)
    assert all(one.startswith("data:image/png;base64,") for one in sources)
    return [base64.b64decode(one.split(",")[1]) for one in sources]


def test_a_run_with_a_history_shows_its_curves(tmp_path):
    with History(str(tmp_path / FILE), 0) as history:
        for step in range(1, 41):
            history.add(Scalars(step, 1.5 * step, 2.0 / step, 0.01, 0.5, 96, 160, 0.5, 0.9, 1e-5 * step))
    write_report(str(tmp_path), copy.deepcopy(FACTS), MANIFEST, EXPORT)
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    place = lines.index("## Curves")
    assert lines[place - 1] == lines[place + 1] == "" and "](curves.png)" in lines[place + 2]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<h2>Curves</h2>") == 1
    assert _pictures(page) == [(tmp_path / name).read_bytes() for name in ("curves.png", "pruned.png")]


def test_a_run_without_a_history_has_no_curves(written, tmp_path):
    assert not (tmp_path / "curves.png").exists()
    assert "Curves" not in written["report.md"] and "Curves" not in written["report.html"]


@pytest.mark.parametrize("layers", [None, []])
def test_where_nothing_was_in_scope_nothing_is_said_of_it(tmp_path, layers):
    facts = copy.deepcopy(FACTS)
    facts.pop("layers")
    if layers is not None:
        facts["layers"] = layers
    write_report(str(tmp_path), facts, MANIFEST, EXPORT)
    assert "What was pruned" not in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert not (tmp_path / "pruned.png").exists()


def test_without_matplotlib_the_tables_stand_alone(tmp_path, monkeypatch):
    def missing(_path, _layers):
        raise ConfigError("figures need matplotlib, which is not installed", "")

    monkeypatch.setattr(document, "draw_pruned", missing)
    write_report(str(tmp_path), copy.deepcopy(FACTS), MANIFEST, EXPORT)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| aspp.one |" in text and "![" not in text
    assert "<img" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_groups_of_a_run_that_an_older_version_began():
    facts = copy.deepcopy(FACTS)
    for when in ("before", "after"):
        facts[when]["groups"] = [{"name": "dusk", "images": 3, "miou": 0.5}]
    assert group_rows(facts) == [("sequence", "dusk", "3", "50.0 %", "50.0 %")]
    facts["before"] = None
    assert group_rows(facts) == [("sequence", "dusk", "3", "-", "50.0 %")]


def test_names_of_files_are_text_in_html(written):
    assert "<b>x</b>" not in written["report.html"] and "&lt;i&gt;.jpg" in written["report.html"]


def test_a_figure_that_could_not_be_had_is_a_dash():
    facts = dict(FACTS, energy_j=None, energy={"reason": "no sensor"}, miou_before=None)
    table = dict(figures(facts))
    assert table["energy of the run"] == "none (no sensor)" and table["mIoU on the target, before"] == "-"


def test_what_the_joules_went_to_stands_in_both_pages(tmp_path):
    measured = {"gross_j": 50.0, "low_j": 49.0, "high_j": 51.0, "sensor_j": 3.0, "duration_s": 10.0, "measured": True,
                "source": "jtop", "scope": "VDD_IN", "coverage": 1.0}
    facts = dict(FACTS, energy=measured, energy_phases={
        "training": measured, "pruning": {"duration_s": 0.2, "source": "jtop", "reason": "2 samples are too few"}})
    write_report(str(tmp_path), facts, MANIFEST, EXPORT)
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        for words in ("What the joules went to", "50 J (49 to 51), measured (jtop, VDD_IN), uncalibrated",
                      "none (2 samples are too few)"):
            assert words in text
