"""`dance-edge eval`: mIoU as deployed, at one fixed size, and the curve of fixed sizes."""
from typing import Any, Dict, List, NamedTuple, Optional

import click

from dance_edge.cli import options

_SHOWN = 20  # groups of a kind; the JSON has all


class EvalConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    run_path: Optional[str]
    data: Optional[str]
    layout: Optional[str]
    split: Optional[str]
    label_map: Optional[str]
    ratio: Optional[float]
    curve: bool
    upsample: str
    profile: Optional[str]
    backend: str
    precision: str
    model: Optional[str]
    json_path: Optional[str]


@click.command("eval", short_help="Score a model as it is deployed, and at fixed sizes.")
@options.run_argument
@options.data_option
@click.option("--layout", metavar="NAME", help="The data set's layout, where it is not recognised by itself.")
@options.split_option
@options.label_map_option
@click.option("--ratio", type=click.FloatRange(0.1, 1.0), metavar="R", help="One fixed size for all: R per side.")
@click.option("--curve", is_flag=True, help="Also every fixed size of the ladder: the peer that counts.")
@click.option("--upsample", type=click.Choice(("labels", "logits")), default="labels", show_default=True,
              help="logits: also the papers' way, logits at the label's size before the argmax; needs PyTorch.")
@options.profile_option
@options.backend_option
@options.precision_option
@options.model_option
@options.json_option
def command(**flags: Any) -> None:
    """Score RUN's model (default runs/latest) on the run's validation images, or on those of --data.

    Each image is resized by its p, as when serving; labels are compared at their own size. --ratio 1.0 scores all
    images at full size. Scores stand by sequence, by brightness and by p as well: night beside day.
    """
    _evaluate(EvalConfig(**flags))


def _evaluate(config: EvalConfig) -> None:
    from dance_edge.cli.output import say, table, write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.run import open_run

    run = open_run(config.run_path)
    with Listener() as listener:
        result = score(run, config, listener)
    rows = [["as deployed" if result["resolution"] == "adaptive" else "ratio %g" % result["resolution"],
             _share(result["pixels_ratio"]), _share(result["miou"])]]
    if result["upsampled_logits"]:
        rows.append(["the same, logits upsampled", rows[0][1], _share(result["upsampled_logits"]["miou"])])
    rows += [["ratio %g" % one["ratio"], _share(one["pixels_ratio"]), _share(one["miou"])]
             for one in result.get("fixed", [])]
    table(["size", "pixels", "mIoU"], rows, json_path=config.json_path)
    table(["class", "IoU"], [[name, _share(value)] for name, value in result["per_class"].items()],
          json_path=config.json_path)
    groups = shown_groups(result["groups"])
    if groups:
        table(["group", "images", "mIoU"], [[one["name"], str(one["images"]), _share(one["miou"])] for one in groups],
              json_path=config.json_path)
    say("%d images: %s" % (result["images"], result["data"]), config.json_path)
    if config.json_path:
        write_json(config.json_path, result)


def shown_groups(groups: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Those of a kind that has at least two, and not more than a reader takes in; the JSON has all."""
    count = {kind: sum(1 for one in groups if one["kind"] == kind) for kind in ("sequence", "brightness", "p")}
    return [one for one in groups if 1 < count[one["kind"]] <= _SHOWN]


def score(run: Any, config: EvalConfig, on_event: Any) -> Dict[str, Any]:
    """The keys of `eval --json`; nothing is printed."""
    from dance_edge.cli.backend import as_run_by, facts_of, manifest_of, open_engines, open_network
    from dance_edge.complexity.profile import load_profile
    from dance_edge.errors import ConfigError
    from dance_edge.events import ignore
    from dance_edge.training.evaluate import as_deployed, evaluate

    if config.upsample == "logits" and run.model_pt is None:
        raise ConfigError("%s gives labels, and --upsample logits needs logits" % run.path,
                          "score the run's folder or its model.pt")
    run = as_run_by(run, config.backend)
    known = facts_of(run, config.data, config.model, on_event, config.layout, config.label_map,
                     with_p=config.ratio is None and not config.profile)
    manifest = known.manifest
    if config.profile:
        manifest = manifest._replace(profile=load_profile(config.profile))
    target = _target(run, config, manifest, on_event)
    with open_engines(run, config.backend, config.model, on_event, known.network, config.precision) as engines:
        predict = as_deployed(engines)
        found = evaluate(target.val, target.read, predict, manifest, config.ratio, on_event)
        result = dict(found.to_dict(), format=1, data=target.how, backend=engines.name, upsampled_logits=None)
        if config.curve:
            result["fixed"] = _curve(target, predict, manifest, on_event)
    if config.upsample == "logits":
        from dance_edge.training.field_score import from_logits

        network = known.network
        if network is None:  # the checkpoint's, which may take its input otherwise than the ONNX file
            network = open_network(run, config.model, ignore)
            manifest = manifest._replace(normalization=manifest_of(as_run_by(run, "torch")).normalization)
        field = evaluate(target.val, target.read, from_logits(network), manifest, config.ratio, on_event)
        # the number that papers print, beside the deployed one: the same sizes, other borders
        result["upsampled_logits"] = {"miou": field.miou, "per_class": field.per_class}
    return result


def _curve(target: Any, predict: Any, manifest: Any, on_event: Any) -> List[Dict[str, Any]]:
    from dance_edge.training.evaluate import evaluate

    fixed = []
    for rung in manifest.rungs:
        one = evaluate(target.val, target.read, predict, manifest, rung.ratio, on_event)
        fixed.append({"ratio": rung.ratio, "pixels_ratio": one.pixels_ratio, "miou": one.miou})
    return fixed


def _target(run: Any, config: EvalConfig, manifest: Any, on_event: Any) -> Any:
    """The run's own target and split, or those of --data."""
    from dance_edge.errors import ConfigError
    from dance_edge.training.target import open_target, stored_target

    if not config.data and (config.layout or config.label_map):
        raise ConfigError("--layout and --label-map say how --data is read, and there is no --data",
                          "give it too, or leave them away: a run's own data is read as when it was trained")
    stored = run.state().get("target")
    if config.data:
        target = open_target(config.data, config.layout or "", config.label_map or "", manifest.classes, on_event)
    elif stored:
        target = stored_target(stored, manifest.classes)
    else:
        raise ConfigError("%s is a single file: it names no data to score on" % run.path,
                          "give a data set with --data DIR")
    return _marked(_of_split(target, config), stored or {})


def _of_split(target: Any, config: EvalConfig) -> Any:
    """`target` with the images of --split to score on. Of a run's own, train and val are as they were parted."""
    from dance_edge.data.splits import named_split

    if config.split is None or (config.split == "val" and not config.data):
        return target
    if config.split == "train" and not config.data:
        return target._replace(val=target.train)
    return target._replace(val=named_split(target.dataset, config.split),
                           how="split %s of %s" % (config.split, target.dataset.name))


def _marked(target: Any, stored: Dict[str, Any]) -> Any:
    """`target`, said to be what the run was trained on where some of it is."""
    import os

    same = bool(stored) and os.path.realpath(target.dataset.root) == os.path.realpath(str(stored["root"]))
    if same and set(stored["train"]) & {record.name for record in target.val}:
        return target._replace(how="images that were trained on: " + target.how)
    return target


def _share(value: Optional[float]) -> str:
    return "-" if value is None else "%.2f %%" % (100.0 * value)
