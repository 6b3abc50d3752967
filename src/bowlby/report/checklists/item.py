"""An item of a checklist, and what a run can say to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from bowlby.results import Results

Answer = Callable[[Results], str | None]


@dataclass(frozen=True)
class Item:
    """What a checklist asks for.

    Attributes
    ----------
    part : str
        Part of the paper.
    number : str
        The item's number, or its topic where the checklist has no numbers.
    asks : str
        What it asks, in our own words.
    answer : callable, optional
        What a run knows of it: text, or None where this run knows nothing.
    rest : str
        What only the authors know; empty where the run knows all of it.
    """

    part: str
    number: str
    asks: str
    answer: Answer | None = None
    rest: str = ""


@dataclass(frozen=True)
class Checklist:
    """A checklist with its source."""

    name: str
    head: str
    source: str
    items: list[Item]


def filled(checklist: Checklist, results: Results) -> list[dict]:
    """Its items with the run's answers: part, number, asks, says (None where nothing is known), rest."""
    rows = []
    for item in checklist.items:
        says = item.answer(results) if item.answer else None
        row = {"part": item.part, "number": item.number, "asks": item.asks, "says": says}
        rows.append(row | {"rest": item.rest if says else ""})
    return rows


def see(section: str, title: str) -> Markup:
    """A link to a section of the page."""
    return Markup('<a href="#{}">{}</a>').format(section, title)


def said(*pieces) -> Markup | None:
    """Pieces of text as one, without those that are empty; None where nothing is left."""
    kept = [Markup.escape(piece) for piece in pieces if piece]
    return Markup(" ").join(kept) if kept else None
