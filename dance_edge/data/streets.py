"""A data set that the project draws itself: street scenes with exact labels, by day and by night in fog.

The two domains show the same streets; what differs is the light. By night there is 16-34 % of the light, tinted by
the sky or by sodium lamps, plus headlights, street lamps, lit windows and their halos; fog takes contrast with depth;
the sensor's noise is more than twice the day's. The gap, as measured with BiSeNet-R18 at 160x256: trained for 160
steps by day it has 51 % mIoU by day and 23 % by night; 160 steps of `demo`'s adaptation bring the night to 38 %.

Everything follows from a seed, and so does every figure: of the pixels 38 % are road, 24 building, 15 sky, 8
vegetation, 7 car, 5 sidewalk, 2 pole and 1 person (the tests hold these, and each class's light). No pixel is void
and every edge is exact: easier than a real street, and no measure of how well a model does on one.
"""
import json
import math
import os
from typing import Any, List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from dance_edge.data import streets_light
from dance_edge.data.labels import VOID, ClassSet
from dance_edge.data.streets_canvas import SUPERSAMPLING, Camera, Canvas
from dance_edge.data.streets_ground import SunShadow, draw_backdrop, draw_ground, picture_camera, sky_tones, texture
from dance_edge.data.streets_things import Sun, draw, far_end
from dance_edge.data.streets_world import CELL_M, Building, Car, Person, Street, Thing
from dance_edge.errors import ConfigError
from dance_edge.events import OnEvent, Progress, ignore
from dance_edge.size import Size

CLASSES = ClassSet(
    ("road", "sidewalk", "building", "pole", "vegetation", "sky", "person", "car"),
    ((128, 64, 128), (244, 35, 232), (70, 70, 70), (220, 220, 0), (107, 142, 35), (70, 130, 180), (220, 20, 60),
     (0, 0, 142)))
DOMAINS = ("day", "night")
CLIP_FPS = 15.0
_CLIP_M = 1.2  # a frame: 65 km/h
_SPLITS = ("train", "val")


def write_streets(folder: str, domain: str, train: int, val: int, size: Size, seed: int,
                  on_event: OnEvent = ignore) -> None:
    """Write `train` + `val` pairs as a plain folder: `images/SPLIT/*.jpg`, `labels/SPLIT/*.png`, `classes.json`.

    Every image is a street of its own; none is in both splits. Other seeds give other streets.
    """
    _check(seed, size, domain)
    if os.path.exists(os.path.join(folder, "images")):
        raise ConfigError("%s has images already" % folder, "give a new folder, or remove this one")
    done = 0
    for number, (split, count) in enumerate(zip(_SPLITS, (train, val))):
        for kind in ("images", "labels"):
            os.makedirs(os.path.join(folder, kind, split))
        for index in range(count):
            image, labels = render_scene(_seed_of(seed, number, index), size, domain)
            name = "street_%05d" % index
            _write(os.path.join(folder, "images", split, name + ".jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
            _write(os.path.join(folder, "labels", split, name + ".png"), labels, [])
            done += 1
            on_event(Progress("draw", done, train + val))
    with open(os.path.join(folder, "classes.json"), "w", encoding="utf-8") as file:
        json.dump({"classes": CLASSES.names, "palette": CLASSES.palette, "void": [VOID]}, file)


def write_clip(path: str, domain: str, frames: int, size: Size, seed: int, on_event: OnEvent = ignore) -> None:
    """Write a drive of `frames` pictures to `path` (.mp4, or .avi): out of the fields, into a town, and out again."""
    _check(seed, size, domain)
    codec = "MJPG" if path.lower().endswith(".avi") else "mp4v"
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*codec), CLIP_FPS, size.cv2)
    if not writer.isOpened():
        raise ConfigError("OpenCV cannot write %s as %s" % (path, codec), "take a name that ends in .avi")
    start, length = 40.0 * CELL_M, frames * _CLIP_M

    def density(z: float) -> float:
        town = 0.5 - 0.5 * math.cos(2.0 * math.pi * (z - 15.0 - start) / length)
        return 1.0 / (1.0 + math.exp(-9.0 * (town - 0.5)))

    street = Street(seed, density)
    first = _camera(np.random.RandomState([seed, 7]), size, street)
    for frame in range(frames):
        time_s, z_m = frame / CLIP_FPS, start + frame * _CLIP_M
        camera = first._replace(curve=0.0012 * math.sin(z_m / 45.0 + seed))
        gap = 9.0 + 80.0 * (1.0 - density(z_m + 10.0))
        things = [_walk(thing, time_s) for thing in street.standing(z_m)]
        things += street.oncoming(z_m, time_s) + street.ahead(z_m, gap)
        writer.write(_photograph(_Shot(street, camera, size, z_m, domain, 0.6, frame), things)[0])
        on_event(Progress("draw", frame + 1, frames))
    writer.release()


def render_scene(seed: int, size: Size, domain: str, density: Optional[float] = None) -> Tuple[np.ndarray, np.ndarray]:
    """Draw one street: image (H, W, 3) BGR uint8 and labels (H, W) uint8, ids of `CLASSES`.

    The same seed gives the same labels in both domains. `density` in 0-1, from an empty road to a crowded street, is
    drawn from the seed where it is None.
    """
    _check(seed, size, domain)
    rng = np.random.RandomState([seed, 7])
    drawn = float(rng.uniform(0.0, 1.0))
    crowd = drawn if density is None else float(density)
    street = Street(seed, lambda z: crowd)
    camera = _camera(rng, size, street)
    z_m = 40.0 * CELL_M + float(rng.uniform(0.0, CELL_M))
    gap = float(rng.uniform(6.5, 16.0)) + (60.0 if rng.uniform() > 0.15 + 0.75 * crowd else 0.0)
    things = street.standing(z_m) + street.oncoming(z_m, 0.0) + street.ahead(z_m, gap)
    return _photograph(_Shot(street, camera, size, z_m, domain, crowd), things)


class _Shot(NamedTuple):
    """From where, and in which domain, a street is seen; `skyline` 0-1 is how much of a town stands at the horizon."""

    street: Street
    camera: Camera
    size: Size
    z_m: float
    domain: str
    skyline: float
    frame: int = 0


def _photograph(shot: _Shot, things: List[Thing]) -> Tuple[np.ndarray, np.ndarray]:
    """Paint and light what stands at `things`, whose z are along the street."""
    street, camera, size = shot.street, shot.camera, shot.size
    look = np.random.RandomState([street.seed, 11, DOMAINS.index(shot.domain)])
    zenith, haze, clouds = sky_tones(int(look.randint(4)))
    sunny, sunny_side = clouds < 0.8, int(look.choice((-1, 1)))
    if shot.domain == "day":
        weather = streets_light.day(look, haze, sunny)
        sun = Sun(1.12, 0.78, 0.92) if sunny_side > 0 else Sun(0.78, 1.12, 0.92)
    else:
        weather, sun, sunny = streets_light.night(look), Sun(1.0, 0.9, 0.8), False
    near = [_from(thing, shot.z_m) for thing in things]
    near = sorted((thing for thing in near if 3.0 < far_end(thing) < 130.0 and not _run_over(thing, near)),
                  key=far_end, reverse=True)
    canvas = Canvas(size, camera)
    draw_backdrop(canvas, zenith, haze, clouds, street.seed, shot.skyline)
    draw_ground(canvas, street, shot.z_m, near, SunShadow(sunny_side, float(look.uniform(0.3, 0.9)),
                                                          0.6 if sunny else 1.0))
    for thing in near:
        draw(canvas, thing, sun)
    canvas.flush()
    labels = canvas.labels()
    lens = picture_camera(camera, size, canvas.surface.shape[0])
    grain = np.random.RandomState([street.seed, 13, shot.frame])
    relief = texture(labels, lens, street, shot.z_m)
    return streets_light.develop(canvas, size, lens, relief, near, weather, grain), labels


def _from(thing: Thing, z_m: float) -> Thing:
    """`thing` with its depth counted from the camera."""
    if isinstance(thing, Building):
        return thing._replace(near=thing.near - z_m, far=thing.far - z_m)
    return thing._replace(z=thing.z - z_m)


def _camera(rng: Any, size: Size, street: Street) -> Camera:
    height, width = size.height * SUPERSAMPLING, size.width * SUPERSAMPLING
    lane = 0.5 * min(street.road_half_m, 4.2)
    return Camera(float(rng.uniform(0.78, 0.95)) * width, float(rng.uniform(0.44, 0.56)) * width,
                  float(rng.uniform(0.38, 0.48)) * height, float(rng.uniform(1.35, 1.8)),
                  lane + float(rng.uniform(-0.4, 0.4)), float(rng.uniform(-0.0016, 0.0016)))


def _walk(thing: Thing, time_s: float) -> Thing:
    if not isinstance(thing, Person):
        return thing
    pace = 1.3 if thing.phase > math.pi else -1.3
    return thing._replace(z=thing.z + pace * time_s, phase=thing.phase + 6.0 * time_s)


def _run_over(thing: Thing, things: List[Thing]) -> bool:
    """Whether somebody would stand inside a car, or beside one on the road, where painting by depth hides the wrong."""
    if not isinstance(thing, Person):
        return False
    return any(-0.6 < thing.z - car.z < 6.0 and abs(car.x - thing.x) < (3.0 if abs(thing.x) < abs(car.x) else 1.4)
               for car in things if isinstance(car, Car))


def _seed_of(seed: int, split: int, index: int) -> int:
    """A seed for one image, far from those of other images, splits and data sets."""
    return int(np.random.RandomState([seed, 17, split, index]).randint(0, 1 << 31))


def _write(path: str, image: np.ndarray, flags: List[int]) -> None:
    if not cv2.imwrite(path, image, flags):
        raise ConfigError("cannot write %s" % path, "is the disk full, or the folder not yours?")


def _check(seed: int, size: Size, domain: str) -> None:
    if domain not in DOMAINS:
        raise ConfigError("unknown domain %r" % domain, "take one of: " + ", ".join(DOMAINS))
    if not 0 <= seed < 1 << 32:
        raise ConfigError("the seed %d is not within 0 and 2^32 - 1" % seed, "take a small whole number")
    if size.height < 16 or size.width < 16:
        raise ConfigError("streets of %s pixels are too small" % size.wxh, "take at least 16x16")
