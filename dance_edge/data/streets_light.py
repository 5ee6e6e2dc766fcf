"""From painted buffers to a photograph: a day's haze and sun, or a night with lamps, fog and a struggling sensor."""
from typing import Any, List, NamedTuple, Tuple

import cv2
import numpy as np

from dance_edge.data.streets_canvas import GROUND_DEPTH, Camera, Canvas, depth_of_codes
from dance_edge.data.streets_ground import ground_depth
from dance_edge.data.streets_noise import sensor_noise
from dance_edge.data.streets_world import Post, Thing
from dance_edge.size import Size

# Blue, green and red of what shines, by kind: nothing, windows, street lamps, headlights, tail lamps, green lights;
# and of the halos around them in fog, where small strong lamps count for more than large windows.
SHINES = np.array(((0, 0, 0), (55, 120, 175), (170, 225, 255), (235, 250, 255), (25, 20, 190), (80, 220, 60)), np.uint8)
HALOS = np.array(((0, 0, 0), (6, 13, 19), (150, 215, 255), (200, 215, 220), (10, 8, 90), (30, 90, 25)), np.uint8)
HEADLIGHTS = (0.82, 0.96, 1.05)


class Weather(NamedTuple):
    """`ambient` (BGR): the light that is everywhere, 1 = full day; `fog`: extinction per metre; `noise` in levels."""

    ambient: Tuple[float, float, float]
    shadows: float
    fog: float
    fog_colour: Tuple[float, float, float]
    headlight: float
    lamp: float
    glow: float
    contrast: float
    noise: float


def day(rng: Any, haze: Tuple[int, int, int], sunny: bool) -> Weather:
    """Daylight of some strength and warmth; hard shadows where it is sunny."""
    gain, warm = float(rng.uniform(0.86, 1.12)), float(rng.uniform(-0.04, 0.04))
    fog = float(rng.uniform(0.0006, 0.004))
    return Weather((gain * (1 - warm), gain, gain * (1 + warm)), 1.0 if sunny else 0.45, fog,
                   (float(haze[0]), float(haze[1]), float(haze[2])), 0.0, 0.0, 0.0, 1.0, float(rng.uniform(1.0, 2.5)))


def night(rng: Any) -> Weather:
    """Dusk to night, under a blue sky or sodium lamps, in fog from thin to thick."""
    gain, sodium = float(rng.uniform(0.16, 0.34)), float(rng.uniform(0.0, 1.0))
    cast = (1.25 - 0.6 * sodium, 1.0 - 0.05 * sodium, 0.78 + 0.4 * sodium)
    veil = float(rng.uniform(24.0, 62.0))
    return Weather((gain * cast[0], gain * cast[1], gain * cast[2]), 0.4, float(rng.uniform(0.004, 0.022)),
                   (veil * cast[0], veil * cast[1], veil * cast[2]), float(rng.uniform(0.25, 0.6)),
                   float(rng.uniform(0.25, 0.55)), float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.75, 0.95)),
                   float(rng.uniform(3.0, 6.0)))


def develop(canvas: Canvas, size: Size, camera: Camera, texture: np.ndarray, things: List[Thing], weather: Weather,
            rng: Any) -> np.ndarray:
    """(H, W, 3) BGR uint8: the painted street under a weather. `camera` is in pixels of the picture."""
    painted = cv2.split(cv2.resize(canvas.surface, size.cv2, interpolation=cv2.INTER_AREA))
    codes = canvas.light[::2, ::2, 0]
    depth = depth_of_codes()[codes]
    ground = codes == GROUND_DEPTH
    depth[ground] = np.broadcast_to(ground_depth(camera, size.height)[:, None], depth.shape)[ground]
    shade = cv2.resize(np.ascontiguousarray(canvas.light[:, :, 2]), size.cv2, interpolation=cv2.INTER_AREA)
    relief = texture * (1.0 + weather.shadows * (shade.astype(np.float32) / 255.0 - 1.0))
    lamps = relief * _lamplight(size, camera, depth, things, weather) if weather.headlight > 0.0 else None
    shines = _shining(canvas, size, weather) if weather.glow > 0.0 else None
    veiled = 1.0 - np.exp(-weather.fog * depth)
    grain = sensor_noise(rng, size.height, size.width, weather.noise)
    planes = []
    for c in range(3):  # plane by plane, which numpy does several times faster than pixel by pixel
        light = relief * np.float32(weather.ambient[c])
        if lamps is not None:
            light += lamps * np.float32(HEADLIGHTS[c])
        plane, veil = painted[c] * light, np.float32(weather.fog_colour[c])
        if shines is None:
            plane += (veil - plane) * veiled
        else:  # what shines is veiled too, its halo is not, and lights the fog
            plane += shines[0][:, :, c]
            plane += (veil + 0.5 * shines[1][:, :, c] - plane) * veiled + shines[1][:, :, c]
        plane = weather.contrast * plane + (1.0 - weather.contrast) * weather.fog_colour[c] + grain[c]
        planes.append(np.clip(plane, 0, 255).astype(np.uint8))
    return cv2.merge(planes)


def _lamplight(size: Size, camera: Camera, depth: np.ndarray, things: List[Thing], weather: Weather) -> np.ndarray:
    """(H, W) float32: what the camera's own headlights and the street lamps add to the ambient light."""
    u = (np.arange(size.width, dtype=np.float32) - camera.centre)[None, :] / size.width
    v = (np.arange(size.height, dtype=np.float32) - camera.horizon)[:, None] / size.height
    beam = np.exp(-(u / 0.42) ** 2) * np.exp(-(np.minimum(v, 0.0) / 0.22) ** 2)
    light = weather.headlight * beam / (1.0 + (depth / 18.0) ** 2)
    rows, columns = max(size.height // 4, 1), max(size.width // 4, 1)
    y, x = np.arange(rows, dtype=np.float32)[:, None] * 4, np.arange(columns, dtype=np.float32)[None, :] * 4
    pools = np.zeros((rows, columns), np.float32)
    for lamp in things:
        if isinstance(lamp, Post) and lamp.kind == "lamp" and lamp.z > 4.0:
            at_u, at_v = (float(value) for value in camera.project((lamp.x - 1.4 * lamp.side, 1.2, lamp.z)))
            wide = camera.focal / lamp.z
            pools += np.exp(-((x - at_u) / (4.5 * wide)) ** 2 - ((y - at_v) / (3.2 * wide)) ** 2)
    return light + weather.lamp * cv2.resize(np.minimum(pools, 1.6), size.cv2, interpolation=cv2.INTER_LINEAR)


def _shining(canvas: Canvas, size: Size, weather: Weather) -> Tuple[np.ndarray, np.ndarray]:
    """What shines by itself, and its halo in the fog; both (H, W, 3) float32."""
    kinds = canvas.light[:, :, 1]
    lit = np.nonzero(kinds)
    colours = np.zeros(kinds.shape + (3,), np.uint8)
    colours[lit] = SHINES[kinds[lit]]
    shining = cv2.resize(colours, size.cv2, interpolation=cv2.INTER_AREA).astype(np.float32)
    colours[lit] = HALOS[kinds[lit]]
    quarter = (max(size.width // 4, 1), max(size.height // 4, 1))
    halo = cv2.resize(colours, quarter, interpolation=cv2.INTER_AREA).astype(np.float32)
    spread = size.height / 256.0
    halo = 2.0 * cv2.GaussianBlur(halo, (0, 0), 2.0 * spread) + 14.0 * cv2.GaussianBlur(halo, (0, 0), 7.0 * spread)
    halo *= weather.glow * (0.4 + 40.0 * weather.fog)
    return shining, cv2.resize(halo, size.cv2, interpolation=cv2.INTER_LINEAR)

