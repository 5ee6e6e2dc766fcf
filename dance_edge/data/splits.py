"""Which labelled images are trained on and which are scored on."""
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from dance_edge.data.dataset import Dataset, Record, by_name, require_labels
from dance_edge.data.files import natural
from dance_edge.errors import DataError

VAL_SHARE = 0.25  # of a data set that has one split only
_WHOLE_GROUPS = (0.125, 0.5)  # groups part a set when the parts come out as uneven as this at most
_TRAIN_NAMES = ("train", "training")
_VAL_NAMES = ("val", "valid", "validation")


class Split(NamedTuple):
    """`train` and `val` have labels; `how` says in words where they come from."""

    train: Tuple[Record, ...]
    val: Tuple[Record, ...]
    how: str

    @property
    def val_is_trained_on(self) -> bool:
        """Whether the score is one on images that were trained on."""
        return bool(set(self.train) & set(self.val))


def train_and_val(dataset: Dataset) -> Split:
    """The data set's own two splits; where it has only one, a quarter of that is held out.

    What is held out is whole groups (a sequence, a city), else a block of neighbouring frames: every n-th frame would
    leave each frame's neighbour in the training set. `DataError` where nothing has a label.
    """
    require_labels(dataset)
    labelled = {name: records for name, records in
                ((name, tuple(one for one in dataset.splits[name] if one.label is not None))
                 for name in sorted(dataset.splits)) if records}
    train, val = _named(labelled, _TRAIN_NAMES), _named(labelled, _VAL_NAMES)
    if train is not None and val is not None:
        return Split(labelled[train], labelled[val],
                     "%d images of %s, scored on the %d of %s" % (len(labelled[train]), train, len(labelled[val]), val))
    base = train or val or max(labelled, key=lambda name: len(labelled[name]))
    return part(labelled[base], base)


def training_records(dataset: Dataset) -> Tuple[Record, ...]:
    """The images that a profile is fitted to: those of `train_and_val`, or of a set without labels the train split.

    A set without labels that has no train split gives all it has.
    """
    if dataset.classes is not None and dataset.labelled:
        return train_and_val(dataset).train
    train = _named(dataset.splits, _TRAIN_NAMES)
    return tuple(dataset.records()) if train is None else dataset.splits[train]


def part(records: Sequence[Record], name: str = "") -> Split:
    """Hold about a quarter of `records` out, at least one."""
    of = "of %s, the only split" % name if name else "in one folder"
    if len(records) < 2:
        return Split(tuple(records), tuple(records), "1 image %s: trained on and scored on" % of)
    held = _groups_for_val(records)
    if held:
        train, val = ([one for one in records if (one.group in held) == wanted] for wanted in (False, True))
        what = ", ".join(held) if len(held) <= 4 else "%d groups" % len(held)
    else:
        ordered = sorted(records, key=lambda one: natural(one.key))
        count = max(1, int(round(len(ordered) * VAL_SHARE)))
        train, val = ordered[:-count], ordered[-count:]
        what = "a block, %s to %s" % (val[0].key, val[-1].key)
    return Split(tuple(train), tuple(val), "%d images %s, %d of them held out to score on (%s)"
                 % (len(records), of, len(val), what))


def named_split(dataset: Dataset, name: str) -> Tuple[Record, ...]:
    """The labelled records of one split by its name; `DataError` where there are none."""
    records = tuple(one for one in dataset.splits.get(name, ()) if one.label is not None)
    if not records:
        has = ", ".join(sorted(split or "(no name)" for split in dataset.splits))
        raise DataError("%s has no labelled images in a split %r" % (dataset.root, name), "its splits are: " + has)
    return records


def stored_names(records: Sequence[Record]) -> List[str]:
    """What a run stores of its split; `restored` finds the records again."""
    return [record.name for record in records]


def restored(dataset: Dataset, train: Sequence[str], val: Sequence[str], how: str) -> Split:
    """The split that a run stored, of the data set as it is now; `DataError` where images are gone."""
    return Split(by_name(dataset, train), by_name(dataset, val), how)


def _named(splits: Dict[str, Tuple[Record, ...]], names: Sequence[str]) -> Optional[str]:
    return next((name for name in names if name in splits), None)


def _groups_for_val(records: Sequence[Record]) -> List[str]:
    """The groups to hold out, none where groups do not part the records well."""
    counts: Dict[str, int] = {}
    for record in records:
        counts[record.group] = counts.get(record.group, 0) + 1
    if len(counts) < 2:
        return []
    goal, total = len(records) * VAL_SHARE, 0
    held: List[str] = []
    # The largest that fits first, so that few groups are taken; then smaller ones while they bring it nearer.
    for group in sorted(counts, key=lambda one: (-counts[one], natural(one))):
        if abs(total + counts[group] - goal) < abs(total - goal) and len(held) + 1 < len(counts):
            held.append(group)
            total += counts[group]
    low, high = _WHOLE_GROUPS
    return sorted(held) if low * len(records) <= total <= high * len(records) else []
