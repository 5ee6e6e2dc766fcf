"""Where a street is painted, at twice the size: colour and class in one buffer; depth, light and shade in another.

The two are never parted: what is painted is labelled by the same call, so that labels are exact.
"""
import math
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np

from dance_edge.size import Size

Colour = Tuple[int, int, int]  # BGR
Tint = Tuple[int, ...]
SUPERSAMPLING = 2
GROUND_DEPTH, SKY_DEPTH = 0, 255  # codes; the ground's depth follows from the row
NEAREST_M = 1.2
_SHIFT = 3
_CODES_PER_LOG_M = 50.0


class Kind:
    """The class ids, in the order of `streets.CLASSES`."""

    ROAD, SIDEWALK, BUILDING, POLE, VEGETATION, SKY, PERSON, CAR = range(8)


class Shine:
    """What gives light of its own at night."""

    DARK, WINDOW, LAMP, HEADLIGHT, TAIL, GREEN = range(6)


class Camera(NamedTuple):
    """A pinhole camera at `height_m` over the road and `x_m` from its middle; pixels are the buffers'.

    `curve` bends the street: its middle line lies at curve z^2, metres to the right, z metres ahead.
    """

    focal: float
    centre: float
    horizon: float
    height_m: float
    x_m: float
    curve: float

    def project(self, points: Any) -> np.ndarray:
        """Street coordinates (..., 3) x, y (up), z (ahead of the camera) in metres -> (..., 2) pixels, float32."""
        points = np.asarray(points, dtype=np.float32)
        z = np.maximum(points[..., 2], NEAREST_M)
        scale = self.focal / z
        pixels = np.empty(points.shape[:-1] + (2,), np.float32)
        pixels[..., 0] = (points[..., 0] - self.x_m) * scale + (self.curve * self.focal * z + self.centre)
        pixels[..., 1] = (self.height_m - points[..., 1]) * scale + self.horizon
        return pixels


class Canvas:
    """`surface` (H, W, 4) uint8 holds blue, green, red and class; `light` (H, W, 3) depth code, what shines, shade.

    Polygons wait until `flush`, in order: projecting all of them at once is what makes drawing fast.
    """

    __slots__ = ("surface", "light", "camera", "_waiting")

    def __init__(self, size: Size, camera: Camera) -> None:
        height, width = size.height * SUPERSAMPLING, size.width * SUPERSAMPLING
        self.surface = np.zeros((height, width, 4), np.uint8)
        self.light = np.empty((height, width, 3), np.uint8)
        self.light[...] = 255
        self.light[..., 1] = Shine.DARK
        self.camera = camera
        self._waiting: List[Tuple[np.ndarray, Optional[Tint], Tint]] = []

    def paint(self, points: Any, colour: Colour, label: int, z_m: float, shines: int = Shine.DARK) -> None:
        """Fill the polygon (K, 3), or the many of (N, K, 3) that do not overlap, given in street coordinates."""
        self._waiting.append((np.asarray(points, np.float32), colour + (label,), (depth_code(z_m), shines, 255)))

    def pave(self, points: Any, colour: Colour, label: int) -> None:
        """Fill polygons that lie on the ground."""
        self._waiting.append((np.asarray(points, np.float32), colour + (label,), (GROUND_DEPTH, Shine.DARK, 255)))

    def shade(self, points: Any, share: float) -> None:
        """A shadow on the ground: `share` of the light is left. Give it before what stands on the ground."""
        self._waiting.append((np.asarray(points, np.float32), None, (GROUND_DEPTH, Shine.DARK, int(255 * share))))

    def fill(self, pixels: np.ndarray, colour: Colour, label: int, code: int) -> None:
        """Fill the polygon (K, 2) given in pixels of the buffers, at once."""
        polygon = _fixed_point(pixels)
        cv2.fillPoly(self.surface, [polygon], colour + (label,), cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.light, [polygon], (code, Shine.DARK, 255), cv2.LINE_8, _SHIFT)

    def flush(self) -> None:
        """Draw what waits."""
        waiting, self._waiting = [one for one in self._waiting if one[0].size], []
        if not waiting:
            return
        pixels = _fixed_point(self.camera.project(np.concatenate([one[0].reshape(-1, 3) for one in waiting])))
        start = 0
        for points, surface, light in waiting:
            count = points.size // 3
            polygons = pixels[start:start + count]
            start += count
            parts = [polygons] if points.ndim == 2 else list(polygons.reshape(points.shape[:-1] + (2,)))
            if surface is not None:
                cv2.fillPoly(self.surface, parts, surface, cv2.LINE_8, _SHIFT)
            cv2.fillPoly(self.light, parts, light, cv2.LINE_8, _SHIFT)

    def stamp(self, sprite: "Sprite", at: Tuple[float, float, float, float], colours: np.ndarray, z_m: float) -> None:
        """Put leaves on: `at` is left, top, right, bottom in pixels; `colours` (256, 3) BGR by the sprite's shade."""
        self.flush()
        left, top, right, bottom = (int(round(edge)) for edge in at)
        height, width = self.surface.shape[:2]
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if x0 >= x1 or y0 >= y1 or right - left < 2 or bottom - top < 2:
            return
        columns = (np.arange(x0, x1) - left) * sprite.mask.shape[1] // (right - left)
        rows = (np.arange(y0, y1) - top) * sprite.mask.shape[0] // (bottom - top)
        inside = sprite.mask[rows[:, None], columns[None, :]]
        shades = sprite.shade[rows[:, None], columns[None, :]][inside]
        painted = np.empty((shades.size, 4), np.uint8)
        painted[:, :3] = colours[shades]
        painted[:, 3] = Kind.VEGETATION
        self.surface[y0:y1, x0:x1][inside] = painted
        self.light[y0:y1, x0:x1][inside] = (depth_code(z_m), Shine.DARK, 255)

    def labels(self) -> np.ndarray:
        """(H, W) uint8 of the picture's size: the class of one of the buffers' pixels, never a mixture."""
        return np.ascontiguousarray(self.surface[::SUPERSAMPLING, ::SUPERSAMPLING, 3])


class Sprite(NamedTuple):
    """The outline (bool) and the shading (uint8) of a crown of leaves, both (S, S)."""

    mask: np.ndarray
    shade: np.ndarray


def depth_code(z_m: float) -> int:
    """Depth as one byte, logarithmic; `depth_of_codes` gives it back within 1 %."""
    return max(1, min(254, int(round(_CODES_PER_LOG_M * math.log(max(z_m, 1.02))))))


def depth_of_codes() -> np.ndarray:
    """(256,) float32, metres by code; the sky is far away, the ground's entry means nothing."""
    depths = np.exp(np.arange(256, dtype=np.float32) / _CODES_PER_LOG_M)
    depths[SKY_DEPTH] = 1000.0
    return depths


def box(x0: float, x1: float, y0: float, y1: float, z_m: float) -> Sequence[Tuple[float, float, float]]:
    """An upright rectangle that faces the camera."""
    return ((x0, y0, z_m), (x1, y0, z_m), (x1, y1, z_m), (x0, y1, z_m))


def flat(x0: float, x1: float, z0: float, z1: float) -> Sequence[Tuple[float, float, float]]:
    """A rectangle on the ground."""
    return ((x0, 0.0, z0), (x1, 0.0, z0), (x1, 0.0, z1), (x0, 0.0, z1))


def scaled(colour: Colour, gain: float) -> Colour:
    """A lighter or darker tone."""
    return (min(int(colour[0] * gain), 255), min(int(colour[1] * gain), 255), min(int(colour[2] * gain), 255))


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.round(np.clip(pixels, -8000, 8000) * (1 << _SHIFT)), dtype=np.int32)
