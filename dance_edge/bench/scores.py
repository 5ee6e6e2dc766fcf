"""mIoU of what was benched, over those of its images that have labels: beside the joules, as in the paper's Fig. 1."""
from typing import Any, Callable, Dict, NamedTuple, Optional, Sequence

from dance_edge.bench.variant import Variant, run_image
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.labels import ClassSet
from dance_edge.errors import ConfigError, DataError
from dance_edge.events import OnEvent, Progress, Warned
from dance_edge.metrics.confusion import Confusion
from dance_edge.training.target import open_target, stored_target

Read = Callable[[Record], Sample]


class Score(NamedTuple):
    """mIoU, 0-1, over `images` images; None where none of them has a label that the model's classes fit."""

    miou: Optional[float]
    images: int


def score(variant: Variant, records: Sequence[Record], read: Read, on_event: OnEvent) -> Score:
    """As deployed: each image at its own size, labels at theirs, one confusion matrix over all of `records` that have
    one. `read` gives a pair with the model's ids."""
    labelled = [record for record in records if record.label is not None]
    confusion = Confusion(len(variant.manifest.classes.names))
    for done, record in enumerate(labelled):
        on_event(Progress("score", done, len(labelled)))
        confusion.add(read(record).label, run_image(variant, record.image).labels)
    on_event(Progress("score", len(labelled), len(labelled)))
    miou = confusion.miou()
    return Score(miou if miou == miou else None, len(labelled))  # nan: not one pixel counted


def score_all(variants: Sequence[Variant], records: Sequence[Record], reader: Callable[[ClassSet], Read],
              on_event: OnEvent) -> Sequence[Score]:
    """Of each variant; `reader` gives what reads labels as a model of these classes has them. Labels that cannot be
    read so are said, and leave no score."""
    if not any(record.label is not None for record in records):
        return [Score(None, 0)] * len(variants)
    scores = []
    for variant in variants:
        try:
            scores.append(score(variant, records, reader(variant.manifest.classes), on_event))
        except (ConfigError, DataError) as reason:
            on_event(Warned("%s has no mIoU: %s" % (variant.name, reason.message)))
            scores.append(Score(None, 0))
    return scores


def reader_of(data: Optional[str], label_map: str, state: Dict[str, Any], on_event: OnEvent) \
        -> Callable[[ClassSet], Read]:
    """For `score_all`: labels of the folder `data`, or, without one, of the data that a run stored in its `state`."""
    def reader(classes: ClassSet) -> Read:
        if data:
            return open_target(data, "", label_map, classes, on_event).read
        return stored_target(state["target"], classes).read

    return reader
