import numpy as np
import pytest

from dance_edge.data.augment import Augmentation, augment
from dance_edge.data.labels import VOID
from dance_edge.size import Size


def pair(height=45, width=64):
    label = np.zeros((height, width), np.uint8)
    label[:, width // 2:] = 1
    image = np.where(label[..., None] == 1, 200, 60).astype(np.uint8).repeat(3, 2)
    return image, label


@pytest.mark.parametrize("seed", range(60))
def test_size_and_pairing_hold_at_every_zoom(seed):
    image, label = augment(*pair(), Size(44, 63), Augmentation(brightness=0.0), np.random.RandomState(seed))
    assert image.shape == (44, 63, 3) and label.shape == (44, 63)
    # what is bright is class 1 and what is dark class 0, but for a seam of interpolation; padding is void
    bright, dark = image[..., 0] > 190, image[..., 0] < 70
    assert set(np.unique(label[bright])) <= {1} and set(np.unique(label[dark])) <= {0}
    assert (label[image[..., 2] == 124] == VOID).all()


def test_without_rules_it_is_the_serving_path():
    from dance_edge.data.transforms import labels_to_size, to_rung

    image, label = pair()
    plain = augment(image, label, Size(32, 32), None, np.random.RandomState(0))
    np.testing.assert_array_equal(plain[0], to_rung(image, Size(32, 32)))
    np.testing.assert_array_equal(plain[1], labels_to_size(label, Size(32, 32)))


def test_the_same_draw_gives_the_same_picture():
    first, again, other = (augment(*pair(), Size(44, 63), Augmentation(), np.random.RandomState([0, 3, seed]))
                           for seed in (7, 7, 8))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any()


def test_both_directions_and_both_zooms_are_drawn():
    mirrored = padded = 0
    for seed in range(100):
        _image, label = augment(*pair(), Size(45, 64), Augmentation(), np.random.RandomState(seed))
        padded += bool((label == VOID).any())
        row = label[22][label[22] != VOID]
        mirrored += bool(row.size and row[0] == 1 and row[-1] == 0)
    assert 25 < padded < 65 and 20 < mirrored < 70
