"""From a run's checkpoints to its ONNX files, checked: the calls that `export`, `adapt` and `demo` share."""
import contextlib
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from dance_edge.data.dataset import Sample
from dance_edge.errors import CheckpointError, ConfigError, DataError
from dance_edge.events import Note, OnEvent, Warned, ignore
from dance_edge.manifest import Manifest

PARITY_IMAGES = 4


class Form(NamedTuple):
    """How a graph is written. `opset` None: the default; `output` labels or logits; `normalization` outside or inside
    of the graph."""

    opset: Optional[int] = None
    output: str = "labels"
    normalization: str = "outside"


DEFAULT_FORM = Form()


class Exported(NamedTuple):
    """One ONNX file with its parity by rung, as `export --json` has it; `why_not` is what speaks against deploying it,
    and `forced` that it is kept in spite of it."""

    path: str
    form: Form
    rungs: List[Dict[str, Any]]
    why_not: Tuple[str, ...] = ()
    forced: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `export --json`."""
        return dict(self.form._asdict(), format=1, path=self.path, bytes=os.path.getsize(self.path), rungs=self.rungs)

    def line(self) -> str:
        """For people."""
        return "%s, opset %s, %s out, normalisation %s, %.1f MB" % (
            self.path, self.form.opset, self.form.output, self.form.normalization, os.path.getsize(self.path) / 1e6)

    def parity(self) -> Dict[str, Any]:
        """What run.json keeps."""
        return {"rungs": self.rungs, "why_not": list(self.why_not), "forced": self.forced}


class Engined(NamedTuple):
    """The engines of one ONNX file with their parity by rung; as in `Exported`."""

    place: str
    rungs: List[Dict[str, Any]]
    why_not: Tuple[str, ...]
    forced: bool

    def to_dict(self) -> Dict[str, Any]:
        """The key of `export --json`."""
        return {"engines": {"place": self.place, "rungs": self.rungs}}

    def line(self) -> str:
        """For people."""
        return "%d engines, %s" % (len(self.rungs), self.place)

    def parity(self) -> Dict[str, Any]:
        """What run.json keeps."""
        return {"place": self.place, "rungs": self.rungs, "why_not": list(self.why_not), "forced": self.forced}


def export_run(folder: str, model: str, on_event: OnEvent) -> Exported:
    """model.onnx with its parity, and source.onnx if it is not there yet, in the run folder."""
    source = os.path.join(folder, "source.onnx")
    pt = os.path.join(folder, "source.pt")
    if os.path.exists(pt) and not os.path.exists(source):
        _export_own(pt, source, model, "", on_event)
    return _export_own(os.path.join(folder, "model.pt"), os.path.join(folder, "model.onnx"), model, folder, on_event)


def _export_own(pt: str, onnx: str, model: str, folder: str, on_event: OnEvent) -> Exported:
    from dance_edge.cli.backend import manifest_of, open_network
    from dance_edge.run import open_run

    run = open_run(pt)
    manifest = manifest_of(run)
    samples = parity_samples(folder, "", manifest)
    return export_network(open_network(run, model, ignore), manifest, onnx, samples, on_event)


def export_network(network: Any, manifest: Manifest, onnx: str, samples: List[Sample], on_event: OnEvent,
                   form: Form = DEFAULT_FORM, force: bool = False) -> Exported:
    """`network` as the ONNX file `onnx`; compared on `samples` at every rung, and not kept where they disagree."""
    from dance_edge.export.parity import check_parity, measure_parity
    from dance_edge.export.to_onnx import DEFAULT_OPSET, export_onnx
    from dance_edge.runtime.onnxruntime_engine import open_onnxruntime

    if manifest.profile is None or not manifest.rungs:
        raise CheckpointError("the model has no profile and no sizes", "adapt it to a data set first")
    partial = onnx + ".unchecked"
    opset, inside = form.opset or DEFAULT_OPSET, form.normalization == "inside"
    manifest = manifest._replace(output=form.output)
    try:
        export_onnx(network, manifest, partial, opset, inside)
        found = []
        if samples:
            found = measure_parity(network, manifest, open_onnxruntime(partial), samples, opset, inside)
            if not force:
                check_parity(found)
            on_event(Note("parity with PyTorch on %d images at %d sizes: logits within %.1e, %s" % (
                len(samples), len(found), max(one.max_logit_error for one in found),
                in_words([one.agreement for one in found]))))
        os.replace(partial, onnx)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    on_event(Note("wrote %s" % onnx))
    why_not = tuple(filter(None, [one.broken() or one.agreement.why_not() for one in found]))
    return Exported(onnx, form._replace(opset=opset), [one.to_dict() for one in found], why_not, force)


def in_words(found: Sequence[Any]) -> str:
    """The worst of `export.gate.Agreement`s: labels, and mIoU where there are some to tell it by."""
    changes = [abs(one.miou_change) for one in found if one.miou_change is not None]
    return "labels equal on %.3f %%" % (100.0 * min(one.label_agreement for one in found)) + (
        ", mIoU within %.2f points" % (100.0 * max(changes)) if changes else "")


def build_engines(onnx: str, samples: List[Sample], precision: str, force: bool, on_event: OnEvent) -> Engined:
    """TensorRT's engines of the file `onnx` at every rung, compared with ONNX Runtime on `samples`."""
    from dance_edge.cli.backend import manifest_of_onnx, rung_files
    from dance_edge.export.gate import Side, compare
    from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
    from dance_edge.runtime.tensorrt_engine import open_tensorrt

    manifest = manifest_of_onnx(onnx)
    files = rung_files(onnx, on_event)
    with open_tensorrt(onnx, precision, on_event, files) as engines:
        engines.prepare([rung.size for rung in manifest.rungs])
        reference = open_onnxruntime(onnx, ignore, files)
        found = compare(Side(reference, manifest), Side(engines, manifest), samples, on_event)
        place = engines.place
    on_event(Note("parity with ONNX Runtime on %d images at %d sizes: %s" % (len(samples), len(found),
                                                                            in_words(found))))
    return Engined(place, [one.to_dict() for one in found], tuple(filter(None, [one.why_not() for one in found])),
                   force)


def mark(folder: str, name: str, parity: Dict[str, Any], on_event: OnEvent) -> None:
    """Keep in run.json what was found out of `name` (`model.onnx`, `engines`), and call a finished run deployable where
    nothing speaks against it, or it was forced. What was said of the engines of a former model.onnx is forgotten."""
    from dance_edge import run as run_folder

    if not run_folder.read_state(folder):  # files that were copied here without their run
        return
    try:
        with run_folder.lock(folder):
            state = run_folder.read_state(folder)
            kept = {} if name == "model.onnx" else dict(state.get("parity", {}))
            run_folder.write_state(folder, run_folder.judged(dict(state, parity=dict(kept, **{name: parity}))))
    except OSError as reason:
        on_event(Warned("run.json was not written: %s" % reason))


def parity_samples(folder: str, data: str, manifest: Manifest) -> List[Sample]:
    """A few real images: of `data`, else of the run's own validation split; with their labels, where these are of the
    model's classes."""
    from dance_edge.data.images import read_image
    from dance_edge.data.layouts import open_dataset
    from dance_edge.run import read_state
    from dance_edge.training.target import open_target, stored_target

    stored = read_state(folder).get("target") if folder else None
    if data:
        records, read = open_dataset(data).records(), None
        with contextlib.suppress(ConfigError, DataError):  # other classes, or no labels: images alone will do
            target = open_target(data, "", "", manifest.classes, ignore)
            records, read = list(target.val), target.read
    elif stored:
        target = stored_target(stored, manifest.classes)
        records, read = list(target.val), target.read
    else:
        return []
    step = max(1, len(records) // PARITY_IMAGES)
    return [read(record) if read else Sample(read_image(record.image), None, record.key)
            for record in records[::step][:PARITY_IMAGES]]
