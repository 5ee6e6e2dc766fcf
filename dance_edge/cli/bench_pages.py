"""What a bench leaves: tables on stdout, and bench.md, bench.json, bench.html and bench_power.csv in a folder."""
import os
from typing import TYPE_CHECKING, Optional

from dance_edge.bench.compare import (
    AGAINST_COLUMNS,
    COLUMNS,
    RUNG_COLUMNS,
    against_rows,
    rows,
    rung_rows,
    savings,
    training_line,
)
from dance_edge.bench.findings import Findings
from dance_edge.bench.page import TITLE, energy_lines, sections
from dance_edge.cli.output import say, table, write_json
from dance_edge.errors import ConfigError
from dance_edge.events import OnEvent, Warned
from dance_edge.report.page import markdown

if TYPE_CHECKING:
    from dance_edge.cli.benching import Benched


def show(found: Findings, json_path: Optional[str]) -> None:
    """On stdout; with `--json -` on stderr."""
    table(COLUMNS, rows(found.measured), json_path=json_path)
    if any(len(one.rungs) > 1 for one in found.measured):
        table(RUNG_COLUMNS, rung_rows(found.measured), json_path=json_path)
    if len(found.against) > 1:
        table(AGAINST_COLUMNS, against_rows(found.measured, found.against), json_path=json_path)
    lines = savings(found.measured, found.against) + [training_line(cost, "training of " + name)
                                                      for name, cost in found.costs] + energy_lines(found)
    for line in lines:
        say(line, json_path)


def write_pages(benched: "Benched", on_event: OnEvent) -> Optional[str]:
    """The page to look at first; None where nothing is to be written, or cannot be."""
    from dance_edge.atomic import replace_file

    found, folder = benched.found, benched.folder
    if folder is None:
        return None
    try:
        os.makedirs(folder, exist_ok=True)
        write_json(os.path.join(folder, "bench.json"), found.to_dict())
        with replace_file(os.path.join(folder, "bench.md")) as file:
            file.write(markdown(TITLE, sections(found)).encode("utf-8"))
    except (OSError, ConfigError) as reason:  # a run on a read-only disk can be measured all the same
        on_event(Warned("bench.md and bench.json were not written: %s" % reason))
        return None
    return os.path.relpath(os.path.join(folder, "bench.md"))
