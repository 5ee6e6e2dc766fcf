"""A row a step, on the disk at once; what a resumed run takes again is dropped, what a dying run tore is not read."""
import contextlib
import os
import resource
import subprocess
import sys

import pytest

from dance_edge.events import Warned
from dance_edge.history import History, Scalars, read_history

HEADER = "step,time_s,loss,learning_rate,mean_p,height,width,pixels_ratio,channels_kept,macs_p,power_w,miou\n"


def _row(step, **changes):
    return Scalars(step, 0.5 * step, 1.0 / step, 0.01, 0.25, 96, 160, 0.1 + 0.2, 0.75, 1e-5 * step)._replace(**changes)


def _fill(path, steps):
    with History(str(path), 0) as history:
        for step in steps:
            history.add(_row(step))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scalars.csv"


def test_rows_come_back_as_they_were_added(path):
    rows = [_row(1), _row(2, power_w=7.25), _row(3, miou=0.5), _row(4, power_w=0.0, miou=0.0)]
    with History(str(path), 0) as history:
        for row in rows:
            history.add(row)
    assert read_history(str(path)) == rows


def test_the_file_is_a_table_with_a_head_and_empty_cells(path):
    with History(str(path), 0) as history:
        history.add(_row(2, pixels_ratio=0.5, power_w=7.25))
        history.add(_row(4, pixels_ratio=0.5, miou=0.5))
    assert path.read_bytes().decode("ascii") == (
        HEADER + "2,1.0,0.5,0.01,0.25,96,160,0.5,0.75,2e-05,7.25,\n"
        "4,2.0,0.25,0.01,0.25,96,160,0.5,0.75,4e-05,,0.5\n")


@pytest.mark.parametrize("after, left", [(0, []), (1, [1]), (3, [1, 2, 3]), (5, [1, 2, 3, 4, 5]), (9, [1, 2, 3, 4, 5])])
def test_rows_after_the_step_gone_on_from_are_dropped(path, after, left):
    _fill(path, range(1, 6))
    with History(str(path), after) as history:
        assert [row.step for row in read_history(str(path))] == left
        history.add(_row(after + 1, loss=9.0))
    rows = read_history(str(path))
    assert [row.step for row in rows] == left + [after + 1] and rows[-1].loss == 9.0
    assert os.listdir(str(path.parent)) == ["scalars.csv"]


def test_a_row_torn_at_any_byte_is_not_read(path):
    _fill(path, [1, 2])
    whole = path.read_bytes()
    begin = whole.index(b"\n2,") + 1
    for end in range(begin, len(whole)):
        path.write_bytes(whole[:end])
        assert read_history(str(path)) == [_row(1)], whole[begin:end]


@pytest.mark.parametrize("damage", [b"\0" * 40, b"\0" * 40 + b"\n", b"3,1.5,\xff\xfe\n", b"3,1.5\n", b"\n3,"])
def test_what_follows_the_last_whole_row_is_dropped_on_resuming(path, damage):
    _fill(path, [1, 2])
    with open(str(path), "ab") as file:
        file.write(damage)
    assert read_history(str(path)) == [_row(1), _row(2)]
    with History(str(path), 2) as history:
        history.add(_row(3))
    assert read_history(str(path)) == [_row(1), _row(2), _row(3)]


def test_without_a_file_or_rows_there_is_no_history(path):
    assert read_history(str(path)) == []
    path.write_text("")
    assert read_history(str(path)) == []
    path.write_text(HEADER)
    assert read_history(str(path)) == []
    path.write_text("monotonic_s,VDD_IN_w\n1.0,7.0\n")
    assert read_history(str(path)) == []


def test_columns_are_found_by_their_names(path):
    path.write_text("miou,later,macs_p,channels_kept,pixels_ratio,width,height,mean_p,learning_rate,loss,time_s,step\n"
                    "0.5,x,1e-05,0.75,%r,160,96,0.25,0.01,1.0,0.5,1\n" % (0.1 + 0.2))
    assert read_history(str(path)) == [_row(1, miou=0.5)]


def test_a_killed_process_leaves_every_row_it_added(path):
    code = ("import os, signal, sys\n"
            "from dance_edge.history import History, Scalars\n"
            "history = History(sys.argv[1], 0)\n"
            "for step in range(1, 8):\n"
            "    history.add(Scalars(step, 0.5, 1.0, 0.01, 0.25, 96, 160, 0.5, 0.75, 1e-5))\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n")
    assert subprocess.call([sys.executable, "-c", code, str(path)]) == -9
    assert [row.step for row in read_history(str(path))] == list(range(1, 8))


@contextlib.contextmanager
def _files_of_at_most(size):
    """What a full disk does: a write beyond `size` bytes is cut short, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 30])
def test_a_full_disk_loses_rows_whole_says_so_once_and_stops_nothing(path, room):
    events = []
    with History(str(path), 0, events.append) as history:
        history.add(_row(1))
        with _files_of_at_most(path.stat().st_size + room):
            history.add(_row(2))
            history.add(_row(3))
        history.add(_row(4))
    assert read_history(str(path)) == [_row(1), _row(4)]
    assert len(events) == 1 and isinstance(events[0], Warned)
    assert "scalars.csv lacks step 2" in events[0].text
