"""How the things of a drawn street look: from far to near, each polygon with its class and its depth."""
import math
from typing import Any, List, NamedTuple, Tuple

import numpy as np

from dance_edge.data.streets_canvas import Canvas, Colour, Kind, Shine, box, flat, scaled
from dance_edge.data.streets_noise import crown
from dance_edge.data.streets_world import Building, Car, Person, Post, Thing, Tree

GLASS = (92, 74, 58)
TYRE = (32, 30, 30)
STEEL = (112, 112, 110)
SIGNS = ((45, 45, 190), (170, 95, 35), (50, 190, 225), (70, 60, 190))


class Sun(NamedTuple):
    """How light the walls are that look right (those on the left), left and at the camera; 1 all round at night."""

    left_wall: float
    right_wall: float
    front: float


def far_end(thing: Thing) -> float:
    """The depth that painting is ordered by: a wall comes before what stands in front of it."""
    return thing.far if isinstance(thing, Building) else thing.z


def draw(canvas: Canvas, thing: Thing, sun: Sun) -> None:
    """Paint one thing, whose z is counted from the camera."""
    if isinstance(thing, Building):
        _building(canvas, thing, sun)
    elif isinstance(thing, Tree):
        _tree(canvas, thing)
    elif isinstance(thing, Car):
        _car(canvas, thing, sun)
    elif isinstance(thing, Person):
        _person(canvas, thing)
    elif isinstance(thing, Post):
        _post(canvas, thing)


def _building(canvas: Canvas, house: Building, sun: Sun) -> None:
    rng = np.random.RandomState(house.windows)
    near, far = max(house.near, 1.5), house.far
    inner, outer = house.side * house.x, house.side * (house.x + house.depth)
    gain = sun.left_wall if house.side < 0 else sun.right_wall
    if house.height < 7.2:
        _roof(canvas, house, near, scaled((60, 70, 130) if rng.uniform() < 0.6 else (75, 75, 85), gain))
    _facade(canvas, rng, (inner, near), (inner, far), house, gain)
    if house.near > 2.0:
        _facade(canvas, rng, (inner, near), (outer, near), house, sun.front)


def _roof(canvas: Canvas, house: Building, near: float, tiles: Colour) -> None:
    inner, outer = house.side * house.x, house.side * (house.x + house.depth)
    ridge, top = 0.5 * (inner + outer), house.height + 0.3 * house.depth
    canvas.paint(((inner, house.height, near), (inner, house.height, house.far), (ridge, top, house.far),
                  (ridge, top, near)), tiles, Kind.BUILDING, near + 4.0)
    canvas.paint(((inner, house.height, near), (ridge, top, near), (outer, house.height, near)),
                 scaled(house.colour, 0.8), Kind.BUILDING, near)


def _facade(canvas: Canvas, rng: Any, start: Tuple[float, float], end: Tuple[float, float], house: Building,
            gain: float) -> None:
    """A wall from `start` to `end` (x, z), with its base, its windows and a cornice."""
    wall = scaled(house.colour, gain)
    slices = 3 if end[1] > start[1] else 1
    for i in reversed(range(slices)):  # a long wall fades into fog by slices
        part = _wall(start, end, np.array([[i / slices, (i + 1) / slices, 0.0, house.height]]))
        canvas.paint(part, wall, Kind.BUILDING, start[1] + (i + 0.5) / slices * (end[1] - start[1]))
    middle = 0.5 * (start[1] + end[1])
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    canvas.paint(_wall(start, end, np.array([[0, 1, 0, 0.5], [0, 1, house.height - 0.4, house.height]])),
                 scaled(wall, 0.72), Kind.BUILDING, middle)
    if middle > 80.0:
        return
    columns, floors = max(int(length / rng.uniform(1.9, 3.2)), 1), max(int((house.height - 3.3) / 2.9), 0)
    width, height = rng.uniform(0.42, 0.72), rng.uniform(1.3, 1.8)
    column, floor = np.meshgrid(np.arange(columns), np.arange(floors))
    column, floor = column.ravel(), floor.ravel()
    panes = np.stack([(column + 0.5 - width / 2) / columns, (column + 0.5 + width / 2) / columns,
                      3.6 + 2.9 * floor + 0.4, 3.6 + 2.9 * floor + 0.4 + height], axis=1)
    if floors and middle < 45.0:
        frames = panes + np.array([-0.06 / columns, 0.06 / columns, -0.12, 0.12])
        tone = scaled(wall, 1.25 if rng.uniform() < 0.5 else 0.6)
        canvas.paint(_wall(start, end, frames), tone, Kind.BUILDING, middle)
    shops = max(int(length / 3.4), 1)
    spans = np.arange(shops) / float(shops)
    panes = np.concatenate([panes, np.stack([spans + 0.1 / shops, spans + 0.88 / shops, np.full(shops, 0.6),
                                             np.full(shops, 2.5)], axis=1)])
    lit = rng.uniform(size=len(panes)) < 0.3
    glass = scaled(GLASS, rng.uniform(0.7, 1.5) * gain)
    if not lit.all():
        canvas.paint(_wall(start, end, panes[~lit]), glass, Kind.BUILDING, middle)
    if lit.any():
        canvas.paint(_wall(start, end, panes[lit]), scaled(glass, 1.35), Kind.BUILDING, middle, Shine.WINDOW)
    if rng.uniform() < 0.6:
        awning = ((50, 60, 150), (60, 110, 60), (150, 100, 60), (60, 150, 200))[int(rng.randint(4))]
        canvas.paint(_wall(start, end, np.array([[0.0, 1.0, 2.6, 3.2]])), scaled(awning, gain), Kind.BUILDING, middle)


def _wall(start: Tuple[float, float], end: Tuple[float, float], spans: np.ndarray) -> np.ndarray:
    """Rectangles (N, 4): from, to along the wall in 0-1, bottom, top in metres -> (N, 4, 3) street coordinates."""
    along, up = spans[:, [0, 1, 1, 0]], spans[:, [2, 2, 3, 3]]
    return np.stack([start[0] + along * (end[0] - start[0]), up, start[1] + along * (end[1] - start[1])], axis=-1)


def _tree(canvas: Canvas, tree: Tree) -> None:
    middle, half = tree.height - tree.radius, 0.025 * tree.height
    if middle > tree.radius:
        trunk = box(tree.x - half, tree.x + half, 0.0, middle, tree.z)
        canvas.paint(trunk, (45, 58, 74), Kind.VEGETATION, tree.z)
    (left, bottom), (right, top) = canvas.camera.project(
        [(tree.x - 1.1 * tree.radius, max(middle - tree.radius, -0.05), tree.z),
         (tree.x + 1.1 * tree.radius, middle + tree.radius, tree.z)])
    shades = np.arange(256, dtype=np.float32)[:, None] / 140.0
    colours = np.clip(np.array(tree.colour, np.float32) * shades, 0, 255).astype(np.uint8)
    canvas.stamp(crown(tree.sprite), (left, top, right, bottom), colours, tree.z)


def _car(canvas: Canvas, car: Car, sun: Sun) -> None:
    """A body, a cabin, glass, wheels, lamps; the lengths are those of a compact car or of a van (`tall`)."""
    half, length, belt, top = (1.0, 5.4, 1.15, 2.3) if car.tall else (0.88, 4.2, 0.88, 1.45)
    hood = 0.35 if car.tall else (0.55 if car.away else 1.15)
    x0, x1, z0, z1 = car.x - half, car.x + half, car.z, car.z + length
    right = car.x > canvas.camera.x_m
    side, gain = (x0, sun.right_wall) if right else (x1, sun.left_wall)
    flank, face = scaled(car.colour, 0.85 * gain), scaled(car.colour, sun.front)
    inset = 0.14 * half
    roof_x, c0, c1 = side + (inset if right else -inset), z0 + hood, z1 - 0.35

    def part(points: Any, colour: Colour, shines: int = Shine.DARK) -> None:
        canvas.paint(points, colour, Kind.CAR, car.z + 1.0, shines)

    part(((x0, belt, z0), (x1, belt, z0), (x1, belt, z1), (x0, belt, z1)), scaled(face, 1.15))
    part(((side, 0.25, z0), (side, 0.25, z1), (side, belt, z1), (side, belt, z0)), flank)
    part(((side, belt, c0), (side, belt, c1), (roof_x, top, c1 - 0.5), (roof_x, top, c0 + 0.5)), flank)
    part(((side, belt + 0.05, c0 + 0.35), (side, belt + 0.05, c1 - 0.3), (roof_x, top - 0.12, c1 - 0.7),
          (roof_x, top - 0.12, c0 + 0.65)), GLASS)
    part(((side, 0.1, z0), (side, 0.1, z1), (side, 0.25, z1), (side, 0.25, z0)), TYRE)
    angles = np.linspace(0.0, 2 * math.pi, 10, endpoint=False)
    for z in (z0 + 0.8, z1 - 0.8):
        part(np.stack([np.full(10, side), 0.33 + 0.33 * np.sin(angles), z + 0.33 * np.cos(angles)], axis=1), TYRE)
    part(((x0, belt, c0), (x1, belt, c0), (x1 - inset, top, c0 + 0.5), (x0 + inset, top, c0 + 0.5)), scaled(face, 1.05))
    part(((x0 + 0.14, belt + 0.04, c0), (x1 - 0.14, belt + 0.04, c0), (x1 - inset - 0.12, top - 0.1, c0 + 0.5),
          (x0 + inset + 0.12, top - 0.1, c0 + 0.5)), scaled(GLASS, 1.2))
    part([box(x, x + 0.24, 0.02, 0.5, z0) for x in (x0 + 0.02, x1 - 0.26)], TYRE)
    part(box(x0, x1, 0.12, 0.25, z0), TYRE)
    part(box(x0, x1, 0.25, belt, z0), face)
    part(box(x0, x1, 0.25, 0.45, z0), scaled(face, 0.55))
    part(box(car.x - 0.27, car.x + 0.27, 0.46, 0.6, z0), (205, 215, 215))
    lamps = [box(x, x + 0.3, belt - 0.24, belt - 0.05, z0) for x in (x0 + 0.04, x1 - 0.34)]
    part(lamps, (40, 30, 190) if car.away else (235, 240, 240), Shine.TAIL if car.away else Shine.HEADLIGHT)


def _person(canvas: Canvas, person: Person) -> None:
    x, z, scale = person.x, person.z, person.height / 1.75
    stride, swing = 0.2 * math.sin(person.phase), 0.14 * math.sin(person.phase + math.pi)

    def part(points: List[Tuple[float, float]], colour: Colour) -> None:
        canvas.paint([(x + scale * dx, scale * dy, z) for dx, dy in points], colour, Kind.PERSON, z)

    dark = scaled(person.trousers, 0.75)
    part([(-0.14, 0.9), (0.03, 0.9), (0.05 - stride, 0.0), (-0.12 - stride, 0.0)], dark)
    part([(-0.03, 0.9), (0.14, 0.9), (0.12 + stride, 0.0), (-0.05 + stride, 0.0)], person.trousers)
    part([(-0.2, 1.42), (-0.1, 1.45), (-0.18 + swing, 0.85), (-0.3 + swing, 0.85)], scaled(person.shirt, 0.8))
    part([(0.1, 1.45), (0.2, 1.42), (0.3 - swing, 0.85), (0.18 - swing, 0.85)], scaled(person.shirt, 0.9))
    part([(-0.2, 1.46), (0.2, 1.46), (0.16, 0.86), (-0.16, 0.86)], person.shirt)
    part([(0.11 * math.cos(a), 1.6 + 0.14 * math.sin(a)) for a in np.linspace(0, 5.6, 9)], person.skin)
    hair = [(0.12 * math.cos(a), 1.64 + 0.12 * math.sin(a)) for a in np.linspace(0, math.pi, 6)]
    part(hair, scaled(person.skin, 0.3))


def _post(canvas: Canvas, post: Post) -> None:
    half = max(0.08, 1.5 * post.z / canvas.camera.focal)  # never thinner than 1.5 pixels of the picture
    x, z, top, arm = post.x, post.z, post.height, -post.side

    def part(points: Any, colour: Colour, shines: int = Shine.DARK) -> None:
        canvas.paint(points, colour, Kind.POLE, z, shines)

    part(box(x - half, x + half, 0.0, top, z), STEEL)
    if post.kind == "lamp":
        part(((x, top, z), (x + arm * 1.5, top + 0.25, z), (x + arm * 1.5, top + 0.25 - 2 * half, z),
              (x, top - 2 * half, z)), STEEL)
        part(box(x + arm * 1.2, x + arm * 1.9, top + 0.05, top + 0.3, z), (190, 205, 205), Shine.LAMP)
    elif post.kind == "signal":
        part(box(x - 0.2, x + 0.2, top - 0.1, top + 0.95, z), (38, 38, 36))
        lamps = (((70, 170, 60), Shine.GREEN), ((60, 160, 180), Shine.DARK), ((50, 50, 200), Shine.TAIL))
        for i, (colour, shines) in enumerate(lamps):
            lit = i == 2 * (post.variant % 2)
            lamp = box(x - 0.12, x + 0.12, top + 0.3 * i, top + 0.22 + 0.3 * i, z)
            part(lamp, colour if lit else scaled(colour, 0.3), shines if lit else Shine.DARK)
    else:
        corners = (16, 4, 3, 8)[post.variant]
        turn = (0.0, math.pi / 4, -math.pi / 6, math.pi / 8)[post.variant]
        angles = np.linspace(0, 2 * math.pi, corners, endpoint=False) + turn
        for radius, colour in ((0.42, SIGNS[post.variant]), (0.27, (235, 235, 235))):
            part([(x + radius * math.cos(a), top + radius * math.sin(a), z) for a in angles], colour)


def cast_shadow(canvas: Canvas, thing: Thing) -> None:
    """The dark under what stands on the ground."""
    if isinstance(thing, Car):
        half, length = (1.1, 5.5) if thing.tall else (0.98, 4.3)
        canvas.shade(flat(thing.x - half, thing.x + half, thing.z - 0.1, thing.z + length), 0.45)
    elif isinstance(thing, Person):
        canvas.shade(flat(thing.x - 0.25, thing.x + 0.3, thing.z - 0.15, thing.z + 0.2), 0.6)
    elif isinstance(thing, Tree):
        reach = 0.9 * thing.radius
        angles = np.linspace(0, 2 * math.pi, 12, endpoint=False)
        canvas.shade(np.stack([thing.x + reach * np.cos(angles), np.zeros(12), thing.z + 0.7 * reach * np.sin(angles)],
                              axis=1), 0.68)


