"""Textures of drawn streets: noise that repeats without a seam, and crowns of leaves. Made once, from fixed seeds."""
from typing import Any, Dict, List

import cv2
import numpy as np

from dance_edge.data.streets_canvas import Sprite

TILE = 512
SPRITE = 96
_tiles: Dict[str, np.ndarray] = {}
_sprites: List[Sprite] = []


def tile(name: str) -> np.ndarray:
    """(512, 512) float32 around 0, deviation 1, periodic: `fine` grain, `rough` spots, `clouds`."""
    if not _tiles:
        rng = np.random.RandomState(20)
        fine, rough = _periodic(rng, 0.8), _periodic(rng, 6.0)
        _tiles["fine"] = _unit(0.8 * fine + 0.6 * rough)
        _tiles["rough"] = _unit(_periodic(rng, 2.5) + rough + 0.8 * _periodic(rng, 22.0))
        _tiles["clouds"] = _unit(0.35 * _periodic(rng, 5.0) + 0.7 * _periodic(rng, 14.0) + _periodic(rng, 40.0))
    return _tiles[name]


def crown(index: int) -> Sprite:
    """One of six crowns: lobes around a middle, lit from above."""
    if not _sprites:
        rng = np.random.RandomState(21)
        _sprites.extend(_grow(rng) for _ in range(6))
    return _sprites[index % len(_sprites)]


def sensor_noise(rng: Any, height: int, width: int, sigma: float) -> np.ndarray:
    """(3, H, W) float32, deviation `sigma`: gray grain, with some colour in it."""
    drawn = rng.randint(0, 256, (4, height, width), dtype=np.uint8).astype(np.float32)
    drawn -= 127.5
    drawn *= sigma / 73.9  # the deviation of a uniform byte
    return 0.6 * drawn[:3] + 0.8 * drawn[3]


def _periodic(rng: Any, sigma: float) -> np.ndarray:
    """White noise, low-passed in the frequency domain, so that its edges fit together."""
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    rows, columns = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]
    spectrum *= np.exp(-2.0 * (np.pi * sigma) ** 2 * (rows ** 2 + columns ** 2))
    return _unit(np.fft.irfft2(spectrum, (TILE, TILE)))


def _unit(noise: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(((noise - noise.mean()) / noise.std()).astype(np.float32))


def _grow(rng: Any) -> Sprite:
    reach = (SPRITE - 1) / 2.0
    height, shade = np.full((SPRITE, SPRITE), -1.0, np.float32), np.zeros((SPRITE, SPRITE), np.float32)
    y, x = np.mgrid[0:SPRITE, 0:SPRITE].astype(np.float32)
    y, x = (y - reach) / reach, (x - reach) / reach
    lobes = rng.uniform((0.3, 0.0, 0.22), (0.6, 6.28, 0.42), (13, 3))
    for distance, angle, radius in [(0.0, 0.0, 0.62)] + lobes.tolist():
        dy, dx = y - distance * np.sin(angle), x - distance * np.cos(angle)
        bulge = 1.0 - (dx * dx + dy * dy) / (radius * radius)
        front = bulge * radius > height
        height[front] = (bulge * radius)[front]
        shade[front] = (0.55 - 0.5 * dy / radius * 0.7 - 0.35 * y + 0.25 * bulge)[front]
    leaves = cv2.GaussianBlur(rng.standard_normal((SPRITE, SPRITE)).astype(np.float32), (0, 0), 1.1)
    leaves /= leaves.std()
    mask = height + 0.05 * leaves > 0.02
    shade = np.clip(0.62 + 0.33 * (shade - 0.55) + 0.1 * leaves, 0.0, 1.0)
    return Sprite(mask, np.uint8(255 * shade))
