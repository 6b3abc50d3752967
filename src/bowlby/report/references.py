"""Works cited: a mark ``[[key]]`` in a text becomes the work's short form; the list of references follows from it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

MARK = re.compile(r"\[\[([a-z]+)\]\]")
ENTRY = re.compile(r"^@\w+\{(\w+),\n(.*?)^\}$", re.DOTALL | re.MULTILINE)
FIELD = re.compile(r"^  (\w+) = \{(.*)\},$", re.MULTILINE)


@cache
def works() -> dict[str, tuple[str, str]]:
    """Works of ``references.bib`` by key, each in short form and as a reference in the style of the APA."""
    text = files("bowlby.report").joinpath("references.bib").read_text("utf-8")
    return {key: _printed(dict(FIELD.findall(fields))) for key, fields in ENTRY.findall(text)}


def _printed(work: dict[str, str]) -> tuple[str, str]:
    names, year = work["author"].split(" and "), work["year"]
    families = [name.split(", ")[0] for name in names]
    others = "others" in names
    short = f"{families[0]} et al." if len(names) > 2 or others else " & ".join(families)
    listed = f"{names[0]}, et al." if others else ", ".join([*names[:-1], f"& {names[-1]}"]) if names[1:] else names[0]
    where = [work.get("journal") or work["booktitle"], work.get("volume"), work["pages"].replace("--", "-")]
    said = f"{listed} ({year}). {work['title']}. {', '.join(filter(None, where))}. doi:{work['doi']}"
    return f"{short}, {year}", said


def cite(text: str) -> str:
    """A text with its marks in short form.

    Examples
    --------
    >>> cite("tested as a union of tests ([[berger]])")
    'tested as a union of tests (Berger, 1982)'
    """
    return MARK.sub(lambda mark: works()[mark[1]][0] if mark[1] in works() else mark[0], text)


def cited(texts: list[str]) -> set[str]:
    """Full forms of the works that texts have marks of."""
    return {works()[key][1] for text in texts for key in MARK.findall(text) if key in works()}


SOURCE = re.compile(r"(?P<authors>(?:et al\.|[^().])+) \((?P<year>\d{4})\) (?P<rest>.*)")
PLACE = re.compile(r"^(.*?),? (\d+)(\(\d+\))?:(?=\d)")
PAGES = re.compile(r"(?<=\d)-(?=\d)")


def in_style(work: str) -> str:
    """A reference as printed: sources of questionnaires like the other works, pages with a dash.

    Examples
    --------
    >>> in_style("Kroenke, Spitzer & Williams (2001) J Gen Intern Med 16:606-613. doi:10.1046/j.1-2")
    'Kroenke, Spitzer, & Williams (2001). J Gen Intern Med, 16, 606–613. doi:10.1046/j.1-2'
    """
    if found := SOURCE.fullmatch(work):
        authors = re.sub(r"(, [^,&]+) & ", r"\1, & ", found["authors"])
        place = PLACE.sub(r"\1, \2\3, ", found["rest"])
        work = f"{authors} ({found['year']}). {place}"
    said, mark, doi = work.partition("doi:")
    return PAGES.sub("–", said) + mark + doi
