"""Weights on disk: loading executes no code, saving leaves nothing half-written, fitting never guesses."""
import collections
import hashlib
import os
import pickle
from typing import Any, Dict, List, NamedTuple, Optional

import torch
from torch import nn

from dance_edge.errors import CheckpointError
from dance_edge.manifest import Manifest, manifest_from_dict
from dance_edge.models import catalog
from dance_edge.pruning.surgery import apply_plan
from dance_edge.run import replace_file

FORMAT = 1
SUPPORTED = "a .pt file of dance-edge, or a state dict alone or under `state_dict` or `model`"
_CONTAINERS = ("state_dict", "model", "model_state_dict", "net")
_PREFIXES = ("module.", "model.")
# What a file of tensors needs to be unpickled; anything else would be code.
_ALLOWED = {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch", "Size"),
            ("torch._utils", "_rebuild_parameter"), ("torch", "device")}


class Checkpoint(NamedTuple):
    """What a file held: the weights by name, the manifest where it is ours, and which entry was taken."""

    path: str
    state: Dict[str, torch.Tensor]
    manifest: Optional[Manifest]
    taken: str


def save_model(path: str, network: nn.Module, manifest: Manifest) -> Manifest:
    """Write weights and manifest, atomically; returns the manifest with the weights' hash."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    manifest = manifest._replace(weights_sha256=hash_of(state))
    save_tensors(path, {"format": FORMAT, "manifest": manifest.to_dict(), "state_dict": state})
    return manifest


def save_tensors(path: str, content: Dict[str, Any]) -> None:
    """Write tensors, numbers, strings, lists and dicts, atomically; `TypeError` for anything else.

    Whatever else is in a file (a numpy number will do) cannot be loaded again without executing code.
    """
    _refuse_objects(content, "the content")
    with replace_file(path) as file:
        torch.save(content, file)


def _refuse_objects(value: Any, where: str) -> None:
    if isinstance(value, (list, dict)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in pairs:
            _refuse_objects(one, "%s/%s" % (where, key))
    elif type(value) not in (int, float, bool, str, type(None)) and not isinstance(value, torch.Tensor):
        raise TypeError("%s is a %s" % (where, type(value)))


def hash_of(state: Dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, shapes and values: equal weights have equal hashes, whatever the file's date."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(("%s %s %s" % (name, tensor.dtype, list(tensor.shape))).encode("utf-8"))
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def load_tensors(path: str) -> Any:
    """Read what `torch.save` wrote, without executing code; `CheckpointError` for anything else."""
    if not os.path.isfile(path):
        raise CheckpointError("there is no checkpoint %s" % path, "give the path of a .pt file")
    _refuse_other_files(path)
    try:
        if hasattr(torch.serialization, "add_safe_globals"):
            return torch.load(path, map_location="cpu", weights_only=True)
        return torch.load(path, map_location="cpu", pickle_module=_RestrictedPickle)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, ImportError,
            IndexError, TypeError, OSError) as reason:
        text = (str(reason).strip().splitlines() or [type(reason).__name__])[0][:160]
        raise CheckpointError("%s is not a checkpoint of tensors: %s" % (path, text), "give " + SUPPORTED)


def read_checkpoint(path: str) -> Checkpoint:
    """Our own file, or weights in one of the shapes that people save them in."""
    content = load_tensors(path)
    if isinstance(content, dict) and "manifest" in content and "state_dict" in content:
        if not isinstance(content.get("format"), int) or content["format"] > FORMAT:
            raise CheckpointError("%s has format %s, this version reads up to %d"
                                  % (path, content.get("format"), FORMAT),
                                  "install a newer dance-edge")
        return Checkpoint(path, content["state_dict"], manifest_from_dict(content["manifest"]), "state_dict")
    taken = "the file itself"
    for key in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content, taken = content[key], key
            break
    if not isinstance(content, dict):
        raise CheckpointError("%s holds a %s, not weights by name" % (path, type(content).__name__),
                              "give " + SUPPORTED)
    state = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not state:
        raise CheckpointError("%s holds no weights" % path, "give " + SUPPORTED)
    return Checkpoint(path, _without_prefixes(state), None, taken)


def restore(checkpoint: Checkpoint, named_model: str, num_classes: int) -> nn.Module:
    """The network of `checkpoint` with its weights, every one of them; what does not fit is listed and refused.

    `named_model`: what the user gave as --model, needed for a plain state dict and for a user's own factory;
    `num_classes` is used where the file has no manifest.
    """
    manifest = checkpoint.manifest
    if manifest is None and not named_model:
        raise CheckpointError("%s says nothing of its architecture" % checkpoint.path,
                              "name it: --model NAME or --model module:factory")
    name = catalog.check_named_by_user(manifest.model if manifest else "", named_model)
    backbone, output_stride = (manifest.backbone, manifest.output_stride) if manifest else ("", 0)
    network = catalog.build(name, len(manifest.classes.names) if manifest else num_classes, backbone, output_stride)
    if manifest is not None:
        apply_plan(network, manifest.channels)
    wanted = network.state_dict()
    state = {key: value.to(wanted[key].dtype) if key in wanted else value for key, value in checkpoint.state.items()}
    wrong = _misfits(wanted, state)
    if wrong:
        raise CheckpointError("%s does not fit %s: %d of %d tensors match; %s" % (
            checkpoint.path, name, len(wanted) - len([one for one in wrong if not one.startswith("unknown")]),
            len(wanted), ", ".join(wrong[:3])), "give the architecture that it was saved from: --model")
    network.load_state_dict(collections.OrderedDict(state))
    return network


def _misfits(wanted: Dict[str, torch.Tensor], state: Dict[str, torch.Tensor]) -> List[str]:
    missing = ["missing %s" % key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    unknown = ["unknown %s" % key for key in state if key not in wanted]
    shapes = ["%s is %s, not %s" % (key, list(state[key].shape), list(wanted[key].shape))
              for key in wanted if key in state and state[key].shape != wanted[key].shape]
    return shapes + missing + unknown


def _without_prefixes(state: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in state):
            return _without_prefixes({name[len(prefix):]: value for name, value in state.items()})
    return state


def _refuse_other_files(path: str) -> None:
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        raise CheckpointError("%s is empty" % path, "copy or download it again")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError("%s is a Git LFS pointer, not the file itself" % path, "fetch it with: git lfs pull")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise CheckpointError("%s is a web page, not a checkpoint" % path, "download the file itself")


class _RestrictedUnpickler(pickle.Unpickler):
    """For torch before 1.13, which has no `weights_only`: rebuilds tensors, refuses every other global."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED or (module == "torch" and name.endswith("Storage")):
            if (module, name) == ("collections", "OrderedDict"):
                return collections.OrderedDict
            return super().find_class(module, name)
        raise pickle.UnpicklingError("it asks for %s.%s, which is code" % (module, name))


class _RestrictedPickle:
    """Stands where `torch.load` expects the pickle module."""

    Unpickler = _RestrictedUnpickler
    UnpicklingError = pickle.UnpicklingError

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        """The module's own `load`, restricted."""
        return _RestrictedUnpickler(file, **options).load()
