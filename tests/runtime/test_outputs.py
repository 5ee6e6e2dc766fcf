"""What a graph gave, as labels: known answers, PyTorch's own resizing, and what is no segmentation."""
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dance_edge.data.transforms import labels_to_size
from dance_edge.errors import CheckpointError
from dance_edge.runtime.outputs import class_ids, plane_to_size, to_labels
from dance_edge.size import Size

SIZE = Size(24, 40)


@pytest.mark.parametrize("shape", [(24, 40), (3, 5), (6, 10), (12, 20), (7, 11), (1, 1), (48, 80), (30, 33)])
def test_logits_are_resized_as_pytorch_resizes_them(shape):
    logits = torch.randn(2, 19, *shape, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(logits, size=tuple(SIZE), mode="bilinear", align_corners=False).numpy()
    got = np.stack([[plane_to_size(plane, SIZE) for plane in one] for one in logits.numpy()])
    assert got.dtype == np.float32 and np.abs(got - wanted).max() <= 1e-5
    first, second = -np.sort(-wanted, axis=1)[:, :2].transpose(1, 0, 2, 3)
    clear = first - second > 1e-4  # beside ties the classes are the same
    assert clear.mean() > 0.99 and np.array_equal(to_labels(logits.numpy(), SIZE)[clear], wanted.argmax(axis=1)[clear])


def test_logits_of_two_pixels_have_their_border_at_half_pixel_centres():
    # centres at 2 and 6 of 8 columns: class 1 leads by x - 5, so from the column whose centre is 5.5
    logits = np.array([[[[0.0, 0.0]], [[-3.0, 1.0]]]], dtype=np.float32)
    assert to_labels(logits, Size(1, 8)).tolist() == [[[0, 0, 0, 0, 0, 1, 1, 1]]]


def test_of_equal_logits_the_first_wins_and_more_than_256_classes_keep_their_ids():
    assert to_labels(np.zeros((1, 5, 4, 4), dtype=np.float32), Size(4, 4)).max() == 0
    logits = np.zeros((1, 300, 2, 2), dtype=np.float32)
    logits[:, 299] = 1.0
    assert to_labels(logits, Size(2, 2)).min() == 299


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_are_logits_too(dtype):
    logits = np.random.RandomState(0).randn(1, 4, 24, 40).astype(dtype)
    assert np.array_equal(to_labels(logits, SIZE), logits.argmax(axis=1))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_integers_are_class_ids_and_never_argmaxed(dtype):
    ids = np.random.RandomState(0).randint(0, 200, (2, 24, 40)).astype(dtype)
    for given in (ids, ids[:, np.newaxis]):
        labels = to_labels(given, SIZE)
        assert labels.dtype == np.int32 and labels.shape == (2, 24, 40) and np.array_equal(labels, ids)


@pytest.mark.parametrize("shape", [(3, 5), (6, 10), (7, 11), (48, 80), (23, 41), (1, 1)])
def test_ids_of_another_size_come_by_nearest_as_labels_do_everywhere(shape):
    ids = np.random.RandomState(0).randint(0, 19, shape).astype(np.int64)
    assert np.array_equal(to_labels(ids[np.newaxis], SIZE)[0], labels_to_size(ids.astype(np.uint8), SIZE))


def test_integers_whose_bytes_are_read_as_floats_are_refused():
    # 13 as float32 is 1.8e-44: class 0, "road", on every pixel
    ids = np.full((1, 24, 40), 13, dtype=np.int32)
    assert to_labels(ids, SIZE).min() == 13
    with pytest.raises(CheckpointError, match=r"float32 \(1, 24, 40\); integer labels"):
        to_labels(ids.view(np.float32), SIZE)


@pytest.mark.parametrize("output, said", [
    (np.zeros((1, 1, 24, 40), dtype=np.float32), "one channel of floats is a binary mask"),
    (np.zeros((1, 24, 40), dtype=np.float32), "integer labels"), (np.zeros((1, 19), dtype=np.int64), "integer labels"),
    (np.zeros((1, 2, 24, 40), dtype=np.int64), "integer labels"), (np.zeros((1, 24, 40), dtype=bool), "bool")])
def test_what_is_no_segmentation_is_refused_with_a_way_out(output, said):
    with pytest.raises(CheckpointError, match=said) as caught:
        to_labels(output, SIZE)
    assert str(output.shape) in caught.value.message and caught.value.hint


def test_logits_that_are_not_numbers_are_refused():
    logits = np.zeros((1, 3, 4, 4), dtype=np.float32)
    logits[:, :, 2, 2] = np.nan
    with pytest.raises(CheckpointError, match="not numbers"):
        to_labels(logits, Size(4, 4))


def test_ids_beyond_the_classes_are_named():
    ids = np.array([[0, 18]], dtype=np.int32)
    assert class_ids(ids, 19).dtype == np.uint8 and class_ids(ids, 19).tolist() == [[0, 18]]
    for odd in (19, 255, 256 + 3, -1):  # 259 would be 3 in a byte
        with pytest.raises(CheckpointError, match="class id %d, and there are 19" % odd):
            class_ids(np.array([[0, odd]], dtype=np.int32), 19)
