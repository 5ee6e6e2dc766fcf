"""--tensorboard: what TensorBoard itself reads from the files, also of runs that were killed and went on."""
import os
import resource
import sys

import pytest

from dance_edge.cli.main import run
from dance_edge.cli.tensorboard import TensorBoard
from dance_edge.errors import ConfigError
from dance_edge.events import Note, Opened, StageDone, StepDone, Warned
from dance_edge.size import Size


def _step(step, loss=1.0):
    return StepDone(step, 40, loss, 0.25, Size(96, 160), 0.5, 0.01, None)


@pytest.fixture
def read(tmp_path):
    """Reads a tag of a run folder, which is tmp_path itself, with TensorBoard's own reader: [(step, value)]."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(tag, folder=tmp_path):
        accumulator = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
        accumulator.Reload()
        return [(one.step, one.value) for one in accumulator.Scalars(tag)]

    return read


def test_steps_and_prunes_are_scalars_by_step(tmp_path, read):
    with TensorBoard() as on_event:
        for event in (Note("12 pairs"), Opened(str(tmp_path)), _step(1, 4.0), StageDone(1, 2, 0.75, 0.5, 0.125),
                      _step(2, 2.0), _step(3, 1.0), StageDone(2, 2, 0.5, 0.25, 0.25), _step(4, 0.5)):
            on_event(event)
        assert read("loss") == [(1, 4.0), (2, 2.0), (3, 1.0), (4, 0.5)]  # already, not only at the end
    assert read("prune/channels_kept") == [(2, 0.75), (4, 0.5)] and read("prune/macs_ratio") == [(2, 0.5), (4, 0.25)]
    assert read("mean_p")[0] == (1, 0.25) and read("pixels_ratio")[0] == (1, 0.5)
    assert read("size/height")[0] == (1, 96.0) and read("size/width")[0] == (1, 160.0)
    assert read("learning_rate")[-1] == (4, pytest.approx(0.01))


def test_a_run_that_goes_on_takes_the_place_of_its_lost_steps(tmp_path, read, monkeypatch):
    clock = iter([9e8, 5.0, 1e9])  # a board's clock may jump: the order of starts counts
    for first, last, loss in ((1, 6, 1.0), (4, 8, 2.0), (7, 9, 3.0)):
        now = next(clock)
        monkeypatch.setattr("time.time", lambda now=now: now)
        with TensorBoard() as on_event:
            on_event(Opened(str(tmp_path)))
            for step in range(first, last + 1):
                on_event(_step(step, loss))
    assert read("loss") == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 2.0), (6, 2.0), (7, 3.0), (8, 3.0), (9, 3.0)]


def test_a_record_that_a_dying_process_tore_spoils_nothing(tmp_path, read):
    for first, last in ((1, 3), (3, 4)):
        with TensorBoard() as on_event:
            on_event(Opened(str(tmp_path)))
            for step in range(first, last + 1):
                on_event(_step(step, float(step)))
        path = str(tmp_path / "tensorboard" / max(os.listdir(str(tmp_path / "tensorboard"))))
        if first == 1:
            os.truncate(path, os.path.getsize(path) - 7)
    assert read("loss") == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]


def test_a_full_disk_is_said_once_and_stops_nothing(tmp_path, read):
    events = []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TensorBoard(events.append) as on_event:
        on_event(Opened(str(tmp_path)))
        on_event(_step(1))
        (name,) = os.listdir(str(tmp_path / "tensorboard"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(str(tmp_path / "tensorboard" / name)) + 9, hard))
        try:
            for step in range(2, 30):
                on_event(_step(step))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(events) == 1 and isinstance(events[0], Warned) and "from step 2 on" in events[0].text
    assert read("loss")[0] == (1, 1.0)


def test_nothing_is_made_where_no_step_is_taken(tmp_path, read):
    with TensorBoard() as on_event:
        on_event(_step(1))
        on_event(Opened(str(tmp_path)))
    assert os.listdir(str(tmp_path)) == []


def test_without_the_package_the_run_is_refused_before_anything_is_made(small_set, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"] + ["tensorboard"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError):
        TensorBoard()
    assert run(["adapt", "--model", "bisenet", "--target", small_set, "--out", "r", "--tensorboard"]) == 2
    said = capfd.readouterr().err.splitlines()
    assert said[-2].startswith("error: --tensorboard needs the package tensorboard")
    assert said[-1] == ("hint:  pip install tensorboard, or leave --tensorboard out: RUN/scalars.csv has the same "
                        "figures")
    assert os.listdir(str(tmp_path)) == []


SMALL = '''
from torch import nn

def make(num_classes):
    return nn.Sequential(nn.Conv2d(3, 16, 3, 4, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                         nn.Conv2d(16, num_classes, 1))
'''


def test_the_flag_gives_the_run_a_folder_of_scalars(small_set, tmp_path, read, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.py").write_text(SMALL)
    assert run(["-q", "adapt", "--model", "small:make", "--stride", "4", "--scope", "all", "--target", small_set,
                "--steps", "4", "--batch-size", "3", "--stages", "1", "--out", "r", "--tensorboard"]) == 0
    assert [step for step, _ in read("loss", tmp_path / "r")] == [1, 2, 3, 4]
    assert [step for step, _ in read("prune/channels_kept", tmp_path / "r")] == [2]
