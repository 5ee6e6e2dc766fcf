"""Small made images, labels and folders for the tests of the data rooms."""
import os
import struct
import zlib

import cv2
import numpy as np
import pytest


def _scene(seed=0, height=24, width=32):
    """Noise of a few gray levels: (H, W, 3) uint8, more complex with the seed."""
    return np.random.RandomState(seed).randint(0, 40 + 10 * (seed % 20), (height, width, 3)).astype(np.uint8)


def _write(path, image):
    """Encode by the suffix, in folders that come to be; returns the path as text."""
    path = str(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    ok, data = cv2.imencode(os.path.splitext(path)[1].lower(), image)
    assert ok
    with open(path, "wb") as file:  # cv2.imwrite has no say in the suffix's case
        file.write(data.tobytes())
    return path


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) & 0xFFFFFFFF)


def _png(indices, colour_type, bits=8, palette=None):
    """The bytes of a PNG with one sample a pixel, written by hand: no encoder's idea of palettes comes between."""
    height, width = indices.shape
    rows = b""
    for row in indices:
        joined = "".join(format(int(value), "0%db" % bits) for value in row)
        joined += "0" * (-len(joined) % 8)
        rows += b"\0" + bytes(int(joined[i:i + 8], 2) for i in range(0, len(joined), 8))
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    table = b"" if palette is None else _chunk(b"PLTE", bytes(v for colour in palette for v in colour))
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + table + _chunk(b"IDAT", zlib.compress(rows))
            + _chunk(b"IEND", b""))


def _orientation(value):
    """An EXIF block that holds an orientation and nothing else."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)


def _png_with_exif(png, orientation):
    """The PNG's bytes with an EXIF chunk behind its header."""
    return png[:33] + _chunk(b"eXIf", _orientation(orientation)) + png[33:]


def _with_exif(jpeg, orientation):
    """The JPEG's bytes with an EXIF block that holds an orientation."""
    body = b"Exif\0\0" + _orientation(orientation)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.fixture
def scene():
    return _scene


@pytest.fixture
def write():
    return _write


@pytest.fixture
def png():
    return _png


@pytest.fixture
def with_exif():
    return _with_exif


@pytest.fixture
def png_with_exif():
    return _png_with_exif


@pytest.fixture
def camvid(tmp_path):
    """camvid({"train": ["0001TP_1", ...]}): SegNet folders with jpg images and png labels of ids 0 to 3."""
    def make(splits, height=24, width=32):
        for split, stems in splits.items():
            for i, stem in enumerate(stems):
                _write(tmp_path / split / (stem + ".jpg"), _scene(i, height, width))
                label = (np.arange(height * width).reshape(height, width) + i) % 4
                _write(tmp_path / (split + "annot") / (stem + ".png"), label.astype(np.uint8))
        return tmp_path
    return make
