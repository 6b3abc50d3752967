"""The uncertain guesses of a draft, one after the other: what was found, the first values, and the likely answers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import yaml

from bowlby.config.guesses import MARK, UNSURE
from bowlby.config.study import ROW
from bowlby.drafting.study_text import WHOM, Part, flow
from bowlby.drafting.tables import Table
from bowlby.instruments.catalogue import list_instruments

KEYS = {"who": ("person", "therapist"), "when": ("column",)}
"""Keys of the study file in which several columns are candidates, and under which of theirs."""
SHOWN_COLUMNS, SHOWN_VALUES, WIDTH = 3, 5, 100
LATER = "decide later"
MEASURES, EMPTY = "    measures:", "      []"
PLACEHOLDER = re.compile(r"\\\{(?:n(?::0?\d+)?|t)\\\}")


@dataclass(frozen=True)
class Question:
    """One guess.

    Attributes
    ----------
    number : int
        Position of its line in the draft, from 0.
    line, why : str
        The guess, and what it rests on.
    values : list of str
        ``column: first values``; of persons, so it is shown and never kept.
    answers : list of (str, str or None)
        What can be chosen, and the line that is then written; None takes the line out.
    """

    number: int
    line: str
    why: str
    values: list[str]
    answers: list[tuple[str, str | None]]


def questions(text: str, parts: list[Part]) -> Iterator[Question]:
    """The guesses of a draft study file that rest on little or have other candidates, in its order.

    Parameters
    ----------
    text : str
        The draft.
    parts : list of Part
        The tables that it describes, in its order.
    """
    tables = iter(parts)
    table: Table | None = None
    for number, whole in enumerate(text.splitlines()):
        if whole.startswith("  - path: "):
            table = next(tables).table
        line, mark, why = whole.partition(f"  {MARK} ")
        if mark and table is not None and (answers := _answers(line, why, table)):
            columns = [c for c in table.columns if _named(c, _texts(_parsed(line)))]
            yield Question(number, line.strip(), why, [_first(table, c) for c in columns[:SHOWN_COLUMNS]], answers)


def walk(text: str, parts: list[Part], reply: Callable[[str], str], show: Callable[[str], None]) -> str:
    """The draft with the answers in it; a guess that was answered has no mark any more.

    Parameters
    ----------
    text, parts
        As of :func:`questions`.
    reply : callable
        Shows a prompt and gives what was typed; ``EOFError`` leaves the rest for later.
    show : callable
        Shows one line.
    """
    asked = list(questions(text, parts))
    chosen: dict[int, str | None] = {}
    if not asked:
        show("no guess is uncertain, so nothing is asked")
    for k, one in enumerate(asked, 1):
        show(f"\n{k} of {len(asked)}: {one.line[:WIDTH]}")
        for line in [*textwrap.wrap(one.why, WIDTH), *one.values]:
            show(f"    {line[:WIDTH]}")
        for n, (label, _) in enumerate(one.answers, 1):
            show(f"  {n}  {label}")
        try:
            number = _choice(reply, show, len(one.answers))
        except EOFError:
            break
        if number:
            chosen[one.number] = one.answers[number - 1][1]
    lines = enumerate(text.splitlines())
    kept = [line for number, old in lines if (line := chosen.get(number, old)) is not None]
    return "\n".join(_without_empty(kept)) + "\n"


def _choice(reply: Callable[[str], str], show: Callable[[str], None], most: int) -> int:
    """The number of an answer, 0 for none of them."""
    while (typed := reply(f"1 to {most}, or Enter to {LATER}: ").strip()) != "":
        if typed.isdecimal() and 1 <= int(typed) <= most:
            return int(typed)
        show(f"there is no answer {typed[:20]}")
    return 0


def _answers(line: str, why: str, table: Table) -> list[tuple[str, str | None]]:
    """What can be said of a marked line; nothing where the guess is likely and has no other candidate."""
    if line.lstrip().startswith("# - {"):
        used = line.replace("# - {", "- {", 1)
        own, could = re.search(r"instrument: (\w+)", used), re.search(r"could be ([\w, ]+)", why)
        names = [n for n in re.findall(r"\w+", could[1]) if n in list_instruments()] if own and could else []
        like = [(f"use it as {n}", used.replace(own[0], f"instrument: {n}", 1)) for n in names if own]
        return [("use it", used), *like, ("leave it out", None)]
    if others := list(_others(line, why, table)):
        return [("the guess is correct", line), *others]
    if not why.startswith(UNSURE):
        return []
    if line.lstrip().startswith("- {"):
        about = [("it is about the therapist", line.replace(", ", ", about: therapist, ", 1))] if WHOM in why else []
        return [("the guess is correct", line), *about, ("leave it out", None)]
    return [("the guess is correct", line)]


def _others(line: str, why: str, table: Table) -> Iterator[tuple[str, str]]:
    """The line with each other candidate that its mark names."""
    said = _parsed(line)
    if not isinstance(said, dict) or len(said) != 1:
        return
    ((key, parsed),) = said.items()
    if key == "who" and parsed.get("person") == ROW:
        apart = [n for n, c in table.columns.items() if c.n == len(table.raw.frame) == c.distinct and not c.dates]
        for name in apart[:SHOWN_COLUMNS]:
            yield f"person: {name}", f"    who: {flow(parsed | {'person': name})}"
    for part in why.removeprefix(UNSURE).split("; "):
        field, found, names = part.partition("or ")
        if not found or field.strip() not in ("", "person", "therapist"):
            continue
        for name in [n for n in table.columns if n in names] if key != "dates" else names.split(", "):
            head = f"{line[: len(line) - len(line.lstrip())]}{key}: "
            if isinstance(parsed, dict):
                at = field.strip() or next(k for k in KEYS.get(key, ("column",)) if k in parsed)
                yield f"{at}: {name}", head + flow(parsed | {at: name})
            elif isinstance(parsed, str):
                yield f"{key}: {name}", f"{line[: line.index(key)]}{flow({key: name})[1:-1]}"


def _parsed(line: str) -> object:
    try:
        return yaml.safe_load(line.strip().lstrip("# "))
    except yaml.YAMLError:
        return None


def _texts(value: object) -> Iterator[str]:
    """All texts of a parsed line but its keys."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None:
        yield str(value)


def _named(column: str, texts: Iterable[str]) -> bool:
    """Whether a text is a column's name, or a pattern of it."""
    return any(re.fullmatch(PLACEHOLDER.sub(".+?", re.escape(text)), column) for text in texts)


def _first(table: Table, column: str) -> str:
    cells = table.raw.text(column).str.strip()
    return f"{column}: {', '.join(cells[cells != ''].head(SHOWN_VALUES))}"


def _without_empty(lines: list[str]) -> list[str]:
    """The lines, with the sign of an empty list under each `measures:` that has no entry, and under no other."""
    out: list[str] = []
    entries: int | None = None  # of the list that is open
    for line in [*lines, ""]:
        if entries is not None and not line.startswith("      "):
            out += [] if entries else [EMPTY]
            entries = None
        if line == MEASURES:
            entries = 0
        elif entries is not None:
            entries += line.startswith("      - ")
        if line != EMPTY:
            out.append(line)
    return out[:-1]
