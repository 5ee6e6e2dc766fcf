"""What a command answers with: a JSON object for machines, lines and tables for people."""
import json
import math
import os
import re
import stat
import sys
from typing import Any, Optional, Sequence

import click

from dance_edge.errors import ConfigError

FIGURE = re.compile(r"[-+~]?\.?\d|-?$")  # how a cell of a column of figures begins; a dash for one that is not known


def write_json(path: str, result: Any) -> None:
    """Write `result` as JSON to the file `path`, whole or not at all; `-` is stdout.

    Nothing is added. What is not a number (nan, inf) becomes null; numpy's numbers and arrays become plain ones.
    """
    text = json.dumps(_plain(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if path == "-":
        click.echo(text, nl=False)
        return
    try:
        _write(path, text)
    except OSError as reason:
        raise ConfigError("cannot write %s: %s" % (path, reason.strerror or reason),
                          "give --json a file in a folder that can be written to, or -")


def say(text: str, json_path: Optional[str] = None) -> None:
    """A line of the result. With `--json -` stdout is the object's alone, so that the line goes to stderr."""
    click.echo(text, err=json_path == "-")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "",
          json_path: Optional[str] = None) -> None:
    """Print `rows` of cells under `columns`, columns of figures to the right. stdout as in `say`."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = sys.stderr if json_path == "-" else sys.stdout
    drawn = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left")
    for i, column in enumerate(columns):
        figures = all(FIGURE.match(row[i]) for row in rows)
        drawn.add_column(Text(column), justify="right" if figures else "left", no_wrap=i == 0)
    for row in rows:
        drawn.add_row(*[Text(cell) for cell in row])
    # Into a pipe or a file a table is as wide as it needs to be, so that no cell is cut or broken.
    width = None if stream.isatty() else 240
    Console(file=stream, width=width, highlight=False).print(drawn)


def _plain(value: Any) -> Any:
    """`value` with JSON's own types only."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _plain(value.tolist())
    raise TypeError("%s does not go into JSON" % type(value).__name__)


def _write(path: str, text: str) -> None:
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):  # /dev/null, a pipe: never replaced
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    target = os.path.realpath(path)  # through a symbolic link, not over it
    partial = "%s.%d.part" % (target, os.getpid())
    try:
        with open(partial, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, target)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise
