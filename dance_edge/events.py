"""What a job says while it works. Jobs take one callable `on_event`; only the command line prints."""
from typing import Callable, NamedTuple, Optional, Tuple, Union

from dance_edge.size import Size


class Note(NamedTuple):
    """Something worth a line: a choice that was made, a figure that was found."""

    text: str


class Warned(NamedTuple):
    """Something the user should act on; comes back in the report too."""

    text: str


class Opened(NamedTuple):
    """The run's folder is there: from now on it can take a log."""

    folder: str


class Progress(NamedTuple):
    """`done` of `total` units of a named task (`scan`, `evaluate`, ...)."""

    task: str
    done: int
    total: int


class StepDone(NamedTuple):
    """One optimizer step. `pixels_ratio` is pixels kept / at full size so far; `eta_s` seconds to the end."""

    step: int
    steps: int
    loss: float
    mean_p: float
    size: Size
    pixels_ratio: float
    learning_rate: float
    eta_s: Optional[float]


class Scored(NamedTuple):
    """The network's mIoU, 0-1, on the target's validation images after `step` optimizer steps."""

    step: int
    miou: float


class EpochDone(NamedTuple):
    """One epoch of images offered, from 1. Of those `kept`, by size in `per_size`, `waiting` (earlier ones with them)
    fill no batch yet; `pixels_ratio_offered` is pixels kept / those of all images offered, at full size."""

    epoch: int
    epochs: int
    offered: int
    kept: int
    waiting: int
    pixels_ratio_offered: float
    per_size: Tuple[Tuple[Size, int], ...]


class StageDone(NamedTuple):
    """One prune. `channels_kept` and `weights_kept` are shares of what the scope had at first, `macs_ratio` is MACs /
    dense MACs, `logit_change` the largest one / the largest logit before."""

    stage: int
    stages: int
    channels_kept: float
    macs_ratio: float
    logit_change: float
    weights_kept: float = 1.0


Event = Union[Note, Warned, Opened, Progress, StepDone, Scored, EpochDone, StageDone]
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener of a caller who does not want to hear."""
