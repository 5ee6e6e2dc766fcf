"""mIoU as deployed: each image resized by its p, labels brought back to the truth's size by nearest neighbour."""
import itertools
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.complexity import indicator
from dance_edge.complexity.gradient import mean_luminance
from dance_edge.complexity.ladder import fixed_size
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.groups import parts_of
from dance_edge.data.labels import ClassSet
from dance_edge.data.transforms import labels_to_size, to_input
from dance_edge.errors import ConfigError
from dance_edge.events import OnEvent, Progress, ignore
from dance_edge.manifest import Manifest
from dance_edge.metrics.confusion import Cells, Confusion
from dance_edge.ranks import ALONE, Ranks
from dance_edge.runtime.engine import Engines
from dance_edge.size import Size, size_of


class Evaluation(NamedTuple):
    """A score over a set of images. `ratio` is None where each image had its own size ("adaptive").

    `per_class` holds None for a class that neither truth nor prediction has; `groups` the mIoU by sequence, by quarter
    of brightness and by third of p, as {"kind", "name", "images", "miou"}.
    """

    miou: float
    ratio: Optional[float]
    per_class: Dict[str, Optional[float]]
    pixels_ratio: float
    groups: Tuple[Dict[str, Any], ...]
    images: int

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `eval --json`."""
        return {"miou": self.miou, "resolution": "adaptive" if self.ratio is None else self.ratio,
                "per_class": self.per_class, "pixels_ratio": self.pixels_ratio, "groups": list(self.groups),
                "images": self.images}


# Network input, float32 (1, 3, h, w), and the image's own size -> class ids (H, W).
Predict = Callable[[np.ndarray, Size], np.ndarray]


def as_deployed(engines: Engines) -> Predict:
    """Labels at the input's size, brought to the image's by nearest neighbour."""
    def predict(inputs: np.ndarray, full: Size) -> np.ndarray:
        size = Size(int(inputs.shape[2]), int(inputs.shape[3]))
        return labels_to_size(engines.at(size).labels(inputs)[0], full)
    return predict


def p_of(manifest: Manifest, image: np.ndarray) -> Optional[float]:
    """The measured p of `image`, (H, W, 3) BGR uint8; None where the model has no profile."""
    profile = manifest.profile
    if profile is None:
        return None
    return profile.p(indicator.measure(image, profile.measured_size, profile.indicator))


def size_for(manifest: Manifest, image: Size, p: Optional[float], ratio: Optional[float]) -> Size:
    """The size that an image of size `image` is brought to: by its `p`, or by one `ratio` per side for all."""
    if ratio is not None:
        return fixed_size(image, ratio, manifest.stride)
    if p is None:
        raise ConfigError("the model has no complexity profile, so no image has a p",
                          "evaluate at one size: --ratio 1.0")
    return manifest.ladder_for(image).at(manifest.policy.ratio(p))


def evaluate(records: Sequence[Record], read: Callable[[Record], Sample], predict: Predict, manifest: Manifest,
             ratio: Optional[float] = None, on_event: OnEvent = ignore, ranks: Ranks = ALONE) -> Evaluation:
    """Score `predict` on labelled `records`; `read` gives a pair with the model's ids. METHOD: section Metrics."""
    own, done = len(ranks.share(records)), itertools.count(1)

    def one(record: Record) -> _Scored:
        scored = _score(read(record), predict, manifest, ratio)
        on_event(Progress("evaluate", next(done), own))
        return scored

    each = ranks.map(one, records)
    whole = _together([one.cells for one in each], manifest.classes)
    parts = parts_of([record.group for record in records], [one.brightness for one in each],
                     [one.p for one in each if one.p is not None] if manifest.profile else None)
    groups = [{"kind": part.kind, "name": part.name, "images": int(part.chosen.sum()), "miou": _number(_together(
        [one.cells for one, chosen in zip(each, part.chosen) if chosen], manifest.classes).miou())} for part in parts]
    pixels_ratio = sum(one.entered for one in each) / max(1, sum(one.full for one in each))
    return Evaluation(whole.miou(), ratio, _per_class(whole, manifest.classes), pixels_ratio, tuple(groups),
                      len(records))


class _Scored(NamedTuple):
    """An image's part in a score: which images make up a group is known in the end. Pixels that `entered` the network,
    of a `full` image's."""

    cells: Cells
    brightness: float
    p: Optional[float]
    entered: int
    full: int


def _score(sample: Sample, predict: Predict, manifest: Manifest, ratio: Optional[float]) -> _Scored:
    own = size_of(sample.image)
    p = p_of(manifest, sample.image)
    size = size_for(manifest, own, p, ratio)
    confusion = Confusion(len(manifest.classes.names))
    confusion.add(sample.label, predict(to_input(sample.image, size, manifest.normalization)[np.newaxis], own))
    return _Scored(confusion.cells(), mean_luminance(sample.image), p, size.pixels,
                   fixed_size(own, 1.0, manifest.stride).pixels)


def _together(each: Sequence[Cells], classes: ClassSet) -> Confusion:
    confusion = Confusion(len(classes.names))
    for cells in each:
        confusion.add_cells(cells)
    return confusion


def _per_class(confusion: Confusion, classes: ClassSet) -> Dict[str, Optional[float]]:
    return {name: _number(value) for name, value in zip(classes.names, confusion.iou())}


def _number(value: float) -> Optional[float]:
    return None if np.isnan(value) else float(value)
