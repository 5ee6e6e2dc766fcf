"""The files of one export: all of them, or none."""
import os

import pytest

from dance_edge.atomic import TEMPORARY, sweep
from dance_edge.errors import ExportError
from dance_edge.export.files import together


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write(name, "old")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def read():
    found = {}
    for name in os.listdir("."):
        if os.path.isfile(name):
            with open(name) as file:
                found[name] = file.read()
    return found


def test_they_appear_when_all_are_written_in_the_order_given(folder, monkeypatch):
    order = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: order.append(new) or real(old, new))
    with together() as files:
        for name in ("b", "a", "c"):
            write(files.write_to(name), "new")
        assert {name: text for name, text in read().items() if not TEMPORARY.search(name)} == {"a": "old", "b": "old"}
    assert read() == {"a": "new", "b": "new", "c": "new"} and order == ["b", "a", "c"]


def test_a_failure_leaves_what_was_there(folder):
    with pytest.raises(ValueError):
        with together() as files:
            write(files.write_to("a"), "new")
            files.write_to("b")  # not begun yet
            raise ValueError
    assert read() == {"a": "old", "b": "old"}


def test_a_folder_in_the_way_is_found_before_the_first_has_its_name(folder):
    os.mkdir("c")
    with pytest.raises(ExportError, match="^c is a folder"):
        with together() as files:
            write(files.write_to("a"), "new")
            write(files.write_to("c"), "new")
    assert read() == {"a": "old", "b": "old"} and os.listdir("c") == []


def test_what_a_killed_export_left_is_swept_with_the_folder(folder):
    with together() as files:
        write(files.write_to("a"), "new")
        write("a.%d.tmp" % (1 << 30), "left behind")
        assert len(read()) == 4
    sweep(".")
    assert read() == {"a": "new", "b": "old"}
