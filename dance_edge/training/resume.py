"""Checkpoints of a run under way: written whole, the two newest kept, read back to the same step."""
import os
import re
from typing import List, Optional

import torch

from dance_edge.atomic import sweep
from dance_edge.errors import CheckpointError
from dance_edge.pruning.surgery import apply_plan, channel_plan
from dance_edge.tensor_file import load_tensors, save_tensors
from dance_edge.training.config import AdaptConfig
from dance_edge.training.counts import Counts
from dance_edge.training.trainee import Trainee

FORMAT = 1
KEPT = 2
BEST = "best.pt"
_NAME = re.compile(r"^step-(\d+)\.pt$")


def checkpoints(folder: str) -> List[str]:
    """The checkpoint files of a run, oldest step first."""
    inside = os.path.join(folder, "checkpoints")
    if not os.path.isdir(inside):
        return []
    numbered = [(int(match.group(1)), name) for match, name in
                ((_NAME.match(name), name) for name in os.listdir(inside)) if match]
    return [os.path.join(inside, name) for _step, name in sorted(numbered)]


def save_checkpoint(folder: str, trainee: Trainee, counts: Counts) -> str:
    """Write weights, momentum, widths, what pruning keeps, and counts of `counts.step`; the two newest files stay."""
    names = {parameter: name for name, parameter in trainee.network.named_parameters()}
    momentum = {names[parameter]: state["momentum_buffer"] for parameter, state in trainee.optimizer.state.items()
                if state.get("momentum_buffer") is not None}
    os.makedirs(os.path.join(folder, "checkpoints"), exist_ok=True)
    path = os.path.join(folder, "checkpoints", "step-%06d.pt" % counts.step)
    save_tensors(path, {
        "format": FORMAT, "counts": counts.to_dict(), "channels": channel_plan(trainee.network),
        "state_dict": dict(trainee.network.state_dict()), "momentum": momentum, "random": torch.get_rng_state(),
        "taylor": dict(trainee.taylor), "masks": trainee.masks.state() if trainee.masks is not None else {},
        "precision": trainee.precision.state()})
    for old in checkpoints(folder)[:-KEPT]:
        os.remove(old)
    sweep(os.path.join(folder, "checkpoints"))  # what a killed start had half-written, now that there is a whole one
    return path


def save_best(folder: str, trainee: Trainee, counts: Counts) -> None:
    """Write the weights of now as the best so far; the widths are those that the run will end with."""
    os.makedirs(os.path.join(folder, "checkpoints"), exist_ok=True)
    save_tensors(os.path.join(folder, "checkpoints", BEST), {
        "format": FORMAT, "step": counts.step, "miou": counts.best_miou,
        "state_dict": dict(trainee.network.state_dict())})


def load_best(folder: str, trainee: Trainee, step: int) -> bool:
    """Bring back the weights of `step`, which were the best; False where the file is gone or holds another step's."""
    path = os.path.join(folder, "checkpoints", BEST)
    if not os.path.exists(path):
        return False
    content = load_tensors(path)
    if content["step"] != step:
        return False
    trainee.network.load_state_dict(content["state_dict"])
    return True


def load_checkpoint(path: str, trainee: Trainee, config: AdaptConfig) -> Counts:
    """Bring `trainee` (dense, as it began) to where the checkpoint was written, and return the counts."""
    content = load_tensors(path)
    if not isinstance(content, dict) or content.get("format", FORMAT + 1) > FORMAT:
        raise CheckpointError("%s is not a checkpoint that this version reads" % path, "install a newer dance-edge")
    network = trainee.network
    apply_plan(network, content["channels"])
    network.load_state_dict(content["state_dict"])
    fresh = Trainee(network, config, trainee.device)
    for name, parameter in network.named_parameters():
        if name in content["momentum"]:
            buffer = content["momentum"][name].to(trainee.device)
            fresh.optimizer.state[parameter]["momentum_buffer"] = buffer
    trainee.optimizer = fresh.optimizer
    trainee.taylor = {name: sums.to(trainee.device) for name, sums in content.get("taylor", {}).items()}
    if trainee.masks is not None:
        trainee.masks.load(content["masks"])
    trainee.precision.load(content.get("precision", {}))
    torch.set_rng_state(content["random"])
    return Counts.from_dict(content["counts"])


def newest_checkpoint(folder: str) -> Optional[str]:
    """The checkpoint to go on from, or None."""
    found = checkpoints(folder)
    return found[-1] if found else None
