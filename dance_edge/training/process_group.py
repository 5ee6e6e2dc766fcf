"""Several processes in one run, as `torch.distributed.run` (torchrun) starts them: on one machine or on several."""
import contextlib
import importlib
import os
from typing import Any, Dict, Iterator, List, Sequence

import torch
from torch import distributed

from dance_edge.errors import ConfigError, DeviceError
from dance_edge.ranks import ALONE, Ranks

_LAUNCHED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@contextlib.contextmanager
def joined() -> Iterator[Ranks]:
    """The ranks of this run: those of the process group that there is, else of one that the environment speaks of.

    The group is left again by whom it was made. NCCL where every process of a machine has a GPU of its own, else gloo.
    """
    if not distributed.is_available():
        if int(os.environ.get("WORLD_SIZE") or 1) > 1:
            raise ConfigError("this PyTorch was built without torch.distributed", "start one process alone")
        yield ALONE
        return
    if distributed.is_initialized():
        yield ProcessGroup() if distributed.get_world_size() > 1 else ALONE
        return
    if not all(os.environ.get(name) for name in _LAUNCHED) or int(os.environ["WORLD_SIZE"]) < 2:
        yield ALONE
        return
    _join()
    try:
        yield ProcessGroup()
    finally:
        distributed.destroy_process_group()


def _join() -> None:
    own = int(os.environ.get("LOCAL_RANK") or 0)
    here = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    own_gpu = torch.cuda.is_available() and torch.cuda.device_count() >= here
    if torch.cuda.is_available():
        torch.cuda.set_device(own % torch.cuda.device_count())
    # This module's functions take the group of the moment that it is imported in as a default, for good: imported later
    # by another part of PyTorch, it would keep gloo's threads beyond the group, and the process would abort at its end.
    importlib.import_module("torch.distributed.nn")

    try:
        distributed.init_process_group("nccl" if own_gpu else "gloo")
    except (RuntimeError, ValueError) as reason:
        raise DeviceError("rank %s does not find the others: %s" % (os.environ["RANK"], str(reason).splitlines()[0]),
                          "start them all at once: torchrun --nproc_per_node N -m dance_edge adapt ...")


class ProcessGroup(Ranks):
    """One rank of the default process group."""

    def __init__(self) -> None:
        self.rank = distributed.get_rank()
        self.count = distributed.get_world_size()

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """One collective for each dtype: a call costs more than what it carries."""
        by_dtype: Dict[torch.dtype, List[torch.Tensor]] = {}
        for tensor in tensors:
            by_dtype.setdefault(tensor.dtype, []).append(tensor)
        for alike in by_dtype.values():
            flat = torch.cat([tensor.detach().reshape(-1) for tensor in alike])
            with _together():
                distributed.all_reduce(flat)
            for tensor, total in zip(alike, flat.split([tensor.numel() for tensor in alike])):
                tensor.detach().copy_(total.view(tensor.shape))

    def _all(self, value: Any) -> List[Any]:
        values: List[Any] = [None] * self.count
        with _together():
            distributed.all_gather_object(values, value)
        return values


@contextlib.contextmanager
def _together() -> Iterator[None]:
    """A rank that waits for one that has died gets an error of the network's, which says little."""
    try:
        yield
    except RuntimeError as reason:
        raise DeviceError("another process of this run is gone (%s)" % str(reason).splitlines()[0],
                          "see what it said last; the run goes on from its last checkpoint when it is started again")
