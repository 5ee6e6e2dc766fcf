"""Files and folders as sources: every frame, in order, and what cannot be read is said."""
import cv2
import numpy as np
import pytest

from dance_edge.errors import DataError
from dance_edge.events import Warned, ignore
from dance_edge.serve.source import DEFAULT_FPS, VideoFile, open_video


def gray(level, size=(48, 64)):
    return np.full(size + (3,), level, dtype=np.uint8)


def never():
    return False


def frames_of(source):
    frames = []
    while True:
        frame = source.read(never)
        if frame is None:
            source.close()
            return frames
        frames.append(frame)


def test_a_file_gives_every_frame_in_order(tmp_path, write_clip):
    levels = list(range(10, 210, 20))
    source = open_video(write_clip(tmp_path / "v.avi", [gray(level) for level in levels], fps=12.0), ignore)
    assert (source.live, source.fps, source.total) == (False, 12.0, 10)
    frames = frames_of(source)
    assert [frame.index for frame in frames] == list(range(10)) and source.dropped == 0
    assert all(abs(float(frame.image.mean()) - level) < 3 for frame, level in zip(frames, levels))
    assert all(a.captured_at_s <= b.captured_at_s for a, b in zip(frames, frames[1:]))


def test_a_folder_plays_frame_2_before_frame_10(tmp_path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / ("frame%d.png" % number)), gray(number))
    (tmp_path / "notes.txt").write_text("no image")
    source = open_video(str(tmp_path), ignore)
    assert source.total == 3 and source.fps == DEFAULT_FPS
    assert [int(frame.image[0, 0, 0]) for frame in frames_of(source)] == [1, 2, 10]


def test_a_broken_image_of_a_folder_is_named_and_left_out(tmp_path):
    data = cv2.imencode(".png", gray(7))[1].tobytes()
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "b.png").write_bytes(data[:len(data) * 9 // 10])
    heard = []
    frames = frames_of(open_video(str(tmp_path), heard.append))
    assert [frame.index for frame in frames] == [0]
    assert len(heard) == 1 and isinstance(heard[0], Warned) and "b.png" in heard[0].text
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match="no image"):
        frames_of(open_video(str(tmp_path), ignore))


def test_one_image_is_one_frame_though_its_name_is_numbered(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / ("%03d.png" % number)), gray(number))
    assert len(frames_of(open_video(str(tmp_path / "001.png"), ignore))) == 1


@pytest.mark.parametrize("content", [b"", b"not a video", b"\x00\x00\x00\x20ftypisom" + b"\x00" * 200])
def test_what_is_no_video_is_one_error_and_the_decoders_are_silent(tmp_path, capfd, content):
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_video(str(path), ignore)
    assert caught.value.exit_code == 3 and "v.mp4" in caught.value.message and caught.value.hint
    assert capfd.readouterr().err == ""


def test_missing_and_empty(tmp_path):
    with pytest.raises(DataError, match="there is no video"):
        open_video(str(tmp_path / "none.mp4"), ignore)
    with pytest.raises(DataError, match="holds no image"):
        open_video(str(tmp_path), ignore)


def test_a_file_that_ends_before_its_announced_end_is_said():
    class Cut:
        """Decodes 39 more of the 100 frames that it announces."""

        left = 39

        def read(self):
            self.left -= 1
            return (True, gray(0)) if self.left >= 0 else (False, None)

        def get(self, what):
            return {cv2.CAP_PROP_FPS: 25.0, cv2.CAP_PROP_FRAME_COUNT: 100.0}[what]

        def release(self):
            pass

    heard = []
    assert len(frames_of(VideoFile(Cut(), gray(0), "cut.mp4", heard.append))) == 40
    assert [event.text for event in heard] == ["cut.mp4 announces 100 frames, 40 could be decoded"]
