"""Does a training step get cheaper as its multiply-accumulates do? DANCE's steps and plain ones, in turn."""
import itertools
import sys
import tempfile
import time
from typing import Any, Dict

import numpy as np
import torch

from dance_edge.data.augment import Augmentation
from dance_edge.events import ignore
from dance_edge.interrupt import StopRequest
from dance_edge.training.config import AdaptConfig
from dance_edge.training.loader import TrainingImages, load
from dance_edge.training.loop import Counts, Job, train
from dance_edge.training.setup import prepare

STEPS = 6
ROUNDS = 3


def begin(target, slim):
    """A run of BiSeNet on `target` that is ready to train, without pruning."""
    config = AdaptConfig(target=target, model="bisenet", steps=STEPS * ROUNDS, batch_size=4, slim=slim,
                         pruning_ratio=0.0, checkpoint_every=10 ** 6)
    return prepare(config, {}, ignore)


def train_some(setup, counts):
    """The next steps of `setup`; seconds and MACs that they took."""
    images = TrainingImages(setup.target.train, setup.plans, setup.target.read, setup.manifest.normalization,
                            Augmentation(), 0)
    steps = list(itertools.islice(setup.batches(), counts.step, counts.step + STEPS))
    macs, started_s = counts.macs, time.perf_counter()
    with StopRequest() as stop:
        job = Job(setup.trainee, setup.config, setup.plan, setup.manifest, setup.phases()[0],
                  setup.full_pixels, {}, lambda: None, stop, ignore)
        train(job, counts, zip(steps, load(images, steps, 0)))
    return time.perf_counter() - started_s, counts.macs - macs


def main():
    torch.manual_seed(0)
    target = sys.argv[1] if len(sys.argv) > 1 else drawn()
    runs = {name: (begin(target, name == "dance"), Counts()) for name in ("plain", "dance")}
    taken: Dict[str, Any] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (setup, counts) in runs.items():
            taken[name].append(train_some(setup, counts))
    seconds, macs = ({name: np.median([one[i] for one in taken[name]]) / STEPS for name in runs} for i in (0, 1))
    for name in runs:
        print("%-6s %8.1f ms a step, %8.2f GMAC" % (name, 1e3 * seconds[name], macs[name] / 1e9))
    time_ratio, mac_ratio = seconds["dance"] / seconds["plain"], macs["dance"] / macs["plain"]
    print("dance / plain: time %.3f, floor by multiply-accumulates %.3f, saved of what could be %.2f" % (
        time_ratio, mac_ratio, (1 - time_ratio) / (1 - mac_ratio)))


def drawn():
    """Forty drawn streets, where no data set is named."""
    from dance_edge.data.streets import write_streets
    from dance_edge.size import Size

    folder = tempfile.mkdtemp(prefix="dance-edge-")
    write_streets(folder, "day", 40, 4, Size(224, 320), 0)
    return folder


if __name__ == "__main__":
    main()
