"""A file a rung, each with BatchNorm statistics of its own, behind the one file that names them."""
import contextlib
import os
import re
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from dance_edge.data.dataset import Record
from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.manifest import Manifest, Rung
from dance_edge.size import Size


def rung_networks(network: Any, manifest: Manifest, records: Sequence[Record],
                  on_event: OnEvent) -> Iterator[Tuple[Rung, Any]]:
    """For every rung of `manifest` a copy of `network` with statistics of those `records` that the rung would serve."""
    from dance_edge.training.rung_statistics import by_rung, of_rung

    images = by_rung(records, manifest, on_event)
    for rung in manifest.rungs:
        yield rung, of_rung(network, images[rung.size], rung.size, manifest, on_event)


def rung_path(onnx: str, size: Size) -> str:
    """Where the rung `size` of the file at `onnx` has its own: `model-64x96.onnx` beside `model.onnx`."""
    return "%s-%s.onnx" % (os.path.splitext(onnx)[0], size.hxw)


def has_rung_files(onnx: str, weights_sha256: str) -> bool:
    """Whether there is a file at `onnx`, of these weights, that names files of its rungs."""
    manifests = list(_manifests([onnx] if os.path.isfile(onnx) else []).values())
    return any(one.rung_files and weights_sha256 and one.weights_sha256 == weights_sha256 for one in manifests)


def remove_unused(onnx: str, on_event: OnEvent) -> None:
    """Remove the rungs' files that earlier exports left beside `onnx` under its name, and that no ONNX file of the
    folder names any more; each is said. What an export of ours did not write stays."""
    folder = os.path.dirname(onnx)
    pattern = re.compile(re.escape(os.path.splitext(os.path.basename(onnx))[0]) + r"-\d+x\d+\.onnx$")
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder or ".")) if name.endswith(".onnx")]
    if not any(pattern.match(os.path.basename(path)) for path in paths):
        return
    manifests = _manifests(paths)
    named = {name for one in manifests.values() for name in one.rung_files.values()}
    for path, manifest in manifests.items():
        ours = manifest.only_size is not None and path == os.path.join(
            folder, os.path.basename(rung_path(onnx, manifest.only_size)))
        if not ours or os.path.basename(path) in named:
            continue
        try:
            os.remove(path)
            on_event(Note("removed %s, of an earlier export: %s does not name it" % (path, os.path.basename(onnx))))
        except OSError as reason:
            on_event(Warned("%s is of an earlier export and not used any more, but was not removed: %s"
                            % (path, reason.strerror or reason)))


def training_records(folder: str, data: str, manifest: Manifest) -> List[Record]:
    """The images to measure on: those that the run learned from, or of `data`; `ConfigError` where there are none."""
    from dance_edge.data.layouts import open_dataset
    from dance_edge.data.splits import train_and_val
    from dance_edge.run import read_state
    from dance_edge.training.target import stored_target

    stored = read_state(folder).get("target") if folder else None
    if data:
        return list(train_and_val(open_dataset(data)).train)
    if stored:
        return list(stored_target(stored, manifest.classes).train)
    raise ConfigError("there are no images to measure statistics on", "give a data set with --data DIR")


def _manifests(paths: Sequence[str]) -> Dict[str, Manifest]:
    """The manifests of those files that carry one."""
    from dance_edge.cli.backend import manifest_of_onnx

    found = {}
    for path in paths:
        with contextlib.suppress(CheckpointError):
            found[path] = manifest_of_onnx(path)
    return found
