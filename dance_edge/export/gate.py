"""May it be deployed? Labels and scores of what was made, held against what it was made from, at every rung."""
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from dance_edge.data.dataset import Sample
from dance_edge.data.transforms import labels_to_size
from dance_edge.events import OnEvent, Progress, ignore
from dance_edge.manifest import Manifest
from dance_edge.metrics.confusion import Confusion
from dance_edge.runtime.engine import Engines
from dance_edge.runtime.outputs import class_ids
from dance_edge.size import Size, size_of

MIOU_BOUND = 0.005       # either way: half a point. What is aimed for is a fifth of it.
AGREEMENT_BOUND = 0.99   # of the pixels, where no label says what a difference costs


class Side(NamedTuple):
    """What runs, and the facts that it goes by."""

    engines: Engines
    manifest: Manifest


class Agreement(NamedTuple):
    """At one rung, over all samples: equal labels as a share of the pixels at the rung's size, and the mIoU (0-1) of
    both sides at the labels' own size, None without labels."""

    size: Size
    label_agreement: float
    miou_before: Optional[float]
    miou_after: Optional[float]

    @property
    def miou_change(self) -> Optional[float]:
        """mIoU after less before."""
        if self.miou_before is None or self.miou_after is None:
            return None
        return self.miou_after - self.miou_before

    def why_not(self) -> str:
        """What speaks against deploying it; empty where nothing does."""
        change = self.miou_change
        if change is None and self.label_agreement < AGREEMENT_BOUND:
            return "%s: %.2f %% of the pixels change (1 is allowed)" % (self.size.wxh,
                                                                       100.0 * (1.0 - self.label_agreement))
        if change is not None and abs(change) > MIOU_BOUND:
            return "%s: mIoU changes by %+.2f points (0.5 are allowed)" % (self.size.wxh, 100.0 * change)
        return ""

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `export --json`, a rung of an engine: no logits leave one that ends in labels."""
        return {"height": self.size.height, "width": self.size.width, "max_logit_error": None,
                "label_agreement": self.label_agreement, "miou_before": self.miou_before,
                "miou_after": self.miou_after, "miou_change": self.miou_change}


def compare(before: Side, after: Side, samples: Sequence[Sample], on_event: OnEvent = ignore) -> List[Agreement]:
    """Both sides on `samples`, images (H, W, 3) BGR uint8 with or without labels, at every rung of `before`."""
    rungs = before.manifest.rungs
    found = []
    for done, rung in enumerate(rungs):
        on_event(Progress("parity", done, len(rungs)))
        labels = [[side.engines.segment(sample.image, rung.size, side.manifest.normalization) for sample in samples]
                  for side in (before, after)]
        found.append(agreement(rung.size, labels[0], labels[1], [sample.label for sample in samples],
                               len(before.manifest.classes.names)))
    on_event(Progress("parity", len(rungs), len(rungs)))
    return found


def agreement(size: Size, before: Sequence[np.ndarray], after: Sequence[np.ndarray],
              truths: Sequence[Optional[np.ndarray]], classes: int) -> Agreement:
    """Of labels int32 (h, w) of `size`, an image each; `truths` are uint8 (H, W) with 255 for void, or None."""
    equal = float(np.mean([np.mean(one == other) for one, other in zip(before, after)]))
    return Agreement(size, equal, *(_miou(labels, truths, classes) for labels in (before, after)))


def _miou(labels: Sequence[np.ndarray], truths: Sequence[Optional[np.ndarray]], classes: int) -> Optional[float]:
    confusion = Confusion(classes)
    for own, truth in zip(labels, truths):
        if truth is not None:
            confusion.add(truth, labels_to_size(class_ids(own, classes), size_of(truth)))
    miou = confusion.miou()
    return None if np.isnan(miou) else miou
