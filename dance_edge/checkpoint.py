"""Networks on disk: which network a file's weights belong to, and every one of them in its place, or an error."""
import collections
import hashlib
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

import torch
from torch import nn

from dance_edge.errors import CheckpointError
from dance_edge.events import Note, OnEvent, Warned, ignore
from dance_edge.manifest import Manifest, manifest_from_dict
from dance_edge.models import catalog
from dance_edge.models.fitting import Fit, class_tensors, fit
from dance_edge.pruning.surgery import apply_plan, channel_plan
from dance_edge.tensor_file import SUPPORTED, load_tensors, save_tensors

FORMAT = 1
_CONTAINERS = ("state_dict", "model", "model_state_dict", "net")


class Checkpoint(NamedTuple):
    """What a file held: weights under the file's own names, the manifest where it is ours.

    `taken` is the entry that the weights come from, `skipped` the names of what stood beside it or them.
    """

    path: str
    state: Dict[str, torch.Tensor]
    manifest: Optional[Manifest]
    taken: str
    skipped: Tuple[str, ...] = ()


class Architecture(NamedTuple):
    """What `catalog.build` is told of a network beside its classes; "" and 0 are the model's own."""

    model: str
    backbone: str = ""
    output_stride: int = 0

    def words(self) -> str:
        """`bisenet`, or `bisenet on resnet50`."""
        return self.model + (" on " + self.backbone if self.backbone else "")

    def build(self, num_classes: int) -> nn.Module:
        """The dense network with fresh weights; errors as in `catalog.build`."""
        return catalog.build(self.model, num_classes, self.backbone, self.output_stride)

    def shapes(self, num_classes: int) -> Dict[str, torch.Tensor]:
        """The dense network's state dict, for its names and shapes."""
        return dict(self.build(num_classes).state_dict())


def save_model(path: str, network: nn.Module, manifest: Manifest) -> Manifest:
    """Write weights and manifest, atomically; returns the manifest with the weights' hash."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    manifest = manifest._replace(weights_sha256=hash_of(state))
    save_tensors(path, {"format": FORMAT, "manifest": manifest.to_dict(), "state_dict": state})
    return manifest


def hash_of(state: Dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, shapes and values: equal weights have equal hashes, whatever the file's date."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(("%s %s %s" % (name, tensor.dtype, list(tensor.shape))).encode("utf-8"))
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def read_checkpoint(path: str) -> Checkpoint:
    """Our own file, or weights in one of the shapes that people save them in. Executes no code.

    Where a file has two sets of weights (`state_dict` beside `state_dict_ema`), the plain one is taken.
    """
    content = load_tensors(path)
    if isinstance(content, dict) and "manifest" in content and "state_dict" in content:
        if not isinstance(content.get("format"), int) or content["format"] > FORMAT:
            raise CheckpointError("%s has format %s, this version reads up to %d"
                                  % (path, content.get("format"), FORMAT),
                                  "install a newer dance-edge")
        return Checkpoint(path, _tensors(path, content["state_dict"]), manifest_from_dict(content["manifest"]),
                          "state_dict")
    keys: List[str] = []
    skipped: List[str] = []
    while isinstance(content, dict):
        key = next((one for one in _CONTAINERS if isinstance(content.get(one), dict)), None)
        if key is None:
            break
        skipped += [str(other) for other in content if other != key]
        keys.append(key)
        content = content[key]
    state = _tensors(path, content)
    skipped += [str(name) for name in content if str(name) not in state]
    return Checkpoint(path, state, None, "/".join(keys) or "the file itself", tuple(skipped))


def _tensors(path: str, content: Any) -> Dict[str, torch.Tensor]:
    if not isinstance(content, dict):
        raise CheckpointError("%s holds a %s, not weights by name" % (path, type(content).__name__),
                              "give " + SUPPORTED)
    state = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not state:
        raise CheckpointError("%s holds no weights" % path, "give " + SUPPORTED)
    return state


def identify(checkpoint: Checkpoint, asked: Architecture, num_classes: int, on_event: OnEvent = ignore) -> Architecture:
    """Which network the weights are of: what the user `asked` for (its model may be ""), else what the file says.

    Weights alone are recognised where their names and shapes, but for the classes, are those of one network of the
    catalogue, with its own backbone or another. `CheckpointError` where they are not, or where the file names a user's
    own factory and the user does not.
    """
    manifest = checkpoint.manifest
    if manifest is not None:
        return Architecture(catalog.check_named_by_user(manifest.model, asked.model),
                            asked.backbone or manifest.backbone, asked.output_stride or manifest.output_stride)
    if asked.model and asked.model not in catalog.MODELS:
        return asked
    models = [asked] if asked.model else _offered(asked)
    fits = {one: _fit_of(checkpoint.state, one, num_classes) for one in models}
    fitting = [one for one in models if fits[one].but_for_classes]
    if not fitting and not asked.backbone:
        same_head = [one for one in models if all(name.startswith("backbone.") for name in fits[one].missing)]
        fitting = [one for one in _on_every_backbone(same_head)
                   if _fit_of(checkpoint.state, one, num_classes).but_for_classes]
    if len(fitting) == 1:
        if fitting[0] != asked:
            on_event(Note("recognised %s by its tensors' names and shapes" % fitting[0].words()))
        return fitting[0]
    if asked.model:
        return asked
    if fitting:
        raise CheckpointError("%s fits several: %s" % (checkpoint.path, ", ".join(one.words() for one in fitting)),
                              "name the one that it was saved from: --model")
    raise CheckpointError(
        "%s says nothing of its architecture, and its %d tensors are not those of one of %s%s" % (
            checkpoint.path, len(checkpoint.state), ", ".join(one.words() for one in models),
            "" if asked.backbone else ", on whatever backbone"),
        "name it: --model NAME or --model module:factory")


def _offered(asked: Architecture) -> List[Architecture]:
    """Every network of the catalogue that comes with the backbone and the output stride asked for."""
    return [asked._replace(model=model) for model, entry in sorted(catalog.MODELS.items())
            if asked.backbone in ("",) + entry.backbones and asked.output_stride in (0,) + entry.output_strides]


def _on_every_backbone(models: List[Architecture]) -> List[Architecture]:
    return [one._replace(backbone=name) for one in models for name in catalog.MODELS[one.model].backbones]


def _fit_of(state: Dict[str, torch.Tensor], architecture: Architecture, num_classes: int) -> Fit:
    return fit(state, architecture.shapes(num_classes))


def restore(checkpoint: Checkpoint, named_model: str, num_classes: int, reset_head: bool = False,
            on_event: OnEvent = ignore, backbone: str = "", output_stride: int = 0) -> nn.Module:
    """The network of `checkpoint` with its weights, every one of them; what does not fit is listed and refused.

    `named_model`, `backbone` and `output_stride` are what the user asked for, as in `identify`; `num_classes` counts
    where the file has no manifest, and with `reset_head`: then classifiers begin anew, those of another class count in
    weights alone, all of them in a file of ours, whose classes are known to be others.
    """
    manifest = checkpoint.manifest
    if manifest is not None and not reset_head:
        num_classes = len(manifest.classes.names)
    architecture = identify(checkpoint, Architecture(named_model, backbone, output_stride), num_classes, on_event)
    network = architecture.build(num_classes)
    heads = _heads(architecture, num_classes) if reset_head else set()
    if manifest is not None:
        apply_plan(network, _plan_but_for(heads, manifest.channels, network))
    fresh = network.state_dict()
    found = fit(checkpoint.state, fresh)
    anew = [name for name in fresh if name in heads and (manifest is not None or name in found.reshaped)]
    if anew:
        found = fit(dict(found.state, **{name: fresh[name] for name in anew}), fresh)
    if not found.whole:
        raise _refusal(checkpoint, architecture, found, num_classes)
    network.load_state_dict(collections.OrderedDict(
        (name, value.to(fresh[name].dtype)) for name, value in found.state.items()))
    on_event(Note(_loaded_line(checkpoint, found, len(anew))))
    if anew:
        on_event(Warned("%d classifier tensors begin anew, for %d classes: %s" % (
            len(anew), num_classes, ", ".join(anew))))
    return network


def _heads(architecture: Architecture, num_classes: int) -> Set[str]:
    """The classifiers' tensors: those that one more class changes."""
    return class_tensors(architecture.shapes(num_classes), architecture.shapes(num_classes + 1))


def _plan_but_for(heads: Set[str], plan: Dict[str, List[int]], network: nn.Module) -> Dict[str, List[int]]:
    """`plan` with the outputs of classifiers that begin anew as `network` has them."""
    layers = {name.rpartition(".")[0] for name in heads}
    own = channel_plan(network)
    return {name: [own[name][0]] + widths[1:] if name in layers else widths for name, widths in plan.items()}


def _loaded_line(checkpoint: Checkpoint, found: Fit, anew: int) -> str:
    skipped = "; skipped: " + ", ".join(checkpoint.skipped) if checkpoint.skipped else ""
    return "loaded %d of %d tensors from %s (taken: %s%s)" % (
        found.loaded - anew, len(found.wanted), checkpoint.path, checkpoint.taken, skipped)


def _refusal(checkpoint: Checkpoint, architecture: Architecture, found: Fit, num_classes: int) -> CheckpointError:
    message = "%s does not fit %s of %d classes: %d of %d tensors match; %s" % (
        checkpoint.path, architecture.model, num_classes, found.loaded, len(found.wanted), found.faults())
    if found.but_for_shapes and set(found.reshaped) <= _heads(architecture, num_classes):
        return CheckpointError(message, "the weights know other classes: join the data's to them with --label-map, or "
                                        "begin the classifiers anew with dance-edge adapt --reset-head")
    if not found.unknown and not found.reshaped and all("running_" in name for name in found.missing):
        return CheckpointError(message, "BatchNorm is nothing without its statistics: save network.state_dict(), not "
                                        "its parameters alone")
    return CheckpointError(message, "give the architecture that it was saved from: --model")
