"""Events as lines, as a bar, and as a log."""
import io
import os

import pytest

from dance_edge.cli import progress
from dance_edge.cli.progress import Listener
from dance_edge.events import EpochDone, Note, Progress, StageDone, StepDone, Warned
from dance_edge.size import Size

STEP = StepDone(step=3, steps=40, loss=1.5, mean_p=0.42, size=Size(288, 384), pixels_ratio=0.36, learning_rate=0.01,
                eta_s=75.0)
STEP_LINE = "step 3/40  loss 1.5000  p 0.42  384x288  pixels saved 64 %  ETA 1:15  lr 0.01"


EPOCH = EpochDone(2, 10, 367, 183, 12, 0.354, ((Size(192, 256), 40), (Size(288, 384), 143)))
EPOCH_LINE = ("epoch 2/10  183 of 367 images kept  35.4 % of the pixels: 256x192 40, 384x288 143"
              "  (12 wait for a full batch)")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    with Listener(stream=stream) as on_event:
        for event in (Note("12 pairs"), STEP, EPOCH, StageDone(1, 3, 0.83, 0.71, 0.02), Warned("dark images")):
            on_event(event)
    assert stream.getvalue().splitlines() == [
        "12 pairs", STEP_LINE, EPOCH_LINE,
        "stage 1/3 pruned: 83.0 % of the channels and 71.0 % of the MACs are left, logits moved by 0.02",
        "warning: dark images"]
    assert on_event.warnings == ["dark images"]


def test_an_epoch_of_many_sizes_names_the_most_frequent():
    many = EPOCH._replace(waiting=0, per_size=tuple((Size(32 * i, 32 * i), i) for i in range(1, 21)))
    assert progress.epoch_line(many).endswith(": 416x416 13, 448x448 14, 480x480 15, 512x512 16, 544x544 17, "
                                              "576x576 18, 608x608 19, 640x640 20 and 12 sizes more")
    none = EPOCH._replace(kept=0, waiting=0, pixels_ratio_offered=0.0, per_size=())
    assert progress.epoch_line(none) == "epoch 2/10  0 of 367 images kept  0.0 % of the pixels"


def test_progress_is_throttled_but_its_last_line_always_comes(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with Listener(stream=stream) as on_event:
        for done in range(1, 101):
            now[0] += 0.125
            on_event(Progress("scan", done, 100))
    assert stream.getvalue().splitlines() == ["scan 1/100", "scan 41/100", "scan 81/100", "scan 100/100"]


def test_quiet_keeps_warnings_only():
    stream = io.StringIO()
    with Listener(stream=stream, quiet=True) as on_event:
        for event in (Note("12 pairs"), STEP, EPOCH, Progress("scan", 1, 1), Warned("dark images")):
            on_event(event)
    assert stream.getvalue() == "warning: dark images\n"


@pytest.mark.parametrize("quiet, stream", [(True, io.StringIO()), (False, Terminal())])
def test_the_log_has_every_step_and_what_came_before_it_was_opened(tmp_path, quiet, stream):
    path = tmp_path / "adapt.log"
    path.write_text("an earlier run's line\n")
    with Listener(stream=stream, quiet=quiet) as on_event:
        on_event(Note("12 pairs"))
        on_event(Warned("dark [images]"))
        on_event.log_to(str(path))
        on_event(STEP)
        on_event(EPOCH)
        on_event(Progress("evaluate", 1, 2))
        on_event(Progress("evaluate", 2, 2))
    assert path.read_text().splitlines() == [
        "an earlier run's line", "12 pairs", "warning: dark [images]", STEP_LINE, EPOCH_LINE, "evaluate 2/2"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_ends_the_log_is_said_once_and_not_the_job():
    stream = io.StringIO()
    with Listener("/dev/full", stream=stream) as on_event:
        for _ in range(3):
            on_event(Note("12 pairs"))
    assert stream.getvalue().splitlines() == ["warning: no more lines for the log: No space left on device"] + \
        ["12 pairs"] * 3


def test_a_terminal_gets_a_bar_with_the_figures_and_lines_above_it():
    stream = Terminal()
    with Listener(stream=stream) as on_event:
        on_event(STEP)
        on_event(Warned("dark [images]"))
    text = stream.getvalue()
    assert "3/40" in text and "loss 1.5000" in text and "warning: dark [images]" in text


def test_the_bar_stops_where_the_job_fails():
    with pytest.raises(ValueError):
        with Listener(stream=Terminal()) as on_event:
            on_event(STEP)
            raise ValueError("broken")
    assert on_event._bar is None


@pytest.mark.parametrize("seconds, text", [(6.6, "0:07"), (754, "12:34"), (3723, "1:02:03"), (-1, "0:00")])
def test_duration(seconds, text):
    assert progress.duration(seconds) == text
