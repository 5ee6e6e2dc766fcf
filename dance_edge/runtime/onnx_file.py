"""An ONNX file as bytes, and the hash of all that it is made of. No onnx package: a board that serves has none."""
import hashlib
import os
from typing import Any, List, NamedTuple

from dance_edge.errors import CheckpointError

# How protobuf writes the key of a `StringStringEntryProto` (field 1, 8 bytes) and begins its value (field 2).
LOCATION = b"\x0a\x08location\x12"
CHUNK_BYTES = 1 << 20


class OnnxFile(NamedTuple):
    """`content`, the file's bytes, and `sha256` of them and of the files beside it that hold its weights, if any."""

    content: bytes
    sha256: str


def read_onnx(path: str) -> OnnxFile:
    """The ONNX file at `path`; `CheckpointError` where it, or a file of its weights, cannot be read."""
    try:
        with open(path, "rb") as file:
            content = file.read()
        digest = hashlib.sha256(content)
        for name in external_files(content, os.path.dirname(path)):
            digest.update(b"\0" + os.fsencode(name) + b"\0")
            _add_file(digest, os.path.join(os.path.dirname(path), name))
    except OSError as reason:
        raise CheckpointError("cannot read %s: %s" % (path, reason), "make it with: dance-edge export RUN")
    return OnnxFile(content, digest.hexdigest())


def external_files(content: bytes, folder: str) -> List[str]:
    """The files that hold weights of the model `content`, as it names them from `folder`; what is not there is left
    out: its parser says which weights it misses, and a note of the model's may have the same key."""
    found = set()
    start = content.find(LOCATION)
    while start >= 0:
        name = _string_at(content, start + len(LOCATION))
        if name and b"\0" not in name and os.path.isfile(os.path.join(folder, os.fsdecode(name))):
            found.add(os.fsdecode(name))
        start = content.find(LOCATION, start + len(LOCATION))
    return sorted(found)


def _string_at(content: bytes, at: int) -> bytes:
    """The string whose length, a varint, begins at `at`; paths need no more than two of its bytes."""
    if at + 1 >= len(content):
        return b""
    length, at = content[at], at + 1
    if length & 0x80:
        length, at = (length & 0x7F) | (content[at] << 7), at + 1
    return content[at:at + length]


def _add_file(digest: Any, path: str) -> None:
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
            digest.update(chunk)
