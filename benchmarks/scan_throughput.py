"""What does a scan take beside decoding alone? Both with the same threads, without the cache, in turn."""
import functools
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from turns import in_turn

from dance_edge.data.layouts import open_dataset
from dance_edge.data.scan import scan

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_bytes(dataset):
    """The files alone."""
    for record in dataset.records():
        for path in (record.image, record.label):
            if path is not None:
                with open(path, "rb") as file:
                    file.read()


def decode(dataset):
    """OpenCV's decoders alone, in as many threads: nothing is checked, no label becomes ids."""
    cv2.setNumThreads(0)
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(_decode_files, dataset.records()):
            pass


def _decode_files(record):
    for path, flags in ((record.image, cv2.IMREAD_COLOR), (record.label, cv2.IMREAD_UNCHANGED)):
        if path is not None:
            with open(path, "rb") as file:
                cv2.imdecode(np.frombuffer(file.read(), dtype=np.uint8), flags)


def measure(dataset):
    """A whole scan, which finds nothing in its cache and leaves one behind."""
    with tempfile.TemporaryDirectory(prefix="dance-edge-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        faults = scan(dataset, workers=THREADS).faults
    if faults:
        raise SystemExit("%s: a data set with faults measures neither way in full" % faults[0].path)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["DANCE_EDGE_DATA"], "camvid")
    dataset = open_dataset(path)
    ways = {"bytes": read_bytes, "decode": decode, "scan": measure}
    taken = in_turn({name: functools.partial(way, dataset) for name, way in ways.items()})
    images = len(dataset.records())
    middle = {name: np.median(rows, axis=0) for name, rows in taken.items()}
    for name, (elapsed_s, busy_s) in middle.items():
        print("%-6s %7.3f ms an image (of the processors %7.3f ms), %7.1f images/s" % (
            name, 1e3 * elapsed_s / images, 1e3 * busy_s / images, images / elapsed_s))
    ratios = [alone[0] / whole[0] for alone, whole in zip(taken["decode"], taken["scan"])]
    elapsed, busy = middle["decode"] / middle["scan"]
    print("%s, %d pairs, %d threads: scan / decode-only throughput %.3f (rounds %.3f to %.3f; by processor time %.3f); "
          "floor: bytes alone %.3f of decoding" % (dataset.layout, images, THREADS, elapsed, min(ratios), max(ratios),
                                                   busy, middle["bytes"][0] / middle["decode"][0]))


if __name__ == "__main__":
    main()
