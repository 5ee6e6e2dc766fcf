"""The whole way with a network whose answer is known: sizes by complexity, labels at the frame's size, valid ends."""
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from dance_edge.complexity.indicator import measure
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import fit_profile
from dance_edge.data.labels import ClassSet
from dance_edge.data.transforms import Normalization
from dance_edge.energy.meter import EnergyMeter
from dance_edge.errors import CheckpointError
from dance_edge.events import Progress, Warned, ignore
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.serve.frame import Frame
from dance_edge.serve.overlay import Overlay
from dance_edge.serve.pipeline import Segmenter, serve
from dance_edge.serve.sinks import JsonLinesSink, Sink, VideoSink
from dance_edge.serve.source import open_video
from dance_edge.size import Size

HEIGHT, WIDTH = 128, 192
FLAT = np.full((HEIGHT, WIDTH, 3), 60, dtype=np.uint8)
BUSY = np.repeat(np.random.RandomState(0).randint(0, 2, size=(HEIGHT, WIDTH, 1)).astype(np.uint8) * 200, 3, axis=2)
SPLIT = FLAT.copy()
SPLIT[:, 96:] = 150  # one edge: hardly complex, bright on the right


class Kept(Sink):
    """Keeps what it is given; fails at frame `fails_at`."""

    def __init__(self, fails_at=-1):
        self.results = []
        self.fails_at = fails_at
        self.closed = None

    def write(self, frame, result):
        if frame.index == self.fails_at:
            raise OSError("no")
        self.results.append(result)

    def close(self, keep):
        self.closed = keep


@pytest.fixture
def segmenter(tmp_path, switch_manifest, write_switch):
    def make(on_event=ignore, **changes):
        manifest = switch_manifest(**changes)
        only = manifest.only_size
        engines = open_onnxruntime(write_switch(tmp_path / "m.onnx", manifest, size=only or ("height", "width")))
        return Segmenter(engines, manifest, manifest.profile, on_event)
    return make


def segment(segmenter, image):
    return segmenter.segment(Frame(image, 0, time.monotonic()))


def run(source, segmenter, sinks, on_event=ignore, **options):
    with EnergyMeter(None) as meter:
        try:
            return serve(source, segmenter, sinks, meter, on_event, **options)
        finally:
            source.close()


def test_an_empty_frame_gets_the_lowest_rung_and_a_busy_one_the_highest(segmenter):
    flat, busy = segment(segmenter(), FLAT), segment(segmenter(), BUSY)
    assert flat.p == 0.0 and flat.size == Size(64, 96)
    assert busy.p > 0.99 and busy.size == Size(128, 192)
    for result in (flat, busy):
        assert 0.0 < result.complexity_ms and 0.0 < result.engine_ms
        assert result.complexity_ms + result.engine_ms < result.total_ms


def test_labels_come_at_the_frames_size_by_nearest(segmenter):
    result = segment(segmenter(), SPLIT)
    assert result.size == Size(64, 96) and result.labels.shape == (HEIGHT, WIDTH) and result.labels.dtype == np.uint8
    assert np.array_equal(result.labels, np.tile(np.arange(WIDTH) >= 96, (HEIGHT, 1)))


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_a_class_switches_at_its_gray_level_with_any_normalisation(segmenter, order):
    one = segmenter(normalization=Normalization((0.2, 0.5, 0.7), (0.1, 0.3, 0.6), order))
    for level, wanted in ((100, 0), (101, 1)):
        assert np.all(segment(one, np.full((HEIGHT, WIDTH, 3), level, dtype=np.uint8)).labels == wanted)


def test_with_downsampling_off_every_frame_is_full(segmenter):
    assert segment(segmenter(policy=SlimPolicy(downsample=False)), FLAT).size == Size(128, 192)


def test_a_frame_of_another_size_gets_a_ladder_of_its_own_and_its_shape_is_said_once(segmenter):
    heard = []
    one = segmenter(heard.append)
    wide = np.full((96, 320, 3), 60, dtype=np.uint8)
    assert segment(one, wide).size == Size(64, 160) and segment(one, wide).labels.shape == (96, 320)
    assert len(heard) == 1 and isinstance(heard[0], Warned) and "320x96" in heard[0].text and "192x128" in heard[0].text


def test_a_graph_of_one_size_sees_every_frame_at_it_and_a_stretched_one_is_said(segmenter):
    heard = []
    for profile in ({}, {"profile": None}):
        one = segmenter(heard.append, only_size=Size(32, 96), **profile)
        results = [segment(one, image) for image in (FLAT, BUSY)]
        assert [result.size for result in results] == [Size(32, 96)] * 2
        assert all(result.labels.shape == (HEIGHT, WIDTH) for result in results)
        if profile:
            assert [(result.p, result.complexity_ms) for result in results] == [(None, None)] * 2
        else:
            assert results[0].p == 0.0 and results[1].p > 0.99 and results[1].complexity_ms > 0
    assert len(heard) == 2 and all("seen at 96x32" in event.text and "stretched" in event.text for event in heard)


def test_without_a_profile_a_frame_is_seen_in_full(segmenter):
    result = segment(segmenter(profile=None), FLAT)
    assert result.p is None and result.size == Size(128, 192)


def test_an_id_beyond_the_classes_is_an_error_at_the_frame_that_shows_it(segmenter):
    one = segmenter(classes=ClassSet(("dark",), ((0, 0, 0),)))
    assert segment(one, FLAT).labels.max() == 0
    with pytest.raises(CheckpointError, match="class id 1, and there are 1 classes"):
        segment(one, np.full((HEIGHT, WIDTH, 3), 200, dtype=np.uint8))


def test_complexity_is_measured_at_the_profiles_size(segmenter):
    large = cv2.resize(BUSY, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_NEAREST)
    assert segment(segmenter(), large).p == pytest.approx(segment(segmenter(), BUSY).p, abs=1e-6)


def test_every_frame_comes_out_logged_and_counted(tmp_path, segmenter, write_clip):
    clip = write_clip(tmp_path / "v.avi", [FLAT, BUSY, SPLIT] * 5, fps=20.0)
    source, one, heard = open_video(clip, ignore), segmenter(), []
    sinks = [VideoSink(str(tmp_path / "o.mp4"), source.fps, Overlay(one.manifest.classes), False),
             JsonLinesSink(str(tmp_path / "o.jsonl"))]
    report = run(source, one, sinks, heard.append)
    assert (report.frames, report.dropped) == (15, 0) and report.sizes == {"64x96": 10, "128x192": 5}
    assert report.fps == pytest.approx(15 / report.duration_s) and report.latency.p50_ms > 0
    assert report.energy.label == "estimated (TX2 model)" and report.energy.gross_j > 0
    assert len(open(str(tmp_path / "o.jsonl")).readlines()) == 15
    capture = cv2.VideoCapture(str(tmp_path / "o.mp4"))
    assert sum(1 for _ in iter(capture.grab, False)) == 15
    assert [event for event in heard if isinstance(event, Progress)][-1] == Progress("serve", 15, 15)


def test_the_limit_stops_it(tmp_path, segmenter, write_clip):
    sink = Kept()
    clip = write_clip(tmp_path / "v.avi", [FLAT] * 10)
    assert run(open_video(clip, ignore), segmenter(), [sink], limit=4).frames == 4
    assert len(sink.results) == 4 and sink.closed is True


def test_a_stop_ends_it_with_what_was_written_kept(tmp_path, segmenter, write_clip):
    sink = Kept()
    report = run(open_video(write_clip(tmp_path / "v.avi", [FLAT] * 10), ignore), segmenter(), [sink],
                 stopped=lambda: len(sink.results) >= 3)
    assert report.frames == 3 and sink.closed is True


def test_a_failure_leaves_nothing_behind(tmp_path, segmenter, write_clip):
    one, clip = segmenter(), write_clip(tmp_path / "v.avi", [FLAT] * 10)
    before = sorted(os.listdir(str(tmp_path)))
    sinks = [VideoSink(str(tmp_path / "o.mp4"), 25.0, Overlay(one.manifest.classes), False),
             JsonLinesSink(str(tmp_path / "o.jsonl")), Kept(fails_at=5)]
    with pytest.raises(OSError):
        run(open_video(clip, ignore), one, sinks)
    assert sorted(os.listdir(str(tmp_path))) == before and sinks[2].closed is False


def test_a_profile_of_another_world_is_said_at_the_end(tmp_path, segmenter, write_clip):
    heard = []
    run(open_video(write_clip(tmp_path / "v.avi", [FLAT] * 3), ignore), segmenter(), [], heard.append)
    assert [event for event in heard if isinstance(event, Warned) and "scan VIDEO" in event.text]


def test_joules_are_measured_where_there_is_a_sensor(tmp_path, segmenter, write_clip, steady_meter):
    source = open_video(write_clip(tmp_path / "v.avi", [FLAT] * 40), ignore)
    report = serve(source, segmenter(), [Kept()], steady_meter(8.0), ignore)
    source.close()
    assert report.energy.measured and report.energy.gross_j == pytest.approx(8.0 * report.duration_s, rel=0.05)


def test_serving_imports_no_torch():
    code = "import sys, dance_edge.serve.pipeline, dance_edge.serve.camera, dance_edge.runtime.onnxruntime_engine; " \
           "sys.exit(any(name in sys.modules for name in ('torch', 'onnx', 'dance_edge.models')))"
    assert subprocess.call([sys.executable, "-c", code]) == 0


def test_the_shared_clip_under_its_own_profile_uses_several_sizes(data_dir, segmenter):
    path = os.path.join(data_dir, "video", "highway_960x540.mp4")
    clip, size = open_video(path, ignore), Size(540, 960)
    frames = (clip.read(lambda: False) for _ in range(clip.total))
    measured = np.array([measure(frame.image, size) for frame in frames if frame.index % 10 == 0])
    clip.close()
    one, sink = segmenter(profile=fit_profile(measured, size, "clip", "sobel")), Kept()
    report = run(open_video(path, ignore), one, [sink])
    assert report.frames == 221 and len(report.sizes) >= 3
    assert all(result.labels.shape == (540, 960) for result in sink.results)
