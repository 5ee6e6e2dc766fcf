"""Does it cost anything to change the rung with every frame?

    engine_switch.py [RUN [BACKEND]]

The same inputs, as many at each rung, in two orders: rung by rung, and a different rung every time. The network's time
is in both, so that their ratio is the cost of switching: what a backend allocates, plans or loads anew. BACKEND is
onnxruntime (the default) or tensorrt, RUN runs/latest.
"""
import sys

import numpy as np
from turns import in_turn

from dance_edge.cli.backend import manifest_of, open_engines
from dance_edge.data.transforms import to_input
from dance_edge.run import open_run

FRAMES = 4  # at each rung, in a turn
ROUNDS = 15


def main():
    run = open_run(sys.argv[1] if len(sys.argv) > 1 else None)
    backend = sys.argv[2] if len(sys.argv) > 2 else "onnxruntime"
    manifest = manifest_of(run)
    sizes = [rung.size for rung in manifest.rungs]
    noise = np.random.RandomState(0).randint(0, 256, tuple(manifest.image_size) + (3,)).astype(np.uint8)
    inputs = {size: to_input(noise, size, manifest.normalization)[np.newaxis] for size in sizes}
    with open_engines(run, backend, None, lambda event: None) as engines:
        engines.prepare(sizes)

        def show(order):
            for size in order:
                engines.at(size).labels(inputs[size])

        taken = in_turn({"staying": lambda: show([size for size in sizes for _ in range(FRAMES)]),
                         "switching": lambda: show(sizes * FRAMES)}, ROUNDS)
    # A turn's neighbours in time are compared: what else runs here meets both.
    ratios = taken["switching"][:, 0] / taken["staying"][:, 0]
    low, high = np.percentile(ratios, [25, 75])
    frames = FRAMES * len(sizes)
    print("%s, %d rungs from %s to %s, %d frames a turn, %d turns of each" % (
        engines.name, len(sizes), sizes[0].hxw, sizes[-1].hxw, frames, ROUNDS))
    for name, rows in taken.items():
        print("%-10s %8.2f ms a frame" % (name, 1e3 * float(np.median(rows[:, 0])) / frames))
    print("switching / staying: %.3f (half of the turns in %.3f-%.3f)" % (float(np.median(ratios)), low, high))


if __name__ == "__main__":
    main()
