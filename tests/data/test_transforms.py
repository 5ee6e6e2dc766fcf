import cv2
import numpy as np
import pytest

from dance_edge.data.transforms import (
    IMAGENET,
    Normalization,
    labels_to_size,
    normalization_from_dict,
    normalize,
    to_input,
    to_rung,
)
from dance_edge.size import Size


def test_one_resize_bilinear_without_smoothing():
    # a grating of one-pixel lines at ratio 0.6: a resize that smooths first would give gray everywhere
    grating = np.zeros((100, 100, 3), np.uint8)
    grating[:, ::2] = 255
    small = to_rung(grating, Size(60, 60))
    np.testing.assert_array_equal(small, cv2.resize(grating, (60, 60), interpolation=cv2.INTER_LINEAR))
    assert small.std() > 50


def test_half_pixel_centres():
    ramp = np.arange(0, 160, 2, dtype=np.uint8)[np.newaxis, :, np.newaxis].repeat(4, 0).repeat(3, 2)
    assert to_rung(ramp, Size(2, 40))[0, :3, 0].tolist() == [1, 5, 9]  # means of neighbours


def test_input_is_rgb_normalised_planes():
    image = np.zeros((2, 4, 3), np.uint8)
    image[..., 0], image[..., 2] = 255, 51  # blue full, red a fifth
    tensor = to_input(image, Size(2, 4), IMAGENET)
    assert tensor.shape == (3, 2, 4) and tensor.dtype == np.float32 and tensor.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(tensor[:, 0, 0], [(0.2 - 0.485) / 0.229, -0.456 / 0.224, (1 - 0.406) / 0.225], atol=1e-6)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_every_byte_is_normalised_by_the_formula_to_the_last_bit(order):
    rule = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), order)
    image = np.random.RandomState(0).permutation(np.arange(3 * 256) % 256).reshape(16, 16, 3).astype(np.uint8)
    for view in (image, image[::2, 1::3], image[:, ::-1], image[:1, :1]):
        channels = view[:, :, ::-1] if order == "rgb" else view
        scale, mean = np.float32(rule.std) * np.float32(255.0), np.float32(rule.mean)
        wanted = (channels.astype(np.float32) / scale - mean / np.float32(rule.std)).transpose(2, 0, 1)
        tensor = normalize(view, rule)
        assert tensor.dtype == np.float32 and tensor.flags["C_CONTIGUOUS"] and np.array_equal(tensor, wanted)


def test_another_normalisation_and_order():
    rule = Normalization((0.0, 0.5, 0.0), (1.0, 0.25, 0.5), "bgr")
    image = np.array([[[51, 255, 102]]], np.uint8)
    np.testing.assert_allclose(to_input(image, Size(1, 1), rule)[:, 0, 0], [0.2, 2.0, 0.8], atol=1e-6)
    assert normalization_from_dict(rule.to_dict()) == rule


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_labels_come_to_full_size_by_nearest(dtype):
    labels = np.array([[1, 200], [3, 4]], dtype)
    large = labels_to_size(labels, Size(4, 6))
    assert large.shape == (4, 6) and set(np.unique(large)) == {1, 200, 3, 4}
    np.testing.assert_array_equal(large, np.kron(labels, np.ones((2, 3))))
