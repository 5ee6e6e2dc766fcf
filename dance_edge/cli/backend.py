"""What runs a RUN's network, and what is known of it: shared by serve, bench and eval."""
import json
import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Type

from dance_edge.errors import CheckpointError, ConfigError, DanceError, DeviceError, ExportError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.manifest import METADATA_KEY, Manifest, manifest_from_dict
from dance_edge.run import Run
from dance_edge.runtime.engine import Engines
from dance_edge.size import Size

# After which errors `auto` goes on. What TensorRT makes of a graph is not what the next backend makes of it.
REFUSALS: Dict[str, Tuple[Type[DanceError], ...]] = {
    "tensorrt": (DeviceError, ExportError, CheckpointError), "onnxruntime": (DeviceError,), "torch": (DeviceError,)}


class Known(NamedTuple):
    """The facts of RUN's model, and the network where its weights came without them and were fitted to learn them."""

    manifest: Manifest
    network: Any = None


def as_run_by(run: Run, backend: str) -> Run:
    """RUN with the files that count for `backend`: PyTorch runs the checkpoint, whose facts may differ from those of
    the ONNX file beside it, which may take its input otherwise."""
    return run._replace(model_onnx=None) if backend == "torch" and run.model_pt is not None else run


def manifest_of(run: Run) -> Manifest:
    """The facts of RUN's model, from its ONNX file or else its checkpoint. `CheckpointError` where there are none."""
    if run.model_onnx is not None:
        return manifest_of_onnx(run.model_onnx)
    manifest: Manifest = _described(run).manifest
    return manifest


def facts_of(run: Run, data: Optional[str], model_flag: Optional[str], on_event: OnEvent, layout: Optional[str] = None,
             label_map: Optional[str] = None, with_p: bool = True) -> Known:
    """As `manifest_of`, and for weights alone what `data` and `model_flag` (--model) say, as in `training.plain`."""
    if run.model_onnx is not None:
        return Known(manifest_of(run))
    checkpoint = _read_checkpoint(run)
    if checkpoint.manifest is not None:
        return Known(checkpoint.manifest)
    from dance_edge.training.plain import open_plain

    return Known(*open_plain(checkpoint, data or "", model_flag or "", layout or "", label_map or "", with_p, on_event))


def manifest_of_onnx(path: str) -> Manifest:
    """The manifest inside an ONNX file; `CheckpointError` where it carries none."""
    from dance_edge.runtime.onnxruntime_engine import read_metadata

    return manifest_in(path, read_metadata(path))


def manifest_in(path: str, metadata: Dict[str, str]) -> Manifest:
    """As `manifest_of_onnx`, of a file whose `metadata` were read already."""
    text = metadata.get(METADATA_KEY)
    if text is None:
        raise CheckpointError("%s carries no manifest: its classes, normalisation and sizes are not known" % path,
                              "export the model with: dance-edge export RUN; serve and bench take a file as it is, "
                              "with --classes, --mean, --std and --channels")
    try:
        facts = json.loads(text)
    except ValueError as reason:
        raise CheckpointError("the manifest inside %s is damaged: %s" % (path, reason), "export the model again")
    return manifest_from_dict(facts)


def open_engines(run: Run, backend: str, model_flag: Optional[str], on_event: OnEvent, network: Any = None,
                 precision: str = "auto") -> Engines:
    """The engines of RUN's network on `backend`; what `auto` takes, and why not what comes before it, is said.

    `model_flag` is the user's --model, for a checkpoint of his own architecture; `network` that of `facts_of`;
    `precision` is TensorRT's. Errors: `ConfigError` for a backend that RUN has no file for, `DeviceError` for one that
    is not installed, `CheckpointError` for a broken file.
    """
    on_event = _each_warning_once(on_event)
    openers: Dict[str, Callable[[], Engines]] = {
        "tensorrt": lambda: _open_tensorrt(run, precision, on_event, tried=backend == "auto"),
        "onnxruntime": lambda: _open_onnxruntime(run, on_event),
        "torch": lambda: _open_torch(run, model_flag, on_event, network)}
    refused: List[str] = []
    for name in _candidates(run) if backend == "auto" else (backend,):
        try:
            engines = openers[name]()
        except REFUSALS[name] as reason:
            if backend != "auto":
                raise
            refused.append("not %s: %s" % (name, reason.message))
            continue
        file = run.model_pt if name == "torch" else run.model_onnx
        on_event(Note("backend: %s%s, %s%s" % (engines.name, engines.place and " on " + engines.place,
                                               os.path.relpath(file or ""), "".join("; " + one for one in refused))))
        return engines
    raise DeviceError("no backend runs %s: %s" % (run.path, "; ".join(refused)),
                      "install one: pip install 'dance-edge[serve]'")


def _each_warning_once(on_event: OnEvent) -> OnEvent:
    """Backends that are tried one after the other on the same file find the same fault in it."""
    said: Set[str] = set()

    def hear(event: Any) -> None:
        if isinstance(event, Warned):
            if event.text in said:
                return
            said.add(event.text)
        on_event(event)

    return hear


def _candidates(run: Run) -> Sequence[str]:
    """The backends that RUN has a file for, the quickest first."""
    onnx = ("tensorrt", "onnxruntime") if run.model_onnx is not None else ()
    return onnx + (("torch",) if run.model_pt is not None else ())


def _onnx_of(run: Run, backend: str) -> str:
    if run.model_onnx is None:
        raise ConfigError("%s has no ONNX file for %s" % (run.path, backend),
                          "write it: dance-edge export %s; or take --backend torch" % run.path)
    return run.model_onnx


def _open_tensorrt(run: Run, precision: str, on_event: OnEvent, tried: bool) -> Engines:
    """TensorRT's engines; with `tried` that of the largest size has run, so it was built or loaded: errors are those
    of that too."""
    from dance_edge.cli.engine_trial import run_largest
    from dance_edge.runtime.tensorrt_engine import open_tensorrt

    path = _onnx_of(run, "tensorrt")
    _warn_of_other_weights(run, on_event)
    engines = open_tensorrt(path, precision, on_event, rung_files(path, on_event))
    if tried:
        try:
            run_largest(engines, path, _own_manifest(path))
        except BaseException:
            engines.close()
            raise
    return engines


def _open_onnxruntime(run: Run, on_event: OnEvent) -> Engines:
    from dance_edge.runtime.onnxruntime_engine import open_onnxruntime

    path = _onnx_of(run, "onnxruntime")
    engines = open_onnxruntime(path, on_event, rung_files(path, on_event))
    _warn_of_other_weights(run, on_event)
    return engines


def rung_files(path: str, on_event: OnEvent) -> Dict[Size, str]:
    """The files that rungs of the file at `path` have of their own; one that is not there any more, or of other
    weights, is named and the common file serves its rung."""
    manifest = _own_manifest(path)
    if manifest is None:
        return {}
    found = {}
    for rung in manifest.rungs:
        name = manifest.rung_files.get(rung.size.hxw)
        if name is None:
            continue
        own = os.path.join(os.path.dirname(path), os.path.basename(name))
        why_not = "missing" if not os.path.isfile(own) else _why_not_of(manifest_of_onnx(own), manifest)
        if why_not:
            on_event(Warned("%s is %s: %s serves its size" % (own, why_not, os.path.basename(path))))
        else:
            found[rung.size] = own
    return found


def _own_manifest(path: str) -> Optional[Manifest]:
    """The manifest inside an ONNX file; None where it is not one of ours."""
    from dance_edge.runtime.onnxruntime_engine import read_metadata

    metadata = read_metadata(path)
    return manifest_in(path, metadata) if METADATA_KEY in metadata else None


def _why_not_of(own: Manifest, manifest: Manifest) -> str:
    """What keeps a rung's own file from standing in for the common one: all rungs get the same kind of input."""
    if own.weights_sha256 != manifest.weights_sha256:
        return "of other weights"
    return "" if own.normalization == manifest.normalization else "normalised otherwise"


def _warn_of_other_weights(run: Run, on_event: OnEvent) -> None:
    """An ONNX file that was exported before the run went on serves without a complaint, as the older model."""
    stored = run.state().get("manifest")
    if run.model_onnx is None or not isinstance(stored, dict) or not stored.get("weights_sha256"):
        return
    if manifest_of_onnx(run.model_onnx).weights_sha256 != stored["weights_sha256"]:
        on_event(Warned("model.onnx holds other weights than the run's model: export it again, dance-edge export %s"
                        % run.path))


def open_network(run: Run, model_flag: Optional[str], on_event: OnEvent) -> Any:
    """RUN's network as a PyTorch module that gives logits; errors as in `open_engines`."""
    if run.model_pt is None:
        raise ConfigError("%s has no checkpoint for PyTorch" % run.path, "take --backend onnxruntime or auto")
    checkpoint = _described(run)
    from dance_edge.checkpoint import restore
    from dance_edge.models.outputs import taken_output

    manifest = checkpoint.manifest
    network = restore(checkpoint, model_flag or "", len(manifest.classes.names), on_event=on_event)
    taken = taken_output(network, len(manifest.classes.names), manifest.stride)
    if taken:
        on_event(Note(taken))
    return network


def _open_torch(run: Run, model_flag: Optional[str], on_event: OnEvent, network: Any) -> Engines:
    if network is None:
        network = open_network(run, model_flag, on_event)
    from dance_edge.models.deployed import Deployed
    from dance_edge.runtime.torch_engine import open_torch

    return open_torch(Deployed(network))


def _described(run: Run) -> Any:
    """RUN's checkpoint with its manifest; `CheckpointError` for weights alone."""
    checkpoint = _read_checkpoint(run)
    if checkpoint.manifest is None:
        raise CheckpointError("%s holds weights alone: its classes, normalisation and sizes are not known"
                              % run.model_pt,
                              "make an ONNX file of it with: dance-edge export %s --data DIR; or a run: "
                              "dance-edge adapt --source %s --target DIR" % (run.model_pt, run.model_pt))
    return checkpoint


def _read_checkpoint(run: Run) -> Any:
    """A `checkpoint.Checkpoint`; the type is not named, so that serving needs no PyTorch."""
    try:
        from dance_edge.checkpoint import read_checkpoint
    except ImportError as reason:
        if reason.name != "torch":
            raise
        raise DeviceError("%s needs PyTorch, which is not installed" % run.model_pt,
                          "serve an ONNX file (dance-edge export, on a machine with PyTorch), "
                          "or: pip install 'dance-edge[train]'")
    return read_checkpoint(run.model_pt or "")
