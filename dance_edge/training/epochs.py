"""What each epoch kept, known before the run begins and said when the last step of the epoch is done."""
from typing import Dict, Iterable, List, Sequence, Union

from dance_edge.data.sampler import Batch, EpochTally
from dance_edge.events import EpochDone


def epoch_log(run: Iterable[Union[Batch, EpochTally]], full_pixels: Sequence[int]) -> Dict[int, List[EpochDone]]:
    """The epochs of a run's stream by the optimizer step, from 1, that they end with. `full_pixels`: of every image.

    It takes nothing from the training, so that a resumed run says the same. An epoch that filled no batch is said with
    the last step before it, or with the first.
    """
    step = 0
    ended: List[EpochTally] = []
    at: List[int] = []
    for one in run:
        if isinstance(one, EpochTally):
            ended.append(one)
            at.append(max(1, step))
        else:
            step += 1
    log: Dict[int, List[EpochDone]] = {}
    for said_at, tally in zip(at, ended):
        log.setdefault(said_at, []).append(_done(tally, len(ended), full_pixels))
    return log


def _done(tally: EpochTally, epochs: int, full_pixels: Sequence[int]) -> EpochDone:
    offered = tally.offered * sum(full_pixels) / float(len(full_pixels))
    pixels = sum(size.pixels * count for size, count in tally.kept)
    return EpochDone(tally.epoch + 1, epochs, tally.offered, sum(count for _size, count in tally.kept), tally.waiting,
                     pixels / offered, tally.kept)
