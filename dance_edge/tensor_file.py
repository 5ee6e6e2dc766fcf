"""Files of tensors: loading executes no code, saving leaves nothing half-written."""
import collections
import os
import pickle
import re
import struct
import zipfile
from typing import IO, Any, Dict, Optional

import torch

from dance_edge.atomic import replace_file
from dance_edge.errors import CheckpointError

SUPPORTED = "a .pt file of dance-edge, or a state dict alone or under `state_dict` or `model`"
_SAVE_WEIGHTS = "save the weights alone, torch.save(network.state_dict(), \"weights.pt\"), and give that file"
_CODE = "it asks for %s, which is code"
# What a file of tensors needs to be unpickled; anything else would be code.
_ALLOWED = {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch", "Size"),
            ("torch._utils", "_rebuild_parameter"), ("torch", "device")}


def save_tensors(path: str, content: Dict[str, Any]) -> None:
    """Write tensors, numbers, strings, lists and dicts, atomically; `TypeError` for anything else.

    Whatever else is in a file (a numpy number will do) cannot be loaded again without executing code.
    """
    _refuse_objects(content, "the content")
    with replace_file(path) as file:
        told: Any = _Remembering(file)
        try:
            torch.save(content, told)
        except RuntimeError:  # what torch makes of a write that fails
            if told.error is not None:
                raise told.error
            raise


class _Remembering:
    """A file that is written to, and the error that a write ended in: torch loses it on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self.error: Optional[OSError] = None
        self.flush = file.flush
        self._write = file.write

    def write(self, data: Any) -> int:
        try:
            return self._write(data)
        except OSError as error:
            self.error = error
            raise


def load_tensors(path: str) -> Any:
    """Read what `torch.save` wrote, without executing code; `CheckpointError` for anything else."""
    if not os.path.isfile(path):
        raise CheckpointError("there is no checkpoint %s" % path, "give the path of a .pt file")
    _refuse_other_files(path)
    try:
        if hasattr(torch.serialization, "add_safe_globals"):
            return torch.load(path, map_location="cpu", weights_only=True)
        return torch.load(path, map_location="cpu", pickle_module=_RestrictedPickle)
    except pickle.UnpicklingError as reason:  # what asks for code comes here on either torch
        asked = re.search(r"GLOBAL (\S+)", str(reason))  # deep inside torch's advice
        text = _CODE % asked.group(1) if asked else _first_line(reason)
        raise CheckpointError("%s is not a checkpoint of tensors: %s" % (path, text), _SAVE_WEIGHTS)
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, ImportError, IndexError, TypeError,
            AssertionError, struct.error, MemoryError, OverflowError, OSError) as reason:  # what damaged bytes end in
        raise CheckpointError("%s is not a checkpoint of tensors: %s" % (path, _first_line(reason)),
                              "give " + SUPPORTED)


def _first_line(reason: Exception) -> str:
    return (str(reason).strip().splitlines() or [type(reason).__name__])[0][:160]


def _refuse_objects(value: Any, where: str) -> None:
    if isinstance(value, (list, dict)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in pairs:
            _refuse_objects(one, "%s/%s" % (where, key))
    elif type(value) not in (int, float, bool, str, type(None)) and not isinstance(value, torch.Tensor):
        raise TypeError("%s is a %s" % (where, type(value)))


def _refuse_other_files(path: str) -> None:
    """Files that people have in a checkpoint's place, each by its own name; torch would only stumble over them."""
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        raise CheckpointError("%s is empty" % path, "copy or download it again")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError("%s is a Git LFS pointer, not the file itself" % path, "fetch it with: git lfs pull")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise CheckpointError("%s is a web page, not a checkpoint" % path, "download the file itself")
    # torch 1.10 would hand it to torch.jit.load, which runs the script's own code; it tells an archive by its start
    if start.startswith(b"PK\x03\x04") and _is_torchscript(path):
        raise CheckpointError("%s is a TorchScript archive, a program with its weights" % path, _SAVE_WEIGHTS)


def _is_torchscript(path: str) -> bool:
    """Whether the archive `path` is a program; `CheckpointError` where it cannot be listed: torch may yet run it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.rpartition("/")[2] == "constants.pkl" for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, struct.error) as reason:
        raise CheckpointError("%s is not a checkpoint of tensors: %s" % (path, _first_line(reason)),
                              "give " + SUPPORTED)


class _RestrictedUnpickler(pickle.Unpickler):
    """For torch before 2.4, whose `weights_only` is missing or young: rebuilds tensors, refuses every other global."""

    def find_class(self, module: str, name: str) -> Any:
        # No dots: pickle follows them from attribute to attribute, out of the module.
        if (module, name) in _ALLOWED or (module == "torch" and name.endswith("Storage") and "." not in name):
            if (module, name) == ("collections", "OrderedDict"):
                return collections.OrderedDict
            return super().find_class(module, name)
        raise pickle.UnpicklingError(_CODE % ("%s.%s" % (module, name)))


class _RestrictedPickle:
    """Stands where `torch.load` expects the pickle module."""

    Unpickler = _RestrictedUnpickler
    UnpicklingError = pickle.UnpicklingError

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        """The module's own `load`, restricted."""
        return _RestrictedUnpickler(file, **options).load()
