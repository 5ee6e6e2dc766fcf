"""Sources that do not wait: cameras, and files that are played as if they were one."""
import glob
import os
import re
import sys
import threading
import time
from typing import Any, Optional

import cv2
import numpy as np

from dance_edge.errors import DanceError, DeviceError
from dance_edge.events import OnEvent, Warned
from dance_edge.serve.frame import Frame
from dance_edge.serve.source import Source, Stopped, fps_of, grab, open_capture, open_file

CAMERA_BACKEND = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
STALL_S = 10.0  # a camera that gives nothing for so long is taken for gone


class LiveSource(Source):
    """A thread takes every image of `capture` as it comes and keeps the newest; the one it replaces is dropped.

    `capture` has `cv2.VideoCapture`'s `read` and `release`. With `pace_fps` it is a file, played at that rate. The
    thread starts with the first `read`. An index counts captured frames, so that a gap shows what was dropped.
    """

    def __init__(self, capture: Any, first: np.ndarray, name: str, on_event: OnEvent,
                 pace_fps: Optional[float] = None) -> None:
        super().__init__(name, pace_fps or fps_of(capture), None, live=True)
        self._capture = capture
        self._on_event = on_event
        self._pace_fps = pace_fps
        self._changed = threading.Condition()
        self._newest: Optional[Frame] = Frame(first, 0, time.monotonic())
        self._thread: Optional[threading.Thread] = None
        self._captured = 1
        self._ended = False
        self._closing = False

    def read(self, stopped: Stopped) -> Optional[Frame]:
        """See `Source.read`."""
        if self._thread is None:
            frame, self._newest = self._newest, None
            self._thread = threading.Thread(target=self._capture_all, name="capture", daemon=True)
            self._thread.start()
            return frame._replace(captured_at_s=time.monotonic()) if frame else None
        waited_since_s = time.monotonic()
        with self._changed:
            while self._newest is None:
                if stopped():
                    return None
                if self._ended or time.monotonic() - waited_since_s > STALL_S:
                    self._say_why()
                    return None
                self._changed.wait(0.1)  # short, so that `stopped` is heard
            frame, self._newest = self._newest, None
        return frame

    def _say_why(self) -> None:
        if not self._ended:
            self._on_event(Warned("%s gave no frame for %.0f s" % (self.name, STALL_S)))
        elif not self._pace_fps:  # a file that is played does end
            self._on_event(Warned("%s stopped after %d frames" % (self.name, self._captured)))

    def _capture_all(self) -> None:
        started_s = time.monotonic()
        while not self._closing:
            if self._pace_fps:
                time.sleep(max(0.0, started_s + self._captured / self._pace_fps - time.monotonic()))
            image = grab(self._capture)
            if image is None:
                break
            with self._changed:
                self.dropped += self._newest is not None
                self._newest = Frame(image, self._captured, time.monotonic())
                self._captured += 1
                self._changed.notify()
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._capture.release()  # here, because a release beside a read that hangs crashes some drivers

    def close(self) -> None:
        """See `Source.close`."""
        self._closing = True
        if self._thread is None:
            self._capture.release()
        else:
            self._thread.join(2.0)


def open_realtime(path: str, on_event: OnEvent) -> Source:
    """The video file at `path`, played at its own rate as a camera would give it; `DataError` as `open_video`."""
    capture, first = open_file(path)
    return LiveSource(capture, first, path, on_event, pace_fps=fps_of(capture))


def open_camera(spec: str, on_event: OnEvent) -> Source:
    """A camera: an index or /dev/videoN, a URL (`rtsp://...`), or a GStreamer pipeline (it holds a `!`).

    `DeviceError` where it does not open or gives no frame.
    """
    device = re.match(r"^(?:/dev/video)?(\d{1,4})$", spec)
    if device:
        name = "camera " + device.group(1)
        capture, first = open_capture(int(device.group(1)), CAMERA_BACKEND)
    elif os.path.isfile(spec):
        raise DeviceError("%s is a file, not a camera" % spec, "serve it with --video FILE --realtime")
    elif "!" in spec:
        name = "the pipeline"
        capture, first = open_capture(spec, cv2.CAP_GSTREAMER)
    else:
        name = spec.split("@")[-1]  # a URL may hold a password
        capture, first = open_capture(spec, cv2.CAP_ANY)
    if first is None:
        raise _camera_error(name, spec)
    return LiveSource(capture, first, name, on_event)


def _camera_error(name: str, spec: str) -> DanceError:
    if "!" in spec:
        if not re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()):
            return DeviceError("this OpenCV has no GStreamer, so that %s cannot run" % name,
                               "take the system's OpenCV (JetPack's, or python3-opencv) instead of pip's")
        return DeviceError("%s gives no frame: %s" % (name, spec),
                           "try it with gst-launch-1.0; let it end in: videoconvert ! video/x-raw,format=BGR ! appsink")
    if not name.startswith("camera "):
        return DeviceError("%s gives no frame" % name, "is the address right, and does it play with: ffplay URL")
    found = sorted(glob.glob("/dev/video*"))
    if not found:
        return DeviceError("%s cannot be opened: this machine has no /dev/video*" % name,
                           "plug one in and look with: ls /dev/video*; or serve a file: --video FILE")
    return DeviceError("%s cannot be opened; there are %s" % (name, ", ".join(found)),
                       "try another number; is another program using it, are you in the group video (id)? "
                       "Or serve a file: --video FILE")
