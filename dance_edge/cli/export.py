"""`dance-edge export`: ONNX with a parity check."""
from typing import Optional

import click

from dance_edge.cli import options


@click.command("export", short_help="Write ONNX and check it against PyTorch.")
@options.run_argument
@options.model_option
@options.data_option
@click.option("--opset", type=click.IntRange(11, 13), help="Default 13, the newest that TensorRT 8.2 reads.")
@click.option("--out", metavar="FILE.onnx", help="Default: model.onnx beside the checkpoint.")
@options.json_option
def command(run_path: Optional[str], model: Optional[str], data: Optional[str], opset: Optional[int],
            out: Optional[str], json_path: Optional[str]) -> None:
    """Write RUN's model as ONNX (dynamic height and width, labels out) and compare it with PyTorch.

    RUN is a run folder or a .pt file, by default runs/latest. The comparison is on real images, at every size of
    the ladder: those of --data, else the run's own validation images. Weights alone get their classes, sizes and p
    from --data, which is theirs then.
    """
    import os

    from dance_edge.cli.backend import facts_of, open_network
    from dance_edge.cli.exporting import export_network, parity_images
    from dance_edge.cli.output import say, table, write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.errors import CheckpointError, ConfigError
    from dance_edge.run import open_run

    run = open_run(run_path)
    pt = run.model_pt
    if pt is None:
        raise CheckpointError("%s has no checkpoint to export" % run.path, "give a run folder or a .pt file")
    run = run._replace(model_onnx=None)  # what the checkpoint says is exported, not what was exported before
    with Listener() as listener:
        manifest, network = facts_of(run, data, model, listener)
        images = parity_images(run.folder or "", data or "")
        if not images:
            raise ConfigError("there are no images to compare on: %s is a single file" % run.path,
                              "give a data set with --data DIR")
        onnx = out or os.path.join(os.path.dirname(pt), "model.onnx")
        network = open_network(run, model, listener) if network is None else network
        exported = export_network(network, manifest, onnx, images, listener, opset)
    table(["size", "logit error", "labels equal"],
          [["%dx%d" % (rung["width"], rung["height"]), "%.2e" % rung["max_logit_error"],
            "%.4f %%" % (100.0 * rung["label_agreement"])] for rung in exported.rungs], json_path=json_path)
    say("%s, opset %d, %.1f MB" % (exported.path, exported.opset, os.path.getsize(exported.path) / 1e6), json_path)
    if json_path:
        write_json(json_path, exported.to_dict())
