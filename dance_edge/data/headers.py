"""What a JPEG or PNG file says about itself before it is decoded: size, orientation, palette, whether it is whole."""
import struct
import zlib
from typing import Iterator, NamedTuple, Optional, Tuple

from dance_edge.size import Size

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3  # a PNG's colour types
_GRAY = 0
# Start-of-frame markers: all of C0 to CF but for Huffman tables, extensions and arithmetic conditioning.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class PngForm(NamedTuple):
    """`bits` a sample; `palette`: samples are indices of a colour table; `gray`: one sample a pixel, no alpha."""

    bits: int
    palette: bool
    gray: bool


def is_jpeg(data: bytes) -> bool:
    """Whether the first bytes are a JPEG's, whatever the file is called."""
    return data[:3] == b"\xff\xd8\xff"


def is_png(data: bytes) -> bool:
    """Whether the first bytes are a PNG's."""
    return data[:8] == _PNG_MAGIC


def is_webp(data: bytes) -> bool:
    """Whether the first bytes are a WebP's, lossy or not."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def stored_size(data: bytes) -> Optional[Size]:
    """The size in which the pixels are stored, from the header alone; None where this is no JPEG or PNG."""
    if is_png(data) and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return Size(height, width)
    if is_jpeg(data):
        for marker, body in _jpeg_segments(data):
            if marker in _JPEG_FRAMES and len(body) >= 5:
                height, width = struct.unpack(">HH", body[1:5])
                return Size(height, width)
    return None


def exif_orientation(data: bytes) -> int:
    """A JPEG's EXIF orientation, 1 (as stored) to 8; 5 to 8 swap width and height. 1 where there is none."""
    if not is_jpeg(data):
        return 1
    for marker, body in _jpeg_segments(data):
        if marker == 0xE1 and body[:6] == b"Exif\0\0":
            return _orientation_tag(body[6:])
    return 1


def jpeg_is_whole(data: bytes) -> bool:
    """Whether a JPEG has its end marker. Compressed pixels never hold its two bytes, previews before them may."""
    scan = 2
    for _, body in _jpeg_segments(data):
        scan += 4 + len(body)
    return data.rfind(b"\xff\xd9", scan) >= 0


def png_form(data: bytes) -> Optional[PngForm]:
    """How a PNG stores its samples; None where this is no PNG."""
    if not is_png(data) or len(data) < 26:
        return None
    return PngForm(data[24], data[25] == _PALETTE, data[25] == _GRAY)


def png_is_whole(data: bytes) -> bool:
    """Whether a PNG's chunks reach its end marker; a file that was cut has none."""
    return any(kind == b"IEND" for kind, _ in _png_chunks(data))


def palette_as_gray(data: bytes) -> bytes:
    """The PNG `data` with its indices as gray values and the colours gone.

    The two differ in the header's colour type alone. No decoder needs to know palettes then, and none turns the
    indices into colours.
    """
    parts = [_PNG_MAGIC]
    for kind, body in _png_chunks(data):
        if kind == b"IHDR":
            parts.append(_chunk(kind, body[:9] + bytes([_GRAY]) + body[10:]))
        elif kind in (b"IDAT", b"IEND"):
            parts.append(_chunk(kind, body))
    return b"".join(parts)


def _jpeg_segments(data: bytes) -> Iterator[Tuple[int, bytes]]:
    """(marker, body) of the segments up to the start of the scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xDA:
            return
        length = struct.unpack(">H", data[at + 2:at + 4])[0]
        yield marker, data[at + 4:at + 2 + length]
        at += 2 + length


def _orientation_tag(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    try:
        if order is None:
            return 1
        start = struct.unpack(order + "I", tiff[4:8])[0]
        count = struct.unpack(order + "H", tiff[start:start + 2])[0]
        for i in range(count):
            entry = tiff[start + 2 + 12 * i:start + 14 + 12 * i]
            tag, value = struct.unpack(order + "H", entry[:2])[0], struct.unpack(order + "H", entry[8:10])[0]
            if tag == 0x0112:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:  # a damaged block says nothing
        return 1
    return 1


def _png_chunks(data: bytes) -> Iterator[Tuple[bytes, bytes]]:
    """(kind, body) of the chunks that are there in full."""
    at = 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        if at + 12 + length > len(data):
            return
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) & 0xFFFFFFFF)
