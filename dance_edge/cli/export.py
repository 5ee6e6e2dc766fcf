"""`dance-edge export`: ONNX with a parity check."""
from typing import Any, Dict, List, NamedTuple, Optional

import click

from dance_edge.cli import options


class ExportConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    run_path: Optional[str]
    model: Optional[str]
    data: Optional[str]
    opset: Optional[int]
    output: str
    normalization: str
    out: Optional[str]
    per_rung: bool
    engines: bool
    precision: str
    force: bool
    json_path: Optional[str]


@click.command("export", short_help="Write ONNX and check it against PyTorch.")
@options.run_argument
@options.model_option
@options.data_option
@click.option("--opset", type=click.IntRange(11, 13), help="Default 13, the newest that TensorRT 8.2 reads.")
@click.option("--output", type=click.Choice(("labels", "logits")), default="labels", show_default=True,
              help="What the graph gives: labels int32 (N, H, W), or logits float32 (N, classes, H, W).")
@click.option("--normalization", type=click.Choice(("outside", "inside")), default="outside", show_default=True,
              help="inside: the graph takes pixels 0-255 (float32) and normalises them itself.")
@click.option("--out", metavar="FILE.onnx", help="Default: model.onnx beside the checkpoint.")
@click.option("--per-rung", is_flag=True,
              help="A file a size too, each with BatchNorm statistics of the training images that it would see.")
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
    from dance_edge.cli.output import write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.errors import CheckpointError, ExportError
    from dance_edge.run import open_run

    run = open_run(config.run_path)
    if run.model_pt is None and not (config.engines and run.model_onnx):
        raise CheckpointError("%s has no checkpoint to export" % run.path,
                              "give a run folder or a .pt file; of an .onnx file engines are made, with --engines")
    made: List[Any] = []
    folder = None if config.out else run.folder
    path = run.model_onnx
    with Listener() as listener:
        if run.model_pt is not None:
            made.append(_write_onnx(run, config, listener))
            path = made[-1].path
            if folder:  # at once: what was said of the former file does not hold of this one
                mark(folder, "model.onnx", made[-1].parity(), listener)
        if config.engines:
            made.append(_build_engines(run, path or "", config, listener))
            if folder:
                mark(folder, "engines", made[-1].parity(), listener)
    why_not = [why for one in made for why in one.why_not]
    facts: Dict[str, Any] = {"format": 1, "path": path, "engines": None}
    for one in made:
        facts.update(one.to_dict())
        _print(one, config.json_path)
    if config.json_path:
        write_json(config.json_path, facts)
    if why_not and not config.force:
        raise ExportError("not to be deployed: " + "; ".join(why_not),
                          "look at what differs; --force calls it deployable all the same")


def _write_onnx(run: Any, config: ExportConfig, listener: Any) -> Any:
    import os

    from dance_edge.cli.backend import facts_of, open_network
    from dance_edge.cli.exporting import Form, export_network, parity_samples
    from dance_edge.cli.exporting_rungs import export_rungs, training_records
    from dance_edge.errors import ConfigError

    run = run._replace(model_onnx=None)  # what the checkpoint says is exported, not what was exported before
    manifest, network = facts_of(run, config.data, config.model, listener)
    samples = parity_samples(run.folder or "", config.data or "", manifest)
    if not samples:
        raise ConfigError("there are no images to compare on: %s is a single file" % run.path,
                          "give a data set with --data DIR")
    onnx = config.out or os.path.join(os.path.dirname(run.model_pt), "model.onnx")
    network = open_network(run, config.model, listener) if network is None else network
    form = Form(config.opset, config.output, config.normalization)
    if config.per_rung:
        records = training_records(run.folder or "", config.data or "", manifest)
        manifest = export_rungs(network, manifest, onnx, records, form, listener, config.force)
    return export_network(network, manifest, onnx, samples, listener, form, config.force)


def _build_engines(run: Any, onnx: str, config: ExportConfig, listener: Any) -> Any:
    from dance_edge.cli.backend import manifest_of_onnx
    from dance_edge.cli.exporting import build_engines, parity_samples
    from dance_edge.errors import ConfigError

    samples = parity_samples(run.folder or "", config.data or "", manifest_of_onnx(onnx))
    if not samples:
        raise ConfigError("there are no images to compare on: %s is a single file" % run.path,
                          "give a data set with --data DIR")
    return build_engines(onnx, samples, config.precision, config.force, listener)


def _print(made: Any, json_path: Optional[str]) -> None:
    from dance_edge.cli.output import say, table

    table(["size", "logit error", "labels equal", "mIoU"],
          [["%dx%d" % (rung["width"], rung["height"]),
            "-" if rung["max_logit_error"] is None else "%.2e" % rung["max_logit_error"],
            "%.4f %%" % (100.0 * rung["label_agreement"]),
            "-" if rung["miou_change"] is None else "%+.2f points" % (100.0 * rung["miou_change"])]
           for rung in made.rungs], json_path=json_path)
    say(made.line(), json_path)
