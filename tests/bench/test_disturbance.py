import subprocess
import sys
import time

import pytest

from dance_edge.bench import disturbance
from dance_edge.bench.disturbance import Disturbance


def stat(path, busy_ticks):
    path.write_text("cpu  %d 0 0 999 5 0 0 0 0 0\ncpu0 1 1 1 1\n" % busy_ticks)


def test_the_share_of_others(tmp_path, monkeypatch):
    path = tmp_path / "stat"
    now, own = [10.0], [1.0]
    monkeypatch.setattr(disturbance, "STAT", str(path))
    monkeypatch.setattr(disturbance.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(disturbance.os, "sysconf", lambda name: 100)
    monkeypatch.setattr(disturbance.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(disturbance.time, "process_time", lambda: own[0])
    stat(path, 1000)
    with Disturbance() as others:
        stat(path, 1000 + 1500)  # 15 s busy in 10 s on two processors, 10 s of them ours
        now[0], own[0] = 20.0, 11.0
    assert others.share == pytest.approx(0.25) and "25.0 %" in others.warning()


def test_a_machine_that_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(disturbance, "STAT", str(tmp_path / "missing"))
    with Disturbance() as others:
        pass
    assert others.share is None and others.warning() == ""


def test_a_busy_neighbour_is_seen():
    spin = "import time\nend = time.time() + 1.0\nwhile time.time() < end: pass"
    with Disturbance() as others:
        neighbour = subprocess.Popen([sys.executable, "-c", spin])
        time.sleep(0.8)
    neighbour.wait()
    assert others.share is None or others.share > 0.0
