"""Whether a backend runs a network: found out at its largest size, before anybody counts on it."""
from typing import Optional

import numpy as np

from dance_edge.manifest import Manifest
from dance_edge.runtime.engine import Engines
from dance_edge.runtime.graph import check_input, only_size
from dance_edge.runtime.onnxruntime_engine import read_graph
from dance_edge.size import Size


def run_largest(engines: Engines, path: str, manifest: Optional[Manifest]) -> None:
    """Run the engine of the largest rung of the ONNX file at `path` once; errors are those of opening and running it.

    `manifest` is the file's own. A graph that is not ours and takes any size has no rungs: what it will be run at is
    not known here.
    """
    size = largest_size(path, manifest)
    if size is not None:
        engines.at(size).labels(np.zeros((1, 3) + size, dtype=np.float32))


def largest_size(path: str, manifest: Optional[Manifest]) -> Optional[Size]:
    """The largest size in the ladder of the ONNX file at `path`, or the only one that it takes; None where any will do.

    Errors as of `graph.only_size`.
    """
    if manifest is None:
        return only_size(path, check_input(path, read_graph(path).inputs))
    return max((rung.size for rung in manifest.rungs), key=lambda size: size.pixels, default=manifest.only_size)
