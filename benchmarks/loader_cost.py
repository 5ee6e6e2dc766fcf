"""Does an epoch of the loader get cheaper with CASD and CAD? DANCE's epoch and the plain one, in turn, no network."""
import functools
import os
import sys

from turns import in_turn, medians

from dance_edge.data.transforms import IMAGENET
from dance_edge.events import ignore
from dance_edge.training.config import AdaptConfig
from dance_edge.training.loader import TrainingImages, augmentation, load
from dance_edge.training.setup import prepare

ROUNDS = 5
WORKERS = min(2, max(0, (os.cpu_count() or 1) - 1))  # as `adapt` has it


def begin(target, slim):
    """A run of one epoch on `target`, augmentation on."""
    return prepare(AdaptConfig(target=target, model="bisenet", epochs=1, batch_size=8, slim=slim), {}, ignore)


def epoch(setup, workers):
    """Every batch of the epoch, as tensors, and what they held: images, pixels."""
    images = TrainingImages(setup.target.train, setup.plans, setup.target.read, IMAGENET, augmentation(setup.config), 0)
    shapes = [tensors.labels.shape for tensors in load(images, setup.batches(), workers)]
    return sum(shape[0] for shape in shapes), sum(shape.numel() for shape in shapes)


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["DANCE_EDGE_DATA"], "camvid")
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else WORKERS
    runs = {name: begin(target, name == "dance") for name in ("plain", "dance")}
    held = {}

    def run(name):
        held[name] = epoch(runs[name], workers)

    taken = in_turn({name: functools.partial(run, name) for name in runs}, ROUNDS)
    middle_s = medians(taken)
    for name, (images, pixels) in held.items():
        print("%-6s %7.2f s an epoch, %5d images, %7.1f megapixels" % (
            name, middle_s[name], images, pixels / 1e6))
    ratios = [dance / plain for dance, plain in zip(taken["dance"][:, 0], taken["plain"][:, 0])]
    images, pixels = (held["dance"][i] / held["plain"][i] for i in (0, 1))
    print("dance / plain: time %.3f (rounds %.3f to %.3f); floor: %.3f by images (decoding), %.3f by pixels (the rest)"
          % (middle_s["dance"] / middle_s["plain"], min(ratios), max(ratios), images, pixels))


if __name__ == "__main__":
    main()
