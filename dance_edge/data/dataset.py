"""What every layout yields: pairs of files by split. Nothing is decoded here."""
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dance_edge.data.label_codes import LabelCode
from dance_edge.data.labels import ClassSet
from dance_edge.errors import DataError


class Record(NamedTuple):
    """An image file and its label file, if it has one.

    `key` is the image's path below its split's folder, with "/" and the suffix; unique within a split only.
    `group` is the sequence, drive or city that the image belongs to, "" where names do not tell.
    """

    key: str
    image: str
    label: Optional[str]
    group: str
    split: str = ""

    @property
    def name(self) -> str:
        """`split/key`, unique within the data set: what a run stores."""
        return self.split + "/" + self.key if self.split else self.key


class Dataset(NamedTuple):
    """A folder of images as its layout reads it.

    `code` says what the pixels of a label are. `label_encoding` is `trainIds`, `labelIds` (Cityscapes) or `colours`
    (CamVid as it was published). `unpaired_*` are paths of files without a partner.
    """

    name: str
    layout: str
    root: str
    classes: Optional[ClassSet]
    splits: Dict[str, Tuple[Record, ...]]
    code: LabelCode
    label_encoding: str
    unpaired_images: Tuple[str, ...]
    unpaired_labels: Tuple[str, ...]

    def records(self) -> List[Record]:
        """Every record of every split, splits in the order of their names."""
        return [record for split in sorted(self.splits) for record in self.splits[split]]

    @property
    def labelled(self) -> bool:
        """Whether at least one image has a label."""
        return any(record.label is not None for record in self.records())


class Sample:
    """A decoded pair: `image` uint8 (H, W, 3) BGR, `label` uint8 (H, W) of ids with 255 void, or None.

    Both have one size, but where half an image was enough (`images.read_pair`): its label is whole.
    """

    __slots__ = ("image", "label", "key")

    def __init__(self, image: np.ndarray, label: Optional[np.ndarray], key: str) -> None:
        self.image = image
        self.label = label
        self.key = key


def require_labels(dataset: Dataset) -> ClassSet:
    """The data set's classes; `DataError` where it has no whole pair to learn or to score from."""
    if dataset.classes is None or not dataset.labelled:
        images = sum(len(records) for records in dataset.splits.values())
        raise DataError("%s (%s) has %d images and no label that belongs to one of them"
                        % (dataset.root, dataset.layout, images),
                        "put the labels where the layout %s has them, or give another folder; `dance-edge scan %s` "
                        "lists what was found" % (dataset.layout, dataset.root))
    return dataset.classes


def by_name(dataset: Dataset, names: Sequence[str]) -> Tuple[Record, ...]:
    """The records that a run stored by `Record.name`; `DataError` for those that are gone."""
    known = {record.name: record for record in dataset.records()}
    gone = [name for name in names if name not in known]
    if gone:
        raise DataError("%d of the %d stored images are not in %s any more, the first is %s"
                        % (len(gone), len(names), dataset.root, gone[0]),
                        "bring the files back, or give the data set as it was with --data DIR")
    return tuple(known[name] for name in names)
