"""The settings of an adaptation, all in one value."""
import math
from typing import Any, Dict, List, NamedTuple, Tuple

from dance_edge.complexity.policy import SlimPolicy
from dance_edge.errors import ConfigError

DEFAULT_EPOCHS = 10
WARMUP_STEPS = 100
POLY_POWER = 0.9


class AdaptConfig(NamedTuple):
    """What `adapt` is told. A zero or an empty string means "the default", which `resolved` values replace.

    `steps` counts optimizer steps, `epochs` epochs of images offered; one of them, or neither. `slim` False turns all
    of DANCE off at once: plain fine-tuning at full size, the fair baseline.
    """

    target: str
    source: str = ""
    model: str = ""
    out: str = ""
    layout: str = ""
    label_map: str = ""
    steps: int = 0
    epochs: int = 0
    stages: int = 3
    pruning_ratio: float = 0.3
    scope: str = "head"
    batch_size: int = 0
    learning_rate: float = 0.0
    weight_decay: float = 5e-4
    gamma_l1: float = 1e-4
    seed: int = 0
    indicator: str = "sobel"
    ratio_range: Tuple[float, float] = (0.5, 1.0)
    downsample: bool = True
    drop: bool = True
    weigh: bool = True
    slim: bool = True
    augment: bool = True
    freeze_bn: bool = False
    stride: int = 0
    skip_mismatched: bool = False
    memory_budget: str = ""
    checkpoint_every: int = 0
    workers: int = -1
    fresh: bool = False

    def policy(self) -> SlimPolicy:
        """The rules of data slimming that these settings ask for."""
        if not self.slim:
            return SlimPolicy(False, False, False, self.ratio_range)
        return SlimPolicy(self.downsample, self.drop, self.weigh, self.ratio_range)

    def prunes(self) -> int:
        """How often channels are pruned."""
        return self.stages if self.slim and self.pruning_ratio > 0 else 0

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, booleans, strings and lists only: `config` in run.json."""
        return dict(self._asdict(), ratio_range=list(self.ratio_range))


# Settings that a resumed run may change, since they leave the weights alone.
HARMLESS = ("out", "workers", "checkpoint_every", "fresh")


def config_from_dict(facts: Dict[str, Any]) -> AdaptConfig:
    """The inverse of `to_dict`; unknown keys are named."""
    unknown = sorted(set(facts) - set(AdaptConfig._fields))
    if unknown:
        raise ConfigError("the configuration has unknown settings: " + ", ".join(unknown),
                          "the known ones are: " + ", ".join(AdaptConfig._fields))
    values = dict(facts)
    if "ratio_range" in values:
        low, high = values["ratio_range"]
        values["ratio_range"] = (float(low), float(high))
    return AdaptConfig(**values)


def changed_settings(before: AdaptConfig, now: AdaptConfig) -> List[str]:
    """The settings that alter weights and differ, as `name: before -> now`."""
    return ["%s: %s -> %s" % (name, old, new) for name, old, new in zip(AdaptConfig._fields, before, now)
            if old != new and name not in HARMLESS]


def check(config: AdaptConfig) -> None:
    """Refuse what cannot be, before anything is read or made."""
    _refuse(config.steps and config.epochs, "both --steps and --epochs were given", "give one of them")
    _refuse(config.steps < 0, "--steps is %d" % config.steps, "give a positive number of optimizer steps")
    _refuse(config.epochs < 0, "--epochs is %d" % config.epochs, "give a positive number of epochs")
    _refuse(config.stages < 0, "--stages is %d" % config.stages, "give 0 (dense) or the number of prunes")
    _refuse(not 0 <= config.pruning_ratio < 1, "--pruning-ratio is %g" % config.pruning_ratio,
            "give a share of the channels in [0, 1)")
    _refuse(config.batch_size < 0 or config.batch_size == 1, "--batch-size is %d" % config.batch_size,
            "give at least 2: BatchNorm needs a batch")
    low, high = config.ratio_range
    _refuse(not 0 < low <= high <= 1, "--ratio-range is %g %g" % (low, high), "give LOW HIGH with 0 < LOW <= HIGH <= 1")
    _refuse(not (math.isfinite(config.learning_rate) and config.learning_rate >= 0),
            "--lr is %g" % config.learning_rate, "give a positive learning rate, such as 0.001")
    _refuse(not config.source and not config.model, "neither --source nor --model was given",
            "adapt a model with --source FILE.pt, or train from scratch with --model bisenet")


def _refuse(wrong: Any, message: str, hint: str) -> None:
    if wrong:
        raise ConfigError(message, hint)


def learning_rate(step: int, steps: int, base: float) -> float:
    """The rate of optimizer step `step` (from 0): warm-up to `base`, then (1 - step / steps) ** 0.9."""
    warmup = min(WARMUP_STEPS, steps // 10)
    if step < warmup:
        return base * (step + 1) / warmup
    return float(base * (1.0 - step / float(steps)) ** POLY_POWER)
