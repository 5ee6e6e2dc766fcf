"""mIoU of what was benched, over those of its images that have labels: beside the joules, as in the paper's Fig. 1."""
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.bench.variant import Variant, run_image
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.labels import ClassSet, relabel
from dance_edge.errors import DanceError
from dance_edge.events import OnEvent, Progress, Warned
from dance_edge.metrics.confusion import Confusion
from dance_edge.training.target import Target, open_target, stored_target

Read = Callable[[Record], Sample]


class Score(NamedTuple):
    """mIoU, 0-1, over `images` images; None where none of them has a label that the model's classes fit. `absent` are
    the classes that it leaves out, since neither a label nor an answer has one pixel of them."""

    miou: Optional[float]
    images: int
    absent: Tuple[str, ...] = ()


def score(variant: Variant, records: Sequence[Record], read: Read, on_event: OnEvent) -> Score:
    """As deployed: each image at its own size, labels at theirs, one confusion matrix over all of `records` that have
    one. `read` gives a pair with the model's ids."""
    labelled = [record for record in records if record.label is not None]
    names = variant.manifest.classes.names
    confusion = Confusion(len(names))
    for done, record in enumerate(labelled):
        on_event(Progress("score", done, len(labelled)))
        confusion.add(read(record).label, run_image(variant, record.image).labels)
    on_event(Progress("score", len(labelled), len(labelled)))
    absent = tuple(name for name, iou in zip(names, confusion.iou()) if np.isnan(iou))
    return Score(None if len(absent) == len(names) else confusion.miou(), len(labelled), absent)


def score_all(variants: Sequence[Variant], records: Sequence[Record], reader: Callable[[ClassSet], Read],
              on_event: OnEvent) -> Sequence[Score]:
    """Of each variant; `reader` gives what reads labels as a model of these classes has them. Labels that cannot be
    read so are said, and leave no score; so is what the scores do not hold."""
    if not any(record.label is not None for record in records):
        return [Score(None, 0)] * len(variants)
    scores = []
    for variant in variants:
        try:
            scores.append(score(variant, records, reader(variant.manifest.classes), on_event))
        except DanceError as reason:  # what was measured is not lost with it
            on_event(Warned("%s has no mIoU: %s" % (variant.name, reason.message)))
            scores.append(Score(None, 0))
    scored = [(variant, one) for variant, one in zip(variants, scores) if one.miou is not None]
    for line in _left_out(scored):
        on_event(Warned(line))
    if len({tuple(sorted(variant.manifest.classes.names)) for variant, _ in scored}) > 1:
        on_event(Warned("the models' classes differ: their mIoU do not compare"))
    return scores


def _left_out(scored: Sequence[Tuple[Variant, Score]]) -> List[str]:
    """What each mIoU is not over; models that lack the same are named together."""
    lacking: Dict[Tuple[str, ...], List[str]] = {}
    for variant, one in scored:
        if one.absent:
            lacking.setdefault(one.absent, []).append(variant.name)
    return ["mIoU of %s leaves out %s: no label and no answer has one pixel of them" % (
        ", ".join(names), ", ".join(absent)) for absent, names in lacking.items()]


def reader_of(data: Optional[str], label_map: str, state: Dict[str, Any], on_event: OnEvent) \
        -> Callable[[ClassSet], Read]:
    """For `score_all`: labels of the folder `data`, or, without one, of the data that a run stored in its `state`, for
    a model of that run's classes as it stored them, for another by the classes' names."""
    def reader(classes: ClassSet) -> Read:
        if data:
            return open_target(data, "", label_map, classes, on_event).read
        return _targeted(state, classes, on_event).read

    return reader


def _targeted(state: Dict[str, Any], classes: ClassSet, on_event: OnEvent) -> Target:
    """The run's data in the ids of `classes`, which need not be the run's own."""
    facts, own = state["target"], _classes_of(state)
    if sorted(own.names) != sorted(classes.names):
        return open_target(str(facts["root"]), str(facts["layout"]), "", classes, on_event)
    stored = stored_target(facts, classes)  # its ids are those of the run's classes, by whatever map
    return stored._replace(code=stored.code.through(relabel(own, classes).lookup))


def _classes_of(state: Dict[str, Any]) -> ClassSet:
    facts = state["manifest"]["classes"]
    return ClassSet(tuple(facts["names"]), tuple((r, g, b) for r, g, b in facts["palette"]))
