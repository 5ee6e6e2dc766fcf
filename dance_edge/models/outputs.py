"""What a network of unknown make gives, looked at once before anything depends on it."""
from typing import Any, List

from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.deployed import outputs_of
from dance_edge.models.probe import FAULTS, probe
from dance_edge.size import Size


def taken_output(network: nn.Module, num_classes: int, stride: int) -> str:
    """Which output of `network` is taken as its logits, in words; "" where it gives only one.

    Looks at an image of two strides a side, in eval mode. `ConfigError` where the network does not take it, or gives
    no logits (N, num_classes, h, w).
    """
    side = 2 * stride
    seen: List[Any] = []
    try:
        probe(network, Size(side, side), [network], lambda _layer, _inputs, output: seen.append(output))
    except FAULTS as reason:
        raise ConfigError("the network does not take an image of %dx%d: %s"
                          % (side, side, (str(reason).strip().splitlines() or [type(reason).__name__])[0]),
                          "its input's sides are multiples of its `stride` attribute, else of --stride N, else of 32: "
                          "set one of them")
    logits = outputs_of(seen[0])[0]
    if logits.dim() != 4 or logits.shape[1] != num_classes:
        raise ConfigError("the network gives an output of shape %s for one image; logits (1, %d, h, w) were expected"
                          % (tuple(logits.shape), num_classes),
                          "a factory is called factory(num_classes=%d): give its last layer as many channels"
                          % num_classes)
    check_attributes(network)
    return _words(seen[0])


def check_attributes(network: nn.Module) -> None:
    """`ConfigError` where what `network` says of itself is of a kind that the loss or the report cannot use."""
    for name, kinds, wanted in (("auxiliary_weights", (int, float), "numbers, one for each further output"),
                                ("multi_scale", (str,), "names of modules")):
        value = getattr(network, name, ())
        if not isinstance(value, (tuple, list)) or not all(isinstance(one, kinds) for one in value):
            raise ConfigError("the network's attribute %s is %r" % (name, value), "make it a tuple of " + wanted)


def _words(output: Any) -> str:
    if isinstance(output, dict) and len(output) > 1:
        return "the network gives %s: `%s` is taken as its logits" % (
            ", ".join(str(key) for key in output), "out" if "out" in output else "logits")
    if isinstance(output, (tuple, list)) and len(output) > 1:
        return "the network gives a %s of %d: the first is taken as its logits" % (type(output).__name__, len(output))
    return ""
