"""The network that a run begins with: a model from a file, or a new one, on its own or another's backbone."""
import os
from typing import NamedTuple, Optional

from torch import nn

from dance_edge.checkpoint import Architecture, Checkpoint, identify, read_checkpoint, restore
from dance_edge.data.label_maps import shipped_goal
from dance_edge.data.labels import ClassSet
from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.events import Note, OnEvent
from dance_edge.manifest import Manifest
from dance_edge.models.catalog import stride_of
from dance_edge.models.fitting import fit
from dance_edge.models.outputs import taken_output
from dance_edge.models.pretrained import PRETRAINED, fit_backbone, pretrained_path
from dance_edge.run import open_run
from dance_edge.training.config import AdaptConfig


class Start(NamedTuple):
    """A network with its first weights; `earlier` are the facts of the model that it was, None where there were none.

    `stride` is the multiple that its input's sides must be of; `new_head` says whether classifiers began anew.
    """

    network: nn.Module
    architecture: Architecture
    earlier: Optional[Manifest]
    stride: int
    new_head: bool = False


def open_source(path: str) -> Checkpoint:
    """A .pt file, or the model of a run folder; executes no code. `CheckpointError` where it is neither."""
    found = open_run(path).model_pt if os.path.isdir(path) else path
    if found is None:
        raise CheckpointError("%s has no model.pt" % path, "give a .pt file or a folder that `dance-edge adapt` left")
    return read_checkpoint(found)


def known_classes(checkpoint: Optional[Checkpoint], label_map: str, reset_head: bool) -> Optional[ClassSet]:
    """The classes that a target is joined to, None where the target's own become the model's.

    Weights alone do not name theirs; a shipped map does, by where it leads. With `reset_head` they are forgotten.
    """
    if checkpoint is None or reset_head:
        return None
    return checkpoint.manifest.classes if checkpoint.manifest is not None else shipped_goal(label_map)


def start(config: AdaptConfig, checkpoint: Optional[Checkpoint], classes: ClassSet, on_event: OnEvent) -> Start:
    """The network for `classes`, its weights from `checkpoint`, else new ones; all that is loaded is said."""
    begun = _from_scratch(config, len(classes.names), on_event) if checkpoint is None else \
        _from_file(config, checkpoint, classes, on_event)
    taken = taken_output(begun.network, len(classes.names), begun.stride)
    if taken:
        on_event(Note(taken))
    return begun


def _from_scratch(config: AdaptConfig, num_classes: int, on_event: OnEvent) -> Start:
    architecture = Architecture(config.model, config.backbone, config.output_stride)
    network = architecture.build(num_classes)
    if config.backbone_weights:
        _load_backbone(network, config.backbone_weights, on_event)
    return Start(network, architecture, None, config.stride or stride_of(network))


def _from_file(config: AdaptConfig, checkpoint: Checkpoint, classes: ClassSet, on_event: OnEvent) -> Start:
    earlier, count = checkpoint.manifest, len(classes.names)
    if earlier is None:
        on_event(Note(alone_line(checkpoint, classes)))
    asked = Architecture(config.model, config.backbone, config.output_stride)
    found = identify(checkpoint, asked, count, on_event)
    anew = config.reset_head and (earlier is None or earlier.classes.names != classes.names)
    network = restore(checkpoint, found.model, count, anew, on_event, found.backbone, found.output_stride)
    stride = earlier.stride if earlier is not None and earlier.output_stride == found.output_stride else \
        stride_of(network)
    new_head = anew and (earlier is not None or not fit(checkpoint.state, network.state_dict()).whole)
    return Start(network, found, earlier, config.stride or stride, new_head)


def alone_line(checkpoint: Checkpoint, classes: ClassSet) -> str:
    """What stands in for the facts that weights alone do not bring."""
    return "%s holds weights alone: taken are ImageNet's normalisation and the data's %d classes, in its order: %s" % (
        checkpoint.path, len(classes.names), ", ".join(classes.names))


def _load_backbone(network: nn.Module, given: str, on_event: OnEvent) -> None:
    """ImageNet weights from the file `given`, or from the package that `pretrained` stands for."""
    backbone = getattr(network, "backbone", None)
    if not isinstance(backbone, nn.Module):
        raise ConfigError("the model has no `backbone` attribute for --backbone-weights to go into",
                          "name its backbone `backbone`, or leave --backbone-weights out")
    path = pretrained_path() if given == PRETRAINED else given
    state = fit(read_checkpoint(path).state, backbone.state_dict()).state
    on_event(Note("%s (%s)" % (fit_backbone(backbone, state), path)))
