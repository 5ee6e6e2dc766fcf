"""`dance-edge scan`: how much there is to see in a data set's images or a video's frames."""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import click

from dance_edge.cli.options import json_option
from dance_edge.cli.progress import Listener

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

    with Listener() as listener:
        result, scanned = run_scan(config, listener)
    if config.json_path:
        write_json(config.json_path, result)
    _print(result, scanned, config)
    if config.strict:
        _refuse_faults(result)


def run_scan(config: ScanConfig, listener: Listener) -> Tuple[Dict[str, Any], Scanned]:
    """Measure, fit, write the scan's folder; the keys of `scan --json`. Nothing is printed."""
    import os

    import numpy as np

    from dance_edge.complexity.policy import SlimPolicy
    from dance_edge.complexity.profile import fit_profile
    from dance_edge.data.groups import group_items
    from dance_edge.data.starvation import starvation_warnings
    from dance_edge.events import Warned
    from dance_edge.report.scan_files import PROFILE, write_scan

    scanned = _video(config, listener) if os.path.isfile(config.path) else _dataset(config, listener)
    complexities = np.array([item.complexity for item in scanned.items])
    profile = fit_profile(complexities, scanned.measured_size, scanned.name, config.indicator)
    groups = group_items(scanned.items, profile, SlimPolicy())
    starved = [] if os.path.isfile(config.path) else starvation_warnings(scanned.items, profile, SlimPolicy())
    for line in _doubts(profile) + starved:  # nobody trains on a video, which has no labels
        listener(Warned(line))
    out = config.out or os.path.join("runs", "scan-" + scanned.name)
    write_scan(out, scanned.rows, profile, scanned.load, listener)
    result = dict(scanned.facts, format=FORMAT, name=scanned.name, path=config.path,
                  measured_size=list(scanned.measured_size), indicator=config.indicator, loc=float(profile.loc),
                  scale=float(profile.scale), ks_distance=profile.ks_distance, mean=float(complexities.mean()),
                  sample_count=profile.sample_count, fits=profile.to_dict()["fits"],
                  groups=[group.to_dict() for group in groups],
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
    for count, one, more in ((len(result.broken), "file cannot be decoded", "files cannot be decoded"),
                             (lone, "file has no partner", "files have no partner"),
                             (len(result.unfit), "label does not fit its image or the layout",
                              "labels do not fit their images or the layout")):
        if count:
            on_event(Warned("%d %s" % (count, one if count == 1 else more)))
    in_fit = set(fitted)
    rows = [Row(one.split, one.key, one.image, one.group, result.of(one).size, result.of(one).complexity,
                result.of(one).brightness, one in in_fit) for one in whole]
    facts = {
        "layout": dataset.layout, "classes": list(dataset.classes.names) if dataset.classes else [],
        "label_encoding": dataset.label_encoding if dataset.labelled else None,
        "images": sum(1 for one in whole if one.label is not None or not dataset.labelled),
        "splits": {name: len(result.whole(records)) for name, records in sorted(dataset.splits.items())},
        **_class_facts(dataset, result),
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
        "splits": {"": len(rows)}, "class_shares": None, "class_images": None, "void_share": None, "broken": [],
        "unpaired": {"images": [], "labels": []}}
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


def _class_facts(dataset: Any, result: Any) -> Dict[str, Any]:
    """By class its part of all pixels that have one, and in how many images it is; void's part of all pixels."""
    if dataset.classes is None or not dataset.labelled:
        return {"class_shares": None, "class_images": None, "void_share": None}
    pixels = [one.pixels for one in result.measured.values()]
    names = dataset.classes.names
    counts = [sum(one.get(i, 0) for one in pixels) for i in range(len(names))]
    everything = sum(sum(one.values()) for one in pixels)
    return {"class_shares": {name: count / max(1, sum(counts)) for name, count in zip(names, counts)},
            "class_images": {name: sum(1 for one in pixels if one.get(i, 0)) for i, name in enumerate(names)},
            "void_share": 1.0 - sum(counts) / max(1, everything)}


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
        lines.append("%d classes, labels are %s, %.1f %% of the pixels are void" % (
            len(result["classes"]), result["label_encoding"], 100.0 * result["void_share"]))
    values = [row.complexity for row in scanned.rows]
    lines += ["complexity by %s at %s: %.3f to %.3f; mean of the %d that the profile is fitted to: %.3f"
              % (config.indicator, scanned.measured_size.wxh, min(values), max(values), result["sample_count"],
                 result["mean"])]
    for line in lines + _fit_lines(result["fits"]) + _fault_lines(result):
        say(line, config.json_path)
    if result["class_shares"]:
        table(("class", "pixels", "images"),
              [(name, "%.2f %%" % (100.0 * share), str(result["class_images"][name]))
               for name, share in result["class_shares"].items()], "", config.json_path)
    _print_groups(result["groups"], config)
    say("files in " + result["out"], config.json_path)


def _fit_lines(fits: Dict[str, Any]) -> List[str]:
    return ["Maxwell, %s: loc %.3f, scale %.3f, KS distance %.3f%s" % (
        name, fits[way]["loc"], fits[way]["scale"], fits[way]["ks_distance"], " (kept)" if fits["kept"] == way else "")
        for way, name in (("fixed", "location 0"), ("free", "free location"))]


def _print_groups(groups: List[Dict[str, Any]], config: ScanConfig) -> None:
    """How images and pull are shared out, by sequence and by brightness; a kind of one group says nothing."""
    from dance_edge.cli.output import say, table

    sequences = [one for one in groups if one["kind"] == "sequence"]
    shown = [one for one in groups if one["kind"] == "brightness"]
    if len(sequences) > _SHOWN:
        say("%d sequences, too many to print; --json has them" % len(sequences), config.json_path)
    elif len(sequences) > 1:
        shown = sequences + shown
    if shown:
        table(("group", "images", "share", "mean p", "pull"),
              [(one["name"], str(one["images"]), "%.1f %%" % (100.0 * one["share"]), "%.2f" % one["mean_p"],
                "%.1f %%" % (100.0 * one["pull"])) for one in shown], "", config.json_path)


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
