"""What a command answers with: JSON that is whole or absent, and tables that no pipe cuts."""
import json
import os

import numpy as np
import pytest

from dance_edge.cli import output
from dance_edge.errors import ConfigError
from dance_edge.size import Size


def test_json_has_plain_types_and_null_for_what_is_no_number(tmp_path):
    path = tmp_path / "r.json"
    output.write_json(str(path), {"format": 1, "miou": float("nan"), "iou": np.array([0.5, np.nan]), "n": np.int64(3),
                                  "share": np.float32(0.25), "size": Size(2, 3), "name": "Straße", "none": None})
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "format": 1, "miou": None, "iou": [0.5, None], "n": 3, "share": 0.25, "size": [2, 3], "name": "Straße",
        "none": None}
    assert os.listdir(str(tmp_path)) == ["r.json"]


def test_a_dash_is_stdout_alone_and_people_read_stderr(capsys):
    output.say("done", "-")
    output.table(["model", "mIoU"], [["source", "0.41"]], json_path="-")
    output.write_json("-", {"a": 1})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": 1}
    assert "done" in err and "source" in err


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "r.json"
    path.write_text("before")
    with pytest.raises(TypeError):
        output.write_json(str(path), {"bad": object()})
    assert path.read_text() == "before" and os.listdir(str(tmp_path)) == ["r.json"]
    with pytest.raises(ConfigError) as caught:
        output.write_json(str(tmp_path / "missing" / "r.json"), {})
    assert "missing" in caught.value.message


def test_a_device_is_written_to_and_a_link_is_written_through(tmp_path):
    output.write_json(os.devnull, {"a": 1})
    assert not os.path.isfile(os.devnull)
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("{}")
    link.symlink_to(target)
    output.write_json(str(link), {"a": 1})
    assert link.is_symlink() and json.loads(target.read_text()) == {"a": 1}


def test_a_table_in_a_pipe_keeps_each_row_on_its_line(capsys):
    cells = ["a very long model name that would be broken at eighty columns", "0.412", "12.3 [estimated] (TX2 model)",
             "one more long cell, wide enough to pass eighty columns by far"]
    output.table(["model", "mIoU", "J", "note"], [cells], title="before / after")
    rows = [line for line in capsys.readouterr().out.splitlines() if "0.412" in line]
    assert len(rows) == 1 and all(cell in rows[0] for cell in cells)
