"""One self-contained page, and the methods text."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from bowlby.files import atomic, write_text
from bowlby.report.methods import methods_text
from bowlby.report.methods_docx import write_docx
from bowlby.report.section import Section, inline, numbered, render
from bowlby.report.sections import APPENDIX, REPORT, SECTIONS
from bowlby.report.summary import summary
from bowlby.results import Results

__all__ = ["SECTIONS", "Results", "Section", "build", "build_report", "inline", "methods_text"]

LEADS = ("verdict", "pair", "course", "session-to-session", "scores")
"""Sections that answer the run's question; the first that a run has is its first screen."""


def build(folder: Path) -> list[Path]:
    """Write ``report.html``, ``methods.md``, ``methods.docx`` and ``summary.txt`` from the run's files."""
    folder = Path(folder)
    results = Results(folder)
    text = said(results)
    return [
        write_text(folder / "summary.txt", "".join(f"{line}\n" for line in summary(results))),
        write_text(folder / "methods.md", text),
        atomic(folder / "methods.docx", partial(write_docx, markdown=text)),
        write_text(folder / "report.html", _page(results)),
    ]


def said(results: Results) -> str:
    """The methods text in the run's words."""
    return results.wording(methods_text(results))


def build_report(folder: Path, missing: list[dict] | None = None, earlier: list[str] | None = None) -> str:
    """The page as text: the verdict, the contents, and the sections of report and appendix that the run has files for.

    Parameters
    ----------
    folder : Path
        ``results/<run>``.
    missing : list of dict, optional
        Parts of an unfinished run that are still to be made (see :mod:`bowlby.report.unfinished`).
    earlier : list of str, optional
        Files and folders of an earlier run that stand where these parts will be.

    Returns
    -------
    str
        HTML that loads nothing from anywhere.
    """
    return _page(Results(Path(folder)), missing, earlier)


def _page(results: Results, missing: list[dict] | None = None, earlier: list[str] | None = None) -> str:
    main, appendix = ([section for make in part if (section := make(results))] for part in (REPORT, APPENDIX))
    if missing:
        appendix = [section for section in appendix if section.id != "not-computed"]  # not known before the end
        left = render("missing.html", parts=missing, earlier=earlier or [])
        main.insert(0, Section("missing-parts", "What is missing", left))
    lead = main[0] if missing else next((section for section in main if section.id in LEADS), None)
    page = render("page.html", results=results, lead=lead, report=main, appendix=appendix, unfinished=bool(missing))
    return results.wording.page(numbered(without_dead_links(page)))


def without_dead_links(page: str) -> str:
    """A page whose links to absent sections are plain words.

    Examples
    --------
    >>> without_dead_links('<h2 id="a">A</h2><a href="#a">A</a> <a href="#b">B</a>')
    '<h2 id="a">A</h2><a href="#a">A</a> B'
    """
    there = set(re.findall(r'\bid="([^"]+)"', page))
    return re.sub(
        r'<a href="#([^"]+)">(.*?)</a>', lambda link: link.group(0 if link.group(1) in there else 2), str(page)
    )
