"""The settings of an adaptation, all in one value."""
import math
from typing import Any, Dict, List, NamedTuple, Tuple

from dance_edge.complexity.policy import P_RULES, SlimPolicy
from dance_edge.errors import ConfigError

DEFAULT_EPOCHS = 10
WARMUP_STEPS = 100
POLY_POWER = 0.9
CRITERIA = ("bn", "magnitude", "taylor")
ORDERS = ("together", "network-first", "data-first")
AUTO_CLIP, FROZEN_CLIP = -1.0, 1.0


class AdaptConfig(NamedTuple):
    """What `adapt` is told. A zero or an empty string means "the default", which `resolved` values replace.

    `steps` counts optimizer steps, `epochs` epochs of images offered; one of them, or neither; `time`, `energy` and
    `macs` cap them. `source_data` is what the source learned from, to see what it forgets. `slim` False turns all
    of DANCE off at once: plain fine-tuning at full size, the fair baseline. Ranges, `keep_floor` and `p_rule` are those
    of SlimPolicy; `anneal` is the share of the run's end without dropping. `order` is that of Table 4: data and network
    slimmed `together`, or one after the other, `network-first` or `data-first`. `score_every` steps the network is
    scored, and `patience` scores that are no better end the run. A checkpoint is written every `checkpoint_every` steps
    and every `checkpoint_minutes`. `power` names the sensor, as in `energy/sensors`.
    """

    target: str
    source: str = ""
    model: str = ""
    backbone: str = ""
    output_stride: int = 0
    backbone_weights: str = ""
    reset_head: bool = False
    out: str = ""
    layout: str = ""
    label_map: str = ""
    steps: int = 0
    epochs: int = 0
    stages: int = 3
    pruning_ratio: float = 0.3
    scope: str = "head"
    criterion: str = "bn"
    unstructured: bool = False
    order: str = "together"
    batch_size: int = 0
    learning_rate: float = 0.0
    weight_decay: float = 5e-4
    gamma_l1: float = 1e-4
    seed: int = 0
    indicator: str = "sobel"
    ratio_range: Tuple[float, float] = (0.5, 1.0)
    drop_range: Tuple[float, float] = (1.0, 0.0)
    weight_range: Tuple[float, float] = (0.0, 1.0)
    keep_floor: float = 0.0
    anneal: float = 0.0
    p_rule: str = "proposed"
    downsample: bool = True
    drop: bool = True
    weigh: bool = True
    slim: bool = True
    augment: bool = True
    flip: bool = True
    scale_crop: bool = True
    color_jitter: bool = True
    full_decode: bool = False
    freeze_bn: bool = False
    amp: bool = False
    clip_norm: float = AUTO_CLIP
    class_weights: str = ""
    score_every: int = 0
    patience: int = 0
    stride: int = 0
    skip_mismatched: bool = False
    source_data: str = ""
    time: str = ""
    energy: str = ""
    macs: str = ""
    memory_budget: str = ""
    checkpoint_every: int = 50
    checkpoint_minutes: float = 5.0
    workers: int = -1
    power: str = "auto"
    fresh: bool = False

    def policy(self) -> SlimPolicy:
        """The rules of data slimming that these settings ask for."""
        if not self.slim:
            return SlimPolicy(False, False, False, self.ratio_range)
        return SlimPolicy(self.downsample, self.drop, self.weigh, self.ratio_range, self.drop_range,
                          self.weight_range, self.keep_floor, self.p_rule)

    def largest_norm(self) -> float:
        """Of all gradients together: `clip_norm`, infinite for 0. `AUTO_CLIP` is 1 with BatchNorm held still, since
        nothing else bounds them then, and 0 otherwise."""
        if self.clip_norm == AUTO_CLIP:
            return FROZEN_CLIP if self.freeze_bn else float("inf")
        return self.clip_norm or float("inf")

    def prunes(self) -> int:
        """How often channels are pruned."""
        return self.stages if self.slim and self.pruning_ratio > 0 else 0

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, booleans, strings and lists only: `config` in run.json."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items()}


# Settings that a resumed run may change, since they leave the weights alone.
HARMLESS = ("out", "workers", "power", "checkpoint_every", "checkpoint_minutes", "fresh")
_LIKE = AdaptConfig("")  # a value of the right kind for every setting


def config_from_dict(facts: Dict[str, Any]) -> AdaptConfig:
    """The inverse of `to_dict`; unknown keys, and values of another kind than the setting's, are named."""
    unknown = sorted(set(facts) - set(AdaptConfig._fields))
    if unknown:
        raise ConfigError("the configuration has unknown settings: " + ", ".join(unknown),
                          "the known ones are: " + ", ".join(AdaptConfig._fields))
    values = dict(facts)
    for name, value in facts.items():
        wanted = _wanted(getattr(_LIKE, name), value)
        _refuse(wanted, "the setting %s is %r" % (name, value), "give " + wanted)
        if isinstance(value, (list, tuple)):
            values[name] = (float(value[0]), float(value[1]))
    return AdaptConfig(**values)


def _wanted(like: Any, value: Any) -> str:
    """What a setting wants in place of `value`, "" where it is of the kind of `like`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(like, tuple):
        pair = isinstance(value, (list, tuple)) and len(value) == 2
        return "" if pair and all(isinstance(one, (int, float)) for one in value) else "two numbers"
    if isinstance(like, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(like, str):
        return "" if value is None or isinstance(value, str) else "a text"
    if isinstance(like, int):
        return "" if number and isinstance(value, int) else "a whole number"
    return "" if number else "a number"


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
    _refuse(config.output_stride not in (0, 8, 16), "--output-stride is %d" % config.output_stride, "give 8 or 16")
    _refuse(config.criterion not in CRITERIA, "--criterion is %r" % config.criterion,
            "take one of: " + ", ".join(CRITERIA))
    _refuse(config.order not in ORDERS, "--order is %r" % config.order, "take one of: " + ", ".join(ORDERS))
    _check_slimming(config)
    _check_training(config)
    _refuse(not 0 <= config.seed < 2 ** 32, "--seed is %d" % config.seed, "give a number from 0 to 4294967295")
    _refuse(not (math.isfinite(config.learning_rate) and config.learning_rate >= 0),
            "--lr is %g" % config.learning_rate, "give a positive learning rate, such as 0.001")
    _refuse(not config.source and not config.model, "neither --source nor --model was given",
            "adapt a model with --source FILE.pt, or train from scratch with --model bisenet")
    _refuse(config.source and config.backbone_weights, "both --source and --backbone-weights were given",
            "a source brings its backbone with it; give --backbone-weights with --model alone, from scratch")
    _refuse(config.reset_head and not config.source, "--reset-head was given, and there is no --source",
            "leave it out: from scratch every classifier is new")


def _check_training(config: AdaptConfig) -> None:
    _refuse(not 0 <= config.clip_norm < float("inf") and config.clip_norm != AUTO_CLIP,
            "--clip-norm is %g" % config.clip_norm,
            "give the largest norm of all gradients together, such as 1; 0 clips nothing")
    _refuse(config.score_every < 0, "--score-every is %d" % config.score_every,
            "give a number of optimizer steps; 0 scores before and after the run alone")
    _refuse(config.patience < 0, "--patience is %d" % config.patience, "give a number of scores")
    _refuse(config.patience and not config.score_every, "--patience was given, and nothing is scored on the way",
            "say how often with --score-every STEPS")
    _refuse(config.checkpoint_every < 1, "--checkpoint-every is %d" % config.checkpoint_every,
            "give a positive number of optimizer steps")
    _refuse(not config.checkpoint_minutes > 0, "--checkpoint-minutes is %g" % config.checkpoint_minutes,
            "give a positive number of minutes")


def _check_slimming(config: AdaptConfig) -> None:
    at_0, at_1 = config.ratio_range
    _refuse(not 0 < at_0 <= at_1 <= 1, "--ratio-range is %g %g" % (at_0, at_1),
            "give LOW HIGH, the ratios per side at p = 0 and 1, with 0 < LOW <= HIGH <= 1")
    at_0, at_1 = config.drop_range
    _refuse(not 1 >= at_0 >= at_1 >= 0 or at_1 == 1, "--drop-range is %g %g" % (at_0, at_1),
            "give HIGH LOW, the chances to be dropped at p = 0 and 1, LOW below 1; the paper's 75 - 25 % is 0.75 0.25")
    at_0, at_1 = config.weight_range
    _refuse(not (0 <= at_0 <= at_1 and 0 < at_1 < float("inf")), "--weight-range is %g %g" % (at_0, at_1),
            "give LOW HIGH, the loss weights at p = 0 and 1; the paper's 2.0 - 1.0 is 1.0 2.0")
    _refuse(not 0 <= config.keep_floor <= 1, "--keep-floor is %g" % config.keep_floor,
            "give the least probability to keep an image, 0 to 1, such as 0.25")
    _refuse(not 0 <= config.anneal < 1, "--anneal is %g" % config.anneal,
            "give the share of the run's end without dropping, such as 0.125; --no-drop is all of it")
    _refuse(config.p_rule not in P_RULES, "--p is %r" % config.p_rule, "take one of: " + ", ".join(P_RULES))


def _refuse(wrong: Any, message: str, hint: str) -> None:
    if wrong:
        raise ConfigError(message, hint)


def learning_rate(step: int, steps: int, base: float) -> float:
    """The rate of optimizer step `step` (from 0): warm-up to `base`, then (1 - step / steps) ** 0.9."""
    warmup = min(WARMUP_STEPS, steps // 10)
    if step < warmup:
        return base * (step + 1) / warmup
    return float(base * (1.0 - step / float(steps)) ** POLY_POWER)
