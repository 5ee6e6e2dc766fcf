import numpy as np

from dance_edge.bench import memory
from dance_edge.bench.memory import PeakMemory


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
