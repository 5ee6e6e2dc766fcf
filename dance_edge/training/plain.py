"""Weights that come without facts: what the user's data says takes their place."""
from typing import Tuple

from torch import nn

from dance_edge.checkpoint import Architecture, Checkpoint, identify, restore
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile, fit_profile
from dance_edge.data.scan import most_common_size, refuse_unfit, scan
from dance_edge.data.transforms import IMAGENET
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent, ignore
from dance_edge.manifest import Manifest
from dance_edge.models.catalog import stride_of
from dance_edge.models.outputs import taken_output
from dance_edge.training.measured import measured_manifest
from dance_edge.training.source import alone_line, known_classes
from dance_edge.training.target import Target, open_target


def open_plain(checkpoint: Checkpoint, data: str, model: str, layout: str, label_map: str, with_p: bool,
               on_event: OnEvent) -> Tuple[Manifest, nn.Module]:
    """The facts and the network of `checkpoint`, which holds weights alone.

    Classes and sizes are those of `data`, the normalisation ImageNet's, p (`with_p`) that of a scan of the images that
    would be trained on. `model` is the user's --model, "" to be recognised. `ConfigError` without data; errors of
    `identify`, `restore` and `open_target`.
    """
    if not data:
        raise ConfigError("%s holds weights alone: its classes and sizes are not known" % checkpoint.path,
                          "give a labelled data set of its classes with --data DIR, and its architecture with --model")
    known = known_classes(checkpoint, label_map, reset_head=False)
    target = open_target(data, layout, label_map, known, ignore)
    count = len(target.classes.names)
    on_event(Note(alone_line(checkpoint, target.classes)))
    found = identify(checkpoint, Architecture(model), count, on_event)
    network = restore(checkpoint, found.model, count, on_event=on_event, backbone=found.backbone)
    stride = stride_of(network)
    taken = taken_output(network, count, stride)
    if taken:
        on_event(Note(taken))
    manifest = Manifest(
        model=found.model, backbone=found.backbone, classes=target.classes, normalization=IMAGENET, stride=stride,
        profile=_profile(target, on_event) if with_p else None, policy=SlimPolicy(),
        image_size=most_common_size(target.train), rungs=(), params=0, channels={},
        provenance={"weights": checkpoint.path})
    return measured_manifest(manifest, network), network


def _profile(target: Target, on_event: OnEvent) -> ComplexityProfile:
    scanned = scan(target.dataset, on_event=on_event)
    refuse_unfit(scanned)
    on_event(Note("p is by the complexities of %d images of %s" % (len(target.train), target.dataset.name)))
    return fit_profile(scanned.complexities(target.train), scanned.measured_size, target.dataset.name, "sobel")
