"""Decoding, augmenting and stacking the batches that the sampler chose; nothing that is dropped is opened."""
import signal
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from dance_edge.complexity.policy import SlimPlan
from dance_edge.data.augment import Augmentation, augment
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.sampler import Batch
from dance_edge.data.transforms import Normalization, normalize
from dance_edge.errors import DanceError
from dance_edge.size import Size

Item = Tuple[int, int, Size]  # index of the record, epoch, rung


class Tensors(NamedTuple):
    """A batch for the network: inputs (N, 3, H, W) float32, labels (N, H, W) uint8, weights (N,) float32."""

    inputs: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor


class TrainingImages(Dataset):  # type: ignore[type-arg]  # not generic in torch 1.10
    """Records as tensors. Augmentation draws from (seed, epoch, index), so that a resumed run sees the same."""

    def __init__(self, records: Sequence[Record], plans: Sequence[SlimPlan], read: Callable[[Record], Sample],
                 normalization: Normalization, rules: Optional[Augmentation], seed: int) -> None:
        self._records = records
        self._plans = plans
        self._read = read
        self._normalization = normalization
        self._rules = rules
        self._seed = seed

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, item: Item) -> Union[Tuple[np.ndarray, np.ndarray, float], DanceError]:
        index, epoch, size = item
        try:
            sample = self._read(self._records[index])
        except DanceError as error:  # a worker cannot raise it as it is: it travels as a value
            return error
        random = np.random.RandomState([self._seed, epoch, index])
        image, label = augment(sample.image, sample.label, size, self._rules, random)
        return normalize(image, self._normalization), label, self._plans[index].loss_weight


def load(images: TrainingImages, batches: Iterable[Batch], workers: int) -> Iterator[Tensors]:
    """The batches as tensors, in order, read ahead by `workers` processes (0: by this one)."""
    items = [[(index, batch.epoch, batch.size) for index in batch.items] for batch in batches]
    loader = DataLoader(images, batch_sampler=items, num_workers=workers, collate_fn=_stack,  # type: ignore[arg-type]
                        worker_init_fn=_quiet_worker, pin_memory=torch.cuda.is_available())
    for stacked in loader:
        if isinstance(stacked, DanceError):
            raise stacked
        yield stacked


def _stack(rows: List[Any]) -> Union[Tensors, DanceError]:
    for row in rows:
        if isinstance(row, DanceError):
            return row
    images, labels, weights = zip(*rows)
    return Tensors(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(labels)),
                   torch.tensor(weights, dtype=torch.float32))


def _quiet_worker(_number: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group, they are the main process's to answer
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(0)
