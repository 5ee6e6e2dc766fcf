"""What a scan found, kept under the user's cache folder and used while a file has not changed."""
import hashlib
import json
import os
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

from dance_edge.data.dataset import Dataset, Record
from dance_edge.size import Size

FORMAT = 3  # goes up whenever a figure comes to be measured in another way


Stamp = List[Union[str, int]]


class Measured(NamedTuple):
    """One image: complexity at the scan's size, its own size, mean luminance 0-1, pixels by train id of its label."""

    complexity: float
    size: Size
    brightness: float
    pixels: Dict[int, int]


class ScanCache:
    """One file for each data set and setting. Whatever is wrong with it, the scan is only slower."""

    def __init__(self, dataset: Dataset, measured_size: Size, indicator: str) -> None:
        settings = [FORMAT, os.path.realpath(dataset.root), dataset.layout, dataset.code.to_dict(), list(measured_size),
                    indicator]
        digest = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:24]
        self.path = os.path.join(cache_folder(), "scan", digest + ".json")
        self._root = dataset.root
        self._stamps: Dict[str, Optional[Stamp]] = {}

    def known(self, records: Sequence[Record]) -> Dict[str, Measured]:
        """Image path -> figures, of the records whose files are as they were."""
        try:
            with open(self.path, encoding="utf-8") as file:
                entries = json.load(file)["entries"]
        except (OSError, ValueError, KeyError, TypeError):
            entries = {}
        known: Dict[str, Measured] = {}
        for record in records:
            stamp = self._stamps[record.name] = _stamp(record, self._root)
            figures = _figures(entries.get(record.name), stamp) if isinstance(entries, dict) else None
            if figures is not None:
                known[record.image] = figures
        return known

    def store(self, records: Sequence[Record], measured: Dict[str, Measured]) -> None:
        """Replace the file as a whole. A stamp is the one from before measuring: a file that changed since is stale."""
        entries = {}
        for record in records:
            figures, stamp = measured.get(record.image), self._stamps.get(record.name)
            if figures is not None and stamp is not None:
                entries[record.name] = [stamp, figures.complexity, list(figures.size), figures.brightness,
                                        sorted(figures.pixels.items())]
        partial = ""
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=os.path.dirname(self.path), suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps({"format": FORMAT, "entries": entries}))  # json.dump takes the slow encoder
            os.replace(partial, self.path)
        except OSError:  # a home that cannot be written to: nothing is lost but time
            if partial and os.path.exists(partial):
                os.unlink(partial)


def cache_folder() -> str:
    """`dance-edge` in the user's cache folder: $XDG_CACHE_HOME, else ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "dance-edge")


def _stamp(record: Record, root: str) -> Optional[Stamp]:
    """Paths below `root`, sizes and times of change of image and label; None where one is gone."""
    stamp: Stamp = []
    for path in (record.image, record.label):
        if path is None:
            continue
        try:
            facts = os.stat(path)
        except OSError:
            return None
        stamp += [path[len(root):], facts.st_size, facts.st_mtime_ns]
    return stamp


def _figures(entry: Any, stamp: Optional[Stamp]) -> Optional[Measured]:
    """An entry of the file, None where it is not one or of another state of the files."""
    try:
        then, complexity, (height, width), brightness, pixels = entry
        if stamp is None or then != stamp:
            return None
        return Measured(float(complexity), Size(int(height), int(width)), float(brightness),
                        {int(one): int(count) for one, count in pixels})
    except (TypeError, ValueError):
        return None
