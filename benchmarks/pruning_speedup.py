"""Does time fall as MACs fall? Dense against half of the head's channels pruned, training steps and onnxruntime."""
import copy
import functools
import os
import sys
import tempfile

import numpy as np
import torch
from turns import in_turn

from dance_edge.complexity.policy import SlimPolicy
from dance_edge.data.labels import ClassSet
from dance_edge.data.transforms import IMAGENET
from dance_edge.export.to_onnx import export_onnx
from dance_edge.manifest import Manifest, Rung
from dance_edge.models import catalog
from dance_edge.models.deployed import outputs_of
from dance_edge.pruning.flops import count_macs
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.surgery import prune
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.size import Size
from dance_edge.training.loss import adaptive_loss

SIZE = Size(256, 512)
CLASSES, BATCH, PRUNED = 19, 2, 0.5
IMAGES, STEPS = 41, 5  # rounds: an image takes a tenth of a second, a step seconds


def networks(name):
    """The network dense and pruned; its gammas are spread, so that every group loses its share."""
    torch.manual_seed(0)
    dense = catalog.build(name, CLASSES)
    for layer in dense.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
    slim = copy.deepcopy(dense)
    graph = ChannelGraph(slim, catalog.stride_of(slim), "head")
    optimizer = torch.optim.SGD(slim.parameters(), lr=0.0, momentum=0.9)
    channels = sum(group.width for group in graph.groups())
    done = prune(slim, optimizer, graph, 1, int(PRUNED * channels))
    return dense, slim, done.removed / float(channels)


def training_step(network):
    """A call that takes one step of SGD on a batch of noise."""
    network = network.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)
    inputs = torch.randn(BATCH, 3, *SIZE).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (BATCH,) + tuple(SIZE))
    weights = torch.ones(BATCH)

    def step():
        optimizer.zero_grad()
        adaptive_loss(outputs_of(network(inputs)), labels, weights, float(BATCH)).backward()
        optimizer.step()

    return step


def inference(network, folder, name):
    """A call that takes one image through onnxruntime, its labels out."""
    classes = ClassSet(tuple("class %d" % i for i in range(CLASSES)), ((0, 0, 0),) * CLASSES)
    path = os.path.join(folder, name + ".onnx")
    export_onnx(network, Manifest("", classes, IMAGENET, catalog.stride_of(network), None, SlimPolicy(), SIZE,
                                  (Rung(SIZE, 1.0, 0.0),), 0, {}), path)
    engine = open_onnxruntime(path).at(SIZE)
    return functools.partial(engine.labels, np.random.RandomState(0).rand(1, 3, *SIZE).astype(np.float32))


def main():
    for name in sys.argv[1:] or sorted(catalog.MODELS):
        dense, slim, removed = networks(name)
        macs = count_macs(slim, SIZE) / count_macs(dense, SIZE)
        with tempfile.TemporaryDirectory(prefix="dance-edge-") as folder:
            ways = {"dense": inference(dense, folder, "dense"), "slim": inference(slim, folder, "slim")}
            report(name, "onnxruntime", removed, macs, in_turn(ways, IMAGES))
        report(name, "training", removed, macs,
               in_turn({"dense": training_step(dense), "slim": training_step(slim)}, STEPS))


def report(name, what, removed, macs, taken):
    """One row: the ratio of each turn's two times, their median, beside the ratio of MACs: the floor."""
    ratios = taken["slim"][:, 0] / taken["dense"][:, 0]
    time = float(np.median(ratios))
    print("%-14s %-12s channels gone %.2f  MACs %.3f  time %.3f (%.3f to %.3f)  time / MACs %.2f  dense %.0f ms" % (
        name, what, removed, macs, time, ratios.min(), ratios.max(), time / macs,
        1e3 * float(np.median(taken["dense"][:, 0]))), flush=True)


if __name__ == "__main__":
    main()
