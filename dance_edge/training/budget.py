"""Caps on a run: of time, of energy, of multiply-accumulates. They become a number of steps before step 1."""
import math
import re
from typing import NamedTuple

from dance_edge.complexity.policy import expected_weight
from dance_edge.duration import in_words
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent
from dance_edge.training.config import AdaptConfig
from dance_edge.training.expected import Cost
from dance_edge.training.recalibrate import RECALIBRATION_IMAGES
from dance_edge.training.setup import Setup

RESERVE = 1.5  # decoding and writing are no multiply-accumulates

_TIME = re.compile(r"^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?$")
_AMOUNT = re.compile(r"^(\d+(?:\.\d+)?(?:e[+-]?\d+)?)([kMGTP]?)(J|MAC)?$")
_FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


class Budget(NamedTuple):
    """What a whole run may take, `math.inf` where it is not capped: seconds, joules, and MACs of the training alone."""

    seconds: float = math.inf
    joules: float = math.inf
    macs: float = math.inf

    @property
    def capped(self) -> bool:
        """Whether anything is."""
        return min(self) < math.inf


def budget_of(config: AdaptConfig) -> Budget:
    """The caps that `config` asks for; `ConfigError` for one that cannot be read."""
    return Budget(parse_seconds(config.time), _parse_amount("--energy", config.energy, "J", "40kJ"),
                  _parse_amount("--macs", config.macs, "MAC", "1.5P"))


def parse_seconds(text: str) -> float:
    """`2h`, `1h30m`, `45min`, `90s` or a plain number of seconds; infinite for ""."""
    if not text:
        return math.inf
    match = _TIME.match(text.replace(" ", ""))
    parts = [float(part or 0) for part in match.groups()] if match else [0.0, 0.0, _plain(text)]
    seconds = 3600.0 * parts[0] + 60.0 * parts[1] + parts[2]
    if not 0 < seconds < math.inf:
        raise ConfigError("--time is %r" % text, "give a duration such as 2h, 1h30m, 45min or 90s")
    return seconds


def _parse_amount(flag: str, text: str, unit: str, example: str) -> float:
    if not text:
        return math.inf
    match = _AMOUNT.match(text.replace(" ", ""))
    value = float(match.group(1)) * _FACTORS[match.group(2)] if match and match.group(3) in (None, unit) else 0.0
    if not 0 < value < math.inf:
        raise ConfigError("%s is %r" % (flag, text), "give an amount such as %s" % example)
    return value


def _plain(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def within(setup: Setup, budget: Budget, cost: Cost, on_event: OnEvent) -> Setup:
    """`setup` with as many steps as `budget` pays for by `cost`, or as it is where it pays for all.

    MACs are those of the network as it is now, so that each prune leaves some over. What follows the training
    (recalibration, the scores before and after) is reserved of time and energy; `budget.macs` is of training alone.
    `ConfigError` where not one step is paid for.
    """
    if not budget.capped:
        return setup
    reserved = RESERVE * _macs_around(setup)
    plan = setup.plan._replace(reserved_s=reserved * cost.seconds_per_mac, reserved_j=reserved * cost.joules_per_mac)
    macs, steps, first = 0.0, 0, 0.0
    for batch in setup.batches():
        macs += setup.trainee.training_macs_at(batch.size) * len(batch.items)
        first = first or macs
        if macs > budget.macs or macs * cost.seconds_per_mac + plan.reserved_s > budget.seconds or \
                macs * cost.joules_per_mac + plan.reserved_j > budget.joules:
            break
        steps += 1
    if not steps:
        raise ConfigError(
            "the budget does not pay for one step: that takes about %.3g GMAC, %s and %.3g J, and what follows %s and "
            "%.3g J" % (first / 1e9, in_words(first * cost.seconds_per_mac), first * cost.joules_per_mac,
                        in_words(plan.reserved_s), plan.reserved_j), "give a larger --time, --energy or --macs")
    if steps < plan.steps:
        on_event(Note("the budget pays for %d of %d steps (%s and %.3g kJ are reserved for what follows; joules %s)" % (
            steps, plan.steps, in_words(plan.reserved_s), plan.reserved_j / 1e3, cost.source)))
        weight = expected_weight(setup.plans, setup.config.anneal)
        plan = plan._replace(steps=steps, by_steps=True, mean_weight=weight)
    return setup._replace(plan=plan)


def _macs_around(setup: Setup) -> float:
    """MACs of the recalibration and of scoring, before and after; every image at full size."""
    scored = len(setup.target.val) + (len(setup.origin.val) if setup.origin is not None else 0)
    images = min(RECALIBRATION_IMAGES, len(setup.plans)) + scored * (2 if setup.config.source else 1)
    return images * setup.trainee.macs_at(max(rung.size for rung in setup.manifest.rungs))
