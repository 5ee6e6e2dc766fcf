import os

import cv2
import numpy as np
import pytest
import torch

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.data.augment import Augmentation
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.images import read_image, read_pair
from dance_edge.data.label_codes import identity_code
from dance_edge.data.layouts import open_dataset
from dance_edge.data.sampler import batches
from dance_edge.data.transforms import IMAGENET, to_input
from dance_edge.errors import DataError
from dance_edge.size import Size
from dance_edge.training.config import AdaptConfig
from dance_edge.training.loader import TrainingImages, augmentation, load

LADDER = build_ladder(Size(96, 160), 32)


@pytest.fixture(scope="module")
def records(small_set):
    return open_dataset(small_set).splits["train"]


@pytest.fixture(scope="module")
def read(small_set):
    code = open_dataset(small_set).code
    return lambda record, wanted: read_pair(record, code, wanted)


def plans_of(count):
    return [SlimPolicy().plan((i + 0.5) / count, LADDER) for i in range(count)]


def test_the_tensor_is_the_serving_path_s_without_augmentation(records, read):
    images = TrainingImages(records, plans_of(len(records)), read, IMAGENET, None, 0)
    run = list(batches(plans_of(len(records)), 0, 3, 3))
    for batch, tensors in zip(run, load(images, run, 0)):
        assert tuple(tensors.inputs.shape[2:]) == tuple(tensors.labels.shape[1:]) == batch.size
        for index, inputs, weight in zip(batch.items, tensors.inputs, tensors.weights):
            wanted = to_input(read(records[index], None).image, batch.size, IMAGENET)
            np.testing.assert_array_equal(inputs.numpy(), wanted)
            assert float(weight) == pytest.approx(plans_of(len(records))[index].loss_weight)


def test_any_number_of_workers_gives_the_same_batches(records, read):
    plans = plans_of(len(records))
    images = TrainingImages(records, plans, read, IMAGENET, Augmentation(), 5)
    run = list(batches(plans, 5, 3, 2))
    alone, helped = (list(load(images, run, workers)) for workers in (0, 2))
    assert len(alone) == len(run)
    for one, other in zip(alone, helped):
        assert torch.equal(one.inputs, other.inputs) and torch.equal(one.labels, other.labels)


@pytest.fixture(scope="module")
def dropped_runs():
    """What 0, 1 and 4 workers open of 400 images at a chance of 0.7 to be dropped: two epochs, a set for each."""
    records = [Record(str(i), str(i), str(i), "") for i in range(400)]
    plans = [plan._replace(drop_probability=0.7, loss_weight=float(i), size=Size(32, 32))
             for i, plan in enumerate(plans_of(400))]

    def read(record, wanted):
        return Sample(np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8), record.key)

    runs = {}
    for workers in (0, 1, 4):
        run = list(batches(plans, 5, 8, 2))
        kept = [set(), set()]
        for batch, tensors in zip(run, load(TrainingImages(records, plans, read, IMAGENET, None, 5), run, workers)):
            assert tensors.weights.tolist() == list(batch.items)  # the weights name the images that were decoded
            for index, epoch in zip(tensors.weights.tolist(), batch.epochs):
                kept[epoch].add(index)
        runs[workers] = kept
    return runs


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than this machine has cores
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_any_number_of_workers_drops_the_same_and_another_set_each_epoch(dropped_runs, workers):
    first, second = dropped_runs[workers]
    assert dropped_runs[workers] == dropped_runs[0]
    assert 0.63 <= 1 - len(first) / 400 <= 0.77 and 0.63 <= 1 - len(second) / 400 <= 0.77
    assert 0.18 < len(first & second) / len(first) < 0.42


def test_dropped_images_are_never_opened(records, read):
    opened = []

    def watched(record, wanted):
        opened.append(record.key)
        return read(record, wanted)

    plans = [plan._replace(drop_probability=1.0 if i % 2 else 0.0) for i, plan in enumerate(plans_of(len(records)))]
    run = list(batches(plans, 0, 2, 2))
    list(load(TrainingImages(records, plans, watched, IMAGENET, None, 0), run, 0))
    assert opened and set(opened) <= {records[i].key for i in range(0, len(records), 2)}


def test_what_is_wanted_of_an_image_is_its_rung_or_the_zoom_beyond_it(records, read):
    plans, asked = plans_of(len(records)), []

    def watched(record, wanted):
        asked.append(wanted)
        return read(record, wanted)

    for rules, full_decode in ((None, False), (Augmentation(scale=(0.75, 0.75)), False),
                               (Augmentation(scale=(1.5, 1.5)), False), (None, True)):
        images = TrainingImages(records, plans, watched, IMAGENET, rules, 0, full_decode)
        image, label, _weight = images[(0, 0, Size(64, 96))]
        assert image.shape == (3, 64, 96) and label.shape == (64, 96)
    assert asked == [Size(64, 96), Size(64, 96), Size(96, 144), None]


def test_half_a_jpeg_serves_the_lowest_rung_alone(tmp_path):
    noise = np.random.RandomState(0).randint(0, 256, (16, 24, 1)).astype(np.uint8).repeat(3, axis=2)
    label = (np.arange(128 * 192).reshape(128, 192) % 4).astype(np.uint8)
    record = Record("a.jpg", str(tmp_path / "a.jpg"), str(tmp_path / "a.png"), "")
    assert cv2.imwrite(record.image, cv2.resize(noise, (192, 128))) and cv2.imwrite(record.label, label)
    plans = plans_of(1)

    def tensors(size, full_decode):
        def pair(one, wanted):
            return read_pair(one, identity_code(4), wanted)
        return TrainingImages([record], plans, pair, IMAGENET, None, 0, full_decode)[(0, 0, size)]

    half, full = (tensors(Size(64, 96), full_decode) for full_decode in (False, True))
    error = np.abs(half[0] - full[0]) * np.reshape(IMAGENET.std, (3, 1, 1)) * 255.0
    assert 0.5 < error.max() and error.mean() < 1.0
    np.testing.assert_array_equal(half[1], full[1])
    np.testing.assert_array_equal(full[0], to_input(read_image(record.image), Size(64, 96), IMAGENET))
    for above in (Size(64, 128), Size(96, 96), Size(128, 192)):
        np.testing.assert_array_equal(tensors(above, False)[0], tensors(above, True)[0])


def test_batches_lie_in_pinned_memory_where_there_is_a_gpu(records, read):
    plans = plans_of(len(records))
    images = TrainingImages(records, plans, read, IMAGENET, None, 0)
    tensors = next(load(images, list(batches(plans, 0, 3, 1)), 0))
    assert [part.is_pinned() for part in tensors] == [torch.cuda.is_available()] * 3


def test_each_kind_of_augmentation_has_its_flag():
    config = AdaptConfig(target="t", source="s")
    assert augmentation(config) == Augmentation() and augmentation(config._replace(augment=False)) is None
    bare = augmentation(config._replace(flip=False, scale_crop=False, color_jitter=False))
    assert bare == Augmentation(flip=0.0, scale=(1.0, 1.0), brightness=0.0)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_is_one_clear_error(records, read, workers, tmp_path):
    gone = [record._replace(image=os.path.join(str(tmp_path), "gone.png")) for record in records]
    plans = plans_of(len(records))
    run = list(batches(plans, 0, 3, 1))
    with pytest.raises(DataError, match="gone.png"):
        list(load(TrainingImages(gone, plans, read, IMAGENET, None, 0), run, workers))
