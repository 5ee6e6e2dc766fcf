"""Plans on the disk: the one that fits comes back, any other is named and left alone."""
import errno
import fcntl
import os
import subprocess
import sys

import pytest

from dance_edge.events import Note, Warned
from dance_edge.runtime.plan_file import Plan, one_builder, read_plan, write_plan

FACTS = {"onnx_sha256": "ab", "tensorrt": "8.2.1.8", "compute_capability": "62", "precision": "fp16",
         "input": "1x3x64x96", "workspace_bytes": 1 << 28}


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "m.plan")
    write_plan(path, FACTS, Plan(b"\x00plan\n\nwith lines", 77))
    return path


def test_a_plan_comes_back_with_its_memory(path):
    found = read_plan(path, dict(FACTS))
    assert found.plan == Plan(b"\x00plan\n\nwith lines", 77) and found.why_not == ""


def test_nothing_there_is_no_complaint(tmp_path):
    assert read_plan(str(tmp_path / "none"), FACTS) == (None, "")


@pytest.mark.parametrize("name, value, words", [
    ("onnx_sha256", "cd", "another ONNX file"), ("tensorrt", "8.0.1.6", "TensorRT 8.2.1.8"),
    ("compute_capability", "72", "sm_62"), ("precision", "fp32", "fp16"), ("input", "1x3x32x32", "1x3x64x96"),
    ("workspace_bytes", 1, "268435456 bytes")])
def test_a_plan_of_anything_else_says_of_what(path, name, value, words):
    found = read_plan(path, dict(FACTS, **{name: value}))
    assert found.plan is None and words in found.why_not


@pytest.mark.parametrize("at", [3, -1])
def test_one_byte_is_enough_to_be_damaged(path, at):
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        content[at] ^= 1
        file.seek(0)
        file.write(content)
    found = read_plan(path, FACTS)
    assert found.plan is None and found.why_not


@pytest.mark.parametrize("content", [b"", b"ftrt\x00\x00\x00\xff" * 9, b"{}\n", b'{"format": 1}\n', b"[1]\nx"])
def test_what_is_no_plan_of_ours(tmp_path, content):
    path = tmp_path / "m.plan"
    path.write_bytes(content)
    found = read_plan(str(path), FACTS)
    assert found.plan is None and found.why_not


def test_a_cut_file_is_damaged(path):
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 1)
    assert read_plan(path, FACTS).why_not == "it is damaged"


def test_the_second_builder_waits_and_says_so(tmp_path):
    folder, said = str(tmp_path / "engines"), []
    code = ("import sys\nfrom dance_edge.runtime.plan_file import one_builder\n"
            "with one_builder(%r, print):\n    print('held', flush=True)\n    sys.stdin.readline()\n" % folder)
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline().strip() == b"held"

        def heard(event):
            said.append(event)
            child.stdin.write(b"\n")  # the holder ends only now that we wait
            child.stdin.flush()

        with one_builder(folder, heard):
            assert said == [Note("another process is building engines in %s: waiting for it" % folder)]
        assert child.wait(30) == 0


def test_what_a_killed_builder_left_is_swept(tmp_path):
    folder = tmp_path / "engines"
    folder.mkdir()
    (folder / "m.plan.999999999.tmp").write_bytes(b"half")
    with one_builder(str(folder), print):
        assert not (folder / "m.plan.999999999.tmp").exists()


def test_a_folder_that_cannot_be_written_hinders_nobody(tmp_path):
    (tmp_path / "engines").write_bytes(b"a file in its place")
    said = []
    with one_builder(str(tmp_path / "engines"), said.append):
        assert said == [] and (tmp_path / "engines").read_bytes() == b"a file in its place"


def test_a_plan_of_another_format_is_not_called_damaged(path):
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content.replace(b'"format": 1', b'"format": 7'))
    assert read_plan(path, FACTS) == (None, "it is of format 7, not 1")


def locks_fail(monkeypatch, blocking, number):
    """`lockf` gives the error `number` where it would not wait, or only where it would, since another has the lock."""
    def lockf(file, operation):
        if blocking and operation & fcntl.LOCK_NB:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", lockf)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
@pytest.mark.parametrize("blocking", [False, True])
def test_without_locks_it_goes_on_and_says_so(tmp_path, monkeypatch, blocking, number):
    (tmp_path / "m.plan.999999999.tmp").write_bytes(b"maybe another machine's")
    locks_fail(monkeypatch, blocking, number)
    said = []
    with one_builder(str(tmp_path), said.append):
        write_plan(str(tmp_path / "m.plan"), FACTS, Plan(b"whole", 5))
    warning = said.pop()
    assert isinstance(warning, Warned) and os.strerror(number) in warning.text and "\n" not in warning.text
    assert "cannot be locked" in warning.text and len(said) == int(blocking)
    assert read_plan(str(tmp_path / "m.plan"), FACTS).plan == Plan(b"whole", 5)
    assert (tmp_path / "m.plan.999999999.tmp").exists()


def test_what_cannot_be_swept_hinders_nobody(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(errno.EPERM, "another user's")

    monkeypatch.setattr("dance_edge.runtime.plan_file.sweep", refuse)
    said = []
    with one_builder(str(tmp_path), said.append):
        assert said == []


def test_an_error_of_the_builder_is_its_own(tmp_path):
    with pytest.raises(OSError, match="mine"):
        with one_builder(str(tmp_path), print):
            raise OSError("mine")
