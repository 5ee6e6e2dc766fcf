"""The target of an adaptation: its images, whose classes they carry, and which are for learning."""
from typing import Any, Dict, NamedTuple, Optional, Tuple

from dance_edge.data.dataset import Dataset, Record, Sample, by_name, require_labels
from dance_edge.data.images import read_pair
from dance_edge.data.label_maps import load_label_map
from dance_edge.data.labels import ClassSet, compose, relabel, unmapped
from dance_edge.data.layouts import open_dataset
from dance_edge.data.splits import train_and_val
from dance_edge.events import Note, OnEvent


class Target(NamedTuple):
    """A labelled data set as the model sees it. `lookup`: 256 bytes, raw label id to the model's id."""

    dataset: Dataset
    train: Tuple[Record, ...]
    val: Tuple[Record, ...]
    how: str
    classes: ClassSet
    lookup: bytes

    def read(self, record: Record) -> Sample:
        """The pair, its label in the model's ids."""
        return read_pair(record, self.lookup)

    def to_dict(self) -> Dict[str, Any]:
        """The split and the ids as run.json stores them, so that a later job sees the same."""
        return {"root": self.dataset.root, "layout": self.dataset.layout, "how": self.how,
                "train": [record.name for record in self.train], "val": [record.name for record in self.val],
                "lookup": list(self.lookup)}


def open_target(path: str, layout: str, label_map: str, model_classes: Optional[ClassSet],
                on_event: OnEvent) -> Target:
    """List the data set, part it, and join its classes to the model's (None: the model does not exist yet)."""
    dataset = open_dataset(path, layout or None)
    own = require_labels(dataset)
    joined = load_label_map(label_map, own, model_classes) if label_map else relabel(own, model_classes)
    left_out = unmapped(own, joined.lookup)
    if left_out:
        on_event(Note("label map: %s become void" % ", ".join(left_out)))
    split = train_and_val(dataset)
    on_event(Note("%s: layout %s, %d images to learn from, %d to score (%s)" % (
        dataset.root, dataset.layout, len(split.train), len(split.val), split.how)))
    return Target(dataset, split.train, split.val, split.how, joined.classes, compose(dataset.lookup, joined.lookup))


def stored_target(facts: Dict[str, Any], classes: ClassSet, root: str = "") -> Target:
    """The target of an earlier run, with its own split and ids; `DataError` where files are gone."""
    dataset = open_dataset(root or str(facts["root"]), str(facts["layout"]))
    return Target(dataset, by_name(dataset, facts["train"]), by_name(dataset, facts["val"]), str(facts["how"]), classes,
                  bytes(facts["lookup"]))
