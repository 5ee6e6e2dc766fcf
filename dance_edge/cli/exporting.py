"""From a run's checkpoints to its ONNX files, checked: the calls that `export`, `adapt` and `demo` share."""
import contextlib
import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from dance_edge.cli.exporting_rungs import remove_unused, rung_path
from dance_edge.data.dataset import Sample
from dance_edge.errors import CheckpointError, ConfigError, DataError
from dance_edge.events import Note, OnEvent, Warned, ignore
from dance_edge.manifest import Manifest, Rung

PARITY_IMAGES = 4


class Form(NamedTuple):
    """How a graph is written. `opset` None: the default; `output` labels or logits; `normalization` outside or inside
    of the graph."""

    opset: Optional[int] = None
    output: str = "labels"
    normalization: str = "outside"


class How(NamedTuple):
    """The form of an export's files; `force` keeps what differs from the model."""

    form: Form = Form()
    force: bool = False


DEFAULT_HOW = How()


class Checked(NamedTuple):
    """One file of an export, by its name, and its `export.parity.RungParity`s."""

    file: str
    found: List[Any]

    def rungs(self) -> List[Dict[str, Any]]:
        """The keys of `export --json`, a rung."""
        return [dict(one.to_dict(), file=self.file) for one in self.found]

    def why_not(self) -> List[str]:
        """What speaks against deploying it."""
        all_of_them = [one.broken() or one.agreement.why_not() for one in self.found]
        return ["%s: %s" % (self.file, why) for why in all_of_them if why]


class Exported(NamedTuple):
    """One ONNX file with its parity by rung, as `export --json` has it; `why_not` is what speaks against deploying it,
    and `forced` that it is kept in spite of it.

    Where rungs have files of their own, `rungs` is of these, and `common` of the file at `path` in their stead, which
    serves alone too.
    """

    path: str
    form: Form
    rungs: List[Dict[str, Any]]
    common: Optional[List[Dict[str, Any]]]
    why_not: Tuple[str, ...] = ()
    forced: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `export --json`."""
        return dict(self.form._asdict(), format=1, path=self.path, bytes=os.path.getsize(self.path), rungs=self.rungs,
                    common=self.common)

    def line(self) -> str:
        """For people."""
        return "%s, opset %s, %s out, normalisation %s, %.1f MB" % (
            self.path, self.form.opset, self.form.output, self.form.normalization, os.path.getsize(self.path) / 1e6)

    def parity(self) -> Dict[str, Any]:
        """What run.json keeps."""
        return {"rungs": self.rungs, "common": self.common, "why_not": list(self.why_not), "forced": self.forced}


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
                   how: How = DEFAULT_HOW, own: Iterable[Tuple[Rung, Any]] = ()) -> Exported:
    """`network` as the ONNX file `onnx`; compared on `samples` at every rung, and not kept where they disagree.

    `own` are rungs with networks of their own (`exporting_rungs.rung_networks`): each gets a file beside `onnx`,
    compared with its own network at its size. The files appear together, `onnx` last, and those of earlier exports that
    it does not name are removed.
    """
    from dance_edge.export.files import together
    from dance_edge.export.to_onnx import DEFAULT_OPSET

    if manifest.profile is None or not manifest.rungs:
        raise CheckpointError("the model has no profile and no sizes", "adapt it to a data set first")
    how = how._replace(form=how.form._replace(opset=how.form.opset or DEFAULT_OPSET))
    manifest = manifest._replace(output=how.form.output)
    rungs, names = [], {}
    with together() as files:
        for rung, of_rung in own:
            path = rung_path(onnx, rung.size)
            rungs.append(_write_checked(of_rung, manifest._replace(rungs=(rung,), only_size=rung.size), path,
                                        files.write_to(path), samples, how))
            names[rung.size.hxw] = os.path.basename(path)
        common = _write_checked(network, manifest._replace(rung_files=names), onnx, files.write_to(onnx), samples, how)
    _say_parity(rungs + [common], len(samples), on_event)
    on_event(Note("wrote %s" % ", ".join([onnx] + [one.file for one in rungs])))
    remove_unused(onnx, on_event)
    return Exported(onnx, how.form, [one for checked in rungs or [common] for one in checked.rungs()],
                    common.rungs() if rungs else None,
                    tuple(why for checked in rungs + [common] for why in checked.why_not()), how.force)


def _write_checked(network: Any, manifest: Manifest, path: str, temporary: str, samples: List[Sample],
                   how: How) -> Checked:
    """Write what becomes `path` to `temporary` and compare it with `network` at the rungs of `manifest`."""
    from dance_edge.export.parity import check_parity, measure_parity
    from dance_edge.export.to_onnx import DEFAULT_OPSET, export_onnx
    from dance_edge.runtime.onnxruntime_engine import open_onnxruntime

    opset, inside = how.form.opset or DEFAULT_OPSET, how.form.normalization == "inside"
    export_onnx(network, manifest, temporary, opset, inside)
    found = []
    if samples:
        found = measure_parity(network, manifest, open_onnxruntime(temporary), samples, opset, inside)
    if not how.force:
        check_parity(found, os.path.basename(path))
    return Checked(os.path.basename(path), found)


def _say_parity(checked: Sequence[Checked], images: int, on_event: OnEvent) -> None:
    found = [one for file in checked for one in file.found]
    if found:
        on_event(Note("parity with PyTorch on %d images at %d sizes%s: logits within %.1e, %s" % (
            images, len(checked[-1].found), " of %d files" % len(checked) if len(checked) > 1 else "",
            max(one.max_logit_error for one in found), in_words([one.agreement for one in found]))))


def in_words(found: Sequence[Any]) -> str:
    """The worst of `export.gate.Agreement`s: labels, and mIoU where there are some to tell it by."""
    changes = [abs(one.miou_change) for one in found if one.miou_change is not None]
    return "labels equal on %.3f %%" % (100.0 * min(one.label_agreement for one in found)) + (
        ", mIoU within %.2f points" % (100.0 * max(changes)) if changes else "")


def mark(onnx: str, name: str, parity: Dict[str, Any], on_event: OnEvent) -> None:
    """Keep in run.json what was found out of `name` (`model.onnx`, `engines`), and call a finished run deployable where
    nothing speaks against it, or it was forced. What was said of the engines of a former model.onnx is forgotten.

    The run is the one whose model.onnx the file `onnx` is, however it was named; of other files nothing is kept.
    """
    from dance_edge import run as run_folder

    folder = os.path.realpath(os.path.dirname(onnx))
    if os.path.basename(onnx) != "model.onnx" or not run_folder.read_state(folder):  # or files without their run
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
