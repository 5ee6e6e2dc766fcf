"""A run's report: JSON for machines, Markdown and one HTML page for people, from the same facts."""
import os
from typing import Any, Dict, List, Tuple

from dance_edge.errors import ConfigError
from dance_edge.report.pruned import Pruned, draw_pruned, pruned_of
from dance_edge.run import replace_file, write_json

FIGURE = "pruned.png"
_TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")


def write_report(folder: str, facts: Dict[str, Any], manifest: Dict[str, Any], export: Dict[str, Any]) -> None:
    """Write report.json, report.md and report.html into `folder`; `facts` are those of `adapt --json`."""
    import jinja2

    write_json(os.path.join(folder, "report.json"), dict(facts, export=export))
    pruned = pruned_of(facts)
    context = {"facts": facts, "manifest": manifest, "export": export, "figures": figures(facts),
               "classes": class_rows(facts), "groups": group_rows(facts), "pruned": pruned,
               "figure": _figure(folder, pruned)}
    for name, escape in (("report.md", False), ("report.html", True)):
        environment = jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=escape,
                                         trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
        text = environment.get_template(name + ".j2").render(**context)
        with replace_file(os.path.join(folder, name)) as file:
            file.write(text.encode("utf-8"))


def _figure(folder: str, pruned: Pruned) -> str:
    """The name of the drawn figure; empty where nothing was in scope or matplotlib is missing."""
    if not pruned.layers:
        return ""
    try:
        draw_pruned(os.path.join(folder, FIGURE), pruned)
    except ConfigError:
        return ""
    return FIGURE


def figures(facts: Dict[str, Any]) -> List[Tuple[str, str]]:
    """What a run came to, as names and texts; every joule with its source."""
    energy = "-" if facts["energy_j"] is None else "%.4g J" % facts["energy_j"]
    return [
        ("mIoU on the target, before", percent(facts["miou_before"])),
        ("mIoU on the target, after", percent(facts["miou_after"])),
        ("optimizer steps", "%d of %d images" % (facts["steps"], facts["batch_size"])),
        ("images kept of those offered", "%d of %d" % (facts["images_kept"], facts["images_offered"])),
        ("pixels of the images kept", percent(facts["pixels_ratio"])),
        ("pixels of the images offered", percent(facts["pixels_ratio_offered"])),
        ("channels kept in scope", percent(facts["channels_kept"])),
        ("multiply-accumulates of the training", "%.4g P" % facts["macs_p"]),
        ("duration", "%.0f s" % facts["duration_s"]),
        ("energy of the training", "%s, %s" % (energy, facts["energy_source"])),
    ]


def class_rows(facts: Dict[str, Any]) -> List[Tuple[str, str, str]]:
    """Class name, IoU before, IoU after."""
    before = facts["before"]["per_class"] if facts["before"] else {}
    return [(name, percent(before.get(name)), percent(value)) for name, value in facts["after"]["per_class"].items()]


def group_rows(facts: Dict[str, Any]) -> List[Tuple[str, str, str, str, str]]:
    """Kind and name of a group of validation images, how many they are, mIoU before, mIoU after."""
    before = {(one.get("kind"), one["name"]): one["miou"] for one in (facts["before"] or {}).get("groups", [])}
    rows = []
    for one in facts["after"]["groups"]:
        kind = one.get("kind", "sequence")  # the only one that the first version had
        rows.append((kind, one["name"], str(one["images"]), percent(before.get((one.get("kind"), one["name"]))),
                     percent(one["miou"])))
    return rows


def percent(share: Any) -> str:
    """`0.123` as `12.3 %`; a figure that could not be had as `-`."""
    return "-" if share is None else "%.1f %%" % (100.0 * share)
