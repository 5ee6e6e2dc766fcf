"""What complexity and resizing cost beside the network, on one frame of 1280x720: times in turn, ratios, floors."""
import sys

import cv2
import numpy as np
from turns import in_turn, medians

from dance_edge.cli.backend import manifest_of, open_engines
from dance_edge.complexity.indicator import measure
from dance_edge.data.transforms import to_input
from dance_edge.run import open_run
from dance_edge.size import Size, size_of


def frame():
    """A frame of smooth noise, 720x1280 BGR: its content has no say in any of the times."""
    noise = np.random.RandomState(0).randint(0, 256, (90, 160, 3)).astype(np.uint8)
    return cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_LINEAR)


def main():
    run = open_run(sys.argv[1] if len(sys.argv) > 1 else None)
    manifest = manifest_of(run)
    if manifest.profile is None:
        sys.exit("%s has no complexity profile: no frame of it has a p" % run.path)
    engines = open_engines(run, "onnxruntime", None, lambda event: None)
    image = frame()
    ladder = manifest.ladder_for(size_of(image))
    smallest = ladder.rungs[0]
    measured = manifest.profile.measured_size
    inputs = {size: to_input(image, size, manifest.normalization)[np.newaxis] for size in (smallest, ladder.full)}
    times = medians(in_turn({
        "copy of the frame": lambda: image.copy(),
        "complexity, as served": lambda: measure(image, measured),
        "complexity, at 720x1280": lambda: measure(image, Size(720, 1280)),
        "resize and normalise": lambda: to_input(image, smallest, manifest.normalization),
        "network at %s" % smallest.wxh: lambda: engines.at(smallest).labels(inputs[smallest]),
        "network at %s" % ladder.full.wxh: lambda: engines.at(ladder.full).labels(inputs[ladder.full])}))
    full_s = times["network at %s" % ladder.full.wxh]
    print("%-28s %10s %22s" % ("", "ms", "share of full network"))
    for name, seconds in times.items():
        print("%-28s %10.2f %20.2f %%" % (name, 1e3 * seconds, 100.0 * seconds / full_s))
    ratio = times["network at %s" % smallest.wxh] / full_s
    print("smallest rung / full: time %.3f, floor by multiply-accumulates %.3f" % (
        ratio, manifest.macs_at(smallest) / manifest.macs_at(ladder.full)))
    print("floor of complexity: one pass over the frame's bytes, %.2f ms" % (1e3 * times["copy of the frame"]))


if __name__ == "__main__":
    main()
