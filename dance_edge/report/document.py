"""A run's report: JSON for machines, Markdown and one HTML page for people, from the same facts."""
import os
from typing import Any, Dict, List, Tuple

from dance_edge import history
from dance_edge.atomic import replace_file
from dance_edge.energy.reading import reading_from_dict
from dance_edge.errors import ConfigError
from dance_edge.report.curves import draw_curves
from dance_edge.report.joules import energy_words
from dance_edge.report.numbers import percent
from dance_edge.report.page import data_uri
from dance_edge.report.pruned import Pruned, draw_pruned, pruned_of
from dance_edge.run import write_json

CURVES, PRUNED = "curves.png", "pruned.png"
_TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")


def write_report(folder: str, facts: Dict[str, Any], manifest: Dict[str, Any], export: Dict[str, Any]) -> None:
    """Write report.json, report.md and report.html into `folder`; `facts` are those of `adapt --json`.

    The curves come from the folder's scalars.csv, if it is there. The Markdown names its pictures, which lie beside it;
    the HTML page holds them, so that it can be sent alone.
    """
    import jinja2

    write_json(os.path.join(folder, "report.json"), dict(facts, export=export))
    pruned = pruned_of(facts)
    drawn = _draw(folder, facts, pruned)
    context = {"facts": facts, "manifest": manifest, "export": export, "figures": figures(facts),
               "classes": class_rows(facts), "groups": group_rows(facts), "phases": phase_rows(facts), "pruned": pruned}
    for name, html in (("report.md", False), ("report.html", True)):
        environment = jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=html,
                                         trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
        pictures = {picture: _held(os.path.join(folder, picture)) if html else picture for picture in drawn}
        text = environment.get_template(name + ".j2").render(pictures=pictures, **context)
        with replace_file(os.path.join(folder, name)) as file:
            file.write(text.encode("utf-8"))


def _draw(folder: str, facts: Dict[str, Any], pruned: Pruned) -> List[str]:
    """Draw what there is to draw; the files' names. Without matplotlib there are none, and the tables stand alone."""
    rows = history.read_history(os.path.join(folder, history.FILE))
    drawn = []
    try:
        if rows:
            draw_curves(os.path.join(folder, CURVES), rows, [prune["step"] for prune in facts["prunes"]])
            drawn.append(CURVES)
        if pruned.layers:
            draw_pruned(os.path.join(folder, PRUNED), pruned)
            drawn.append(PRUNED)
    except ConfigError:
        return []
    return drawn


def _held(path: str) -> str:
    with open(path, "rb") as file:
        return data_uri(file.read())


def figures(facts: Dict[str, Any]) -> List[Tuple[str, str]]:
    """What a run came to, as names and texts; every joule with its source."""
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
        ("energy of the run", energy_words(reading_from_dict(facts["energy"]))),
    ]


def phase_rows(facts: Dict[str, Any]) -> List[Tuple[str, str, str]]:
    """What the run did, the seconds that it took of it, and the joules in words; in the order of doing."""
    readings = [(name, reading_from_dict(one)) for name, one in facts.get("energy_phases", {}).items()]
    return [(name, "%.1f" % one.duration_s, energy_words(one)) for name, one in readings]


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
