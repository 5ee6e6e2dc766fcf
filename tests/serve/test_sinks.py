"""Sinks: whole files or none, at the rate at which it happened."""
import json
import os

import cv2
import numpy as np
import pytest

from dance_edge.data.labels import ClassSet
from dance_edge.errors import ConfigError
from dance_edge.serve.frame import Frame, FrameResult
from dance_edge.serve.overlay import Overlay
from dance_edge.serve.sinks import CODECS, JsonLinesSink, VideoSink
from dance_edge.size import Size


def served(index, size=(96, 128), at_s=0.0):
    image = np.full(size + (3,), 8 * index, dtype=np.uint8)
    labels = np.zeros(size, dtype=np.uint8)
    return Frame(image, index, at_s), FrameResult(index, 0.5, Size(32, 32), 1.0, 2.0, 3.0, labels)


def video_sink(path, keep_time=False, fps=10.0):
    return VideoSink(str(path), fps, Overlay(ClassSet(("a",), ((0, 0, 0),))), keep_time)


def images_of(path):
    capture, images = cv2.VideoCapture(str(path)), []
    while True:
        ok, image = capture.read()
        if not ok:
            return images, capture.get(cv2.CAP_PROP_FPS)
        images.append(image)


@pytest.mark.parametrize("suffix", sorted(CODECS))
def test_every_container_holds_every_frame_at_its_rate(tmp_path, suffix):
    sink = video_sink(tmp_path / ("o" + suffix))
    for index in range(7):
        sink.write(*served(index))
    assert not (tmp_path / ("o" + suffix)).exists()  # not before it is whole
    sink.close(keep=True)
    assert os.listdir(str(tmp_path)) == ["o" + suffix]
    images, fps = images_of(tmp_path / ("o" + suffix))
    assert len(images) == 7 and images[0].shape == (96, 128, 3) and abs(fps - 10.0) < 0.1
    assert abs(float(images[6][60:].mean()) - 24.0) < 4  # 48 under half of black


def test_an_odd_size_is_written_too(tmp_path):
    sink = video_sink(tmp_path / "o.mp4")
    for index in range(3):
        sink.write(*served(index, size=(97, 131)))
    sink.close(keep=True)
    images, _ = images_of(tmp_path / "o.mp4")
    assert len(images) == 3 and images[0].shape[0] in (96, 97) and images[0].shape[1] in (130, 131)


def test_frames_of_another_size_are_scaled_to_the_first(tmp_path):
    sink = video_sink(tmp_path / "o.mp4")
    for index, size in enumerate([(96, 128), (48, 64), (192, 256)]):
        sink.write(*served(index, size=size))
    sink.close(keep=True)
    assert [image.shape for image in images_of(tmp_path / "o.mp4")[0]] == [(96, 128, 3)] * 3


def test_a_live_stream_plays_at_the_speed_at_which_it_happened(tmp_path):
    sink = video_sink(tmp_path / "o.mp4", keep_time=True, fps=10.0)
    for index, at_s in enumerate([5.0, 5.5, 5.52, 6.0]):  # 1 s of it, unevenly
        sink.write(*served(index, at_s=at_s))
    sink.close(keep=True)
    assert len(images_of(tmp_path / "o.mp4")[0]) == 11


@pytest.mark.parametrize("name", ["o.mp4", "o.jsonl"])
def test_an_older_file_stays_until_the_new_one_is_whole_and_a_failure_leaves_nothing(tmp_path, name):
    path = tmp_path / name
    path.write_text("older")
    for keep in (False, True):
        sink = JsonLinesSink(str(path)) if name.endswith("jsonl") else video_sink(path)
        sink.write(*served(0))
        assert path.read_bytes() == b"older"
        sink.close(keep)
        assert os.listdir(str(tmp_path)) == [name]
        assert (path.read_bytes() == b"older") is not keep


def test_a_sink_that_got_nothing_leaves_nothing(tmp_path):
    for sink in (video_sink(tmp_path / "o.mp4"), JsonLinesSink(str(tmp_path / "o.jsonl"))):
        sink.close(keep=True)
    assert os.listdir(str(tmp_path)) == []


def test_the_log_has_a_line_a_frame(tmp_path):
    sink = JsonLinesSink(str(tmp_path / "o.jsonl"))
    for index in range(3):
        sink.write(*served(index))
    sink.close(keep=True)
    lines = [json.loads(line) for line in open(str(tmp_path / "o.jsonl"))]
    assert [line["frame"] for line in lines] == [0, 1, 2]


def test_a_device_is_written_to_and_never_replaced(tmp_path):
    sink = JsonLinesSink("/dev/null")
    sink.write(*served(0))
    sink.close(keep=True)
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize("path", ["nowhere/o.mp4", "o.gif", "o", "folder.mp4"])
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, path):
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ConfigError) as caught:
        video_sink(tmp_path / path)
    assert caught.value.exit_code == 2 and caught.value.hint


def test_a_full_disk_is_an_error_of_the_log(tmp_path):
    sink = JsonLinesSink("/dev/full")
    with pytest.raises(ConfigError, match="cannot write /dev/full"):
        sink.write(*served(0))
