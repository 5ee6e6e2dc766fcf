"""Measuring a whole data set."""
import os

import cv2
import numpy as np
import pytest

from dance_edge.complexity.indicator import measure
from dance_edge.complexity.profile import fit_profile
from dance_edge.data import scan as module
from dance_edge.data.images import read_counted, read_image
from dance_edge.data.layouts import open_dataset
from dance_edge.data.scan import most_common_size, refuse_unfit, scan, scan_frames
from dance_edge.data.splits import training_records
from dance_edge.errors import DataError
from dance_edge.events import Note, Progress
from dance_edge.size import Size


def _damage(root):
    """Six pairs are no more: a cut JPEG, an empty image, text, a cut label, a label too small, an unknown id."""
    def cut(path, keep):
        data = path.read_bytes()
        path.write_bytes(data[:int(len(data) * keep)])

    cut(root / "train" / "1.jpg", 0.9)
    (root / "train" / "2.jpg").write_bytes(b"")
    (root / "train" / "3.jpg").write_bytes(b"text")
    cut(root / "trainannot" / "4.png", 0.4)
    cv2.imwrite(str(root / "trainannot" / "5.png"), np.zeros((12, 16), np.uint8))
    cv2.imwrite(str(root / "trainannot" / "6.png"), np.full((24, 32), 99, np.uint8))


def test_every_image_is_measured_as_the_indicator_has_it(camvid):
    dataset = open_dataset(str(camvid({"train": ["1", "2", "3"], "val": ["1"]})))
    events = []
    result = scan(dataset, on_event=events.append)
    assert result.measured_size == Size(24, 32) and len(result.measured) == 4 and result.faults == ()
    for record in dataset.records():
        image = read_image(record.image)
        counted = read_counted(record, dataset.code)
        assert result.of(record).complexity == measure(counted.image, Size(24, 32))
        assert result.of(record).pixels == counted.pixels
        assert result.of(record).size == Size(24, 32) and result.of(record).pixels == {0: 192, 1: 192, 2: 192, 3: 192}
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).mean() / 255.0
        assert abs(result.of(record).brightness - gray) < 0.003
    assert events == [Progress("scan", done + 1, 4) for done in range(4)]
    assert list(result.complexities(dataset.splits["val"])) == [result.of(dataset.splits["val"][0]).complexity]


def test_the_pixels_of_every_id_are_counted(camvid):
    root = camvid({"train": ["1", "2", "3"]})
    random = np.random.RandomState(0)
    labels = [np.full((24, 32), 255), random.randint(0, 11, (24, 32)), np.repeat(random.randint(0, 11, (24, 4)), 8, 1)]
    labels[2][5:9] = 255
    for i, label in enumerate(labels):
        cv2.imwrite(str(root / "trainannot" / ("%d.png" % (i + 1))), label.astype(np.uint8))
    result = scan(open_dataset(str(root)))
    for record, label in zip(open_dataset(str(root)).records(), labels):
        ids, counts = np.unique(label, return_counts=True)
        assert result.of(record).pixels == dict(zip(ids.tolist(), counts.tolist()))


@pytest.mark.parametrize("workers", [1, 3])
def test_what_is_broken_is_named_and_the_rest_is_measured(camvid, workers):
    root = camvid({"train": [str(i) for i in range(1, 9)]})
    _damage(root)
    threads = cv2.getNumThreads()
    dataset = open_dataset(str(root))
    result = scan(dataset, workers=workers)
    assert cv2.getNumThreads() == threads
    assert [record.key for record in result.whole(dataset.records())] == ["7.jpg", "8.jpg"]
    assert [os.path.relpath(one.path, str(root)) for one in result.broken] == [
        "train/1.jpg", "train/2.jpg", "train/3.jpg", "trainannot/4.png"]
    assert [(os.path.relpath(one.path, str(root)), one.kind) for one in result.unfit] == [
        ("trainannot/5.png", "size"), ("trainannot/6.png", "label")]
    assert [one.reason for one in result.broken] == ["the JPEG is cut off", "the file is empty",
                                                     "this is not an image", "the PNG is cut off"]


def test_both_files_of_a_broken_pair_are_named(camvid):
    root = camvid({"train": [str(i) for i in range(1, 9)]})
    for name in ("train/1.jpg", "trainannot/1.png", "train/2.jpg"):
        (root / name).write_text("text")
    cv2.imwrite(str(root / "trainannot" / "2.png"), np.full((24, 32), 99, np.uint8))
    result = scan(open_dataset(str(root)))
    assert [os.path.relpath(one.path, str(root)) for one in result.broken] == [
        "train/1.jpg", "trainannot/1.png", "train/2.jpg"]
    assert result.unfit == () and len(result.measured) == 6  # a label is not asked to fit a broken image


def test_labels_that_do_not_fit_are_refused_and_a_wrong_size_can_be_left_out(camvid):
    root = camvid({"train": [str(i) for i in range(1, 9)]})
    cv2.imwrite(str(root / "trainannot" / "5.png"), np.zeros((12, 16), np.uint8))
    result = scan(open_dataset(str(root)))
    with pytest.raises(DataError) as caught:
        refuse_unfit(result)
    assert caught.value.message == "label 5.png is 16x12, its image is 32x24" and "--skip" in caught.value.hint
    refuse_unfit(result, skip_mismatched=True)
    cv2.imwrite(str(root / "trainannot" / "6.png"), np.full((24, 32), 99, np.uint8))
    with pytest.raises(DataError, match="has the id 99"):
        refuse_unfit(scan(open_dataset(str(root))), skip_mismatched=True)


def test_the_measured_size_is_the_most_common_one_of_training(camvid, write, scene):
    root = camvid({"train": ["1", "2", "3"], "val": ["4", "5", "6", "7"]}, 24, 32)
    for i in "4567":
        write(root / "val" / (i + ".jpg"), scene(0, 48, 64))
        write(root / "valannot" / (i + ".png"), np.zeros((48, 64), np.uint8))
    write(root / "train" / "3.jpg", scene(0, 90, 90))
    dataset = open_dataset(str(root))
    assert most_common_size(training_records(dataset)) == Size(24, 32)
    result = scan(dataset)
    large = dataset.splits["val"][0]
    assert result.measured_size == Size(24, 32) and result.of(large).size == Size(48, 64)
    assert result.of(large).complexity == measure(read_counted(large, dataset.code).image, Size(24, 32))
    with pytest.raises(DataError, match="none of the 0 images"):
        most_common_size([])


def test_a_second_scan_decodes_only_what_changed(camvid, monkeypatch):
    root = camvid({"train": ["1", "2", "3"]})
    dataset = open_dataset(str(root))
    first = scan(dataset)
    decoded = []
    real = module.read_counted
    monkeypatch.setattr(module, "read_counted", lambda record, code: decoded.append(record.key) or real(record, code))
    events = []
    assert scan(dataset, on_event=events.append) == first and decoded == []
    assert events == [Note("3 of 3 images have not changed since the last scan")]
    image = read_image(str(root / "train" / "2.jpg"))
    cv2.imwrite(str(root / "train" / "2.jpg"), 255 - image)
    os.utime(str(root / "trainannot" / "3.png"), (1, 1))
    assert scan(dataset).of(dataset.records()[1]).brightness > first.of(dataset.records()[1]).brightness
    assert sorted(decoded) == ["2.jpg", "3.jpg"]
    scan(dataset, indicator="weber")
    scan(dataset, measured_size=Size(12, 16))
    assert len(decoded) == 8


def test_files_that_are_added_are_measured_alone_and_the_profile_follows(camvid, monkeypatch):
    dataset = open_dataset(str(camvid({"train": ["1", "2", "3"]})))
    before = scan(dataset)
    grown = open_dataset(str(camvid({"train": ["4", "5"]})))
    decoded = []
    real = module.read_counted
    monkeypatch.setattr(module, "read_counted", lambda record, code: decoded.append(record.key) or real(record, code))
    after = scan(grown)
    assert sorted(decoded) == ["4.jpg", "5.jpg"]
    assert all(after.of(record) == before.of(record) for record in dataset.records())
    profiles = [fit_profile(result.complexities(some.records()), result.measured_size, "c", "sobel")
                for some, result in ((dataset, before), (grown, after))]
    assert [one.sample_count for one in profiles] == [3, 5] and profiles[0].scale != profiles[1].scale


def test_an_interrupt_keeps_what_was_measured(camvid):
    dataset = open_dataset(str(camvid({"train": [str(i) for i in range(12)]})))

    def interrupt(event):
        if isinstance(event, Progress) and event.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(dataset, on_event=interrupt, workers=1)
    events = []
    scan(dataset, on_event=events.append)
    assert isinstance(events[0], Note) and int(events[0].text.split()[0]) >= 5


def test_frames_are_measured_at_the_first_ones_size(scene):
    frames = [scene(i, 20, 30) for i in range(4)]
    found = scan_frames(iter(frames))
    assert found.measured_size == found.size == Size(20, 30)
    assert list(found.complexities) == [measure(frame, Size(20, 30)) for frame in frames]
    assert scan_frames(frames, Size(10, 15), "weber").complexities[0] == measure(frames[0], Size(10, 15), "weber")
    with pytest.raises(DataError, match="no frame"):
        scan_frames([])


def test_the_real_camvid_has_the_papers_distribution(data_dir):
    dataset = open_dataset(os.path.join(data_dir, "camvid"))
    result = scan(dataset)
    train = result.complexities(training_records(dataset))
    assert len(result.measured) == 468 and result.faults == () and train.size == 367
    assert 0.09 < train.min() < 0.11 and 0.52 < train.max() < 0.54 and abs(train.mean() - 0.264) < 0.005
    assert fit_profile(train, result.measured_size, "camvid", "sobel").ks_distance < 0.1
