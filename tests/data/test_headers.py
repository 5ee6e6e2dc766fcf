"""What files say about themselves."""
import cv2
import numpy as np
import pytest

from dance_edge.data import headers
from dance_edge.size import Size


def _encode(suffix, image, *flags):
    return cv2.imencode(suffix, image, list(flags))[1].tobytes()


@pytest.mark.parametrize("suffix, flags", [(".jpg", ()), (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)), (".png", ())])
def test_the_size_stands_in_the_header(scene, suffix, flags):
    data = _encode(suffix, scene(1, 30, 50), *flags)
    assert headers.stored_size(data) == headers.stored_size(data[:2000]) == Size(30, 50)
    assert headers.is_jpeg(data) == (suffix == ".jpg") and headers.is_png(data) == (suffix == ".png")


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x10JF", b"\x89PNG\r\n\x1a\n"])
def test_no_header_no_size(data):
    assert headers.stored_size(data) is None and headers.exif_orientation(data) == 1


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation(scene, with_exif, orientation):
    data = with_exif(_encode(".jpg", scene()), orientation)
    assert headers.exif_orientation(data) == orientation
    assert headers.stored_size(data) == Size(24, 32)


def test_damaged_exif_says_nothing(scene, with_exif):
    data = with_exif(_encode(".jpg", scene()), 6)
    assert headers.exif_orientation(data.replace(b"II*\0", b"XX*\0")) == 1
    assert headers.exif_orientation(data.replace(b"II*\0\x08\0\0\0", b"II*\0\xff\xff\0\0")) == 1
    assert headers.exif_orientation(with_exif(_encode(".jpg", scene()), 99)) == 1


@pytest.mark.parametrize("keep", [0.1, 0.4, 0.9, 0.99])
def test_a_cut_png_has_no_end(scene, keep):
    data = _encode(".png", scene())
    assert headers.png_is_whole(data) and not headers.png_is_whole(data[:int(len(data) * keep)])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_becomes_gray_values(png, bits):
    indices = np.arange(15).reshape(3, 5) % (1 << bits)
    data = headers.palette_as_gray(png(indices, 3, bits, [(i, i, i) for i in range(1 << bits)]))
    assert headers.png_form(data) == headers.PngForm(bits, palette=False, gray=True)
    gray = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(gray // (255 // ((1 << bits) - 1)), indices)
