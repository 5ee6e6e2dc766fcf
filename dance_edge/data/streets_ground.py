"""What a drawn street lies under and on: sky, hills and skyline; fields, sidewalks, road, marks and shadows."""
from typing import Any, List, Tuple

import cv2
import numpy as np

from dance_edge.data import streets_canvas
from dance_edge.data.streets_canvas import GROUND_DEPTH, NEAREST_M, Camera, Canvas, Colour, Kind, flat, scaled
from dance_edge.data.streets_noise import TILE, tile
from dance_edge.data.streets_things import cast_shadow
from dance_edge.data.streets_world import CELL_M, SEEN_M, Building, Patch, Street, Thing
from dance_edge.size import Size

PAINT = (205, 212, 212)
ROUGH_GAIN = np.array([0.035, 0.035, 0.0, 0.0, 0.06, 0.0, 0.0, 0.02], np.float32)  # by class
FINE_GAIN = np.array([0.05, 0.04, 0.0, 0.0, 0.12, 0.0, 0.0, 0.0], np.float32)
PLASTER_GAIN = 0.055
_HORIZON_M = 400.0
_ALONG = np.geomspace(NEAREST_M, 150.0, 24)


class SunShadow:
    """Shadows that buildings throw on the street: from `side`, as long as `length` per metre of height."""

    __slots__ = ("side", "length", "share")

    def __init__(self, side: int, length: float, share: float) -> None:
        self.side = side
        self.length = length
        self.share = share


def draw_backdrop(canvas: Canvas, zenith: Colour, haze: Colour, clouds: float, seed: int, density: float) -> None:
    """The sky, then hills and a skyline that are the same for a same seed. `clouds` 0-1."""
    height, width = canvas.surface.shape[:2]
    horizon = int(np.clip(canvas.camera.horizon, 2, height - 1)) + 1
    rng = np.random.RandomState([seed, 5])
    column, row = int(rng.randint(TILE // 3)), int(rng.randint(TILE // 2))
    cover = tile("clouds")[row:row + TILE // 4, column:column + 2 * TILE // 3, None]
    cover = np.clip(clouds * (cover + 2.2 * clouds - 0.9), 0.0, 1.0)
    rows = np.linspace(0.0, 1.0, cover.shape[0], dtype=np.float32)[:, None, None] ** 0.8
    sky = np.array(zenith, np.float32) * (1 - rows) + np.array(haze, np.float32) * rows  # (rows, 1, 3)
    sky = sky + cover * (np.array([238, 236, 234], np.float32) - sky)
    sky = np.concatenate([sky, np.full_like(cover, Kind.SKY)], axis=2).astype(np.uint8)
    canvas.surface[:horizon] = cv2.resize(sky, (width, horizon))
    steps = np.linspace(0, width, 40)
    for distance_m, tall, colour in ((900.0, 0.075, (150, 142, 112)), (300.0, 0.045, (92, 118, 92))):
        waves = sum(float(rng.uniform(0.2, 1.0)) / n * np.sin(n * steps / width * 4.0 + rng.uniform(0, 6.28))
                    for n in (1, 2, 3, 5, 8))
        tops = canvas.camera.horizon - height * tall * np.maximum(0.35 + 0.4 * waves, 0.06)
        outline = np.concatenate([np.stack([steps, tops], 1), [[width, horizon + 2], [0, horizon + 2]]])
        canvas.fill(outline, colour, Kind.VEGETATION, streets_canvas.depth_code(distance_m))
    for _ in range(int(rng.poisson(26 * max(density - 0.25, 0.0)))):
        left, wide = float(rng.uniform(0, width)), float(rng.uniform(0.015, 0.05) * width)
        right, top = left + wide, canvas.camera.horizon - float(rng.uniform(0.02, 0.1)) * height
        tone = int(rng.randint(120, 165))
        canvas.fill(np.array([[left, top], [right, top], [right, horizon + 2], [left, horizon + 2]]),
                    (tone + 12, tone + 4, tone), Kind.BUILDING, streets_canvas.depth_code(200.0))


def draw_ground(canvas: Canvas, street: Street, z_m: float, things: List[Thing], shadow: SunShadow) -> None:
    """Everything flat. `things` have their z counted from the camera, which is at `z_m` along the street."""
    height, width = canvas.surface.shape[:2]
    horizon = canvas.camera.horizon
    fields = np.array([[0, horizon], [width, horizon], [width, height], [0, height]])
    canvas.fill(fields, street.grass, Kind.VEGETATION, GROUND_DEPTH)
    half, edge = street.road_half_m, street.facade_m
    for side in (-1, 1):
        _strip(canvas, side * half, side * edge, street.paving, Kind.SIDEWALK)
        _strip(canvas, side * half, side * (half + 0.22), scaled(street.paving, 1.18), Kind.SIDEWALK)
        joints = np.arange(-(z_m % 2.0), 26.0, 2.0)
        joints = joints[joints > NEAREST_M]
        lines = np.array([flat(side * half, side * edge, z, z + 0.06) for z in joints])
        canvas.pave(lines, scaled(street.paving, 0.82), Kind.SIDEWALK)
    _strip(canvas, -half, half, street.asphalt, Kind.ROAD)
    patches = [thing for thing in things if isinstance(thing, Patch)]
    for patch in patches:
        if not patch.crossing:
            canvas.pave(flat(patch.x, patch.x + patch.width, patch.z, patch.z + patch.length),
                   scaled(street.asphalt, 0.83), Kind.ROAD)
    _marks(canvas, street, z_m)
    for patch in patches:
        if patch.crossing and patch.z > NEAREST_M:
            bars = np.arange(patch.x + 0.4, patch.x + patch.width - 0.6, 1.0)
            canvas.pave(np.array([flat(x, x + 0.5, patch.z, patch.z + patch.length) for x in bars]), PAINT, Kind.ROAD)
    for thing in things:
        if isinstance(thing, Building) and thing.side == shadow.side and thing.far > NEAREST_M:
            near, far = max(thing.near, NEAREST_M), thing.far
            x0 = thing.side * (thing.x + thing.depth)
            x1 = thing.side * (thing.x - shadow.length * thing.height)
            canvas.shade(flat(x0, x1, near, far), shadow.share)
    for thing in things:
        cast_shadow(canvas, thing)


def ground_depth(camera: Camera, height: int) -> np.ndarray:
    """(height,) float32: metres to the ground in each row of the picture; rows at and above the horizon lie far."""
    rows = np.arange(height, dtype=np.float32) + 0.5
    slope = camera.focal * camera.height_m
    return slope / np.maximum(rows - camera.horizon, slope / _HORIZON_M)


def texture(labels: np.ndarray, camera: Camera, street: Street, z_m: float) -> np.ndarray:
    """(H, W) float32 around 1: asphalt, slabs, grass and plaster, fixed to the street so that they move with it.

    `camera` is in pixels of the picture, `labels` (H, W).
    """
    height, width = labels.shape
    z = ground_depth(camera, height)[:, None]
    across = np.arange(width, dtype=np.float32)[None, :] + (0.5 - camera.centre)
    origin = np.float32(z_m % TILE)  # the tiles fit together every TILE metres
    field = np.ones(labels.shape, np.float32)
    below = int(np.clip(camera.horizon, 0, height))
    if below < height:
        x = across * (z / camera.focal)[below:] + (camera.x_m - camera.curve * z * z)[below:]
        along = np.broadcast_to(z[below:] + origin, x.shape)
        ids = labels[below:]
        field[below:] += _sample("rough", x, along, 6) * ROUGH_GAIN[ids]
        field[below:] += _sample("fine", x, along, 26) * FINE_GAIN[ids] * (1.0 / (1.0 + z[below:] / 14.0))
    walls = labels == Kind.BUILDING
    if walls.any():
        wall_z = np.minimum(camera.focal * street.facade_m / np.maximum(np.abs(across), 1.0), SEEN_M)
        up = (np.arange(height, dtype=np.float32)[:, None] + (0.5 - camera.horizon)) * (wall_z / camera.focal)
        plaster = _sample("rough", up, np.broadcast_to(wall_z + origin, up.shape), 6)
        field[walls] = 1.0 + PLASTER_GAIN * plaster[walls]
    return np.maximum(field, 0.3)


def picture_camera(camera: Camera, size: Size, buffer_height: int) -> Camera:
    """The camera of the buffers in pixels of the picture."""
    scale = size.height / float(buffer_height)
    return camera._replace(focal=camera.focal * scale, centre=camera.centre * scale, horizon=camera.horizon * scale)


def _sample(name: str, x: np.ndarray, z: np.ndarray, texels_per_m: int) -> Any:
    density = np.float32(texels_per_m)
    return cv2.remap(tile(name), x * density, z * density, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _strip(canvas: Canvas, x0: float, x1: float, colour: Colour, label: int) -> None:
    left = np.stack([np.full(len(_ALONG), x0), np.zeros(len(_ALONG)), _ALONG], axis=1)
    right = np.stack([np.full(len(_ALONG), x1), np.zeros(len(_ALONG)), _ALONG], axis=1)[::-1]
    canvas.pave(np.concatenate([left, right]), colour, label)


def _marks(canvas: Canvas, street: Street, z_m: float) -> None:
    half = street.road_half_m
    if street.lanes == 0:
        starts = np.arange(-(z_m % CELL_M), SEEN_M, 6.0)
        canvas.pave(np.array([flat(-0.08, 0.08, z, z + 2.6) for z in starts if z > -2.0]), PAINT, Kind.ROAD)
    elif street.lanes == 1:
        _strip(canvas, -0.08, 0.08, PAINT, Kind.ROAD)
    if street.lanes != 2:
        for side in (-1, 1):
            _strip(canvas, side * (half - 0.35), side * (half - 0.23), scaled(PAINT, 0.9), Kind.ROAD)


def sky_tones(kind: int) -> Tuple[Colour, Colour, float]:
    """Zenith, horizon and clouds of a day: blue, hazy, overcast or late."""
    return (((205, 140, 70), (232, 210, 180), 0.35), ((215, 175, 125), (232, 222, 208), 0.5),
            ((205, 198, 190), (226, 222, 218), 0.9), ((190, 150, 120), (170, 205, 238), 0.45))[kind]
