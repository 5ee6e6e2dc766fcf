"""Files that are whole or not there."""
import os

import pytest

from dance_edge.atomic import replace_file


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replace_file("f") as file:
        file.write(b"old")
    with pytest.raises(RuntimeError):
        with replace_file("f") as file:
            file.write(b"ne")
            raise RuntimeError
    assert open("f").read() == "old" and os.listdir(".") == ["f"]
