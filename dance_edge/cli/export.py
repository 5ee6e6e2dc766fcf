"""`dance-edge export`: ONNX with a parity check."""
from typing import Any, NamedTuple, Optional

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
@options.json_option
def command(**flags: Any) -> None:
    """Write RUN's model as ONNX (dynamic height and width, the manifest inside) and compare it with PyTorch.

    RUN is a run folder or a .pt file, by default runs/latest. The comparison is on real images, at every size of
    the ladder: those of --data, else the run's own validation images. Weights alone get their classes, sizes and p
    from --data, which is theirs then.
    """
    _export(ExportConfig(**flags))


def _export(config: ExportConfig) -> None:
    import os

    from dance_edge.cli.backend import facts_of, open_network
    from dance_edge.cli.exporting import Form, export_network, parity_images
    from dance_edge.cli.output import say, table, write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.errors import CheckpointError, ConfigError
    from dance_edge.run import open_run

    run = open_run(config.run_path)
    pt = run.model_pt
    if pt is None:
        raise CheckpointError("%s has no checkpoint to export" % run.path, "give a run folder or a .pt file")
    run = run._replace(model_onnx=None)  # what the checkpoint says is exported, not what was exported before
    with Listener() as listener:
        manifest, network = facts_of(run, config.data, config.model, listener)
        images = parity_images(run.folder or "", config.data or "")
        if not images:
            raise ConfigError("there are no images to compare on: %s is a single file" % run.path,
                              "give a data set with --data DIR")
        onnx = config.out or os.path.join(os.path.dirname(pt), "model.onnx")
        network = open_network(run, config.model, listener) if network is None else network
        exported = export_network(network, manifest, onnx, images, listener,
                                  Form(config.opset, config.output, config.normalization))
    table(["size", "logit error", "labels equal"],
          [["%dx%d" % (rung["width"], rung["height"]), "%.2e" % rung["max_logit_error"],
            "%.4f %%" % (100.0 * rung["label_agreement"])] for rung in exported.rungs],
          json_path=config.json_path)
    facts = exported.to_dict()
    say("%s, opset %d, %s out, normalisation %s, %.1f MB" % (facts["path"], facts["opset"], facts["output"],
                                                             facts["normalization"], facts["bytes"] / 1e6),
        config.json_path)
    if config.json_path:
        write_json(config.json_path, facts)
