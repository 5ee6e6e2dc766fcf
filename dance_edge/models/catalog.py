"""Which networks there are by name, and a user's own by `module:factory`."""
import importlib
import os
import sys
from typing import Any, Callable, Dict, NamedTuple, Sequence, Tuple, Union

from torch import nn

from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.models.backbones import EFFICIENTNET_LITE0, RESNETS
from dance_edge.models.bisenet import BiSeNet
from dance_edge.models.deeplabv3plus import DeepLabV3Plus
from dance_edge.models.icnet import ICNet
from dance_edge.models.pspnet import PSPNet

DEFAULT_STRIDE = 32


class Entry(NamedTuple):
    """A network's class, the backbones it comes with, and its output strides where it has several, default first."""

    network: Callable[..., nn.Module]
    backbones: Tuple[str, ...]
    output_strides: Tuple[int, ...] = ()


MODELS: Dict[str, Entry] = {
    "bisenet": Entry(BiSeNet, RESNETS + (EFFICIENTNET_LITE0,)),
    "deeplabv3plus": Entry(DeepLabV3Plus, RESNETS + (EFFICIENTNET_LITE0,), (16, 8)),
    "icnet": Entry(ICNet, RESNETS),
    "pspnet": Entry(PSPNet, RESNETS, (8, 16)),
}


def build(model: str, num_classes: int, backbone: str = "", output_stride: int = 0) -> nn.Module:
    """The network `model` with fresh weights for `num_classes`; a user's factory is called `factory(num_classes=N)`.

    `backbone` and `output_stride`: "" and 0 for the model's own. `ConfigError` where a model does not come with them.

    Importing a factory runs the user's code: call this with a `module:factory` only when the user named it on the
    command line, never because a checkpoint says so.
    """
    if ":" in model:
        if backbone or output_stride:
            raise ConfigError("%s is your own: a backbone and an output stride are for the factory to choose" % model,
                              "leave out --backbone and --output-stride")
        return _from_factory(model, num_classes)
    if model not in MODELS:
        raise ConfigError("unknown model %r" % model, "take one of %s, or module:factory" % ", ".join(sorted(MODELS)))
    entry = MODELS[model]
    _check_offered(model, "backbone", backbone, entry.backbones)
    _check_offered(model, "output stride", output_stride, entry.output_strides)
    options: Dict[str, Any] = {"backbone": backbone, "output_stride": output_stride}
    return entry.network(num_classes, **{name: value for name, value in options.items() if value})


def stride_of(network: nn.Module) -> int:
    """The multiple that the input's sides must be of: the network's own `stride`, else 32."""
    stride = getattr(network, "stride", DEFAULT_STRIDE)
    return stride if isinstance(stride, int) else DEFAULT_STRIDE  # a bare layer's own stride is a tuple


def check_named_by_user(recorded: str, named: str) -> str:
    """The model to build for a checkpoint that records `recorded` where the user named `named` (may be empty)."""
    if named:
        return named
    if ":" in recorded:
        raise CheckpointError("this model was built by your own factory %s" % recorded,
                              "name it, so that its code may be imported: --model %s" % recorded)
    return recorded


def factory_flag(model: str) -> str:
    """What a command that takes up `model` needs beside: ` --model module:factory`, "" for one of the catalogue."""
    return " --model " + model if ":" in model else ""


def _check_offered(model: str, what: str, asked: Union[str, int], offered: Sequence[Union[str, int]]) -> None:
    if asked and asked not in offered:
        hint = "take one of %s" % ", ".join(map(str, offered)) if offered else "leave it out: there is one"
        raise ConfigError("%s does not come with the %s %s" % (model, what, asked), hint)


def _from_factory(spec: str, num_classes: int) -> nn.Module:
    module_name, _, factory_name = spec.partition(":")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
        network = factory(num_classes=num_classes)
    except Exception as reason:  # the user's own code: whatever it raises is his to read
        raise ConfigError("the factory %s failed: %s: %s" % (spec, type(reason).__name__, reason),
                          "it is imported from the current folder and called factory(num_classes=%d); --debug shows "
                          "where it failed" % num_classes)
    finally:
        sys.path.remove(here)
    if not isinstance(network, nn.Module):
        raise ConfigError("%s gave a %s, not a torch.nn.Module" % (spec, type(network).__name__),
                          "return the network from the factory")
    return network
