"""Figures inside the page."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from bowlby.report.section import render
from bowlby.results import Results

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


def figure(results: Results, name: str, *, alt: str, caption: str) -> Markup:
    """A figure on its card, with its alternative text, caption and where its data are; empty where not drawn."""
    path = results.folder / f"figures/{name}.svg"
    if not path.is_file():
        return Markup("")
    return render("figure.html", name=name, svg=Markup(inline(path)), alt=alt, caption=caption)
