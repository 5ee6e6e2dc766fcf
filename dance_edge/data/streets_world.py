"""What stands in a drawn street: an endless row of cells, filled by a seed and by how crowded they are. No drawing."""
from typing import Any, Callable, Dict, List, NamedTuple, Tuple, Union

import numpy as np

Colour = Tuple[int, int, int]  # BGR
CELL_M = 12.0
SEEN_M = 110.0
WALLS = ((150, 180, 205), (120, 150, 190), (95, 110, 165), (170, 185, 190), (140, 150, 155), (110, 135, 150),
         (185, 200, 215), (90, 120, 150), (160, 150, 140), (130, 165, 200))
PAINTS = ((40, 40, 45), (60, 60, 175), (150, 150, 150), (215, 215, 215), (140, 80, 40), (70, 110, 60), (90, 100, 110),
          (45, 140, 190), (120, 60, 50))
CLOTHES = ((50, 40, 35), (60, 60, 150), (150, 90, 50), (180, 180, 185), (60, 120, 80), (60, 150, 200), (110, 60, 110),
           (80, 80, 90))
TROUSERS = ((50, 40, 35), (110, 70, 45), (140, 95, 60), (70, 70, 75), (95, 120, 140), (40, 45, 60))
SKINS = ((150, 180, 225), (110, 145, 195), (60, 85, 120))


class Building(NamedTuple):
    """A block behind the sidewalk: `side` -1 left, 1 right; |x| from `x` to `x + depth`, z from `near` to `far` (m)."""

    side: int
    x: float
    near: float
    far: float
    depth: float
    height: float
    colour: Colour
    windows: int


class Tree(NamedTuple):
    """A crown of `radius` on a trunk; a bush where `height` is below two radii."""

    x: float
    z: float
    height: float
    radius: float
    sprite: int
    colour: Colour


class Car(NamedTuple):
    """`z` is the end that faces the camera; `away` says that it is the rear."""

    x: float
    z: float
    away: bool
    tall: bool
    colour: Colour


class Person(NamedTuple):
    """`phase` is that of the steps, in radians."""

    x: float
    z: float
    height: float
    phase: float
    shirt: Colour
    trousers: Colour
    skin: Colour


class Post(NamedTuple):
    """`kind`: lamp, sign or signal; `side` is the side of the road that it stands on."""

    kind: str
    side: int
    x: float
    z: float
    height: float
    variant: int


class Patch(NamedTuple):
    """A mended piece of the road, or the stripes of a crossing (`crossing`)."""

    x: float
    z: float
    width: float
    length: float
    crossing: bool


Thing = Union[Building, Tree, Car, Person, Post, Patch]


class Street:
    """A street along z (metres), x to the right of its middle line, traffic on the right.

    `density(z)` in 0-1 says how crowded it is at z: from an empty road through fields to a crowded street.
    """

    __slots__ = ("seed", "density", "road_half_m", "sidewalk_m", "grass", "asphalt", "paving", "lanes", "_cells")

    def __init__(self, seed: int, density: Callable[[float], float]) -> None:
        rng = np.random.RandomState([seed, 1])
        self.seed = seed
        self.density = density
        self.road_half_m = float(rng.uniform(3.6, 6.2))
        self.sidewalk_m = float(rng.uniform(1.8, 3.6))
        self.grass = _tint(rng, (70, 130, 105), 18)
        self.asphalt = _gray(rng, 82, 112)
        self.paving = _tint(rng, (150, 158, 165), 14)
        self.lanes = int(rng.randint(3))  # dashes, a solid line, none
        self._cells: Dict[int, List[Thing]] = {}

    @property
    def facade_m(self) -> float:
        """Where the sidewalk ends, metres from the middle line."""
        return self.road_half_m + self.sidewalk_m

    def standing(self, z_m: float) -> List[Thing]:
        """Everything that does not move by itself, from a little behind `z_m` to as far as one sees."""
        first, last = int(np.floor((z_m - CELL_M) / CELL_M)), int(np.floor((z_m + SEEN_M) / CELL_M))
        return [thing for index in range(first, last + 1) for thing in self._cell(index)]

    def oncoming(self, z_m: float, time_s: float, speed_m_s: float = 9.0) -> List[Thing]:
        """Cars on the left lane; they come nearer with time."""
        found: List[Thing] = []
        start = z_m + speed_m_s * time_s
        for index in range(int(start // CELL_M), int((start + SEEN_M) // CELL_M) + 1):
            rng = np.random.RandomState([self.seed, 3, index & 0xffff])
            z = (index + float(rng.uniform(0.0, 0.4))) * CELL_M - speed_m_s * time_s
            if rng.uniform() < 0.05 + 0.6 * self.density(index * CELL_M):
                found.append(_car(rng, -0.5 * min(self.road_half_m, 4.2), z, False))
        return found

    def ahead(self, z_m: float, gap_m: float) -> List[Thing]:
        """Cars on the camera's own lane, the first one `gap_m` away; none that would be out of sight."""
        found: List[Thing] = []
        rng = np.random.RandomState([self.seed, 4])
        while gap_m < SEEN_M:
            found.append(_car(rng, 0.5 * min(self.road_half_m, 4.2), z_m + gap_m, True))
            gap_m += 5.0 + float(rng.uniform(4.0, 8.0)) + 0.9 * gap_m
        return found

    def _cell(self, index: int) -> List[Thing]:
        if index not in self._cells:
            rng = np.random.RandomState([self.seed, 2, index & 0xffff])
            density = self.density(index * CELL_M)
            self._cells[index] = _fill(self, rng, index, density)
        return self._cells[index]


def _fill(street: Street, rng: Any, index: int, density: float) -> List[Thing]:
    """The things of one cell of the street."""
    things: List[Thing] = []
    start = index * CELL_M
    for _ in range(int(rng.poisson(0.8))):
        across = float(rng.uniform(-0.8, 0.5)) * street.road_half_m
        things.append(Patch(across, start + float(rng.uniform(0, 9)), float(rng.uniform(0.5, 2.0)),
                            float(rng.uniform(1, 5)), False))
    if rng.uniform() < 0.16 * density:
        things.append(Patch(-street.road_half_m, start + 4.0, 2 * street.road_half_m, 3.0, True))
        things.extend(_person(rng, float(rng.uniform(-1, 1)) * street.road_half_m, start + float(rng.uniform(4, 7)))
                      for _ in range(int(rng.poisson(1.2))))
    for side in (-1, 1):
        built = rng.uniform() < 1.7 * density - 0.12
        things.extend(_behind(street, rng, side, start, density, built))
        things.extend(_beside(street, rng, side, start, density))
    if rng.uniform() < 0.25 + 0.75 * density:
        side = 1 if index % 2 else -1
        things.append(Post("lamp", side, side * (street.road_half_m + 0.4), start + 6.0,
                           float(rng.uniform(5.5, 7.5)), 0))
    return things


def _behind(street: Street, rng: Any, side: int, start: float, density: float, built: bool) -> List[Thing]:
    """A building, or a field with bushes and trees."""
    if built:
        height = float(rng.uniform(3.6, 7.0) if rng.uniform() > density + 0.1 else rng.uniform(8.0, 22.0))
        gap = float(rng.choice((0.0, 0.0, 0.8, 3.0)))
        colour = _tint(rng, WALLS[int(rng.randint(len(WALLS)))], 14)
        return [Building(side, street.facade_m + float(rng.uniform(0.0, 0.6)), start + gap, start + CELL_M,
                         float(rng.uniform(8, 12)), height, colour, int(rng.randint(1 << 30)))]
    things: List[Thing] = []
    for _ in range(int(rng.poisson(0.25 + 1.2 * density))):
        x = side * (street.facade_m + float(rng.uniform(1.5, 14.0)))
        things.append(_tree(rng, x, start + float(rng.uniform(0, CELL_M)), float(rng.uniform(4.5, 9.0))))
    for _ in range(int(rng.poisson(0.3 + 1.2 * density))):
        x = side * (street.facade_m + float(rng.uniform(0.8, 6.0)))
        things.append(_bush(rng, x, start + float(rng.uniform(0, CELL_M))))
    return things


def _beside(street: Street, rng: Any, side: int, start: float, density: float) -> List[Thing]:
    """What stands at the curb and walks on the sidewalk."""
    things: List[Thing] = []
    curb, parked = side * (street.road_half_m + 0.45), street.road_half_m - 1.0
    if rng.uniform() < 0.55 * density:
        things.append(_tree(rng, curb, start + float(rng.uniform(1, 5)), float(rng.uniform(4.5, 7.0))))
    if rng.uniform() < 0.07 + 0.3 * density:
        things.append(Post("signal" if rng.uniform() < 0.25 * density else "sign", side, curb,
                           start + float(rng.uniform(7, 11)), float(rng.uniform(2.5, 3.4)), int(rng.randint(4))))
    for offset in (0.4, 6.2):
        if street.road_half_m > 4.8 and rng.uniform() < 0.03 + 0.75 * density:
            things.append(_car(rng, side * parked, start + offset, side > 0))
    for _ in range(int(rng.poisson(0.05 + 4.2 * density ** 1.5))):
        x = side * (street.road_half_m + float(rng.uniform(0.5, street.sidewalk_m)))
        things.append(_person(rng, x, start + float(rng.uniform(0, CELL_M))))
    return things


def _tint(rng: Any, colour: Colour, spread: int) -> Colour:
    shift = rng.randint(-spread, spread + 1, 4)
    blue, green, red = (int(np.clip(colour[i] + shift[3] + shift[i] // 3, 8, 245)) for i in range(3))
    return (blue, green, red)


def _gray(rng: Any, low: int, high: int) -> Colour:
    level = int(rng.randint(low, high))
    return (level + 4, level + 1, level)


def _tree(rng: Any, x: float, z: float, height: float) -> Tree:
    colour = _tint(rng, (48, 112, 78) if rng.uniform() < 0.8 else (50, 120, 130), 16)
    return Tree(x, z, height, height * float(rng.uniform(0.28, 0.4)), int(rng.randint(6)), colour)


def _bush(rng: Any, x: float, z: float) -> Tree:
    radius = float(rng.uniform(0.5, 1.1))
    return Tree(x, z, 1.5 * radius, radius, int(rng.randint(6)), _tint(rng, (52, 115, 88), 16))


def _car(rng: Any, x: float, z: float, away: bool) -> Car:
    tall = bool(rng.uniform() < 0.16)
    return Car(x, z, away, tall, _tint(rng, PAINTS[int(rng.randint(len(PAINTS)))], 8))


def _person(rng: Any, x: float, z: float) -> Person:
    return Person(x, z, float(rng.uniform(1.55, 1.95)), float(rng.uniform(0.0, 6.28)),
                  CLOTHES[int(rng.randint(len(CLOTHES)))], TROUSERS[int(rng.randint(len(TROUSERS)))],
                  SKINS[int(rng.randint(len(SKINS)))])
