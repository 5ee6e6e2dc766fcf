"""What a bench leaves: tables on stdout, and bench.md, bench.json, bench.html and bench_power.csv in a folder."""
import os
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from dance_edge.atomic import replace_file, temporary_name
from dance_edge.bench import against, paper
from dance_edge.bench.charts import charts
from dance_edge.bench.compare import (
    AGAINST_COLUMNS,
    COLUMNS,
    RUNG_COLUMNS,
    against_rows,
    rows,
    rung_rows,
    savings,
)
from dance_edge.bench.page import TITLE, energy_lines, sections, training_lines
from dance_edge.cli.benching import Benched
from dance_edge.cli.output import say, table, write_json
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.report.page import Section, markdown, page_html

PAGE, HTML, JSON, TRACE = "bench.md", "bench.html", "bench.json", "bench_power.csv"


def show(benched: Benched, json_path: Optional[str]) -> None:
    """On stdout; with `--json -` on stderr."""
    found = benched.found
    table(COLUMNS, rows(found.measured), json_path=json_path)
    if any(len(one.rungs) > 1 for one in found.measured):
        table(RUNG_COLUMNS, rung_rows(found.measured), json_path=json_path)
    if len(found.against) > 1:
        table(AGAINST_COLUMNS, against_rows(found.measured, found.against), json_path=json_path)
    for line in savings(found.measured, found.against) + training_lines(found) + energy_lines(found):
        say(line, json_path)
    if benched.changes is not None:
        table(against.COLUMNS, [one.cells() for one in benched.changes.changes],
              title="now against %s" % benched.changes.path, json_path=json_path)
    if benched.paper:
        beside = paper.section(found)
        table(beside.columns, beside.rows, title="beside the paper: only ratios compare", json_path=json_path)


def pages(benched: Benched) -> List[Section]:
    """The whole bench, with what was asked for besides."""
    found = sections(benched.found)
    beside = [benched.changes.section()] if benched.changes is not None else []
    beside += [paper.section(benched.found)] if benched.paper else []
    return found[:1] + beside + found[1:]


def write_pages(benched: Benched, on_event: OnEvent) -> Optional[str]:
    """The page to look at first; None where nothing is to be written, or that page cannot be. What cannot be written is
    said, and the rest is written all the same."""
    folder = benched.folder
    if folder is None:
        return None
    whole = pages(benched)
    drawn = page_html(TITLE, whole, _pictures(benched, on_event))
    failed = _write_each(folder, (
        (JSON, lambda path: write_json(path, benched.result())),
        (PAGE, lambda path: _write_text(markdown(TITLE, whole), path)),
        (HTML, lambda path: _write_text(drawn, path)),
        (TRACE, lambda path: _write_trace(benched, path))))
    if failed:
        on_event(Warned("not written: %s (%s)" % (", ".join(failed), list(failed.values())[0])))
    return None if PAGE in failed else os.path.relpath(os.path.join(folder, PAGE))


def _write_each(folder: str, files: Sequence[Tuple[str, Callable[[str], None]]]) -> Dict[str, str]:
    """Write `files` into `folder`; of those that could not be, why. A run on a read-only disk can be measured too."""
    failed = {}
    for name, write in files:
        try:
            os.makedirs(folder, exist_ok=True)
            write(os.path.join(folder, name))
        except OSError as reason:
            failed[name] = str(reason)
        except ConfigError as reason:
            failed[name] = reason.message
    return failed


def _write_text(text: str, path: str) -> None:
    with replace_file(path) as file:
        file.write(text.encode("utf-8"))


def _pictures(benched: Benched, on_event: OnEvent) -> Dict[str, bytes]:
    sampler = benched.meter.sampler_of(_source(benched))
    columns = None if sampler is None else sampler.trace.columns()
    try:
        return charts(benched.found, columns)
    except ConfigError as reason:
        on_event(Note("%s without its charts: %s" % (HTML, reason.message)))
        return {}


def _write_trace(benched: Benched, path: str) -> None:
    """The samples of this bench alone; without a sensor an earlier bench's would be taken for this one's."""
    if benched.meter.sensor is None:
        if os.path.exists(path):
            os.remove(path)
        return
    temporary = temporary_name(path)
    try:
        benched.meter.write_csv(temporary, _source(benched))
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def _source(benched: Benched) -> str:
    """The sensors that the joules shown come from, so that what is drawn and kept is what they were made of."""
    return " + ".join(dict.fromkeys(one.energy.source for one in benched.found.measured))
