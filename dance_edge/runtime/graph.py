"""What a graph takes and gives, as its file declares it: which input is an image, which output is a segmentation."""
from typing import Dict, NamedTuple, Optional, Sequence, Tuple, Union

from dance_edge.errors import CheckpointError
from dance_edge.runtime.outputs import refused_output
from dance_edge.size import Size

LABEL_TYPES = ("int64", "int32", "int16", "int8", "uint8", "uint16")
LOGIT_TYPES = ("float32", "float16", "float64")
EXPECTED = "one input float32 (N, 3, H, W)"

Side = Union[int, str, None]  # a number, or the name of what may be any number


class Tensor(NamedTuple):
    """An input or output. `dtype` is numpy's name; a side of `shape` that is no number may be any."""

    name: str
    dtype: str
    shape: Tuple[Side, ...]

    def __str__(self) -> str:
        return "%s %s (%s)" % (self.name, self.dtype, ", ".join("?" if one is None else str(one) for one in self.shape))


class Taken(NamedTuple):
    """The output that is taken, and in words which of how many that is ("" of one)."""

    output: Tensor
    words: str

    @property
    def logits(self) -> bool:
        """Whether it gives logits, not labels; `output.shape[1]` says of how many classes, where the file knows."""
        return self.output.dtype in LOGIT_TYPES


class Graph(NamedTuple):
    """A file's facts: what it says of itself in `metadata`, what it takes and gives."""

    metadata: Dict[str, str]
    inputs: Tuple[Tensor, ...]
    outputs: Tuple[Tensor, ...]


def check_input(path: str, inputs: Sequence[Tensor]) -> Tensor:
    """The one input of the file at `path`; `CheckpointError` where it is not float32 (N, 3, H, W) with N free or 1."""
    given = "%s takes %s" % (path, ", ".join(str(one) for one in inputs) or "nothing")
    if len(inputs) != 1:
        raise CheckpointError("%s; %s was expected" % (given, EXPECTED), "export the network alone, images in")
    shape = inputs[0].shape
    last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
    if inputs[0].dtype != "float32" or len(shape) != 4 or last or (isinstance(shape[1], int) and shape[1] != 3):
        raise CheckpointError("%s; %s was expected" % (given, EXPECTED),
                              "export it with one float32 image as its input, channels before height and width"
                              + (": here they stand last" if last else ""))
    if isinstance(shape[0], int) and shape[0] != 1:
        raise CheckpointError("%s: batches of %d images; one image at a time was expected" % (given, shape[0]),
                              "export it with a batch of 1, or of any size")
    return inputs[0]


def only_size(path: str, taken: Tensor) -> Optional[Size]:
    """The size that the input `taken` is fixed to, None where it takes any.

    `CheckpointError` where one side alone is fixed: both go by one ratio, so that every other size would be refused or
    show the image in another shape.
    """
    height, width = taken.shape[2:]
    if isinstance(height, int) and isinstance(width, int):
        return Size(height, width)
    if isinstance(height, int) or isinstance(width, int):
        raise CheckpointError("%s takes %s: one side is fixed and the other is not" % (path, taken),
                              "export it with both sides fixed, or with neither")
    return None


def take_output(path: str, outputs: Sequence[Tensor]) -> Taken:
    """The first of `outputs` that is a segmentation: integers (N, H, W) or (N, 1, H, W), floats (N, C, h, w), C > 1.

    `CheckpointError`, with all of them, where none is.
    """
    for number, one in enumerate(outputs, 1):
        if _is_labels(one) or _is_logits(one):
            words = "output %d of %d of %s is taken: %s" % (number, len(outputs), path, one)
            return Taken(one, words if len(outputs) > 1 else "")
    given = "%s gives %s" % (path, ", ".join(str(one) for one in outputs) or "nothing")
    raise refused_output(given, binary=any(one.dtype in LOGIT_TYPES and len(one.shape) == 4 and one.shape[1] == 1
                                           for one in outputs))


def _is_labels(one: Tensor) -> bool:
    return one.dtype in LABEL_TYPES and (len(one.shape) == 3 or (len(one.shape) == 4 and one.shape[1] == 1))


def _is_logits(one: Tensor) -> bool:
    return one.dtype in LOGIT_TYPES and len(one.shape) == 4 and one.shape[1] != 1
