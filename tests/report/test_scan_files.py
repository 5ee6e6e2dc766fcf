"""What a scan leaves behind."""
import csv
import os
import sys

import numpy as np
import pytest

from dance_edge.complexity.profile import ComplexityProfile, load_profile
from dance_edge.errors import ConfigError
from dance_edge.events import Warned
from dance_edge.report.scan_files import Row, _short, pick_rows, write_scan
from dance_edge.size import Size

PROFILE = ComplexityProfile(0.0, 0.1, Size(8, 12), 10, 0.07, "made", "sobel")


def _rows(count):
    return [Row("train", "%d.jpg" % i, "", "g", Size(8, 12), 0.02 * i, 0.5, i % 2 == 0) for i in range(count)]


def _load(rows):
    return [np.full((8, 12, 3), 20, np.uint8) for _ in rows]


def test_all_files_are_written_and_the_profile_can_be_read(tmp_path):
    folder = str(tmp_path / "runs" / "scan-made")
    events = []
    write_scan(folder, _rows(10), PROFILE, _load, events.append)
    assert sorted(os.listdir(folder)) == ["complexity.csv", "contact_sheet.png", "distribution.png", "profile.json"]
    assert load_profile(os.path.join(folder, "profile.json")) == PROFILE and events == []
    with open(os.path.join(folder, "complexity.csv"), newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 10 and lines[3]["key"] == "3.jpg" and lines[3]["fitted"] == "0"
    assert abs(float(lines[9]["p"]) - PROFILE.p(0.18)) < 1e-4


@pytest.mark.parametrize("count, picked", [(1, [1]), (2, [2]), (3, [1, 1, 1]), (7, [2, 2, 2]), (30, [4, 4, 4])])
def test_simplest_middle_and_most_complex_never_share(count, picked):
    rows = _rows(count)
    chosen = pick_rows(rows[::-1])
    assert [len(some) for _, some in chosen] == picked
    keys = [row.key for _, some in chosen for row in some]
    assert len(set(keys)) == len(keys) and keys[0] == "0.jpg" and keys[-1] == "%d.jpg" % (count - 1)


def test_neighbours_of_a_drive_are_not_shown_beside_each_other():
    """A drive of 360 images into ever busier streets: the extremes are there, and the rest stands apart."""
    rows = [Row("train", "%03d.jpg" % i, "", "g", Size(8, 12), 0.001 * i, 0.5, True) for i in range(360)]
    chosen = dict(pick_rows(rows))
    assert [row.key for row in chosen["simplest"]] == ["000.jpg", "011.jpg", "022.jpg", "033.jpg"]
    assert [row.key for row in chosen["most complex"]] == ["326.jpg", "337.jpg", "348.jpg", "359.jpg"]
    middle = [int(row.key[:3]) for row in chosen["middle"]]
    assert min(b - a for a, b in zip(middle, middle[1:])) > 10 and 150 < np.mean(middle) < 210


@pytest.mark.parametrize("key, shown", [
    ("lindau/lindau_000010_000019_leftImg8bit.png", "lindau_000010_000019"), ("0/024541_image.jpg", "0/024541"),
    ("0001TP_006690.jpg", "0001TP_006690"), ("a_long_folder/a_very_long_name_1.jpg", "...lder/a_very_long_name_1")])
def test_captions_are_short(key, shown):
    assert _short(key) == shown and len(_short(key)) <= 26


def test_without_matplotlib_the_figures_are_left_out_and_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    events = []
    write_scan(str(tmp_path / "out"), _rows(4), PROFILE, _load, events.append)
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["complexity.csv", "profile.json"]
    assert len(events) == 1 and isinstance(events[0], Warned) and "dance-edge[report]" in events[0].text


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        write_scan(str(tmp_path / "file" / "out"), _rows(4), PROFILE, _load, lambda event: None)
