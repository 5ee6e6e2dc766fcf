"""Whether weights belong to a network: by name, with or without a wrapper's prefix, and by shape."""
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

import torch

State = Dict[str, torch.Tensor]

_SHOWN = 8  # names of a kind in a message


class Fit(NamedTuple):
    """`state` under the names of the network, whose tensors are `wanted`; the other three are names that do not fit."""

    state: State
    wanted: State
    missing: Tuple[str, ...]
    unknown: Tuple[str, ...]
    reshaped: Tuple[str, ...]

    @property
    def loaded(self) -> int:
        """How many of the network's tensors have their like in `state`."""
        return sum(name in self.state for name in self.wanted) - len(self.reshaped)

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, unknown or of another shape."""
        return not (self.missing or self.unknown or self.reshaped)

    @property
    def but_for_shapes(self) -> bool:
        """Whether the names are the network's, all of them and no other."""
        return not (self.missing or self.unknown)

    @property
    def but_for_classes(self) -> bool:
        """Whether all fits, but that tensors may have more or fewer outputs: another number of classes."""
        return self.but_for_shapes and all(self.state[name].shape[1:] == self.wanted[name].shape[1:]
                                           for name in self.reshaped)

    def faults(self) -> str:
        """What does not fit, listed."""
        shapes = ["%s is %s, not %s" % (name, _shape(self.state[name]), _shape(self.wanted[name]))
                  for name in self.reshaped]
        kinds = (("of another shape", shapes), ("missing", self.missing), ("unknown", self.unknown))
        return "; ".join("%d %s: %s" % (len(names), kind, _listed(names)) for kind, names in kinds if names)


def fit(given: State, wanted: State) -> Fit:
    """Hold `given`, as a file names its tensors, against a network's own state dict `wanted`. Nothing is changed.

    `num_batches_tracked` may be missing: files of before PyTorch 0.4.1 have none, and no output depends on it.
    """
    state = _under_names_of(wanted, given)
    missing = tuple(name for name in wanted if name not in state and not name.endswith("num_batches_tracked"))
    unknown = tuple(name for name in state if name not in wanted)
    reshaped = tuple(name for name in wanted if name in state and state[name].shape != wanted[name].shape)
    return Fit(state, wanted, missing, unknown, reshaped)


def class_tensors(one: State, another: State) -> Set[str]:
    """The tensors that the number of classes shapes, of a network built for N classes and for N + 1."""
    return {name for name in one if name in another and one[name].shape != another[name].shape}


def _under_names_of(wanted: State, state: State) -> State:
    """`state` without the prefix that all its names share, as far as that makes more of them names of `wanted`.

    DataParallel's `module.`, a trainer's `model.` or `net.backbone.`: wrappers name what they hold, and a network may
    itself be such a wrapper.
    """
    best = state
    while all("." in name for name in state) and len({name.partition(".")[0] for name in state}) == 1:
        state = {name.partition(".")[2]: value for name, value in state.items()}
        if _matches(state, wanted) > _matches(best, wanted):
            best = state
    return best


def _matches(state: State, wanted: State) -> int:
    return sum(name in wanted for name in state)


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "a number"


def _listed(names: Sequence[str]) -> str:
    shown: List[str] = list(names[:_SHOWN])
    return ", ".join(shown) + (" and %d more" % (len(names) - _SHOWN) if len(names) > _SHOWN else "")
