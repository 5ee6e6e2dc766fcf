"""What does the training loop cost beside one written by hand, and does DANCE save the time that its MACs promise?

BiSeNet-R18 on images of 360x480, drawn streets or the data set that is named, in batches of 4. A loop written by hand
below and `dance_edge`'s own take turns, step by step, and a machine's drift meets both. A turn of ours is all that
happens from a batch's coming to the asking for the next.

1. Overhead: nothing is slimmed, both loops begin with the same weights and see the same tensors. On drawn streets their
   losses agree to the last digits; where pixels are void, a mean over images is not one over pixels. The ratio of the
   two times, median over the turns: of the steps alone, and with the loading, the project's own on either side.
2. Saving: our loop is DANCE's, with dropping, smaller sizes, loss weights, L1 and three prunes; the one by hand takes
   as many steps of whole images.

What comes once in a run or a stage is no part of a step: setting up, the first count of MACs at a size, checkpoints,
and the steps that end in a prune, whose time is said beside.
"""
import itertools
import os
import sys
import tempfile
import time
from typing import List, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from dance_edge.data.augment import Augmentation
from dance_edge.data.streets import write_streets
from dance_edge.events import StepDone, ignore
from dance_edge.interrupt import StopRequest
from dance_edge.size import Size
from dance_edge.training.config import AdaptConfig
from dance_edge.training.counts import Counts
from dance_edge.training.job import Job
from dance_edge.training.loader import TrainingImages, load
from dance_edge.training.loop import train
from dance_edge.training.setup import prepare

SIZE, BATCH, RATE = Size(360, 480), 4, 1e-3
OVERHEAD_STEPS, SAVING_STEPS = 18, 24
WARM_UP = 2  # turns that fill caches


class Turn(NamedTuple):
    """One step of each loop: seconds to load its batch, seconds and MACs of the step; whether ours ended in a prune."""

    hand_load_s: float
    hand_s: float
    hand_macs: float
    our_load_s: float
    our_s: float
    our_macs: float
    pruned: bool


def begin(target, slim, steps):
    """A run of BiSeNet on `target` that is ready to train: DANCE's, or one where nothing is slimmed."""
    config = AdaptConfig(target=target, model="bisenet", steps=steps, batch_size=BATCH, learning_rate=RATE, slim=slim,
                         memory_budget="4GB", checkpoint_every=10 ** 6, checkpoint_minutes=1e6)
    return prepare(config, {}, ignore)


def loaded(setup):
    """The run's batches with their tensors and the seconds that loading took, one after the other, by this process."""
    images = TrainingImages(setup.target.train, setup.plans, setup.target.read, setup.manifest.normalization,
                            Augmentation(scale=(1.0, 1.5)), 0)  # no zoom out: its borders are void
    batches = list(setup.batches())
    started_s = time.perf_counter()
    for batch, tensors in zip(batches, load(images, batches, 0)):
        yield batch, tensors, time.perf_counter() - started_s
        started_s = time.perf_counter()


def by_hand(network, steps):
    """A call that takes the next of `steps` optimizer steps, as one writes them: inputs and labels in, the loss out."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4)
    device = next(network.parameters()).device
    done, warmup = itertools.count(), steps // 10

    def step(inputs, labels):
        i = next(done)
        for group in optimizer.param_groups:
            group["lr"] = RATE * ((i + 1) / warmup if i < warmup else (1 - i / steps) ** 0.9)
        inputs = inputs.to(device).contiguous(memory_format=torch.channels_last)
        labels = labels.to(device).long()
        optimizer.zero_grad()
        losses = [F.cross_entropy(F.interpolate(logits, size=labels.shape[1:], mode="bilinear", align_corners=False),
                                  labels, ignore_index=255) for logits in network(inputs)]
        loss = torch.stack(losses).sum()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def our_loop(setup, steps, on_event):
    """The project's own training loop over `steps`, without checkpoints."""
    with StopRequest() as stop:
        job = Job(setup.trainee, setup.config, setup.plan, setup.manifest, setup.phases()[0], setup.full_pixels, {},
                  lambda: None, stop, on_event, lambda: 0.0, lambda: None, lambda: "")
        train(job, Counts(), steps)


def take_turns(target, slim, steps):
    """Train for `steps` by hand and, with or without slimming, by our loop: a `Turn` a step, and the losses of each."""
    ours, whole = begin(target, slim, steps), begin(target, False, steps)
    step_by_hand = by_hand(whole.trainee.network, steps)
    prune_at = ours.phases()[0].prune_at
    turns: List[Turn] = []
    hand_losses: List[float] = []
    our_losses: List[float] = []

    def in_turn():
        for (whole_batch, tensors, hand_load_s), (batch, our_tensors, our_load_s) in zip(loaded(whole), loaded(ours)):
            hand_macs, our_macs = (setup.trainee.training_macs_at(one.size) * len(one.items)
                                   for setup, one in ((whole, whole_batch), (ours, batch)))
            started_s = time.perf_counter()
            hand_losses.append(step_by_hand(tensors.inputs, tensors.labels))
            hand_s, started_s = time.perf_counter() - started_s, time.perf_counter()
            yield batch, our_tensors  # our loop takes its step before it asks for more
            turns.append(Turn(hand_load_s, hand_s, hand_macs, our_load_s, time.perf_counter() - started_s, our_macs,
                              len(turns) + 1 in prune_at))

    def hear(event):
        if isinstance(event, StepDone):
            our_losses.append(event.loss)

    our_loop(ours, in_turn(), hear)
    return turns, np.subtract(our_losses, hand_losses)


def main():
    with tempfile.TemporaryDirectory(prefix="dance-edge-") as folder:
        target = sys.argv[1] if len(sys.argv) > 1 else drawn(os.path.join(folder, "streets"))
        report_overhead(*take_turns(target, False, OVERHEAD_STEPS))
        report_saving(take_turns(target, True, SAVING_STEPS)[0])


def drawn(folder):
    """Forty drawn streets, where no data set is named."""
    write_streets(folder, "day", 40, 4, SIZE, 0)
    return folder


def report_overhead(turns, differences):
    """The ratios of our loop to the one by hand, and the floor of both."""
    turns = turns[WARM_UP:]
    middle = Turn(*np.median(turns, axis=0))
    floor_s = middle.hand_macs / macs_per_s()
    print("a step of %d images: %.0f ms by hand, %.0f ms ours, and %.0f ms of loading; floor %.0f ms, its %.1f GMAC "
          "as one product of matrices; losses differ by %.1e at most" % (
              BATCH, 1e3 * middle.hand_s, 1e3 * middle.our_s, 1e3 * middle.our_load_s, 1e3 * floor_s,
              middle.hand_macs / 1e9, np.abs(differences).max()))
    alone = np.array([turn.our_s / turn.hand_s for turn in turns])
    with_loading = np.array([(turn.our_load_s + turn.our_s) / (turn.hand_load_s + turn.hand_s) for turn in turns])
    for what, ratios in (("the steps alone", alone), ("with loading", with_loading)):
        low, middle_ratio, high = np.percentile(ratios, (25, 50, 75))
        print("overhead of our loop, %s: %+.1f %% (median of %d turns; half of them %+.1f to %+.1f)" % (
            what, 100 * (middle_ratio - 1), len(ratios), 100 * (low - 1), 100 * (high - 1)), flush=True)


def report_saving(turns):
    """Time and MACs that DANCE leaves of the whole run, by stage and in all."""
    ends = [i for i, turn in enumerate(turns) if turn.pruned]
    for prunes, (begin_at, end) in enumerate(zip([0] + [i + 1 for i in ends], ends + [len(turns)])):
        report_row("prunes: %d" % prunes, turns[begin_at:end])
    report_row("in all", [turn for turn in turns if not turn.pruned])
    print("left out: %d steps that ended in a prune, %.1f s each" % (
        len(ends), np.mean([turns[i].our_s for i in ends])))


def report_row(name, turns):
    """What is left of time and MACs, and the time saved as a share of the MACs saved."""
    sums = Turn(*np.sum(turns, axis=0))
    time_left, macs_left = sums.our_s / sums.hand_s, sums.our_macs / sums.hand_macs
    with_loading = (sums.our_load_s + sums.our_s) / (sums.hand_load_s + sums.hand_s)
    print("DANCE, %-10s %2d steps: MACs left %.3f (the floor), time left %.3f (%.3f with loading); "
          "time saved / MACs saved %.2f" % (name + ",", len(turns), macs_left, time_left, with_loading,
                                            (1 - time_left) / (1 - macs_left)))


def macs_per_s(side=2048, rounds=5):
    """What this machine does at best: multiply-accumulates a second in a product of two matrices."""
    matrix, best_s = torch.rand(side, side), float("inf")
    for _ in range(rounds):
        started_s = time.perf_counter()
        torch.mm(matrix, matrix)
        best_s = min(best_s, time.perf_counter() - started_s)
    return side ** 3 / best_s


if __name__ == "__main__":
    main()
