"""Who pulls on the weights: images by sequence and by brightness, so that nothing starves unseen.

Under CASD and CAL an image is kept with probability p and weighs p when it is kept: its expected pull is p squared.
A dusk sequence has little contrast, so Eq. 1 gives it next to no pull, although night is what adaptation is for.
"""
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.dataset import Record
from dance_edge.data.scan import FrameScan, ScanResult
from dance_edge.size import Size

STARVED_BELOW = 0.25  # pull / share
_SMALLEST_SHARE, _FEWEST_IMAGES = 0.05, 4  # less is not worth a warning
_QUARTERS = ("darkest quarter", "darker quarter", "brighter quarter", "brightest quarter")


class Item(NamedTuple):
    """One image: its sequence ("" for none), complexity and mean luminance 0-1."""

    sequence: str
    complexity: float
    brightness: float


class Group(NamedTuple):
    """`kind`: `sequence` or `brightness`. `mean` is of the complexity; `share` of the images and `pull` on the weights
    are parts of 1 over all groups of the kind."""

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
        counts = self.share >= _SMALLEST_SHARE and self.images >= _FEWEST_IMAGES
        return counts and self.pull < STARVED_BELOW * self.share

    def to_dict(self) -> Dict[str, Any]:
        """Numbers and strings only."""
        return dict(self._asdict())


def items_of(records: Sequence[Record], result: ScanResult) -> List[Item]:
    """The whole ones of `records` as items."""
    return [Item(record.group, result.of(record).complexity, result.of(record).brightness)
            for record in result.whole(records)]


def items_of_frames(frames: FrameScan) -> List[Item]:
    """A video's frames as items, all of no sequence."""
    return [Item("", float(complexity), float(brightness))
            for complexity, brightness in zip(frames.complexities, frames.brightness)]


def group_items(items: Sequence[Item], profile: ComplexityProfile, policy: SlimPolicy) -> Tuple[Group, ...]:
    """`items` by sequence, where there are at least two, and by quarter of brightness, where there are eight images."""
    if not items:
        return ()
    figures = np.array([[item.complexity, profile.p(item.complexity), item.brightness] for item in items])
    pulls = np.array([_pull(p, policy) for p in figures[:, 1]])
    groups: List[Group] = []
    sequences = np.array([item.sequence for item in items])
    names = sorted(set(item.sequence for item in items))
    if len(names) > 1:
        groups += [_group(name or "(none)", "sequence", sequences == name, figures, pulls) for name in names]
    if len(items) >= 8:
        ranks = np.argsort(np.argsort(figures[:, 2], kind="stable"), kind="stable")
        quarters = ranks * 4 // len(items)
        groups += [_group(name, "brightness", quarters == i, figures, pulls) for i, name in enumerate(_QUARTERS)]
    return tuple(groups)


def starvation_warnings(groups: Sequence[Group], indicator: str) -> List[str]:
    """A line for each starved group that names the option that helps."""
    count = {kind: sum(one.images for one in groups if one.kind == kind) for kind in ("sequence", "brightness")}
    lines = []
    for one in groups:
        if one.starved:
            name = "sequence " + one.name if one.kind == "sequence" else "the " + one.name
            lines.append("%s (%d of %d images, mean p %.2f) gets %.1f %% of the pull on the weights, its share "
                         "is %.1f %%; %s" % (name, one.images, count[one.kind], one.mean_p, 100.0 * one.pull,
                                          100.0 * one.share, _remedy(one, groups, indicator)))
    return lines


def _remedy(group: Group, groups: Sequence[Group], indicator: str) -> str:
    of_kind = [one for one in groups if one.kind == group.kind]
    mean_brightness = sum(one.brightness * one.share for one in of_kind)
    if indicator == "sobel" and group.brightness < mean_brightness:
        return "--indicator weber takes contrast relative to brightness"
    return "adapt --no-drop keeps its images"


def _pull(p: float, policy: SlimPolicy) -> float:
    """Expected weight of an image in an epoch: chance to be kept times weight of its loss."""
    plan = policy.plan(float(p), _ANY_LADDER)
    return (1.0 - plan.drop_probability) * plan.loss_weight


_ANY_LADDER = build_ladder(Size(64, 64), 32)  # sizes have no say in the pull


def _group(name: str, kind: str, chosen: np.ndarray, figures: np.ndarray, pulls: np.ndarray) -> Group:
    mean, mean_p, brightness = (float(value) for value in figures[chosen].mean(axis=0))
    whole = float(pulls.sum())
    return Group(name, kind, int(chosen.sum()), mean, mean_p, brightness, float(chosen.mean()),
                 float(pulls[chosen].sum()) / whole if whole > 0 else 0.0)
