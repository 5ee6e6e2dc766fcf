"""mIoU as deployed: each image resized by its p, labels brought back to the truth's size by nearest neighbour."""
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.complexity import indicator
from dance_edge.complexity.ladder import fixed_size
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.labels import ClassSet
from dance_edge.data.transforms import labels_to_size, to_input
from dance_edge.errors import ConfigError
from dance_edge.events import OnEvent, Progress, ignore
from dance_edge.manifest import Manifest
from dance_edge.metrics.confusion import Confusion
from dance_edge.runtime.engine import Engines
from dance_edge.size import Size, size_of


class Evaluation(NamedTuple):
    """A score over a set of images. `ratio` is None where each image had its own size ("adaptive").

    `per_class` holds None for a class that neither truth nor prediction has; `groups` the mIoU by sequence.
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


def size_for(manifest: Manifest, image: np.ndarray, ratio: Optional[float]) -> Size:
    """The size that `image` (H, W, 3) is brought to: by its p, or by one `ratio` per side for all."""
    size = size_of(image)
    if ratio is not None:
        return fixed_size(size, ratio, manifest.stride)
    if manifest.profile is None:
        raise ConfigError("the model has no complexity profile, so no image has a p",
                          "evaluate at one size: --ratio 1.0")
    complexity = indicator.measure(image, manifest.profile.measured_size, manifest.profile.indicator)
    return manifest.ladder_for(size).at(manifest.policy.ratio(manifest.profile.p(complexity)))


def evaluate(records: Sequence[Record], read: Callable[[Record], Sample], engines: Engines, manifest: Manifest,
             ratio: Optional[float] = None, on_event: OnEvent = ignore) -> Evaluation:
    """Score `engines` on labelled `records`; `read` gives a pair with the model's ids. METHOD: section Metrics."""
    classes = manifest.classes
    whole = Confusion(len(classes.names))
    by_group: Dict[str, Tuple[Confusion, List[str]]] = {}
    entered = full = 0
    for done, record in enumerate(records):
        sample = read(record)
        size = size_for(manifest, sample.image, ratio)
        labels = engines.at(size).labels(to_input(sample.image, size, manifest.normalization)[np.newaxis])[0]
        labels = labels_to_size(labels, size_of(sample.image))
        group, names = by_group.setdefault(record.group, (Confusion(len(classes.names)), []))
        whole.add(sample.label, labels)
        group.add(sample.label, labels)
        names.append(record.name)
        entered += size.pixels
        full += fixed_size(size_of(sample.image), 1.0, manifest.stride).pixels
        on_event(Progress("evaluate", done + 1, len(records)))
    groups = [{"name": name, "images": len(names), "miou": _number(confusion.miou())}
              for name, (confusion, names) in sorted(by_group.items())]
    return Evaluation(float(whole.miou()), ratio, _per_class(whole, classes), entered / max(1, full), tuple(groups),
                      len(records))


def _per_class(confusion: Confusion, classes: ClassSet) -> Dict[str, Optional[float]]:
    return {name: _number(value) for name, value in zip(classes.names, confusion.iou())}


def _number(value: float) -> Optional[float]:
    return None if np.isnan(value) else float(value)
