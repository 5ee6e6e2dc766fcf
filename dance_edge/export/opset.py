"""Which opset an ONNX file is of, where neither PyTorch nor onnx is installed: four fields of its protocol buffer."""
import io
import os
from typing import IO, Any, Iterator, Optional, Tuple

OPSET_IMPORT = 8           # of ModelProto
DOMAIN, VERSION = 1, 2     # of OperatorSetIdProto
DEFAULT_DOMAINS = (b"", b"ai.onnx")
VARINT, EIGHT_BYTES, CHUNK, FOUR_BYTES = 0, 1, 2, 5  # how a field is stored


def opset_of(path: str) -> Optional[int]:
    """The opset of ONNX's own operators that the file at `path` asks for; None where it does not say."""
    with open(path, "rb") as file:
        try:
            for number, content in _fields(file, OPSET_IMPORT):
                if number == OPSET_IMPORT:
                    fields = dict(_fields(io.BytesIO(content), DOMAIN))
                    if fields.get(DOMAIN, b"") in DEFAULT_DOMAINS and VERSION in fields:
                        return int(fields[VERSION])
        except (EOFError, ValueError, TypeError):  # no protocol buffer, or one that was cut off
            pass
    return None


def _fields(stream: IO[bytes], chunk: int) -> Iterator[Tuple[int, Any]]:
    """The numbers and values of a message's fields; of chunks the one that is numbered `chunk` alone: weights are
    passed over."""
    end = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    while stream.tell() < end:
        key = _varint(stream)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            yield number, _varint(stream)
        elif kind == CHUNK:
            length = _varint(stream)
            if number == chunk:
                yield number, stream.read(length)
            else:
                stream.seek(length, os.SEEK_CUR)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            stream.seek(8 if kind == EIGHT_BYTES else 4, os.SEEK_CUR)
        else:
            raise ValueError("no kind of field: %d" % kind)


def _varint(stream: IO[bytes]) -> int:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    value, shift = 0, 0
    while True:
        byte = stream.read(1)
        if not byte or shift > 63:
            raise EOFError("a number ends in mid-air")
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
        shift += 7
