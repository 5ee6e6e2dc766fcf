"""Measuring every image of a data set once: complexity, brightness, classes, and what is broken."""
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Counter, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from dance_edge.complexity.gradient import mean_luminance
from dance_edge.complexity.indicator import measure
from dance_edge.data.dataset import Dataset, Record
from dance_edge.data.images import BrokenImage, SizeMismatch, image_size, read_counted, read_label
from dance_edge.data.label_codes import LabelCode
from dance_edge.data.scan_cache import Measured, ScanCache
from dance_edge.data.splits import training_records
from dance_edge.errors import DataError
from dance_edge.events import Note, OnEvent, Progress, ignore
from dance_edge.ranks import ALONE, Ranks
from dance_edge.size import Size, size_of


class Fault(NamedTuple):
    """A file that does not serve. `kind`: `broken` (cannot be decoded), `size` (label and image differ), `label`."""

    path: str
    reason: str
    kind: str
    hint: str


class ScanResult(NamedTuple):
    """`measured`: image path -> figures, of whole pairs (or images without labels) alone; `faults`: all others."""

    measured: Dict[str, Measured]
    faults: Tuple[Fault, ...]
    measured_size: Size
    indicator: str

    @property
    def broken(self) -> Tuple[Fault, ...]:
        """The files that cannot be decoded: skipped, counted and named."""
        return tuple(one for one in self.faults if one.kind == "broken")

    @property
    def unfit(self) -> Tuple[Fault, ...]:
        """The labels that can be decoded, and are not what their image or the layout asks for."""
        return tuple(one for one in self.faults if one.kind != "broken")

    def whole(self, records: Sequence[Record]) -> Tuple[Record, ...]:
        """Those of `records` that can be used."""
        return tuple(record for record in records if record.image in self.measured)

    def of(self, record: Record) -> Measured:
        """The figures of one of the `whole` records."""
        return self.measured[record.image]

    def complexities(self, records: Sequence[Record]) -> np.ndarray:
        """Spatial complexity of the `whole` ones of `records`, (N,) float64."""
        return np.array([self.of(record).complexity for record in self.whole(records)], dtype=np.float64)


class FrameScan(NamedTuple):
    """A video's frames: `complexities` and `brightness`, (N,) float64 both, at `measured_size`."""

    complexities: np.ndarray
    brightness: np.ndarray
    size: Size
    measured_size: Size


def scan(dataset: Dataset, measured_size: Optional[Size] = None, indicator: str = "sobel",
         on_event: OnEvent = ignore, workers: Optional[int] = None, ranks: Ranks = ALONE) -> ScanResult:
    """Decode and measure every image of `dataset`, with its label; cores share the work, and so do `ranks`.

    `measured_size` is by default the most common size of the images that are trained on. What was measured before, and
    has not changed since, comes from the user's cache. `DataError` where no image can be read at all.
    """
    records = dataset.records()
    if measured_size is None:
        measured_size = most_common_size(training_records(dataset))
    cache = ScanCache(dataset, measured_size, indicator)
    measured = cache.known(records)
    if measured:
        on_event(Note("%d of %d images have not changed since the last scan" % (len(measured), len(records))))
    missing = ranks.share([record for record in records if record.image not in measured])
    faults: Dict[str, Tuple[Fault, ...]] = {}
    count = _Count(on_event, len(measured), len(measured) + len(missing))
    try:
        _measure_all(missing, dataset.code, (measured_size, indicator), measured, faults, count, workers)
        for others, others_faults in ranks.gather((measured, faults)):
            measured.update(others)
            faults.update(others_faults)
    finally:  # also of an interrupted scan: the next one goes on from there
        if ranks.first:
            cache.store(records, measured)
    return ScanResult(measured, tuple(one for record in records for one in faults.get(record.image, ())),
                      measured_size, indicator)


def scan_frames(frames: Iterable[np.ndarray], measured_size: Optional[Size] = None, indicator: str = "sobel",
                on_event: OnEvent = ignore, total: Optional[int] = None) -> FrameScan:
    """Measure `frames`, (H, W, 3) BGR uint8 each; by default at the first one's size. `total` is for the progress."""
    complexities: List[float] = []
    brightness: List[float] = []
    size: Optional[Size] = None
    for frame in frames:
        size = size or size_of(frame)
        complexities.append(measure(frame, measured_size or size, indicator))
        brightness.append(mean_luminance(frame))
        on_event(Progress("scan", len(complexities), max(total or 0, len(complexities))))
    if size is None:
        raise DataError("the video has no frame", "give a video with at least one frame that can be decoded")
    return FrameScan(np.array(complexities), np.array(brightness), size, measured_size or size)


def most_common_size(records: Sequence[Record]) -> Size:
    """The size that most of `records` have, the larger of two; from the files' headers."""
    sizes: Counter[Size] = Counter()
    for record in records:
        try:
            sizes[image_size(record.image)] += 1
        except BrokenImage:
            continue  # the scan names it
    if not sizes:
        raise DataError("none of the %d images can be read" % len(records), "is this a data set's folder?")
    return max(sizes, key=lambda size: (sizes[size], size.pixels))


def refuse_unfit(result: ScanResult, skip_mismatched: bool = False) -> None:
    """`DataError` for labels that do not fit; with `skip_mismatched` a wrong size is left out instead."""
    unfit = [one for one in result.unfit if not (skip_mismatched and one.kind == "size")]
    if unfit:
        more = " (and %d more like it)" % (len(unfit) - 1) if len(unfit) > 1 else ""
        raise DataError(unfit[0].reason + more, unfit[0].hint)


class _Count:
    """How far the scan is."""

    def __init__(self, on_event: OnEvent, done: int, total: int) -> None:
        self._on_event = on_event
        self._done = done
        self._total = total

    def one_more(self) -> None:
        self._done += 1
        self._on_event(Progress("scan", self._done, self._total))


def _measure_all(records: Sequence[Record], code: LabelCode, settings: Tuple[Size, str], measured: Dict[str, Measured],
                 faults: Dict[str, Tuple[Fault, ...]], count: _Count, workers: Optional[int]) -> None:
    """Fill `measured` and `faults` by image path. Threads: decoding and OpenCV's filters let go of Python's lock."""
    threads_before = cv2.getNumThreads()
    cv2.setNumThreads(0)  # the images are the parallel work, not the rows of one
    pool = ThreadPoolExecutor(workers or _cores())
    results: Any = pool.map(lambda record: _measure_one(record, code, settings), records)
    try:
        for record, found in zip(records, results):
            if isinstance(found, Measured):
                measured[record.image] = found
            else:
                faults[record.image] = found
            count.one_more()
    finally:
        results.close()  # what has not begun never will
        pool.shutdown()
        cv2.setNumThreads(threads_before)


def _measure_one(record: Record, code: LabelCode, settings: Tuple[Size, str]) -> Union[Measured, Tuple[Fault, ...]]:
    try:
        pair = read_counted(record, code)
    except BrokenImage as broken:
        return (_broken(broken),) + (_broken_label(record, code) if broken.path == record.image else ())
    except DataError as unfit:
        kind = "size" if isinstance(unfit, SizeMismatch) else "label"
        return (Fault(record.label or record.image, unfit.message, kind, unfit.hint),)
    return Measured(measure(pair.image, *settings), size_of(pair.image), mean_luminance(pair.image), pair.pixels)


def _broken_label(record: Record, code: LabelCode) -> Tuple[Fault, ...]:
    """The label of a broken image, where it is broken as well: each file is named."""
    try:
        if record.label is not None:
            read_label(record.label, code)
    except BrokenImage as broken:
        return (_broken(broken),)
    except DataError:
        pass  # the pair is left out anyway
    return ()


def _broken(broken: BrokenImage) -> Fault:
    return Fault(broken.path, broken.reason, "broken", broken.hint)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
