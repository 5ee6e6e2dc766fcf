"""`dance-edge export`: ONNX with a parity check."""
from typing import Any, Dict, List, NamedTuple, Optional

import click

from dance_edge.cli import options
from dance_edge.events import OnEvent


class ExportConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    run_path: Optional[str]
    model: Optional[str]
    data: Optional[str]
    opset: Optional[int]
    output: Optional[str]
    normalization: Optional[str]
    out: Optional[str]
    per_rung: Optional[bool]
    engines: bool
    precision: str
    force: bool
    json_path: Optional[str]


@click.command("export", short_help="Write ONNX and check it against PyTorch.")
@options.run_argument
@options.model_option
@options.data_option
@click.option("--opset", type=click.IntRange(11, 13), help="Default 13, the newest that TensorRT 8.2 reads.")
@click.option("--output", type=click.Choice(("labels", "logits")), default=None,
              help="What the graph gives: labels int32 (N, H, W), the default, or logits float32 (N, classes, H, W).")
@click.option("--normalization", type=click.Choice(("outside", "inside")), default=None,
              help="inside: the graph takes pixels 0-255 (float32) and normalises them itself. Default: outside.")
@click.option("--out", metavar="FILE.onnx", help="Default: model.onnx beside the checkpoint.")
@click.option("--per-rung/--no-per-rung", default=None,
              help="A file a size too, each with BatchNorm statistics of the training images that it would see. "
                   "Default: as the file has it that is replaced, if it is of the same weights.")
@click.option("--engines", is_flag=True, help="Build TensorRT's engines too, one a size, on the GPU of this machine.")
@options.precision_option
@click.option("--force", is_flag=True, help="Keep what differs from the model, and call the run deployable; recorded.")
@options.json_option
def command(**flags: Any) -> None:
    """Write RUN's model as ONNX (dynamic height and width, the manifest inside) and compare it with PyTorch.

    RUN is a run folder or a .pt file, by default runs/latest. The comparison is on real images, at every size of
    the ladder: those of --data, else the run's own validation images. Weights alone get their classes, sizes and p
    from --data, which is theirs then. With --engines RUN may be an .onnx file too; engines are compared with ONNX
    Runtime, and where mIoU changes by more than 0.5 points the run is not called deployable.
    """
    _export(ExportConfig(**flags))


def _export(config: ExportConfig) -> None:
    from dance_edge.cli.exporting import mark
    from dance_edge.cli.exporting_engines import facts_of_onnx
    from dance_edge.cli.output import write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.errors import ExportError
    from dance_edge.run import open_run

    run = open_run(config.run_path)
    _check_flags(run, config)
    facts: Dict[str, Any] = {"format": 1, "engines": None}
    made: List[Any] = []
    with Listener() as listener:
        if run.model_pt is not None:
            made.append(_write_onnx(run, config, listener))
            path = made[-1].path  # marked at once: what was said of the former file does not hold of this one
            mark(path, "model.onnx", made[-1].parity(), listener)
        else:
            path = run.model_onnx or ""
            facts.update(facts_of_onnx(path))
        if config.engines:
            made.append(_build_engines(run, path, config, listener))
            mark(path, "engines", made[-1].parity(), listener)
    why_not = [why for one in made for why in one.why_not]
    for one in made:
        facts.update(one.to_dict())
        _print(one, config.json_path)
    if config.json_path:
        write_json(config.json_path, facts)
    if why_not and not config.force:
        raise ExportError("not to be deployed: " + "; ".join(why_not),
                          "look at what differs; --force calls it deployable all the same")


def _check_flags(run: Any, config: ExportConfig) -> None:
    """Refuse what would be ignored, flags of a file that is there already or of engines that nobody asked for, and what
    would be found out after the work."""
    import os

    from dance_edge.errors import CheckpointError, ConfigError

    if config.out and not os.path.isdir(os.path.dirname(config.out) or "."):
        raise ConfigError("there is no folder for --out %s" % config.out, "make it first")
    if config.out and os.path.isdir(config.out):
        raise ConfigError("--out %s is a folder, a file is expected" % config.out,
                          "name the file in it: --out %s" % os.path.join(config.out, "model.onnx"))
    if config.precision != "auto" and not config.engines:
        raise ConfigError("--precision is TensorRT's, and no engines are built", "add --engines, or leave it out")
    if run.model_pt is not None:
        return
    if not config.engines:
        raise CheckpointError("%s is exported already, and there is no checkpoint to export anew" % run.model_onnx,
                              "add --engines to build its engines, or give a run folder with a model.pt, or a .pt file")
    flags = {"--model": config.model, "--opset": config.opset, "--output": config.output, "--out": config.out,
             "--normalization": config.normalization,
             "--per-rung" if config.per_rung else "--no-per-rung": config.per_rung}
    given = [flag for flag, value in flags.items() if value is not None]
    if given:
        raise ConfigError("%s is exported already and stays as it is: %s cannot change it"
                          % (run.model_onnx, " and ".join(given)),
                          "leave %s out, or export the checkpoint that it was made of"
                          % ("it" if len(given) == 1 else "them"))


def _write_onnx(run: Any, config: ExportConfig, listener: OnEvent) -> Any:
    import os

    from dance_edge.cli.backend import facts_of, open_network
    from dance_edge.cli.exporting import Form, How, export_network
    from dance_edge.cli.exporting_rungs import has_rung_files, rung_networks, training_records
    from dance_edge.events import Note

    run = run._replace(model_onnx=None)  # what the checkpoint says is exported, not what was exported before
    manifest, network = facts_of(run, config.data, config.model, listener)
    samples = _samples(run, config, manifest)
    onnx = config.out or os.path.join(os.path.dirname(run.model_pt), "model.onnx")
    network = open_network(run, config.model, listener) if network is None else network
    how = How(Form(config.opset, config.output or "labels", config.normalization or "outside"), config.force)
    per_rung = config.per_rung
    if per_rung is None and has_rung_files(onnx, manifest.weights_sha256):
        listener(Note("%s has a file a size, and gets them anew (--no-per-rung: one file for all sizes)" % onnx))
        per_rung = True
    if not per_rung:
        return export_network(network, manifest, onnx, samples, listener, how)
    records = training_records(run.folder or "", config.data or "", manifest)
    return export_network(network, manifest, onnx, samples, listener, how,
                          rung_networks(network, manifest, records, listener))


def _build_engines(run: Any, onnx: str, config: ExportConfig, listener: OnEvent) -> Any:
    from dance_edge.cli.backend import manifest_of_onnx
    from dance_edge.cli.exporting_engines import build_engines

    samples = _samples(run, config, manifest_of_onnx(onnx))
    return build_engines(onnx, samples, config.precision, config.force, listener)


def _samples(run: Any, config: ExportConfig, manifest: Any) -> Any:
    """Images to compare on; `ConfigError` where neither the run nor --data has any."""
    from dance_edge.cli.exporting import parity_samples
    from dance_edge.errors import ConfigError

    samples = parity_samples(run.folder or "", config.data or "", manifest)
    if not samples:
        raise ConfigError("there are no images to compare on: %s came without a run's" % run.path,
                          "give a data set with --data DIR")
    return samples


def _print(made: Any, json_path: Optional[str]) -> None:
    from dance_edge.cli.output import say, table

    table(["size", "logit error", "labels equal", "mIoU", "file"],
          [["%dx%d" % (rung["width"], rung["height"]),
            "-" if rung["max_logit_error"] is None else "%.2e" % rung["max_logit_error"],
            "%.4f %%" % (100.0 * rung["label_agreement"]),
            "-" if rung["miou_change"] is None else "%+.2f points" % (100.0 * rung["miou_change"]),
            rung["file"]]
           for rung in made.rungs], json_path=json_path)
    say(made.line(), json_path)
