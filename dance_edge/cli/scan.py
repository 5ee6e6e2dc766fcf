"""`dance-edge scan`: how much there is to see in a data set's images or a video's frames."""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import click

from dance_edge.cli.options import json_option

FORMAT = 1
_SHOWN = 20  # lines of a list; the JSON has all of it


class ScanConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    path: str
    layout: Optional[str]
    indicator: str
    out: Optional[str]
    strict: bool
    json_path: Optional[str]


class Scanned(NamedTuple):
    """A data set or a video, measured. `facts` are the JSON keys that only one of the two can fill."""

    name: str
    rows: List[Any]  # report.scan_files.Row
    items: List[Any]  # data.groups.Item, of the fitted ones
    measured_size: Any
    load: Any
    facts: Dict[str, Any]


@click.command("scan")
@click.argument("path", metavar="DATASET|VIDEO")
@click.option("--layout", metavar="NAME", help="camvid, cityscapes, bdd100k, idd_lite or folder; recognised by itself.")
@click.option("--indicator", type=click.Choice(("sobel", "weber")), default="sobel", show_default=True,
              help="Mean contrast (DANCE Eq. 1), or contrast relative to brightness.")
@click.option("--out", metavar="DIR", help="Where the files go; runs/scan-NAME where it is left out.")
@click.option("--strict", is_flag=True, help="Exit with 3 where a file is broken or has no partner.")
@json_option
def command(**flags: Any) -> None:
    """Measure the spatial complexity of every image and fit a profile of it: what turns an image into its p.

    Every split is measured, the profile is fitted to the images that adapt would train on. Broken files, files without
    a partner, and groups of images that adapt would hardly learn from are named.

    \b
      dance-edge scan camvid
      dance-edge scan drive.mp4 --out profile    # then: serve --profile profile/profile.json
    """
    _scan(ScanConfig(**flags))


def _scan(config: ScanConfig) -> None:
    from dance_edge.cli.output import write_json
    from dance_edge.cli.progress import Listener

    with Listener() as listener:
        result, scanned = run_scan(config, listener)
    if config.json_path:
        write_json(config.json_path, result)
    _print(result, scanned, config)
    if config.strict:
        _refuse_faults(result)


def run_scan(config: ScanConfig, listener: Any) -> Tuple[Dict[str, Any], Scanned]:
    """Measure, fit, write the scan's folder; the keys of `scan --json`. Nothing is printed."""
    import os

    import numpy as np

    from dance_edge.complexity.policy import SlimPolicy
    from dance_edge.complexity.profile import fit_profile
    from dance_edge.data.groups import group_items, starvation_warnings
    from dance_edge.events import Warned
    from dance_edge.report.scan_files import PROFILE, write_scan

    scanned = _video(config, listener) if os.path.isfile(config.path) else _dataset(config, listener)
    complexities = np.array([item.complexity for item in scanned.items])
    profile = fit_profile(complexities, scanned.measured_size, scanned.name, config.indicator)
    groups = group_items(scanned.items, profile, SlimPolicy())
    for line in _doubts(profile) + starvation_warnings(groups, config.indicator):
        listener(Warned(line))
    out = config.out or os.path.join("runs", "scan-" + scanned.name)
    write_scan(out, scanned.rows, profile, scanned.load, listener)
    result = dict(scanned.facts, format=FORMAT, name=scanned.name, path=config.path,
                  measured_size=list(scanned.measured_size), indicator=config.indicator, loc=float(profile.loc),
                  scale=float(profile.scale), ks_distance=profile.ks_distance, mean=float(complexities.mean()),
                  sample_count=profile.sample_count, groups=[group.to_dict() for group in groups],
                  warnings=list(listener.warnings), profile=os.path.join(out, PROFILE), out=out)
    return result, scanned


def _dataset(config: ScanConfig, on_event: Any) -> Scanned:
    from dance_edge.data.groups import items_of
    from dance_edge.data.images import read_image
    from dance_edge.data.layouts import open_dataset
    from dance_edge.data.scan import scan
    from dance_edge.data.splits import training_records
    from dance_edge.errors import DataError
    from dance_edge.events import Warned
    from dance_edge.report.scan_files import Row

    dataset = open_dataset(config.path, config.layout)
    fitted = training_records(dataset)
    result = scan(dataset, None, config.indicator, on_event)
    whole = result.whole(dataset.records())
    if not result.whole(fitted):
        raise DataError("none of the %d images to fit on can be used; %s: %s"
                        % (len(fitted), result.faults[0].path, result.faults[0].reason),
                        "mend the files, or give another folder")
    lone = len(dataset.unpaired_images) + len(dataset.unpaired_labels)
    for count, what in ((len(result.broken), "cannot be decoded"), (lone, "have no partner"),
                        (len(result.unfit), "are labels that do not fit")):
        if count:
            on_event(Warned("%d files %s" % (count, what)))
    in_fit = set(fitted)
    rows = [Row(one.split, one.key, one.image, one.group, result.of(one).size, result.of(one).complexity,
                result.of(one).brightness, one in in_fit) for one in whole]
    facts = {
        "layout": dataset.layout, "classes": list(dataset.classes.names) if dataset.classes else [],
        "label_encoding": dataset.label_encoding if dataset.labelled else None,
        "images": sum(1 for one in whole if one.label is not None or not dataset.labelled),
        "splits": {name: len(result.whole(records)) for name, records in sorted(dataset.splits.items())},
        "class_shares": _class_shares(dataset, result),
        "broken": [{"path": one.path, "reason": one.reason} for one in result.faults],
        "unpaired": {"images": list(dataset.unpaired_images), "labels": list(dataset.unpaired_labels)}}
    return Scanned(dataset.name, rows, items_of(fitted, result), result.measured_size,
                   lambda some: [read_image(row.path) for row in some], facts)


def _video(config: ScanConfig, on_event: Any) -> Scanned:
    import os

    from dance_edge.data.groups import items_of_frames
    from dance_edge.data.scan import scan_frames
    from dance_edge.report.scan_files import Row
    from dance_edge.serve.source import open_video

    source = open_video(config.path, on_event)
    try:
        found = scan_frames(_frames(source), None, config.indicator, on_event, source.total)
    finally:
        source.close()
    rows = [Row("", "%06d" % i, config.path, "", found.size, float(complexity), float(brightness), True)
            for i, (complexity, brightness) in enumerate(zip(found.complexities, found.brightness))]
    facts: Dict[str, Any] = {
        "layout": "video", "classes": [], "label_encoding": None, "images": len(rows),
        "splits": {"": len(rows)}, "class_shares": None, "broken": [], "unpaired": {"images": [], "labels": []}}
    name = os.path.splitext(os.path.basename(config.path))[0]
    return Scanned(name, rows, items_of_frames(found), found.measured_size,
                   lambda some: _frames_at([int(row.key) for row in some], config.path), facts)


def _frames(source: Any) -> Any:
    frame = source.read(lambda: False)
    while frame is not None:
        yield frame.image
        frame = source.read(lambda: False)


def _frames_at(indices: List[int], path: str) -> List[Any]:
    """The frames of these numbers, decoded in a second pass: keeping all of a long video would not fit."""
    from dance_edge.events import ignore
    from dance_edge.serve.source import open_video

    source = open_video(path, ignore)
    try:
        found = {i: image for i, image in enumerate(_frames(source)) if i in indices}
    finally:
        source.close()
    return [found[i] for i in indices]


def _class_shares(dataset: Any, result: Any) -> Optional[Dict[str, float]]:
    """Class name -> its part of all pixels that have a class."""
    if dataset.classes is None or not dataset.labelled:
        return None
    counts = [sum(one.pixels.get(i, 0) for one in result.measured.values()) for i in range(len(dataset.classes.names))]
    return {name: count / max(1, sum(counts)) for name, count in zip(dataset.classes.names, counts)}


def _doubts(profile: Any) -> List[str]:
    if profile.sample_count < 30:
        return ["the profile rests on %d images only" % profile.sample_count]
    if profile.ks_distance > 0.15:
        return ["the fit is a poor one: it misses the images' distribution by up to %.2f" % profile.ks_distance]
    return []


def _print(result: Dict[str, Any], scanned: Scanned, config: ScanConfig) -> None:
    from dance_edge.cli.output import say, table

    counts = ", ".join("%s %d" % (name, count) for name, count in result["splits"].items() if name)
    what = "frames" if result["layout"] == "video" else "pairs" if result["label_encoding"] else "images without labels"
    lines = ["%s: layout %s, %d %s%s" % (config.path, result["layout"], result["images"], what,
                                         " (%s)" % counts if counts else "")]
    if result["class_shares"]:
        shares = ["%s %.1f %%" % (name, 100.0 * share) for name, share in result["class_shares"].items()]
        lines.append("%d classes, labels are %s: %s" % (len(shares), result["label_encoding"], ", ".join(shares)))
    values = [row.complexity for row in scanned.rows]
    lines += ["complexity by %s at %s: %.3f to %.3f"
              % (config.indicator, scanned.measured_size.wxh, min(values), max(values)),
              "fitted to %d images: mean %.3f, Maxwell loc %.3f, scale %.3f, KS distance %.3f"
              % (result["sample_count"], result["mean"], result["loc"], result["scale"], result["ks_distance"])]
    for line in lines + _fault_lines(result):
        say(line, config.json_path)
    groups = [one for one in result["groups"] if one["kind"] == "brightness"]
    sequences = [one for one in result["groups"] if one["kind"] == "sequence"]
    if len(sequences) <= _SHOWN:
        groups = sequences + groups
    if groups:
        table(("group", "images", "mean p", "share", "pull"),
              [(one["name"], str(one["images"]), "%.2f" % one["mean_p"], "%.1f %%" % (100.0 * one["share"]),
                "%.1f %%" % (100.0 * one["pull"])) for one in groups], "", config.json_path)
    say("files in " + result["out"], config.json_path)


def _fault_lines(result: Dict[str, Any]) -> List[str]:
    lines = ["broken: %s: %s" % (one["path"], one["reason"]) for one in result["broken"]]
    lines += ["no label: " + path for path in result["unpaired"]["images"]]
    lines += ["no image: " + path for path in result["unpaired"]["labels"]]
    more = ["... and %d more; --json names all" % (len(lines) - _SHOWN)] if len(lines) > _SHOWN else []
    return lines[:_SHOWN] + more


def _refuse_faults(result: Dict[str, Any]) -> None:
    from dance_edge.errors import DataError

    lone = len(result["unpaired"]["images"]) + len(result["unpaired"]["labels"])
    if result["broken"] or lone:
        raise DataError("%d files are broken and %d have no partner" % (len(result["broken"]), lone),
                        "mend them or take them out, or leave --strict away to go on without them")
