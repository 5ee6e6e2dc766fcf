"""Decoding, augmenting and stacking the batches that the sampler chose; nothing that is dropped is opened."""
import signal
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from dance_edge.complexity.policy import SlimPlan
from dance_edge.data.augment import AS_IT_IS, Augmentation, apply, draw
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.sampler import Batch
from dance_edge.data.transforms import Normalization, normalize
from dance_edge.errors import DanceError
from dance_edge.size import Size
from dance_edge.training.config import AdaptConfig

Item = Tuple[int, int, Size]  # index of the record, the epoch it was kept in, rung
Read = Callable[[Record, Optional[Size]], Sample]


class Tensors(NamedTuple):
    """A batch for the network: inputs (N, 3, H, W) float32, labels (N, H, W) uint8, weights (N,) float32."""

    inputs: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor


def augmentation(config: AdaptConfig) -> Optional[Augmentation]:
    """The rules that `config`'s flags leave; None where it wants no augmentation at all."""
    rules = Augmentation()
    if not config.flip:
        rules = rules._replace(flip=0.0)
    if not config.scale_crop:
        rules = rules._replace(scale=(1.0, 1.0))
    if not config.color_jitter:
        rules = rules._replace(brightness=0.0)
    return rules if config.augment else None


class TrainingImages(Dataset):  # type: ignore[type-arg]  # not generic in torch 1.10
    """Records as tensors. Augmentation draws from (seed, epoch, index), so that a resumed run sees the same.

    `read` takes a record and the size that is wanted of its image, by which it may decode less (`read_pair`); None,
    with `full_decode`, asks for all of it.
    """

    def __init__(self, records: Sequence[Record], plans: Sequence[SlimPlan], read: Read, normalization: Normalization,
                 rules: Optional[Augmentation], seed: int, full_decode: bool = False) -> None:
        self._records = records
        self._plans = plans
        self._read = read
        self._normalization = normalization
        self._rules = rules
        self._seed = seed
        self._full_decode = full_decode

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, item: Item) -> Union[Tuple[np.ndarray, np.ndarray, float], DanceError]:
        index, epoch, size = item
        look = AS_IT_IS
        if self._rules is not None:
            look = draw(self._rules, np.random.RandomState([self._seed, epoch, index]))
        # never less than the rung, though a zoom out needs less: half an image is for the lowest rung alone
        wanted = None if self._full_decode else look._replace(zoom=max(1.0, look.zoom)).zoomed(size)
        try:
            sample = self._read(self._records[index], wanted)
        except DanceError as error:  # a worker cannot raise it as it is: it travels as a value
            return error
        image, label = apply(look, sample.image, sample.label, size)
        return normalize(image, self._normalization), label, self._plans[index].loss_weight


def load(images: TrainingImages, batches: Iterable[Batch], workers: int) -> Iterator[Tensors]:
    """The batches as tensors, in order, read ahead by `workers` processes (0: by this one)."""
    items = [[(index, epoch, batch.size) for index, epoch in zip(batch.items, batch.epochs)] for batch in batches]
    loader = DataLoader(images, batch_sampler=items, num_workers=workers, collate_fn=_stack,  # type: ignore[arg-type]
                        worker_init_fn=_quiet_worker, pin_memory=torch.cuda.is_available(),
                        generator=torch.Generator())  # else it draws from the run's numbers, which a pause restores
    for stacked in loader:
        if isinstance(stacked, DanceError):
            raise stacked
        yield stacked


def _stack(rows: List[Any]) -> Union[Tensors, DanceError]:
    if not rows:  # of a small batch some ranks have no image
        return Tensors(torch.zeros(0, 3, 1, 1), torch.zeros(0, 1, 1, dtype=torch.uint8), torch.zeros(0))
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
