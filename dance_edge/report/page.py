"""A page of sections, once as Markdown and once as one HTML file that holds its pictures. Needs no template engine, so
that a board that only serves has it too."""
import base64
import html
from typing import Mapping, NamedTuple, Sequence, Tuple

STYLE = """body { font: 15px/1.5 sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top; }
img { max-width: 100%; }"""


class Section(NamedTuple):
    """Paragraphs (`lines`), then a table of cells, then a list; `picture` names one of the page's, `alt` says it in
    words. What is empty is left out."""

    title: str
    lines: Tuple[str, ...] = ()
    columns: Tuple[str, ...] = ()
    rows: Sequence[Sequence[str]] = ()
    items: Sequence[str] = ()
    picture: str = ""
    alt: str = ""


def markdown(title: str, sections: Sequence[Section]) -> str:
    """Without the pictures; a section that is nothing but one is left out."""
    lines = ["# " + title]
    for section in sections:
        if not (section.lines or section.rows or section.items):
            continue
        lines += ["", "## " + section.title] if section.title else []
        for line in section.lines:
            lines += ["", line]
        if section.rows:
            lines += ["", _row(section.columns), "|" + "---|" * len(section.columns)]
            lines += [_row(row) for row in section.rows]
        lines += [""] + ["- " + item for item in section.items] if section.items else []
    return "\n".join(lines) + "\n"


def page_html(title: str, sections: Sequence[Section], pictures: Mapping[str, bytes]) -> str:
    """`pictures` are PNG files by name; a section whose picture is not there stands without."""
    parts = ["<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
             "<title>%s</title>" % html.escape(title), "<style>", STYLE, "</style>", "</head>", "<body>",
             "<h1>%s</h1>" % html.escape(title)]
    for section in sections:
        parts += _section(section, pictures)
    return "\n".join(parts + ["</body>", "</html>"]) + "\n"


def _section(section: Section, pictures: Mapping[str, bytes]) -> Sequence[str]:
    shown = pictures.get(section.picture)
    if not (section.lines or section.rows or section.items or shown):
        return []
    parts = ["<h2>%s</h2>" % html.escape(section.title)] if section.title else []
    parts += ["<p>%s</p>" % html.escape(line) for line in section.lines]
    if section.rows:
        parts += ["<table>", _cells("th", section.columns)] + [_cells("td", row) for row in section.rows] + ["</table>"]
    if section.items:
        parts += ["<ul>"] + ["<li>%s</li>" % html.escape(item) for item in section.items] + ["</ul>"]
    if shown:
        parts.append('<img src="%s" alt="%s">' % (data_uri(shown), html.escape(section.alt, quote=True)))
    return parts


def data_uri(png: bytes) -> str:
    """A PNG as text that stands in for its address."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "<tr>%s</tr>" % "".join("<%s>%s</%s>" % (tag, html.escape(cell), tag) for cell in cells)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
