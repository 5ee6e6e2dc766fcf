import numpy as np
import pytest

from dance_edge.data.augment import AS_IT_IS, Augmentation, Variant, apply, draw
from dance_edge.data.labels import VOID
from dance_edge.size import Size


def pair(height=45, width=64):
    label = np.zeros((height, width), np.uint8)
    label[:, width // 2:] = 1
    image = np.where(label[..., None] == 1, 200, 60).astype(np.uint8).repeat(3, 2)
    return image, label


def augmented(size, rules, random):
    return apply(draw(rules, random), *pair(), size)


@pytest.mark.parametrize("seed", range(60))
def test_size_and_pairing_hold_at_every_zoom(seed):
    image, label = augmented(Size(44, 63), Augmentation(brightness=0.0), np.random.RandomState(seed))
    assert image.shape == (44, 63, 3) and label.shape == (44, 63)
    # what is bright is class 1 and what is dark class 0, but for a seam of interpolation; padding is void
    bright, dark = image[..., 0] > 190, image[..., 0] < 70
    assert set(np.unique(label[bright])) <= {1} and set(np.unique(label[dark])) <= {0}
    assert (label[image[..., 2] == 124] == VOID).all()


def test_without_rules_it_is_the_serving_path():
    from dance_edge.data.transforms import labels_to_size, to_rung

    image, label = pair()
    plain = apply(AS_IT_IS, image, label, Size(32, 32))
    np.testing.assert_array_equal(plain[0], to_rung(image, Size(32, 32)))
    np.testing.assert_array_equal(plain[1], labels_to_size(label, Size(32, 32)))


def test_the_same_draw_gives_the_same_picture():
    first, again, other = (augmented(Size(44, 63), Augmentation(), np.random.RandomState([0, 3, seed]))
                           for seed in (7, 7, 8))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any()


def test_both_directions_and_both_zooms_are_drawn():
    mirrored = padded = 0
    for seed in range(100):
        _image, label = augmented(Size(45, 64), Augmentation(), np.random.RandomState(seed))
        padded += bool((label == VOID).any())
        row = label[22][label[22] != VOID]
        mirrored += bool(row.size and row[0] == 1 and row[-1] == 0)
    assert 25 < padded < 65 and 20 < mirrored < 70


@pytest.mark.parametrize("off, untouched", [
    (dict(flip=0.0), ("zoom", "at", "gain", "offset")), (dict(scale=(1.0, 1.0)), ("at", "mirrored", "gain", "offset")),
    (dict(brightness=0.0), ("zoom", "at", "mirrored"))])
def test_a_kind_that_is_off_leaves_the_other_draws_alone(off, untouched):
    for seed in range(20):
        whole, less = (draw(rules, np.random.RandomState(seed)) for rules in (Augmentation(), Augmentation(**off)))
        assert [getattr(whole, name) for name in untouched] == [getattr(less, name) for name in untouched]
        assert all(getattr(less, name) == getattr(AS_IT_IS, name) for name in Variant._fields if name not in untouched)


def test_the_ranges_are_drawn_in_full():
    looks = [draw(Augmentation(), np.random.RandomState(seed)) for seed in range(400)]
    for values, low, high in (([one.zoom for one in looks], 0.75, 1.5), ([one.gain for one in looks], 0.75, 1.25),
                              ([one.offset for one in looks], -63.75, 63.75)):
        assert low <= min(values) < low + 0.02 * (high - low) and high - 0.02 * (high - low) < max(values) <= high


def test_gray_levels_are_stretched_then_shifted():
    image = np.array([[[0, 100, 250]]], np.uint8)
    label = np.zeros((1, 1), np.uint8)
    assert apply(Variant(gain=1.2, offset=-20.0), image, label, Size(1, 1))[0].tolist() == [[[0, 100, 255]]]


def test_image_and_label_may_come_in_different_sizes():
    image, label = pair(64, 64)
    look = Variant(zoom=1.25, at=(0.5, 0.5), mirrored=True)
    halved = apply(look, image[::2, ::2], label, Size(32, 32))
    np.testing.assert_array_equal(halved[1], apply(look, image, label, Size(32, 32))[1])
    assert (halved[1] == (halved[0][..., 0] > 130)).mean() > 0.95
