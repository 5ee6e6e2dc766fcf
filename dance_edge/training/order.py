"""Data and network slimmed together, or one after the other: the two orders of DANCE 4.3.1 (Table 4)."""
from typing import Iterator, List, NamedTuple, Sequence, Tuple, Union

from dance_edge.complexity.policy import SlimPlan
from dance_edge.data.sampler import Batch, EpochTally, stream
from dance_edge.pruning.schedule import prune_steps
from dance_edge.training.config import DEFAULT_EPOCHS, AdaptConfig


class Phase(NamedTuple):
    """Optimizer steps `begin` (from 0) to `end` of a run, all with one plan for the images.

    `mean_weight` is the loss weight expected of a kept image; the network is pruned after the steps `prune_at` (from 1,
    over the whole run), and where there are none it stays as it is.
    """

    begin: int
    end: int
    plans: Sequence[SlimPlan]
    mean_weight: float
    prune_at: Tuple[int, ...]


def in_order(config: AdaptConfig, steps: int, slimmed: Sequence[SlimPlan], whole: Sequence[SlimPlan],
             mean_weight: float) -> Tuple[Phase, ...]:
    """The phases of a run of `steps`: one, or two halves in which only the network or only the data are slimmed.

    `slimmed` are the images' plans by the policy, with `mean_weight`; `whole` those at full size, every image kept.
    """
    if not in_halves(config):
        return (Phase(0, steps, slimmed, mean_weight, tuple(prune_steps(steps, config.prunes()))),)
    half = steps // 2
    network_first = config.order == "network-first"
    begin, end = (0, half) if network_first else (half, steps)
    prune_at = tuple(begin + step for step in prune_steps(end - begin, config.prunes()))
    network = Phase(begin, end, whole, 1.0, prune_at)
    begin, end = (half, steps) if network_first else (0, half)
    data = Phase(begin, end, slimmed, mean_weight, ())
    halves = (network, data) if network_first else (data, network)
    return tuple(phase for phase in halves if phase.end > phase.begin)  # a run of one step has no second half


def in_halves(config: AdaptConfig) -> bool:
    """Whether the run slims one thing after the other; a plain run slims nothing, in no order."""
    return config.slim and config.order != "together"


def stream_of(config: AdaptConfig, batch_size: int, phases: Sequence[Phase],
              by_steps: bool) -> Iterator[Union[Batch, EpochTally]]:
    """The optimizer steps of a run and the tally of each epoch behind its last; it ends with the epochs of `config`
    or, `by_steps`, with the last phase.

    A half ends with its steps, in the middle of an epoch; the next one begins another epoch, so that no image comes
    twice in the same guise. `--anneal` is a share of the half in which images are dropped.
    """
    if not in_halves(config):
        epochs, steps = (None, phases[0].end) if by_steps else (config.epochs or DEFAULT_EPOCHS, None)
        for one in stream(phases[0].plans, config.seed, batch_size, epochs, steps, config.anneal):
            yield one
        return
    tallies: List[EpochTally] = []
    for phase in phases:
        before, first_epoch = sum(tally.offered for tally in tallies), len(tallies)
        for one in stream(phase.plans, config.seed, batch_size, None, phase.end - phase.begin, config.anneal,
                          first_epoch):
            if isinstance(one, EpochTally):
                tallies.append(one)
                yield one
            else:
                yield one._replace(offered=before + one.offered)
