"""What one of two ranks does and sees; run by test_process_group.py, which reads what it leaves in RANK.json."""
import json
import os
import signal
import sys

import torch

from dance_edge.errors import DanceError, DataError
from dance_edge.events import StepDone
from dance_edge.size import Size
from dance_edge.training.adapt import adapt
from dance_edge.training.config import config_from_dict
from dance_edge.training.gradients import TooLarge
from dance_edge.training.process_group import joined


def main(town, vanishing):
    with joined() as ranks:
        seen = {"rank": ranks.rank, "count": ranks.count, "first": ranks.first, "primitives": primitives(ranks)}
        seen["alike"] = run(town, "two")
        seen["uneven"] = run(town, "uneven", epochs=1, steps=0, batch_size=5, time="9h")
        seen["hungry"] = run(town, "hungry", model="small_networks:hungry_for_half", stages=0, steps=3,
                             downsample=False, freeze_bn=False)
        seen["whole"] = run(town, "whole", model="small_networks:make", freeze_bn=False)
        seen["stopped"] = run(town, "stopped", stop_after(3), model="small_networks:make", freeze_bn=False)
        seen["resumed"] = run(town, "stopped", model="small_networks:make", freeze_bn=False)
        seen["vanished"] = run(vanishing, "vanished", gone_after(2, vanishing), checkpoint_every=100, stages=0)
        seen["refused"] = run(town, "two", learning_rate=0.5)
    with open("%d.json" % ranks.rank, "w") as file:
        json.dump(seen, file)


def primitives(ranks):
    whole, half = torch.full((2, 3), 1.0 + ranks.rank), torch.tensor([4, 5 * ranks.rank])
    ranks.add_up([whole, half])
    called = []
    return {
        "sums": [whole.tolist(), half.tolist()],
        "told": ranks.told("of %d" % ranks.rank), "gathered": ranks.gather(ranks.rank),
        "lead": ranks.lead(lambda: called.append(1) or "led"), "called": called,
        "map": ranks.map(lambda item: (item, ranks.rank), "abcde"), "empty": ranks.map(str, ""),
        "errors": [said(lambda: ranks.attempt(lambda: fail(ranks, 1))),
                   said(lambda: ranks.lead(lambda: fail(ranks, 0))),
                   said(lambda: ranks.map(lambda item: fail(ranks, 1), [1, 2, 3])),
                   # rank 1 fails where rank 0 has come further, and already waits for its next value
                   said(lambda: ranks.attempt(lambda: fail(ranks, 1) if ranks.rank else ranks.gather("next"))),
                   said(lambda: ranks.attempt(lambda: too_large(ranks)))]}


def fail(ranks, rank):
    if ranks.rank == rank:
        raise DataError("rank %d" % rank, "mend it")


def too_large(ranks):
    if ranks.rank:
        raise TooLarge(Size(6, 8))


def said(call):
    try:
        return str(call())
    except DanceError as error:
        return "%s: %s; %s" % (type(error).__name__, error.message, error.exit_code)


def run(target, out, on_event=lambda event: None, **changes):
    settings = dict(SETTINGS, target=target, out=out)
    settings.update(changes)
    heard = []

    def listen(event):
        heard.append(type(event).__name__)
        on_event(event)

    try:
        result = adapt(config_from_dict(settings), listen)
    except DanceError as error:
        return {"error": error.message, "hint": error.hint, "code": error.exit_code, "heard": len(heard)}
    return {"facts": result.facts, "heard": len(heard)}


def stop_after(step):
    def signalled(event):
        if isinstance(event, StepDone) and event.step == step:
            os.kill(os.getpid(), signal.SIGTERM)
    return signalled


def gone_after(step, folder):
    def remove(event):
        if isinstance(event, StepDone) and event.step == step:
            for path in os.listdir(os.path.join(folder, "images", "train")):
                os.remove(os.path.join(folder, "images", "train", path))
    return remove


SETTINGS = {"model": "small_networks:steady", "steps": 8, "batch_size": 4, "stages": 2, "pruning_ratio": 0.5,
            "criterion": "taylor", "scope": "all", "workers": 0, "checkpoint_every": 2, "freeze_bn": True, "seed": 5,
            "keep_floor": 0.3, "score_every": 3}

if __name__ == "__main__":
    main(*sys.argv[1:])
