"""What the training loop is given: a plan that is fixed before step 1, and all it works on and with."""
import contextlib
from typing import Any, Callable, ContextManager, Dict, Mapping, NamedTuple, Sequence, Tuple

from dance_edge.events import EpochDone, OnEvent
from dance_edge.interrupt import StopRequest
from dance_edge.manifest import Manifest
from dance_edge.ranks import ALONE, Ranks
from dance_edge.training.config import AdaptConfig
from dance_edge.training.order import Phase
from dance_edge.training.trainee import Trainee


class LoopPlan(NamedTuple):
    """What is fixed before step 1 and stays so over pauses: stored in run.json.

    `mean_weight` is the loss weight expected of a kept image where data are slimmed; `micro_batch` images go through
    the network at once. `widths` is what there is to prune: channels by group, as many as the dense network has, of
    which `gone` are gone already in the source; or weights by layer. `class_weights` scale the loss of each class's
    pixels, () for equal ones. `by_steps`: the stream of images ends with `steps`, not with the epochs asked for.
    `reserved_s` and `reserved_j` are kept of a budget for what follows the training.
    """

    steps: int
    batch_size: int
    micro_batch: int
    learning_rate: float
    mean_weight: float
    stride: int
    widths: Dict[str, int] = {}
    gone: int = 0
    class_weights: Tuple[float, ...] = ()
    by_steps: bool = False
    reserved_s: float = 0.0
    reserved_j: float = 0.0


class Job(NamedTuple):
    """What the loop works on and with. `manifest` counts the network as it came; `full_pixels` are the top rung's.

    `phase`'s plans and `full_pixels` go by the records that a batch's items name, `epochs` by the step they end with.
    `score` gives the network's mIoU on the target and says it, `keep_best` stores the network as the best so far;
    `spent` names the budget that is used up, "" while there is none. Of several `ranks` each has a job of its own: a
    batch is parted among them, everything else they do alike. `pruning` is entered around each prune, to meter it.
    """

    trainee: Trainee
    config: AdaptConfig
    plan: LoopPlan
    manifest: Manifest
    phase: Phase
    full_pixels: Sequence[int]
    epochs: Mapping[int, Sequence[EpochDone]]
    save: Callable[[], None]
    stop: StopRequest
    on_event: OnEvent
    score: Callable[[], float]
    keep_best: Callable[[], None]
    spent: Callable[[], str]
    ranks: Ranks = ALONE
    pruning: Callable[[], ContextManager[Any]] = contextlib.suppress  # which suppresses nothing
