"""The target of an adaptation: its images, whose classes they carry, and which are for learning."""
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np

from dance_edge.data.dataset import Dataset, Record, Sample, by_name, require_labels
from dance_edge.data.images import read_pair
from dance_edge.data.label_codes import LabelCode, code_from_dict
from dance_edge.data.label_maps import join
from dance_edge.data.labels import ClassSet, unmapped, unreached
from dance_edge.data.layouts import open_dataset
from dance_edge.data.splits import train_and_val
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent
from dance_edge.size import Size


class Target(NamedTuple):
    """A labelled data set as the model sees it.

    `code`: what the pixels of a label are, as the model's ids. `label_map`: the file or shipped map behind it, "" where
    classes are joined by name.
    """

    dataset: Dataset
    train: Tuple[Record, ...]
    val: Tuple[Record, ...]
    how: str
    classes: ClassSet
    code: LabelCode
    label_map: str = ""

    def read(self, record: Record, wanted: Optional[Size] = None) -> Sample:
        """The pair, its label in the model's ids; `wanted` as in `read_pair`."""
        return read_pair(record, self.code, wanted)

    def to_dict(self) -> Dict[str, Any]:
        """The split and the ids as run.json stores them, so that a later job sees the same."""
        return {"root": self.dataset.root, "layout": self.dataset.layout, "how": self.how,
                "train": [record.name for record in self.train], "val": [record.name for record in self.val],
                "label_map": self.label_map, **self.code.to_dict()}


def open_target(path: str, layout: str, label_map: str, model_classes: Optional[ClassSet],
                on_event: OnEvent) -> Target:
    """List the data set, part it, and join its classes to the model's (None: the model does not exist yet)."""
    dataset = open_dataset(path, layout or None)
    own = require_labels(dataset)
    (lookup, classes), taken = join(own, model_classes, label_map)
    if taken:
        on_event(Note(_joined_line(taken, own, classes, lookup, by_itself=not label_map)))
    split = train_and_val(dataset)
    on_event(Note("%s: layout %s, %d images to learn from, %d to score (%s)" % (
        dataset.root, dataset.layout, len(split.train), len(split.val), split.how)))
    return Target(dataset, split.train, split.val, split.how, classes, dataset.code.through(lookup), taken)


def stored_target(facts: Dict[str, Any], classes: ClassSet, root: str = "") -> Target:
    """The target of an earlier run, with its own split and ids; `DataError` where files are gone."""
    dataset = open_dataset(root or str(facts["root"]), str(facts["layout"]))
    return Target(dataset, by_name(dataset, facts["train"]), by_name(dataset, facts["val"]), str(facts["how"]), classes,
                  code_from_dict(facts), str(facts.get("label_map", "")))


def refuse_other_ids(target: Target, facts: Dict[str, Any]) -> None:
    """`ConfigError` where a run that goes on would give pixels other ids than it began with."""
    if target.code != code_from_dict(facts):
        raise ConfigError("%s: the labels' ids are not those that the run began with (label map: %s)"
                          % (target.dataset.root, target.label_map or "none"),
                          "bring the label map back as it was, or begin anew with --fresh")


def _joined_line(label_map: str, own: ClassSet, classes: ClassSet, lookup: np.ndarray, by_itself: bool) -> str:
    left_out, missing = unmapped(own, lookup), unreached(classes, lookup)
    return "label map %s%s: %s%s" % (
        label_map, ", since it joins exactly these classes" if by_itself else "",
        ", ".join(left_out) + " become void" if left_out else "no class becomes void",
        "; the data set has no " + ", ".join(missing) if missing else "")
