"""A file a rung, each with BatchNorm statistics of its own, behind the one file that names them."""
import os
from typing import Any, List, Sequence

from dance_edge.cli.exporting import Form
from dance_edge.data.dataset import Record
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent, ignore
from dance_edge.manifest import Manifest


def export_rungs(network: Any, manifest: Manifest, onnx: str, records: Sequence[Record], form: Form,
                 on_event: OnEvent, force: bool = False) -> Manifest:
    """Write a file beside `onnx` for every rung of `manifest`, by the images of `records` that it would serve, and
    return the manifest that names them all. Each is compared with PyTorch on such images, at its size."""
    from dance_edge.cli.exporting import export_network
    from dance_edge.data.dataset import Sample
    from dance_edge.data.images import read_image
    from dance_edge.training.rung_statistics import by_rung, of_rung

    images = by_rung(records, manifest, on_event)
    stem = os.path.splitext(onnx)[0]
    names = {}
    for rung in manifest.rungs:
        size = rung.size
        own = of_rung(network, images[size], size, manifest, on_event)
        path = "%s-%s.onnx" % (stem, size.hxw)
        samples = [Sample(read_image(record.image), None, record.key) for record in (images[size] or records)[:2]]
        export_network(own, manifest._replace(rungs=(rung,), only_size=size), path, samples, ignore, form, force)
        names[size.hxw] = os.path.basename(path)
        on_event(Note("wrote %s" % path))
    return manifest._replace(rung_files=names)


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
