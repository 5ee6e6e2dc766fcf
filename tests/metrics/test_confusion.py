import numpy as np
import pytest

from dance_edge.errors import DataError
from dance_edge.metrics.confusion import Confusion


def two_images():
    truth_1 = np.zeros((10, 10), np.uint8)
    truth_1[:, 5:] = 1
    prediction_1 = truth_1.astype(np.int32)
    prediction_1[:, 5] = 0
    truth_2 = np.zeros((10, 10), np.uint8)
    truth_2[0, 0] = 1
    return [(truth_1, prediction_1), (truth_2, np.zeros((10, 10), np.int32))]


def of(pairs, num_classes=3):
    confusion = Confusion(num_classes)
    for truth, prediction in pairs:
        confusion.add(truth, prediction)
    return confusion


def test_matrices_add_up_by_their_cells():
    pairs = two_images()
    each = [of([pair]).cells() for pair in pairs]
    assert [len(places) for places, _ in each] == [3, 2]  # what is 0 is not kept
    whole = Confusion(3)
    for cells in each:
        whole.add_cells(cells)
    assert np.array_equal(whole.matrix, of(pairs).matrix) and whole.miou() == of(pairs).miou()


def test_miou_leaves_out_the_absent_class():
    confusion = of(two_images())
    iou = confusion.iou()
    assert iou[:2] == pytest.approx([0.93125, 0.784314], abs=1e-6)
    assert np.isnan(iou[2])
    assert confusion.miou() == pytest.approx(0.857782, abs=1e-6)


def test_the_batch_makes_no_difference():
    (truth_1, prediction_1), (truth_2, prediction_2) = two_images()
    both = Confusion(3)
    both.add(np.concatenate([truth_1, truth_2]), np.concatenate([prediction_1, prediction_2]))
    assert (both.matrix == of(two_images()).matrix).all()


def test_a_class_that_is_only_predicted_counts_as_zero():
    pairs = two_images()
    pairs[1][1][9, 9] = 2
    confusion = of(pairs)
    assert confusion.iou() == pytest.approx([0.925, 0.784314, 0.0], abs=1e-6)
    assert confusion.miou() == pytest.approx(0.569771, abs=1e-6)


def test_void_pixels_do_not_count_whatever_is_predicted_there():
    truth, prediction = two_images()[0]
    truth[2:4] = 255
    other = prediction.copy()
    other[2:4] = 2
    first, second = of([(truth, prediction)]), of([(truth, other)])
    assert (first.matrix == second.matrix).all() and first.miou() == second.miou()
    assert first.matrix.sum() == 80


def test_uint8_does_not_wrap_at_nineteen_classes():
    labels = np.arange(19, dtype=np.uint8).reshape(1, 19)
    confusion = of([(labels, labels)], 19)
    assert (confusion.matrix == np.eye(19, dtype=np.int64)).all() and confusion.miou() == 1.0


def test_counts_pass_two_to_the_31():
    confusion = Confusion(2)
    confusion.matrix[0, 0] = 2 ** 31 - 1
    confusion.add(np.zeros((1, 2), np.uint8), np.zeros((1, 2), np.uint8))
    assert confusion.matrix[0, 0] == 2 ** 31 + 1


def test_nothing_counted_is_not_a_score():
    assert np.isnan(Confusion(3).miou())


@pytest.mark.parametrize("truth, prediction", [
    (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)),
    (np.full((2, 2), 3, np.uint8), np.zeros((2, 2), np.uint8)),
    (np.zeros((2, 2), np.uint8), np.full((2, 2), 7, np.int32)),
    (np.zeros((2, 2), np.uint8), np.full((2, 2), -1, np.int32)),
])
def test_what_cannot_be_counted_is_refused(truth, prediction):
    with pytest.raises(DataError):
        Confusion(3).add(truth, prediction)
