"""What p does to an image: how far it shrinks (CAD), how likely it is dropped (CASD), how much it weighs (CAL)."""
from typing import Any, Dict, Iterable, NamedTuple, Tuple

from dance_edge.complexity.ladder import Ladder
from dance_edge.size import Size


class SlimPlan(NamedTuple):
    """The decision for one image. `ratio` is per side before the ladder's rounding; `size` is the rung's."""

    p: float
    ratio: float
    size: Size
    drop_probability: float
    loss_weight: float


class SlimPolicy(NamedTuple):
    """The rules of DANCE 3.2, each of which can be turned off. A range is the value at p = 0 and at p = 1."""

    downsample: bool = True
    drop: bool = True
    weigh: bool = True
    ratio_range: Tuple[float, float] = (0.5, 1.0)

    def ratio(self, p: float) -> float:
        """CAD: r = 0.5 p + 0.5 per side with the paper's range."""
        low, high = self.ratio_range
        return low + (high - low) * p if self.downsample else high

    def plan(self, p: float, ladder: Ladder) -> SlimPlan:
        """All three decisions for an image of complexity rank `p` whose sizes are `ladder`'s."""
        ratio = self.ratio(p)
        return SlimPlan(p, ratio, ladder.at(ratio), 1.0 - p if self.drop else 0.0, p if self.weigh else 1.0)

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, booleans and lists only."""
        return dict(self._asdict(), ratio_range=list(self.ratio_range))


def policy_from_dict(facts: Dict[str, Any]) -> SlimPolicy:
    """The inverse of `to_dict`."""
    return SlimPolicy(bool(facts["downsample"]), bool(facts["drop"]), bool(facts["weigh"]),
                      (float(facts["ratio_range"][0]), float(facts["ratio_range"][1])))


def expected_keep(plans: Iterable[SlimPlan]) -> float:
    """How many images an epoch keeps on average."""
    return sum(1.0 - plan.drop_probability for plan in plans)


def expected_weight(plans: Iterable[SlimPlan]) -> float:
    """Mean loss weight of the images that are kept: Eq. 2's normaliser per image, a constant of the run.

    Eq. 2 divides by the mini-batch's own sum of p, which cancels the weighting where a batch holds one size only.
    """
    plans = list(plans)
    kept = expected_keep(plans)
    return sum((1.0 - plan.drop_probability) * plan.loss_weight for plan in plans) / kept if kept > 0 else 0.0
