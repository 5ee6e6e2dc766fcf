import numpy as np
import pytest

from dance_edge.bench import memory
from dance_edge.bench.memory import Openings, PeakMemory
from dance_edge.errors import CheckpointError
from dance_edge.events import Note
from dance_edge.runtime.engine import Engines


def test_what_was_taken_for_a_moment_is_seen():
    with PeakMemory() as taken:
        np.ones(8 * 2 ** 20, dtype=np.float64)  # 64 MiB, let go of at once
    assert taken.bytes is None or 60 * 2 ** 20 <= taken.bytes < 200 * 2 ** 20


def test_the_peak_is_the_rise_over_what_was_there(monkeypatch, tmp_path):
    status = tmp_path / "status"
    monkeypatch.setattr(memory, "STATUS", str(status))
    monkeypatch.setattr(memory, "CLEAR", str(tmp_path / "clear"))
    status.write_text("Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t  400 kB\n")
    with PeakMemory() as taken:
        status.write_text("VmHWM:\t  1000 kB\nVmRSS:\t  500 kB\n")
    assert taken.bytes == 600 * 1024 and taken.kept_bytes == 100 * 1024 and (tmp_path / "clear").read_text() == "5"


def test_a_system_that_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CLEAR", str(tmp_path / "no" / "clear"))
    with PeakMemory() as taken:
        pass
    assert taken.bytes is None


def test_what_the_stretch_let_go_of_is_not_kept(monkeypatch, tmp_path):
    status, given_back = tmp_path / "status", []
    monkeypatch.setattr(memory, "STATUS", str(status))
    monkeypatch.setattr(memory, "CLEAR", str(tmp_path / "clear"))
    status.write_text("VmHWM:\t  400 kB\nVmRSS:\t  400 kB\n")
    with PeakMemory() as taken:
        status.write_text("VmHWM:\t  1000 kB\nVmRSS:\t  1000 kB\n")
        monkeypatch.setattr(memory, "_give_back", lambda: given_back.append(status.write_text(
            "VmHWM:\t  1000 kB\nVmRSS:\t  460 kB\n")))
    assert given_back and (taken.bytes, taken.kept_bytes) == (600 * 1024, 60 * 1024)


class Loading(Engines):
    """Engines that note what happens to them; the first of a backend brings a library of 9000 kB."""

    def __init__(self, name, done, status, fails=False):
        super().__init__(None, name)
        self._done, self._status, self._fails = done, status, fails
        self._take(9000 if ("opened", name) not in done else 0)
        self._take(100)
        done.append(("opened", name))

    def _take(self, more_kb):
        kb = int(self._status.read_text().split()[1]) + more_kb
        self._status.write_text("VmRSS: %d kB\nVmHWM: %d kB\n" % (kb, kb))

    def segment(self, image, size, normalization):
        self._done.append(("ran", image.shape, size.hxw))
        if self._fails:
            raise CheckpointError("no", "never")

    def close(self):
        self._take(-100)
        self._done.append(("closed", self.name))


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_backends_libraries_take_is_no_networks(monkeypatch, tmp_path, switch_manifest, fails):
    status, done, said = tmp_path / "status", [], []
    monkeypatch.setattr(memory, "STATUS", str(status))
    monkeypatch.setattr(memory, "CLEAR", str(tmp_path / "clear"))
    status.write_text("VmRSS: 1000 kB\nVmHWM: 1000 kB\n")

    def opening(name):
        def opened(on_event):
            on_event(Note(name))
            return Loading(name, done, status, fails)
        return opened

    openings = Openings()
    found = [openings.open(opening(name), switch_manifest(), said.append) for name in ("one", "one", "other")]
    assert [(one.engines.name, one.peak_bytes, one.kept_bytes) for one in found] == [
        (name, 102400, 102400) for name in ("one", "one", "other")]
    twice = [("opened", "one"), ("ran", (128, 192, 3), "128x192"), ("closed", "one"), ("opened", "one")]
    assert done[:5] == twice + [("opened", "one")] and len(done) == 9  # each backend's first one is opened twice
    assert said == [Note("one"), Note("one"), Note("other")]
