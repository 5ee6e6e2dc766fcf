"""What the complexity of a frame costs and how far it is from the formula; what CAD costs beside the network.

Takes CamVid, Cityscapes and BDD100K from the folder that DANCE_EDGE_DATA names. One core throughout.
"""
import functools
import os
import sys
import tempfile
import time
from typing import Any, Dict

import cv2
import numpy as np
from turns import in_turn, medians

from dance_edge.complexity.gradient import mean_gradient, triple_step
from dance_edge.complexity.indicator import measure, weber_complexity
from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.profile import fit_profile
from dance_edge.data.images import read_image
from dance_edge.data.layouts import open_dataset
from dance_edge.data.splits import training_records
from dance_edge.data.transforms import IMAGENET, to_input, to_rung
from dance_edge.size import Size, size_of

SIZES = (Size(720, 1280), Size(1080, 1920))
TIMES = 3  # a way on a frame


def formula(image):
    """Eq. 1 as OpenCV writes it, in the fastest of several ways: bytes in, float slopes out."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    horizontal = cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=3, scale=1.0 / 255.0)
    vertical = cv2.Sobel(gray, cv2.CV_32F, 0, 1, ksize=3, scale=1.0 / 255.0)
    return cv2.mean(cv2.magnitude(horizontal, vertical))[0]


def weber_formula(image):
    """The definition of Weber contrast, for the error alone."""
    return weber_complexity(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255.0)


def records():
    """CamVid's training images, and those of the two others; the number of the former."""
    camvid, *others = (open_dataset(os.path.join(os.environ["DANCE_EDGE_DATA"], name))
                       for name in ("camvid", "cityscapes", "bdd100k"))
    train = list(training_records(camvid))
    return train + [record for dataset in others for record in dataset.records()], len(train)


def at_size(path, size):
    """The image at `path` as a camera of `size` would give it."""
    image = read_image(path)
    larger = size.height > image.shape[0]
    return cv2.resize(image, size.cv2, interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)


def run_ways(paths, size, ways):
    """Values and median seconds of each of `ways`, in turn on every frame; the frame is in the cache, as one that has
    just been decoded is."""
    values: Dict[str, Any] = {name: [] for name in ways}
    times: Dict[str, Any] = {name: [] for name in ways}
    for path in paths:
        frame = at_size(path, size)
        for name, way in ways.items():
            values[name].append(way(frame))  # untimed: each way meets caches and memory as it leaves them itself
            for _ in range(TIMES):
                started_s = time.perf_counter()
                way(frame)
                times[name].append(time.perf_counter() - started_s)
    return ({name: np.array(one) for name, one in values.items() if name != "copy"},
            {name: float(np.median(one)) for name, one in times.items()})


def errors(exact, fast, train, size, kind):
    """|dp| of `fast` under a profile of the formula's values over CamVid's training images."""
    profile = fit_profile(exact[:train], size, "camvid", kind)
    return np.array([abs(profile.p(one) - profile.p(other)) for one, other in zip(exact, fast)])


def indicator_at(size):
    """Time and error of both indicators at `size`, over all images."""
    found, train = records()
    copy = np.empty((size.height, size.width, 3), np.uint8)
    values, times = run_ways([record.image for record in found], size, {
        "copy": lambda frame: np.copyto(copy, frame),
        "formula": formula, "sobel": lambda frame: measure(frame, size),
        "weber formula": weber_formula, "weber": lambda frame: measure(frame, size, "weber")})
    step = triple_step(size)
    print("%s: %d images, a gradient every %d rows" % (size.wxh, len(found), step))
    for kind, exact in (("sobel", "formula"), ("weber", "weber formula")):
        gap = errors(values[exact], values[kind], train, size, kind)
        print("  %s: %.3f ms, plain OpenCV %.2f ms: %.1f times; |dp| %.4f at the 95th percentile, %.4f at most" % (
            kind, 1e3 * times[kind], 1e3 * times["formula"], times["formula"] / times[kind], np.percentile(gap, 95),
            gap.max()))
    # a copy reads and writes each byte; comparing pairs of rows reads every second one, a gradient three
    share = (0.5 + 3.0 / step) / 2.0
    print("  floor: the bytes of the rows that are looked at, %.3f ms; mean over CamVid %+.3f %%" % (
        1e3 * share * times["copy"],
        100.0 * (np.mean(values["sobel"][:train]) / np.mean(values["formula"][:train]) - 1.0)))


def open_network(size, folder):
    """Dense BiSeNet-R18 of 19 classes, exported as always, on one thread of onnxruntime: inputs to labels."""
    import onnxruntime

    from dance_edge.complexity.policy import SlimPolicy
    from dance_edge.data.labels import ClassSet
    from dance_edge.export.to_onnx import export_onnx
    from dance_edge.manifest import Manifest, Rung
    from dance_edge.models import catalog

    network = catalog.build("bisenet", 19)
    classes = ClassSet(tuple("class %d" % i for i in range(19)), tuple((i, i, i) for i in range(19)))
    stride = catalog.stride_of(network)
    ladder = build_ladder(size, stride)
    rungs = tuple(Rung(rung, ratio, 0.0) for rung, ratio in zip(ladder.rungs, ladder.ratios))
    path = os.path.join(folder, "dense.onnx")
    export_onnx(network, Manifest("bisenet", classes, IMAGENET, stride, None, SlimPolicy(), size, rungs, 0, {}), path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return (lambda inputs: session.run(None, {session.get_inputs()[0].name: inputs})), ladder


def share_of_network(size):
    """Indicator, resize and network on one frame, in turn."""
    found, train = records()
    frame = at_size(found[train].image, size)
    profile = fit_profile(np.array([mean_gradient(frame) * i / 10.0 for i in range(1, 30)]), size, "", "sobel")
    with tempfile.TemporaryDirectory() as folder:
        network, ladder = open_network(size_of(frame), folder)
        inputs = to_input(frame, ladder.full, IMAGENET)[np.newaxis]
        parts: Dict[str, Any] = {"complexity and p": lambda: profile.p(measure(frame, size)),
                                 "network": lambda: network(inputs)}
        for rung in ladder.rungs:
            parts["resize to %s" % rung.wxh] = functools.partial(to_rung, frame, rung)
        seconds = medians(in_turn(parts))
    print("dense BiSeNet-R18 at %s, onnxruntime, 1 thread: %.0f ms; of that" % (
        ladder.full.wxh, 1e3 * seconds["network"]))
    for name in parts:
        if name != "network":
            print("  %-20s %.3f ms, %.3f %%" % (name, 1e3 * seconds[name], 100.0 * seconds[name] / seconds["network"]))
    resize_s = max(spent for name, spent in seconds.items() if name.startswith("resize"))
    print("  CAD with the slowest of these resizes: %.3f %%" % (
        100.0 * (seconds["complexity and p"] + resize_s) / seconds["network"]))


def main():
    if "DANCE_EDGE_DATA" not in os.environ:
        sys.exit("DANCE_EDGE_DATA must name the folder of camvid, cityscapes and bdd100k")
    cv2.setNumThreads(1)
    for size in SIZES:
        indicator_at(size)
    share_of_network(SIZES[0])


if __name__ == "__main__":
    main()
