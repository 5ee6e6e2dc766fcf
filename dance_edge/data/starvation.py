"""Warnings of groups of images that would hardly pull on the weights, and the option that helps each of them."""
from typing import Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from dance_edge.complexity.indicator import weber_contrast
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile, fit_profile
from dance_edge.data.groups import STARVED_BELOW, Item, Part, group_of, parts_of_items, pulls

KEEP_FLOOR = 0.25  # the least chance in the paper's own narrower range of dropping, 75-25 %
_SMALL = 0.05  # of the images: what is less is warned of together with its like
_FEWEST_IMAGES = 4  # of a group; fewer are simple by chance
_NAMED = 3


class Remedy(NamedTuple):
    """An option of the command line, and what it makes of the images' pull, (N,) parts of 1."""

    option: str
    pull: np.ndarray


def starvation_warnings(items: Sequence[Item], profile: ComplexityProfile, policy: SlimPolicy,
                        anneal: float = 0.0) -> List[str]:
    """A line for each group whose pull is less than a quarter of its share, naming the cheapest option that helps.

    Groups of less than a twentieth of the images share one line, and have none where they are as few together: of
    hundreds of drives some are simple by chance. `anneal` is the share of the run in which none is dropped.
    """
    pull = pulls(items, profile, policy, anneal)
    if not pull.any():
        return []  # nothing pulls at all: there is nothing to compare with
    lines = []
    for part, name in _starved(parts_of_items(items), pull):
        group = group_of(part, items, profile, pull)
        helps = next(one for one in _remedies(items, profile, policy, anneal) if not _starves(part, one.pull))
        lines.append("%s (%d of %d images, %.1f %%, mean p %.2f): only %.1f %% of the pull on the weights; "
                     "%s makes it %.1f %%" % (name, group.images, len(items), 100.0 * group.share, group.mean_p,
                                              100.0 * group.pull, helps.option, 100.0 * _sum(part, helps.pull)))
    return lines


def _starved(parts: Sequence[Part], pull: np.ndarray) -> List[Tuple[Part, str]]:
    """What to warn of, and its name."""
    starved = [part for part in parts if part.chosen.sum() >= _FEWEST_IMAGES and _starves(part, pull)]
    told = [(part, "sequence " + part.name if part.kind == "sequence" else "the " + part.name)
            for part in starved if part.chosen.mean() >= _SMALL]
    small = sorted((part for part in starved if part.chosen.mean() < _SMALL),
                   key=lambda part: (-int(part.chosen.sum()), part.name))
    if small:
        together = Part("sequence", "", np.any([part.chosen for part in small], axis=0))
        if together.chosen.mean() >= _SMALL:
            names = ", ".join(part.name for part in small[:_NAMED])
            told.append((together, "%d small sequences, such as %s" % (len(small), names)))
    return told


def _remedies(items: Sequence[Item], profile: ComplexityProfile, policy: SlimPolicy,
              anneal: float) -> Iterator[Remedy]:
    """What may help, the cheapest first: another p, then other weights, then more images; the last always helps."""
    if profile.indicator == "sobel":
        others = [item._replace(complexity=weber_contrast(item.complexity, item.brightness)) for item in items]
        refitted = fit_profile(np.array([item.complexity for item in others]), profile.measured_size, profile.dataset,
                               "weber")
        yield Remedy("--indicator weber", pulls(others, refitted, policy, anneal))
    floor = max(KEEP_FLOOR, policy.keep_floor)
    for option, kept in (("", policy), ("--keep-floor %g" % floor, policy._replace(keep_floor=floor)),
                         ("--no-drop", policy._replace(drop=False))):
        for weights, changed in (("", kept), ("--no-weigh", kept._replace(weigh=False))):
            yield Remedy("adapt " + (option + " " + weights).strip(), pulls(items, profile, changed, anneal))


def _starves(part: Part, pull: np.ndarray) -> bool:
    return _sum(part, pull) < STARVED_BELOW * float(part.chosen.mean())


def _sum(part: Part, pull: np.ndarray) -> float:
    return float(pull[part.chosen].sum())
