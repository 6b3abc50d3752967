"""A section of the page: the interface that every file in ``sections`` keeps, its templates and its figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from bowlby.results import Results
from bowlby.tables.words import typeset


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    id : str
        Its anchor.
    title : str
        Its heading, which the table of contents repeats.
    html : Markup
        Content under the heading, already escaped.
    """

    id: str
    title: str
    html: Markup


Build = Callable[[Results], Section | None]


@cache
def templates():
    """The page's templates; everything put into them is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bowlby.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css_text"] = css_text
    return environment


def css_text(text: str) -> Markup:
    r"""Text inside a string of a style sheet: all but plain letters, digits and spaces by their code points.

    Examples
    --------
    >>> print(css_text('A "b" </style'))
    A \22 b\22  \3c \2f style
    """
    return Markup("".join(c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in str(text)))


def render(template: str, **values) -> Markup:
    """Fill a template."""
    return Markup(templates().get_template(template).render(**values))


def folded(title: str, html: Markup) -> Markup:
    """A part that opens when its title is chosen."""
    return Markup("<details><summary>{}</summary>{}</details>").format(title, html)


DROPPED = re.compile(
    r"<metadata>.*?</metadata>|<!--.*?-->|<style type=\"text/css\">[^<]*</style>|\s+xmlns(?::\w+)?=\"[^\"]*\"",
    re.DOTALL,
)


def inline(path: Path) -> str:
    """An SVG for the page: without prologue, metadata and style of its own, and with ids of its own."""
    text = path.read_text("utf-8")
    text = DROPPED.sub("", text[text.index("<svg") :]).replace("xlink:href=", "href=")
    for mark in ('id="', "url(#", 'href="#'):
        text = text.replace(mark, f"{mark}{path.stem}-")
    return text


def drawn(results: Results, name: str) -> pd.DataFrame | None:
    """What a figure shows; None where it was not drawn or has nothing to show."""
    table = results.table(f"figures/data/{name}.csv")
    return None if table is None or table.empty else table


def see(results: Results, name: str) -> Markup:
    """A sentence that refers to a figure, numbered once the page is whole; empty where it is not drawn."""
    if not (results.folder / f"figures/{name}.svg").is_file():
        return Markup("")
    return Markup(' See <a href="#figure-{}">Figure</a>.').format(name)


UNNUMBERED = '<figcaption class="caption"><b></b>'
REFERENCE = re.compile(r'(<a href="#figure-([\w-]+)">Figure)(?=</a>)')


def numbered(page: str) -> str:
    """A page with its figures numbered in reading order, in captions and in what refers to them.

    Tables without a file, which have no number of their own, are numbered S1, S2 and so on.

    Examples
    --------
    >>> numbered('<a href="#figure-b">Figure</a> <figure id="figure-a"></figure><figure id="figure-b"></figure>')
    '<a href="#figure-b">Figure 2</a> <figure id="figure-a"></figure><figure id="figure-b"></figure>'
    """
    order = {name: k for k, name in enumerate(re.findall(r'<figure[^>]* id="figure-([\w-]+)"', page), start=1)}
    page = REFERENCE.sub(lambda found: f"{found[1]} {order[found[2]]}", page)
    first, *others = page.split(UNNUMBERED)
    return first + "".join(f"{UNNUMBERED[:-4]}Table S{k}</b>{rest}" for k, rest in enumerate(others, start=1))


def figure(results: Results, name: str, *, alt: str, caption: str) -> Markup:
    """A figure on its card, with its alternative text, caption and where its data are; empty where not drawn."""
    path = results.folder / f"figures/{name}.svg"
    if not path.is_file():
        return Markup("")
    return render("figure.html", name=name, svg=Markup(inline(path)), alt=alt, caption=caption)


def answer(record: Mapping[str, Any]) -> Markup:
    """The finding in large letters, and what it rests on."""
    said = typeset(record["sentence"])
    finding = typeset(record.get("finding") or "") or said
    rest = Markup('<p class="sentence">{}</p>').format(said.removeprefix(finding).strip())
    return Markup('<p class="answer">{}</p>').format(finding) + (rest if finding != said else "")


def count_and_share(row: Mapping[str, Any]) -> tuple[str, str]:
    """A count of persons and its share in percent; ``hidden`` where it could identify a person."""
    n, of = pd.to_numeric(row["count"], errors="coerce"), pd.to_numeric(row["of"], errors="coerce")
    if row["suppressed"] == "True" or not n >= 0:
        return "hidden", "–"
    return f"{n:,.0f}", f"{100 * n / of:.0f}%" if of > 0 else "–"
