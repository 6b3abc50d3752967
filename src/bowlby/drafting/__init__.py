"""A draft study file from raw files: what a researcher would otherwise type by hand, with every guess marked."""

from __future__ import annotations

import re
from pathlib import Path

from bowlby.drafting.blocks import blocks
from bowlby.drafting.look import Look, is_redcap_dictionary, look
from bowlby.drafting.match import library, match
from bowlby.drafting.odd import odd_items
from bowlby.drafting.roles import ordered, roles
from bowlby.drafting.run import run_text
from bowlby.drafting.write import MARK, Part, study_text
from bowlby.errors import Place, UserError, problem
from bowlby.files import write_text

__all__ = ["MARK", "draft", "write_draft"]

UNITS = {"month": "months", "months": "months", "week": "weeks", "weeks": "weeks", "day": "days", "days": "days"}
TIMED = re.compile(r"(?P<unit>[A-Za-z]*)_?(?P<n>\d+(?:\.\d+)?)(?P<after>[A-Za-z]*)")
START = re.compile(r"(?:pre|prae|prä|baseline|bl|base|intake|aufnahme|admission|start|begin)\d*", re.IGNORECASE)
FIRST, DURING = "intake", "treatment"


def draft(paths: list[Path], folder: Path) -> dict[str, str]:
    """Draft of a study file and of a run's file.

    Parameters
    ----------
    paths : list of Path
        Raw files.
    folder : Path
        Where the draft will lie; paths are relative to it.

    Returns
    -------
    dict
        Name of the file: text. Both load; what is not known is ``FILL_IN``.

    Raises
    ------
    UserError
        For each file that cannot be read.
    """
    problems, parts = [], []
    known = library()
    described = [path for path in paths if path.is_file() and is_redcap_dictionary(path)]
    dictionary = described[0] if len(described) == 1 else None
    for path in paths:
        if path == dictionary and len(paths) > 1:
            continue
        try:
            parts += [_part(one, known) for one in look(path, dictionary)]
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    for part in parts:
        part.occasions = _occasions_of(part)
    names = ordered(list(dict.fromkeys(o for p in parts for o in p.occasions)))
    if len({tuple(p.occasions) for p in parts if p.occasions}) <= 1:
        names = next((p.occasions for p in parts if p.occasions), names)
    times, unit = _times(names, parts)
    name = Path(paths[0]).resolve().parent.name or "study"
    occasions = [{"id": o} | times.get(o, {}) for o in names or [FIRST]]
    return {
        "study.yaml": study_text(name, occasions, unit, parts, folder),
        "config.yaml": run_text(name, parts, [o["id"] for o in occasions], any("time" in o for o in occasions)),
    }


def write_draft(paths: list[Path], folder: Path) -> list[Path]:
    """Write the draft; nothing that is there is written over.

    Raises
    ------
    UserError
        If one of its files is there already, or a raw file cannot be read.
    """
    there = [name for name in ("study.yaml", "config.yaml") if (folder / name).exists()]
    if there:
        raise UserError(
            [
                problem("is there already", "name another folder with --into, or move it", Place(str(folder / n)))
                for n in there
            ]
        )
    texts = draft(paths, folder)
    return [write_text(folder / name, text) for name, text in texts.items()]


def _part(one: Look, known) -> Part:
    found = blocks(list(one.columns))
    matched = [(b, m) for b in found if (m := match(b, one.columns, known)) is not None]
    odd = odd_items(found, known, {c for b, m in matched if b.n or b.times for c in b.columns})
    asked = {c for o in odd for c in o.used}
    matched = [(b, m) for b, m in matched if not asked & set(b.columns)]
    taken = asked | {c for b, _ in matched for c in b.columns} | {c for b in found if b.n > 3 for c in b.columns}
    guessed = roles(one, taken)
    used = {guessed.person, guessed.therapist, guessed.site, guessed.occasion, guessed.session, guessed.date}
    matched = [(b, m) for b, m in matched if not used & set(b.columns)]
    done = {id(b) for b, _ in matched}
    return Part(one, guessed, matched, [b for b in found if id(b) not in done and not asked & set(b.columns)], odd)


def _occasions_of(part: Part) -> list[str]:
    if part.roles.role != "patient":
        return []
    found = list(part.roles.occasions)
    for block, _ in part.matched:
        extra = block.times or ([block.when] if block.when else [])
        found = [*(t for t in extra if START.fullmatch(t)), *found, *(t for t in extra if not START.fullmatch(t))]
    if not found and part.matched:
        found = [DURING if part.roles.session else FIRST]
    return ordered(list(dict.fromkeys(found))) if not part.roles.occasions else list(dict.fromkeys(found))


def _times(names: list[str], parts: list[Part]) -> tuple[dict[str, dict], str | None]:
    """Time of each occasion, where its name is a number, alone or with a unit."""
    split = {name: m for name in names if (m := TIMED.fullmatch(name))}
    kinds = {(m["unit"].lower(), m["after"].lower()) for m in split.values()}
    columns = [p.roles.occasion for p in parts if p.roles.occasion]
    unit = next((UNITS[w] for c in columns for w in re.findall("[a-z]+", c.lower()) if w in UNITS), None)
    main = [k for k in kinds if k[0] not in ("fu",)]
    if len(main) != 1:
        return {}, unit
    times = {
        name: {"time": _number(m["n"])}
        for name, m in split.items()
        if (m["unit"].lower(), m["after"].lower()) == main[0]
    }
    if main[0][1]:
        unit = {"d": "days", "w": "weeks", "wk": "weeks", "m": "months", "mo": "months", "y": "years"}.get(
            main[0][1], unit
        )
    starts = [n for n in names if START.fullmatch(n) and n not in times]
    if times and len(starts) == 1 and "0" not in {m["n"] for m in split.values()}:
        times[starts[0]] = {"time": 0}
    return times, unit


def _number(text: str) -> float | int:
    return float(text) if "." in text else int(text)
