"""Live sources: only the newest frame counts, what it replaced is counted. A fake capture stands for the hardware."""
import threading
import time

import numpy as np
import pytest

from dance_edge.errors import DataError, DeviceError
from dance_edge.events import Warned, ignore
from dance_edge.serve import camera
from dance_edge.serve.camera import LiveSource, open_camera, open_realtime


def gray(level):
    return np.full((48, 64, 3), level, dtype=np.uint8)


def never():
    return False


class Camera:
    """Gives the images that it is told to, then waits as a camera does; ends when told so."""

    def __init__(self):
        self.allowed = threading.Semaphore(0)
        self.given = 0
        self.ended = False
        self.released = threading.Event()

    def read(self):
        self.allowed.acquire()
        if self.ended:
            return False, None
        self.given += 1
        return True, gray(self.given)

    def get(self, what):
        return 0.0

    def release(self):
        self.released.set()

    def give(self, count):
        target = self.given + count
        for _ in range(count):
            self.allowed.release()
        while self.given < target:
            time.sleep(0.001)
        time.sleep(0.02)  # the last one is handed over

    def end(self):
        self.ended = True
        self.allowed.release()


def test_only_the_newest_frame_is_served_and_the_others_are_counted():
    capture, heard = Camera(), []
    source = LiveSource(capture, gray(0), "camera 0", heard.append)
    assert source.live and source.total is None and source.fps == 25.0
    assert source.read(never).index == 0
    capture.give(5)
    newest = source.read(never)
    assert newest.index == 5 and int(newest.image[0, 0, 0]) == 5 and source.dropped == 4
    capture.give(1)
    assert source.read(never).index == 6 and source.dropped == 4
    capture.end()
    assert source.read(never) is None
    assert [event.text for event in heard] == ["camera 0 stopped after 7 frames"]
    source.close()
    assert capture.released.wait(2.0)


def test_a_wait_ends_when_it_is_told_to_stop():
    capture = Camera()
    source = LiveSource(capture, gray(0), "camera 0", ignore)
    source.read(never)
    assert source.read(lambda: True) is None
    capture.end()
    source.close()


def test_a_camera_that_gives_nothing_more_is_said(monkeypatch):
    monkeypatch.setattr(camera, "STALL_S", 0.2)
    capture, heard = Camera(), []
    source = LiveSource(capture, gray(0), "camera 0", heard.append)
    source.read(never)
    assert source.read(never) is None
    assert isinstance(heard[0], Warned) and "gave no frame" in heard[0].text
    capture.end()
    source.close()


def test_a_source_that_was_never_read_lets_go_of_its_device():
    capture = Camera()
    LiveSource(capture, gray(0), "camera 0", ignore).close()
    assert capture.released.is_set()


def test_realtime_keeps_the_clock_of_a_file_and_accounts_for_every_frame(tmp_path, write_clip):
    path = write_clip(tmp_path / "v.avi", [gray(10 * level) for level in range(20)], fps=40.0)
    source = open_realtime(path, ignore)
    started_s, served = time.monotonic(), []
    while True:
        frame = source.read(never)
        if frame is None:
            break
        served.append(frame)
        time.sleep(0.06)  # slower than the clip's 25 ms
    assert time.monotonic() - started_s > 0.4
    assert len(served) + source.dropped == 20 and source.dropped >= 5
    assert served[0].index == 0 and served[-1].index == 19
    assert all(abs(float(frame.image.mean()) - 10 * frame.index) < 3 for frame in served)
    source.close()


def test_realtime_of_what_is_no_video(tmp_path):
    with pytest.raises(DataError):
        open_realtime(str(tmp_path), ignore)


@pytest.mark.parametrize("spec, said, hint", [
    ("77", "camera 77 cannot be opened", "--video FILE"), ("/dev/video77", "camera 77", "--video FILE"),
    ("rtsp://user:secret@127.0.0.1:9/stream", "127.0.0.1:9/stream gives no frame", "ffplay"),
    ("nosuchelement ! appsink", "pipeline", "")])
def test_a_camera_that_is_not_there_is_one_error_and_opencv_is_silent(capfd, spec, said, hint):
    with pytest.raises(DeviceError) as caught:
        open_camera(spec, ignore)
    assert caught.value.exit_code == 6 and said in caught.value.message and hint in caught.value.hint
    assert "secret" not in caught.value.message + caught.value.hint
    assert capfd.readouterr().err == ""


def test_a_file_is_no_camera(tmp_path, write_clip):
    with pytest.raises(DeviceError, match="is a file"):
        open_camera(write_clip(tmp_path / "v.avi", [gray(0)]), ignore)
