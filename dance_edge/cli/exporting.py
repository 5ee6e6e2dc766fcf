"""From a run's checkpoints to its ONNX files, checked: the calls that `export`, `adapt` and `demo` share."""
import os
from typing import Any, Dict, List, NamedTuple, Optional

from dance_edge.errors import CheckpointError
from dance_edge.events import Note, OnEvent, ignore
from dance_edge.manifest import Manifest

PARITY_IMAGES = 2


class Form(NamedTuple):
    """How a graph is written. `opset` None: the default; `output` labels or logits; `normalization` outside or inside
    of the graph."""

    opset: Optional[int] = None
    output: str = "labels"
    normalization: str = "outside"


DEFAULT_FORM = Form()


class Exported(NamedTuple):
    """One ONNX file with its parity by rung, as `export --json` has it."""

    path: str
    form: Form
    rungs: List[Dict[str, Any]]

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `export --json`."""
        return dict(self.form._asdict(), format=1, path=self.path, bytes=os.path.getsize(self.path), rungs=self.rungs)


def export_run(folder: str, model: str, on_event: OnEvent) -> Exported:
    """model.onnx with its parity, and source.onnx if it is not there yet, in the run folder."""
    source = os.path.join(folder, "source.onnx")
    pt = os.path.join(folder, "source.pt")
    if os.path.exists(pt) and not os.path.exists(source):
        _export_own(pt, source, model, [], on_event)
    images = parity_images(folder)
    return _export_own(os.path.join(folder, "model.pt"), os.path.join(folder, "model.onnx"), model, images, on_event)


def _export_own(pt: str, onnx: str, model: str, images: List[Any], on_event: OnEvent) -> Exported:
    from dance_edge.cli.backend import manifest_of, open_network
    from dance_edge.run import open_run

    run = open_run(pt)
    return export_network(open_network(run, model, ignore), manifest_of(run), onnx, images, on_event)


def export_network(network: Any, manifest: Manifest, onnx: str, images: List[Any], on_event: OnEvent,
                   form: Form = DEFAULT_FORM) -> Exported:
    """`network` as the ONNX file `onnx`; compared on `images` at every rung, and not kept where they disagree."""
    from dance_edge.export.parity import check_parity
    from dance_edge.export.to_onnx import DEFAULT_OPSET, export_onnx
    from dance_edge.runtime.onnxruntime_engine import open_onnxruntime

    if manifest.profile is None or not manifest.rungs:
        raise CheckpointError("the model has no profile and no sizes", "adapt it to a data set first")
    partial = onnx + ".unchecked"
    opset, inside = form.opset or DEFAULT_OPSET, form.normalization == "inside"
    manifest = manifest._replace(output=form.output)
    try:
        export_onnx(network, manifest, partial, opset, inside)
        rungs = []
        if images:
            rungs = [one.to_dict() for one in check_parity(network, manifest, open_onnxruntime(partial), images, opset,
                                                           inside)]
            on_event(Note("parity with PyTorch on %d images at %d sizes: logits within %.1e, "
                          "labels equal on %.3f %%" % (
                len(images), len(rungs), max(one["max_logit_error"] for one in rungs),
                100.0 * min(one["label_agreement"] for one in rungs))))
        os.replace(partial, onnx)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    on_event(Note("wrote %s" % onnx))
    return Exported(onnx, form._replace(opset=opset), rungs)


def parity_images(folder: str, data: str = "") -> List[Any]:
    """A few real images: of `data`, else of the run's own validation split."""
    from dance_edge.data.dataset import by_name
    from dance_edge.data.images import read_image
    from dance_edge.data.layouts import open_dataset
    from dance_edge.run import read_state

    target = read_state(folder).get("target") if folder else None
    if data:
        records = open_dataset(data).records()
    elif target:
        records = list(by_name(open_dataset(target["root"], target["layout"]), target["val"]))
    else:
        return []
    step = max(1, len(records) // PARITY_IMAGES)
    return [read_image(record.image) for record in records[::step][:PARITY_IMAGES]]
