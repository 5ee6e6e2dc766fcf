"""What p does to an image: how far it shrinks (CAD), how likely it is dropped (CASD), how much it weighs (CAL)."""
import hashlib
from typing import Any, Dict, Iterable, NamedTuple, Tuple

from dance_edge.complexity.ladder import Ladder
from dance_edge.size import Size

Range = Tuple[float, float]  # the value at p = 0 and at p = 1

P_RULES = ("proposed", "random", "inverse")
_DIGITS = 4  # of p: a machine's last bits do not make another image of it


class SlimPlan(NamedTuple):
    """The decision for one image. `p` is the one that acted, `ratio` per side before the ladder's rounding, `size` the
    rung's."""

    p: float
    ratio: float
    size: Size
    drop_probability: float
    loss_weight: float


class SlimPolicy(NamedTuple):
    """The rules of DANCE 3.2, each of which can be turned off. A range is the value at p = 0 and at p = 1 (Table 9).

    `keep_floor` is the least probability with which an image is kept. `p_rule` is what stands for p (Table 6): the
    `proposed` one, `inverse` 1 - p, or a `random` number.
    """

    downsample: bool = True
    drop: bool = True
    weigh: bool = True
    ratio_range: Range = (0.5, 1.0)
    drop_range: Range = (1.0, 0.0)
    weight_range: Range = (0.0, 1.0)
    keep_floor: float = 0.0
    p_rule: str = "proposed"

    def acting(self, p: float) -> float:
        """The p that the rules go by, from an image's measured `p`.

        `random` is uniform over 0-1 and a function of the image alone, by way of its p: training, evaluation and
        serving give an image the same number, on any worker and after a pause.
        """
        if self.p_rule == "inverse":
            return 1.0 - p
        return _scattered(p) if self.p_rule == "random" else p

    def ratio(self, p: float) -> float:
        """CAD: r = 0.5 p + 0.5 per side with the paper's range. `p` is the measured one."""
        return _at(self.ratio_range, self.acting(p)) if self.downsample else self.ratio_range[1]

    def plan(self, p: float, ladder: Ladder) -> SlimPlan:
        """All three decisions for an image of complexity rank `p` (as measured) whose sizes are `ladder`'s."""
        acting, ratio = self.acting(p), self.ratio(p)
        dropped = min(_at(self.drop_range, acting), 1.0 - self.keep_floor) if self.drop else 0.0
        weight = _at(self.weight_range, acting) if self.weigh else 1.0
        return SlimPlan(acting, ratio, ladder.at(ratio), dropped, weight)

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, booleans, strings and lists only."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items()}


def policy_from_dict(facts: Dict[str, Any]) -> SlimPolicy:
    """The inverse of `to_dict`; what an older file does not have is the paper's. `ValueError` for an unknown rule."""
    paper = SlimPolicy()
    rule = str(facts.get("p_rule", paper.p_rule))
    if rule not in P_RULES:
        raise ValueError("unknown rule of p: %r" % rule)
    return SlimPolicy(bool(facts["downsample"]), bool(facts["drop"]), bool(facts["weigh"]),
                      _range(facts["ratio_range"]), _range(facts.get("drop_range", paper.drop_range)),
                      _range(facts.get("weight_range", paper.weight_range)),
                      float(facts.get("keep_floor", paper.keep_floor)), rule)


def expected_keep(plans: Iterable[SlimPlan]) -> float:
    """How many images an epoch keeps on average."""
    return sum(1.0 - plan.drop_probability for plan in plans)


def annealed_share(plans: Iterable[SlimPlan], anneal: float) -> float:
    """The share of a run's kept images that come from its last `anneal` epochs (a share), in which none is dropped."""
    plans = list(plans)
    kept = (1.0 - anneal) * expected_keep(plans)
    whole = anneal * len(plans)
    return whole / (kept + whole) if kept + whole > 0 else 0.0


def expected_weight(plans: Iterable[SlimPlan], undropped: float = 0.0) -> float:
    """Mean loss weight of the images that are kept: Eq. 2's normaliser per image, a constant of the run.

    Eq. 2 divides by the mini-batch's own sum of p, which cancels the weighting where a batch holds one size only.
    `undropped` is the share of the kept images that come from a part of the run without dropping.
    """
    plans = list(plans)
    kept = expected_keep(plans)
    dropping = sum((1.0 - plan.drop_probability) * plan.loss_weight for plan in plans) / kept if kept > 0 else 0.0
    whole = sum(plan.loss_weight for plan in plans) / len(plans) if plans else 0.0
    return (1.0 - undropped) * dropping + undropped * whole


def _at(ends: Range, p: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * p


def _scattered(p: float) -> float:
    """A uniform number in (0, 1) that `p` decides, without any order left."""
    digest = hashlib.sha256(b"%.*f" % (_DIGITS, p)).digest()
    return (int.from_bytes(digest[:4], "big") + 0.5) / 2.0 ** 32


def _range(values: Any) -> Range:
    return float(values[0]), float(values[1])
