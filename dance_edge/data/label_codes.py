"""What the pixels of a label file mean: ids of a data set's own numbering, or colours that stand for such ids."""
from typing import Any, Dict, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

from dance_edge.data.labels import VOID, Colour

UNKNOWN = 254
"""In a lookup table: a raw id that the data set's documentation does not know. Reading a label that has one fails."""


class LabelCode(NamedTuple):
    """`lookup`: 256 bytes, raw id -> train id (255 void, 254 unknown).

    `colours`: RGB by raw id, where the files hold colours; empty where they hold the raw ids themselves.
    """

    lookup: bytes
    colours: Tuple[Colour, ...] = ()

    def through(self, relabel: np.ndarray) -> "LabelCode":
        """This code with `relabel`, uint8 (256,) train id -> model id, behind it; unknown stays unknown."""
        return self._replace(lookup=bytes(UNKNOWN if train == UNKNOWN else int(relabel[train])
                                          for train in self.lookup))

    def to_dict(self) -> Dict[str, Any]:
        """Lists of numbers only, as run.json and the scan's cache keep it."""
        return {"lookup": list(self.lookup), "colours": [list(colour) for colour in self.colours]}


def code_from_dict(facts: Dict[str, Any]) -> LabelCode:
    """The inverse of `LabelCode.to_dict`; runs of before there were colours have none."""
    return LabelCode(bytes(facts["lookup"]), tuple((r, g, b) for r, g, b in facts.get("colours", ())))


def identity_code(class_count: int, void: Sequence[int] = (VOID,)) -> LabelCode:
    """Raw ids that are train ids already: ids in `void` -> 255, any other id outside the classes unknown."""
    return table_code(range(class_count), void)


def table_code(train_ids: Sequence[int], void: Sequence[int] = (VOID,),
               colours: Sequence[Colour] = ()) -> LabelCode:
    """`train_ids` by raw id, then unknown ids; but for those in `void` and 255, which are void."""
    table = [UNKNOWN] * 256
    for raw in tuple(void) + (VOID,):
        table[raw] = VOID
    table[:len(train_ids)] = train_ids
    return LabelCode(bytes(table), tuple(colours))


def ids_of_colours(picture: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """The position of each pixel's colour in `colours`, (H, W) uint8; `UNKNOWN` for a colour that is not there.

    `picture`: (H, W, 3) uint8 BGR, as OpenCV decodes it; `colours`: RGB, at most 254 of them.
    """
    # A pixel and its alpha of 255 are four bytes: one number, whichever way this machine orders them.
    keys = np.array([(b, g, r, 255) for r, g, b in colours], dtype=np.uint8).view(np.uint32)[:, 0]
    pixels = cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA).view(np.uint32).ravel()
    # Only where a run of one colour begins is it looked up: 20 times as fast on labels of streets.
    starts = np.flatnonzero(np.concatenate(([True], pixels[1:] != pixels[:-1])))
    order = np.argsort(keys)
    found = np.minimum(np.searchsorted(keys[order], pixels[starts]), len(order) - 1)
    ids = order.astype(np.uint8)[found]
    ids[keys[ids] != pixels[starts]] = UNKNOWN
    return np.repeat(ids, np.diff(np.append(starts, pixels.size))).reshape(picture.shape[:2])


def pixels_by_id(ids: np.ndarray) -> Dict[int, int]:
    """How many pixels of each id `ids`, (H, W) uint8, has; counted by runs, which are far fewer than pixels."""
    flat = ids.ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    counts = np.bincount(flat[starts], weights=np.diff(np.append(starts, flat.size)))
    return {int(one): int(counts[one]) for one in np.flatnonzero(counts)}
