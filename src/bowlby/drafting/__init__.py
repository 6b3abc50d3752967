"""A draft study file from raw files: what a researcher would otherwise type by hand, with every guess marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bowlby.config.study import SESSIONS
from bowlby.drafting.columns import constant_within
from bowlby.drafting.matching import Instrument, Match, library, match, odd_items, sizes
from bowlby.drafting.naming import Block, blocks
from bowlby.drafting.occasions import START, ordered
from bowlby.drafting.roles import Roles, guess_roles, plain_id, therapist_ids
from bowlby.drafting.run_text import run_text
from bowlby.drafting.study_text import Part, occasions_of, study_text
from bowlby.drafting.tables import Table, is_redcap_dictionary, read_tables
from bowlby.drafting.vocabulary import keyed
from bowlby.errors import Place, UserError, existing, problem
from bowlby.files import write_text

__all__ = ["draft", "write_draft"]

UNITS = {"month": "months", "months": "months", "week": "weeks", "weeks": "weeks", "day": "days", "days": "days"}
TIMED = re.compile(r"(?P<unit>[A-Za-z]*)_?(?P<n>\d+(?:\.\d+)?)(?P<after>[A-Za-z]*)")
NEAR, MOST_STEPS = 1, 10
"""How far the ends of two columns' answers may lie apart, and most steps of an answer."""
FIRST = "intake"
Review = Callable[[str, list[Part]], str]


def draft(paths: list[Path], folder: Path, review: Review | None = None) -> dict[str, str]:
    """Draft of a study file and of a run's file.

    Parameters
    ----------
    paths : list of Path
        Raw files.
    folder : Path
        Where the draft will lie; paths are relative to it.
    review : callable, optional
        Given the study file's text and its parts, gives the text to write: :func:`bowlby.drafting.ask.walk`.

    Returns
    -------
    dict
        Name of the file: text. Both load; what is not known is ``FILL_IN``.

    Raises
    ------
    UserError
        For each file that cannot be read.
    """
    parts = _parts(_tables(paths), library())
    names = ordered(list(dict.fromkeys(o for p in parts for o in p.occasions)))
    if len({tuple(p.occasions) for p in parts if p.occasions}) <= 1:
        names = next((p.occasions for p in parts if p.occasions), names)
    times, unit = _times(names, parts)
    name = Path(paths[0]).resolve().parent.name or "study"
    occasions = [{"id": o} | times.get(o, {}) for o in names or [FIRST]]
    study = study_text(name, occasions, unit, parts, folder)
    return {
        "study.yaml": review(study, parts) if review else study,
        "config.yaml": run_text(name, parts, [o["id"] for o in occasions], any("time" in o for o in occasions)),
    }


def write_draft(paths: list[Path], folder: Path, review: Review | None = None) -> list[Path]:
    """Write the draft, reviewed as of :func:`draft`; nothing that is there is written over.

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
    texts = draft(paths, folder, review)
    return [write_text(folder / name, text) for name, text in texts.items()]


def _tables(paths: list[Path]) -> list[Table]:
    """All tables with data; code books only give labels to the others."""
    problems, found = [], []
    described = [path for path in paths if path.is_file() and is_redcap_dictionary(path)]
    dictionary = described[0] if len(described) == 1 else None
    for path in paths:
        if path == dictionary and len(paths) > 1:
            continue
        try:
            found += read_tables(path, dictionary)
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    books = [(table, book) for table in found if (book := table.code_book()) is not None]
    data = [t for t in found if not any(t is table for table, _ in books) and len(t.columns) > 1] or found
    for table in data:
        for _, book in books:
            table.add_labels(book)
    return data


def _parts(data: list[Table], known: list[Instrument]) -> list[Part]:
    """What each table is taken for; the therapists of one tell which other is theirs."""
    first = [_part(table, known, frozenset()) for table in data]
    therapists = frozenset(i for part in first for i in therapist_ids(part.table, part.roles))
    parts = []
    for part in first:
        others = therapists - therapist_ids(part.table, part.roles)
        final = _part(part.table, known, others) if others else part
        own = _of_therapists(final)
        parts += [final, own] if own else [final]
    texts = {t for part in parts for b, _ in part.matched for t in [*b.times, b.when] if t}
    for part in parts:
        part.same = {t: f"{u}{t}" for t in texts if t.isdigit() for u in "tT" if f"{u}{t}" in texts}
        part.occasions = _occasions_of(part)
    return parts


def _part(table: Table, known: list[Instrument], therapists: frozenset[str]) -> Part:
    columns = table.columns

    def alike(one: str, other: str) -> bool:
        a, b = columns[one], columns[other]
        if a.empty or b.empty or a.dates or b.dates or a.numeric != b.numeric:
            return False
        if not a.numeric:
            return bool(set(a.texts) & set(b.texts))
        ends = {existing(a.low), existing(b.low)}, {existing(a.high), existing(b.high)}
        return all(max(e) - min(e) <= NEAR for e in ends) and max(ends[1]) - min(ends[0]) <= MOST_STEPS

    found = blocks(list(columns), table.labels, sizes(known), alike)
    matched = [(b, m) for b in found if (m := match(b, columns, known)) is not None]
    odd = odd_items(found, known, {c for b, m in matched if b.n or b.times for c in b.columns})
    suspected = {c for o in odd for c in o.used}
    matched = [(b, m) for b, m in matched if not suspected & set(b.columns)]
    taken = suspected | {c for b, m in matched for c in b.columns if m.named}
    taken |= {c for b in found if b.n > 3 for c in b.columns}
    for block, guess in matched:
        if _is_scale(block, guess, matched):
            block.when = None
    guessed = guess_roles(table, taken, therapists)
    matched = [(b, m) for b, m in matched if not guessed.used & set(b.columns)]
    done = {id(b) for b, _ in matched}
    unmatched = [b for b in found if id(b) not in done and not suspected & set(b.columns)]
    return Part(table, guessed, matched, unmatched, odd)


def _is_scale(block: Block, guess: Match, matched: list[tuple[Block, Match]]) -> bool:
    """Whether what looks like an occasion in a score's name is its scale: `CATS_pre` beside `CATS_sec`."""
    if not (guess.scale and block.when and block.when.lower() in keyed("scales").get(guess.scale, ())):
        return False
    return any(m.instrument == guess.instrument and m.scale and not (b.when or b.times) for b, m in matched)


def _of_therapists(part: Part) -> Part | None:
    """The therapists' own forms that stand in every row of their patients, as a second entry of the same file."""
    if part.roles.role != "patient" or not part.roles.therapist:
        return None
    text = part.table.raw.text
    ids = text(part.roles.therapist).map(plain_id)
    filled = ids[ids != ""]
    if filled.nunique() * 2 > len(filled):
        return None

    def theirs(block: Block) -> bool:
        varied = any(text(c).nunique() > 2 for c in block.columns)
        return not block.times and varied and all(constant_within(text(c), ids) for c in block.columns)

    own = [(b, m) for b, m in part.matched if (b.n or m.scale) and theirs(b)]
    if not own:
        return None
    part.matched = [pair for pair in part.matched if not any(pair[0] is b for b, _ in own)]
    part.elsewhere = {c for b, _ in own for c in b.columns}
    named = Roles("therapist", part.roles.therapist, by="their forms, the same in all rows of a therapist")
    return Part(part.table, named, own, [], whole=False)


def _occasions_of(part: Part) -> list[str]:
    if part.roles.role != "patient":
        return []
    found = list(part.roles.occasions)
    for block, _ in part.matched:
        extra = occasions_of(part, block)
        found = [*(t for t in extra if START.fullmatch(t)), *found, *(t for t in extra if not START.fullmatch(t))]
    if not found and part.matched:
        found = [SESSIONS if part.roles.session else FIRST]
    elif not part.roles.occasion and not all(occasions_of(part, b) for b, _ in part.matched):
        found = list(dict.fromkeys([FIRST, *found]))
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
