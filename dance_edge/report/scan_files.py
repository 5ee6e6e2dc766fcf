"""What a scan leaves in its folder: profile.json, complexity.csv, and the paper's Fig. 3 and Fig. 6 as PNG."""
import csv
import os
from typing import Callable, List, NamedTuple, Sequence, Tuple

import numpy as np

from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.errors import ConfigError
from dance_edge.events import OnEvent, Warned
from dance_edge.report.figures import Picture, draw_contact_sheet, draw_distribution
from dance_edge.run import write_json
from dance_edge.size import Size

PROFILE, TABLE = "profile.json", "complexity.csv"
DISTRIBUTION, CONTACT_SHEET = "distribution.png", "contact_sheet.png"
_COLUMNS = 4
_SPREAD = 12  # a picture stands for this part of its third's images


class Row(NamedTuple):
    """One image, or one frame, of which `key` is then the number. `fitted`: the profile rests on it."""

    split: str
    key: str
    path: str
    group: str
    size: Size
    complexity: float
    brightness: float
    fitted: bool


Load = Callable[[Sequence[Row]], List[np.ndarray]]


def write_scan(folder: str, rows: Sequence[Row], profile: ComplexityProfile, load: Load, on_event: OnEvent) -> None:
    """Write all files; `load` decodes the few images of the contact sheet. Without matplotlib the PNGs are left out.

    `ConfigError` where the folder cannot be made or written to.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        write_json(os.path.join(folder, PROFILE), profile.to_dict())
        _write_table(os.path.join(folder, TABLE), rows, profile)
    except OSError as reason:
        raise ConfigError("cannot write to %s: %s" % (folder, reason.strerror or reason), "name another with --out DIR")
    fitted = [row for row in rows if row.fitted]
    try:
        draw_distribution(os.path.join(folder, DISTRIBUTION), np.array([row.complexity for row in fitted]), profile)
        chosen = pick_rows(fitted)
        pictures = load([row for _, some in chosen for row in some])
        sheet = []
        for title, some in chosen:
            shown, pictures = pictures[:len(some)], pictures[len(some):]
            sheet.append((title, [Picture(image, "p %.2f   %s" % (profile.p(row.complexity), _short(row.key)))
                                  for row, image in zip(some, shown)]))
        draw_contact_sheet(os.path.join(folder, CONTACT_SHEET), sheet)
    except ConfigError as missing:
        on_event(Warned("no figures: %s (%s)" % (missing.message, missing.hint)))


def pick_rows(rows: Sequence[Row]) -> List[Tuple[str, List[Row]]]:
    """The simplest, the middle and the most complex of `rows`, at most four of each and none twice.

    Neighbours of a drive show the same street, so that only one of a few in a row is taken where there are many.
    """
    if len(rows) < 3:
        return [("all", sorted(rows, key=lambda row: (row.complexity, row.key)))]
    ordered = sorted(range(len(rows)), key=lambda i: (rows[i].complexity, rows[i].key))
    rank = {index: place for place, index in enumerate(ordered)}
    third, each = len(rows) // 3, min(_COLUMNS, len(rows) // 3)
    middle = sorted(ordered[third:-third], key=lambda i: abs(rank[i] - len(rows) // 2))
    chosen = [("simplest", _apart(ordered[:third], each)), ("middle", _apart(middle, each)),
              ("most complex", _apart(ordered[:-third - 1:-1], each))]
    return [(title, [rows[i] for i in sorted(some, key=lambda i: rank[i])]) for title, some in chosen]


def _apart(wanted: Sequence[int], each: int) -> List[int]:
    """The first `each` of `wanted` that are not close to one another; the first of all where that leaves too few."""
    apart: List[int] = []
    gap = len(wanted) // _SPREAD
    for index in wanted:
        if len(apart) < each and all(abs(index - other) > gap for other in apart):
            apart.append(index)
    return apart if len(apart) == each else list(wanted[:each])


def _write_table(path: str, rows: Sequence[Row], profile: ComplexityProfile) -> None:
    partial = "%s.%d.tmp" % (path, os.getpid())
    with open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("split", "key", "group", "height", "width", "complexity", "p", "brightness", "fitted"))
        for row in rows:
            table.writerow((row.split, row.key, row.group, row.size.height, row.size.width, "%.6f" % row.complexity,
                            "%.4f" % profile.p(row.complexity), "%.4f" % row.brightness, int(row.fitted)))
    os.replace(partial, path)


def _short(key: str, limit: int = 26) -> str:
    """The end of an image's key, without its suffix, what Cityscapes and IDD call every image, and a city twice."""
    name = os.path.splitext(key)[0]
    for ending in ("_leftImg8bit", "_image"):
        name = name[:-len(ending)] if name.endswith(ending) else name
    folder, _, last = name.rpartition("/")
    name = last if last.startswith(folder + "_") else name
    return name if len(name) <= limit else "..." + name[3 - limit:]
