"""Where frames come from: the seam, video files, folders of images. The only door to `cv2.VideoCapture`."""
import os
import sys
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Optional, Tuple, Union

import cv2
import numpy as np

from dance_edge.data.files import IMAGE_SUFFIXES, image_files
from dance_edge.data.images import read_image
from dance_edge.errors import DataError
from dance_edge.events import OnEvent, Warned
from dance_edge.serve.frame import Frame

DEFAULT_FPS = 25.0  # of a folder, and where a container or camera names no rate that can be

Stopped = Callable[[], bool]


class Source(ABC):
    """One stream of frames. `live`: what is not taken in time is lost, and counted in `dropped`.

    `fps` is the stream's nominal rate, `total` how many frames it announces (None where it cannot know).
    """

    def __init__(self, name: str, fps: float, total: Optional[int], live: bool) -> None:
        self.name = name
        self.fps = fps
        self.total = total
        self.live = live
        self.dropped = 0

    @abstractmethod
    def read(self, stopped: Stopped) -> Optional[Frame]:
        """The next frame, or a live source's newest; None at the end, or once `stopped()` while it waits."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file or the device."""


class VideoFile(Source):
    """A file, read as fast as it is served: no frame is ever dropped. `first` is its first image, decoded already."""

    def __init__(self, capture: Any, first: np.ndarray, name: str, on_event: OnEvent) -> None:
        super().__init__(name, fps_of(capture), _total(capture), live=False)
        self._capture = capture
        self._next: Optional[np.ndarray] = first
        self._on_event = on_event
        self._count = 0

    def read(self, stopped: Stopped) -> Optional[Frame]:
        """See `Source.read`."""
        image, self._next = self._next, None
        if image is None:
            image = grab(self._capture)
        if image is None:
            self._say_if_cut()
            return None
        self._count += 1
        return Frame(image, self._count - 1, time.monotonic())

    def _say_if_cut(self) -> None:
        # Containers round: a frame or two more or less than announced is not a cut file.
        if self.total is not None and self._count < self.total - max(2, self.total // 100):
            self._on_event(Warned("%s announces %d frames, %d could be decoded" % (self.name, self.total, self._count)))

    def close(self) -> None:
        """See `Source.close`."""
        self._capture.release()


class ImageFolder(Source):
    """The images of a folder in natural order, 2 before 10; one that is broken is said and left out."""

    def __init__(self, paths: List[str], name: str, on_event: OnEvent) -> None:
        super().__init__(name, DEFAULT_FPS, len(paths), live=False)
        self._paths = iter(paths)
        self._on_event = on_event
        self._count = 0

    def read(self, stopped: Stopped) -> Optional[Frame]:
        """See `Source.read`."""
        for path in self._paths:
            try:
                image = read_image(path)
            except DataError as broken:
                self._on_event(Warned("left out: " + broken.message))
                continue
            self._count += 1
            return Frame(image, self._count - 1, time.monotonic())
        if self._count == 0:
            raise DataError("no image of %s can be read" % self.name, "look at the warnings above")
        return None

    def close(self) -> None:
        """See `Source.close`; nothing is held."""


def open_video(path: str, on_event: OnEvent) -> Source:
    """The video file, image or folder of images at `path`. `DataError` where nothing in it can be decoded."""
    if not os.path.exists(path):
        raise DataError("there is no video %s" % path, "give --video a video file or a folder of images")
    images = _images(path)
    if images is not None:
        if not images:
            raise DataError("%s holds no image" % path, "images end in one of: " + " ".join(IMAGE_SUFFIXES))
        return ImageFolder(images, path, on_event)
    capture, first = open_file(path)
    return VideoFile(capture, first, path, on_event)


def open_file(path: str) -> Tuple[Any, np.ndarray]:
    """The capture of the video file at `path` and its first image; `DataError` where it has none."""
    if not os.path.isfile(path):
        raise DataError("there is no video %s" % path, "give --video a video file or a folder of images")
    capture, first = open_capture(path, cv2.CAP_ANY)
    if first is None:
        raise DataError("%s cannot be read as a video" % path,
                        "does it play elsewhere? ffmpeg -i IN -c:v libx264 OUT.mp4 makes a file that OpenCV reads")
    return capture, first


def _images(path: str) -> Optional[List[str]]:
    """The images that `path` stands for, None where it is to be read as a video."""
    if os.path.isdir(path):
        return [os.path.join(path, *name.split("/")) for name in image_files(path)]
    # OpenCV would open a single image as the start of a numbered sequence.
    return [path] if path.lower().endswith(IMAGE_SUFFIXES) else None


def open_capture(what: Union[int, str], backend: int) -> Tuple[Any, Optional[np.ndarray]]:
    """An opened capture and its first image, None where there is none. What the decoders say is not for users."""
    with _silent_stderr():
        capture = cv2.VideoCapture(what, backend)
        first = grab(capture) if capture.isOpened() else None
    if first is None:
        capture.release()
    return capture, first


def grab(capture: Any) -> Optional[np.ndarray]:
    """The next image of `capture`, (H, W, 3) BGR uint8; None at its end."""
    ok, image = capture.read()
    if not ok or image is None:
        return None
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image


def fps_of(capture: Any) -> float:
    """The nominal rate of `capture`, `DEFAULT_FPS` where it names none that can be."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 0.5 <= fps <= 240.0 else DEFAULT_FPS  # also false for nan


def _total(capture: Any) -> Optional[int]:
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return total if total > 0 else None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """OpenCV's and FFmpeg's C code write to the descriptor itself, each version with other switches to stop it."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
