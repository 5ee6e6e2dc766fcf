"""Where results go: an overlaid video, a log of JSON lines. A file appears under its name only when it is whole."""
import json
import os
import stat
from abc import ABC, abstractmethod
from typing import IO, Any, Optional

import cv2
import numpy as np

from dance_edge.errors import ConfigError
from dance_edge.serve.frame import Frame, FrameResult
from dance_edge.serve.overlay import Overlay
from dance_edge.size import Size, size_of

CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}


class Sink(ABC):
    """One place that results go to."""

    @abstractmethod
    def write(self, frame: Frame, result: FrameResult) -> None:
        """Take one frame and its result; `ConfigError` where it cannot be written."""

    @abstractmethod
    def close(self, keep: bool) -> None:
        """End: make valid what was written, or leave nothing behind."""


class VideoSink(Sink):
    """Overlaid frames as a video at `path`, at `fps`. Frames of another size than the first are scaled to it.

    `keep_time`: repeat or skip pictures so that what was captured unevenly plays at the speed at which it happened.
    """

    def __init__(self, path: str, fps: float, overlay: Overlay, keep_time: bool) -> None:
        suffix = os.path.splitext(path)[1].lower()
        if suffix not in CODECS:
            raise ConfigError("%s does not end as a video does" % path, "take one of: " + " ".join(sorted(CODECS)))
        self._path = _checked(path)
        self._partial = _partial(path, suffix)
        self._codec = CODECS[suffix]
        self._fps = fps
        self._overlay = overlay
        self._keep_time = keep_time
        self._writer: Any = None
        self._size = Size(0, 0)
        self._started_s = 0.0
        self._written = 0

    def write(self, frame: Frame, result: FrameResult) -> None:
        """See `Sink.write`."""
        picture = self._overlay.draw(frame, result)
        if self._writer is None:
            self._writer = self._open(size_of(picture), frame.captured_at_s)
        if size_of(picture) != self._size:
            picture = cv2.resize(picture, self._size.cv2, interpolation=cv2.INTER_AREA)
        for _ in range(self._repeats(frame.captured_at_s)):
            self._writer.write(np.ascontiguousarray(picture))
            self._written += 1

    def _open(self, size: Size, started_s: float) -> Any:
        self._size, self._started_s = size, started_s
        writer = cv2.VideoWriter(self._partial, cv2.VideoWriter_fourcc(*self._codec), self._fps, size.cv2)
        if not writer.isOpened():
            _finish(self._partial, self._path, keep=False)
            raise ConfigError("OpenCV cannot write %s as %s at %s" % (self._path, self._codec, size.wxh),
                              "take another --out: .avi needs no encoder beside OpenCV")
        return writer

    def _repeats(self, captured_at_s: float) -> int:
        if not self._keep_time:
            return 1
        return max(0, int(round((captured_at_s - self._started_s) * self._fps)) + 1 - self._written)

    def close(self, keep: bool) -> None:
        """See `Sink.close`."""
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        _finish(self._partial, self._path, keep)


class JsonLinesSink(Sink):
    """`FrameResult.facts` of each frame as a line of JSON at `path`; into a pipe or device as they come."""

    def __init__(self, path: str) -> None:
        self._path = _checked(path)
        self._direct = os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)  # /dev/stderr, a pipe
        self._written_to = path if self._direct else _partial(path, ".jsonl")
        self._file: Optional[IO[str]] = None

    def write(self, frame: Frame, result: FrameResult) -> None:
        """See `Sink.write`."""
        try:
            if self._file is None:
                self._file = open(self._written_to, "w", encoding="utf-8")
            self._file.write(json.dumps(result.facts()) + "\n")
            if self._direct:
                self._file.flush()
        except OSError as reason:
            raise _unwritable(self._path, reason)

    def close(self, keep: bool) -> None:
        """See `Sink.close`."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.close()
        except OSError as reason:
            _finish(self._written_to, self._path, keep=False)
            raise _unwritable(self._path, reason)
        if not self._direct:
            _finish(self._written_to, self._path, keep)


def _checked(path: str) -> str:
    """`path`, refused before the work where nothing can come of it."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise ConfigError("%s cannot be written: there is no folder %s" % (path, folder), "make it: mkdir -p " + folder)
    if os.path.isdir(path):
        raise ConfigError("%s is a folder, the name of a file is expected" % path, "give a file inside it")
    if not os.access(folder, os.W_OK):
        raise ConfigError("%s cannot be written: no permission in %s" % (path, folder), "write elsewhere")
    return path


def _partial(path: str, suffix: str) -> str:
    """The name until the file is whole: beside it, hidden, with a suffix that tells OpenCV the container."""
    target = os.path.realpath(path)  # through a symbolic link, not over it
    return os.path.join(os.path.dirname(target), ".%s.%d.part%s" % (os.path.basename(target), os.getpid(), suffix))


def _finish(partial: str, path: str, keep: bool) -> None:
    if keep and os.path.exists(partial) and os.path.getsize(partial) > 0:
        os.replace(partial, os.path.realpath(path))
    elif os.path.exists(partial):
        os.unlink(partial)


def _unwritable(path: str, reason: OSError) -> ConfigError:
    return ConfigError("cannot write %s: %s" % (path, reason.strerror or reason), "is the disk full? write elsewhere")
