import os

import numpy as np
import pytest
import torch

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.data.augment import Augmentation
from dance_edge.data.images import read_pair
from dance_edge.data.layouts import open_dataset
from dance_edge.data.sampler import batches
from dance_edge.data.transforms import IMAGENET, to_input
from dance_edge.errors import DataError
from dance_edge.size import Size
from dance_edge.training.loader import TrainingImages, load

LADDER = build_ladder(Size(96, 160), 32)


@pytest.fixture(scope="module")
def records(small_set):
    return open_dataset(small_set).splits["train"]


@pytest.fixture(scope="module")
def read(small_set):
    lookup = open_dataset(small_set).lookup
    return lambda record: read_pair(record, lookup)


def plans_of(count):
    return [SlimPolicy().plan((i + 0.5) / count, LADDER) for i in range(count)]


def test_the_tensor_is_the_serving_path_s_without_augmentation(records, read):
    images = TrainingImages(records, plans_of(len(records)), read, IMAGENET, None, 0)
    run = list(batches(plans_of(len(records)), 0, 3, 3))
    for batch, tensors in zip(run, load(images, run, 0)):
        assert tuple(tensors.inputs.shape[2:]) == tuple(tensors.labels.shape[1:]) == batch.size
        for index, inputs, weight in zip(batch.items, tensors.inputs, tensors.weights):
            wanted = to_input(read(records[index]).image, batch.size, IMAGENET)
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


def test_dropped_images_are_never_opened(records, read):
    opened = []

    def watched(record):
        opened.append(record.key)
        return read(record)

    plans = [plan._replace(drop_probability=1.0 if i % 2 else 0.0) for i, plan in enumerate(plans_of(len(records)))]
    run = list(batches(plans, 0, 2, 2))
    list(load(TrainingImages(records, plans, watched, IMAGENET, None, 0), run, 0))
    assert opened and set(opened) <= {records[i].key for i in range(0, len(records), 2)}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_is_one_clear_error(records, read, workers, tmp_path):
    gone = [record._replace(image=os.path.join(str(tmp_path), "gone.png")) for record in records]
    plans = plans_of(len(records))
    run = list(batches(plans, 0, 3, 1))
    with pytest.raises(DataError, match="gone.png"):
        list(load(TrainingImages(gone, plans, read, IMAGENET, None, 0), run, workers))
