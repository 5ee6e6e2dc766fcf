"""Images by sequence, by brightness and by p: who pulls on the weights, and who is recognised.

Under CASD and CAL an image is kept with probability p and weighs p when it is kept: its expected pull is p squared.
A dusk sequence has little contrast, so Eq. 1 gives it next to no pull, although night is what adaptation is for.
"""
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.dataset import Record
from dance_edge.data.scan import FrameScan, ScanResult
from dance_edge.size import Size

QUARTERS = ("darkest quarter", "darker quarter", "brighter quarter", "brightest quarter")
TERCILES = ("low p", "middle p", "high p")
STARVED_BELOW = 0.25  # pull / share


class Item(NamedTuple):
    """One image: its sequence ("" for none), complexity and mean luminance 0-1."""

    sequence: str
    complexity: float
    brightness: float


class Part(NamedTuple):
    """Some of the images: `kind` is `sequence`, `brightness` or `p`, `chosen` (N,) bool says which they are."""

    kind: str
    name: str
    chosen: np.ndarray


class Group(NamedTuple):
    """A part in figures. `mean` is of the complexity; `share` of the images and `pull` on the weights are parts of 1
    over all groups of the kind."""

    name: str
    kind: str
    images: int
    mean: float
    mean_p: float
    brightness: float
    share: float
    pull: float

    @property
    def starved(self) -> bool:
        """Whether the group is left out of learning: less than a quarter of the pull that its share would give."""
        return self.pull < STARVED_BELOW * self.share

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, strings and booleans only."""
        return dict(self._asdict(), starved=self.starved)


def items_of(records: Sequence[Record], result: ScanResult) -> List[Item]:
    """The whole ones of `records` as items."""
    return [Item(record.group, result.of(record).complexity, result.of(record).brightness)
            for record in result.whole(records)]


def items_of_frames(frames: FrameScan) -> List[Item]:
    """A video's frames as items, all of no sequence."""
    return [Item("", float(complexity), float(brightness))
            for complexity, brightness in zip(frames.complexities, frames.brightness)]


def parts_of(sequences: Sequence[str], brightness: Sequence[float], p: Optional[Sequence[float]] = None) -> List[Part]:
    """The images by sequence, where any has one; by quarter of brightness; and, where `p` is given, by its thirds.

    Quarters and thirds are by rank within these images, so that each holds as many as the others, to one image.
    """
    names = sorted(set(sequences)) if any(sequences) else []
    parts = [Part("sequence", name or "(none)", np.array([one == name for one in sequences])) for name in names]
    parts += _ranked("brightness", QUARTERS, brightness)
    return parts + _ranked("p", TERCILES, p) if p is not None else parts


def parts_of_items(items: Sequence[Item]) -> List[Part]:
    """`items` by sequence and by quarter of brightness."""
    return parts_of([item.sequence for item in items], [item.brightness for item in items])


def group_items(items: Sequence[Item], profile: ComplexityProfile, policy: SlimPolicy) -> Tuple[Group, ...]:
    """The figures of every part of `items`."""
    pull = pulls(items, profile, policy)
    return tuple(group_of(part, items, profile, pull) for part in parts_of_items(items))


def group_of(part: Part, items: Sequence[Item], profile: ComplexityProfile, pull: np.ndarray) -> Group:
    """The figures of one part; `pull` is that of `pulls`."""
    some = [item for item, chosen in zip(items, part.chosen) if chosen]
    complexities = np.array([item.complexity for item in some])
    return Group(part.name, part.kind, len(some), float(complexities.mean()),
                 float(profile.ranks(complexities).mean()), float(np.mean([item.brightness for item in some])),
                 float(part.chosen.mean()), float(pull[part.chosen].sum()))


def pulls(items: Sequence[Item], profile: ComplexityProfile, policy: SlimPolicy, anneal: float = 0.0) -> np.ndarray:
    """What each image weighs over a run, (N,) float64 parts of 1: chance to be kept times weight of its loss.

    `anneal` is the share of the run in which none is dropped. All 0 where nothing is kept at all.
    """
    ranks = profile.ranks(np.array([item.complexity for item in items]))
    plans = [policy.plan(float(p), _ANY_LADDER) for p in ranks]
    pull = np.array([(1.0 - (1.0 - anneal) * plan.drop_probability) * plan.loss_weight for plan in plans])
    return pull / pull.sum() if pull.sum() > 0.0 else pull


_ANY_LADDER = build_ladder(Size(64, 64), 32)  # sizes have no say in the pull


def _ranked(kind: str, names: Sequence[str], values: Sequence[float]) -> List[Part]:
    """As many equal parts as there are `names`, from the lowest of `values`; none of fewer images than names."""
    if len(values) < len(names):
        return []
    ranks = np.argsort(np.argsort(np.asarray(values, dtype=np.float64), kind="stable"), kind="stable")
    which = ranks * len(names) // len(values)
    return [Part(kind, name, which == i) for i, name in enumerate(names)]
