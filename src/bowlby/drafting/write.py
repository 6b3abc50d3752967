"""The draft as text: a study file and a run's file that load, with every guess marked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bowlby.config.yamlfile import quoted
from bowlby.drafting.blocks import Block
from bowlby.drafting.look import Look
from bowlby.drafting.match import Match, family
from bowlby.drafting.odd import Odd
from bowlby.drafting.profile import EMPTY_WORDS, constant_within
from bowlby.drafting.roles import Roles, words
from bowlby.ingest.issues import count
from bowlby.ingest.text_values import parse_dates

MARK = "# ?"
PRIVATE = re.compile(
    r"\w*name|initial(s|en)?|e?mail|phone|telefon|telephone|address|adresse|ip(addr\w*)?|\w*birth\w*|dob|geb|geb(urt|dat)\w*|"
    r"street|recipient|latitude|longitude|ssn|mrn|zip|plz|postcode|comments?|kommentare?|bemerkung\w*|remarks?|notes?|"
    r"freitext|freetext|mugshot|photo|signature",
    re.IGNORECASE,
)
ABOUT_THERAPIST = ("cats", "wai", "haq")
ABOUT = {"mother": "mother", "father": "father", "partner": "partner", "mutter": "mother", "vater": "father"}
FEW = 20
LONG, LONGEST_NAME = 200, 40
A_LIFE = 12
"""Years over which dates of birth spread, and those of a study hardly do."""


STATED = {
    "sheet": "one of several sheets",
    "header_row": "the first row that looks like column names",
    "skip_rows": "by what these rows hold",
    "decimal": "by how the numbers are written",
}


@dataclass
class Part:
    """One table with what it was taken for."""

    look: Look
    roles: Roles
    matched: list[tuple[Block, Match]]
    unmatched: list[Block]
    odd: list[Odd] = field(default_factory=list)
    occasions: list[str] = field(default_factory=list)


def flow(pairs: dict[str, object]) -> str:
    """A mapping on one line."""
    return "{" + ", ".join(f"{_key(str(k))}: {_value(v)}" for k, v in pairs.items()) + "}"


def _key(text: str) -> str:
    """A key as YAML, which wants a sign before a long one."""
    return quoted(text) if len(text) < LONG else f"? {quoted(text)} "


def _value(value: object) -> str:
    if isinstance(value, dict):
        return flow(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return quoted(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _marked(line: str, doubts: list[str]) -> str:
    return f"{line}  {MARK} {'; '.join(doubts)}" if doubts else line


def file_block(part: Part, folder: Path) -> list[str]:
    """The lines of one file of the study."""
    look, found = part.look, part.roles
    lines = [f"  - path: {_relative(look.path, folder)}"]
    lines += [f"    dictionary: {_relative(look.dictionary, folder)}"] if look.dictionary else []
    lines.append(
        f"    # {count(len(look.raw.frame), 'row')}, {count(len(look.columns), 'column')}"
        + "".join(f"; {n}" for n in look.notes)
    )
    lines += [_marked(f"    {key}: {_value(value)}", [STATED[key]]) for key, value in look.stated.items()]
    lines += _rows(look)
    empty = sorted({w for c in look.columns.values() for w in c.words})
    if empty:
        lines.append(_marked(f"    missing: {_value(empty)}", ["found among numbers; true of every column but ids"]))
    lines += _who(found)
    lines += _when(part)
    if part.matched or part.odd:
        lines += ["    measures:", *_measures(part)]
    if found.role == "patient" or not part.matched:
        lines += _covariates(part)
    if found.episodes:
        lines.append(_marked("    episodes:", ["by the names of the columns"]))
        lines += [f"      - {flow(e)}" for e in found.episodes]
    return lines


def _rows(look: Look) -> list[str]:
    """The line that leaves out rows which look like nobody's answers."""
    values: dict[str, list[str]] = {}
    for doubt in look.doubts:
        values.setdefault(doubt.column, []).extend(doubt.values)
    rules = {column: {"leave_out": list(dict.fromkeys(found))} for column, found in values.items()}
    return [_marked(f"    rows: {flow(rules)}", [doubt.what for doubt in look.doubts])] if rules else []


def _relative(path: Path, folder: Path) -> str:
    return quoted(Path(os.path.relpath(path, folder)).as_posix())


def _who(found: Roles) -> list[str]:
    by = "the name of their id column" if found.role == "therapist" else "nothing says that they are therapists"
    doubts = [f"role: {found.role}, as {by}" if found.role == "patient" else f"role: {found.role}, by {by}"]
    if found.person is None:
        doubts.append("no column looks like an id, so each row is a person of its own")
    elif found.doubts.get("person"):
        doubts.append(f"person {found.doubts['person']}")
    if found.doubts.get("therapist"):
        doubts.append(f"therapist {found.doubts['therapist']}")
    who = {"person": found.person or "{row}", "role": found.role}
    who |= {"therapist": found.therapist} if found.therapist else {}
    if found.role == "patient" and not (found.therapist or found.episodes):
        doubts.append("no column looks like a therapist")
    lines = [_marked(f"    who: {flow(who)}", doubts)]
    if found.site:
        lines.append(f"    # the same ids at several sites? then add `site: {quoted(found.site)}` to who")
    return lines


def _when(part: Part) -> list[str]:
    found, lines = part.roles, []
    if found.role == "patient":
        if found.occasion:
            lines.append(_marked(f"    when: {flow({'column': found.occasion})}", _doubt(found, "occasion")))
        elif part.matched and not all(b.times or b.when for b, _ in part.matched):
            lines.append(
                _marked(f"    when: {flow({'occasion': part.occasions[0]})}", ["no column tells the occasion"])
            )
    if found.session:
        lines.append(_marked(f"    session: {quoted(found.session)}", _doubt(found, "session")))
    if found.date:
        lines.append(_marked(f"    date: {quoted(found.date)}", _doubt(found, "date")))
        if found.style != "YYYY-MM-DD":
            lines.append(_marked(f"    dates: {quoted(found.style)}", _doubt(found, "style")))
    return lines


def _doubt(found: Roles, key: str) -> list[str]:
    return [found.doubts.get(key, "by the column's name and content")]


def _measures(part: Part) -> list[str]:
    lines, alike = [], {}
    for block, match in part.matched:
        alike.setdefault(_at(block, match), []).append(block)
    for block, match in part.matched:
        keys: dict[str, object] = {"instrument": match.instrument}
        keys |= {"scored": {match.scale: block.pattern}} if match.scale else {"items": block.pattern}
        doubts = list(match.doubts)
        about, why = _about(block, match, alike[_at(block, match)], part.roles.role)
        if about:
            keys["about"] = about
            doubts.append(why if why.endswith("?") else f"about: {about}, {why}")
        if block.times:
            keys["when"] = {"names": {text: text for text in block.times}}
        elif block.when and part.roles.role == "patient":
            keys["when"] = {"occasion": block.when}
        if match.response:
            keys["response"] = list(match.response)
        if match.missing:
            keys["missing"] = match.missing
        told = match.named
        if match.scale and not about and not block.times and len(alike[_at(block, match)]) > 1:
            told = False
            doubts.append("several columns of one scale: which occasion, or whom is it about?")
        lines.append(_marked(f"      {'' if told else '# '}- {flow(keys)}", doubts))
    lines += [line for odd in part.odd for line in _asked(odd)]
    if all(line.lstrip().startswith("#") for line in lines):
        lines.append("      []")
    return lines


def _asked(odd: Odd) -> list[str]:
    """Columns that may be misspelt items, as a question; nothing is taken from them."""
    said = [f"{c} in the place of {near}, which is not there" for c, near in odd.nearest.items()]
    if odd.instrument:
        keys = {"instrument": odd.instrument, "items": list(odd.items)}
        return [_marked(f"      # - {flow(keys)}", [f"{' and '.join(said)}: misspelt?"])]
    near = next(iter(odd.nearest.values()), None)
    hint = f"; the nearest item is {near}" if near else ""
    return [f"      {MARK} {odd.columns[0]} has an item's number and belongs to no questionnaire: misspelt?{hint}"]


def _at(block: Block, match: Match) -> tuple:
    """What blocks share that would be the same measure at the same time."""
    return match.instrument, tuple(block.times), block.when


def _about(block: Block, match: Match, alike: list[Block], role: str) -> tuple[str | None, str]:
    """Whom a measure is about, where it may be another than the person, and what speaks for it."""
    told = [ABOUT[w] for w in words(block.pattern) if w in ABOUT]
    if told:
        return told[0], "by the columns' name"
    if len(alike) > 1 and not match.scale:
        common = set.intersection(*(set(b.words) for b in alike))
        own = [w for w in block.words if w not in common]
        return ("_".join(own) or None), "whom is it about?"
    if role == "patient" and family(match.instrument) in ABOUT_THERAPIST:
        return "therapist", "as patients usually answer it"
    return None, ""


def _covariates(part: Part) -> list[str]:
    look, found = part.look, part.roles
    used = {found.person, found.therapist, found.occasion, found.session, found.date}
    used |= {c for odd in part.odd for c in odd.used}
    used |= {c for block, _ in part.matched for c in block.columns} | {c for e in found.episodes for c in e.values()}
    lines, private, left, keys = [], [], [], set()
    for block in part.unmatched:
        if block.n or block.times:
            kind = f"{block.n} items" if block.n else "one column"
            kind += f" at {len(block.times)} occasions" if block.times else ""
            left.append(f"{block.pattern} ({kind})")
            used |= set(block.columns)
    for name, c in look.columns.items():
        if name in used or c.empty or name.endswith("_complete"):
            continue
        if name.startswith("redcap_"):
            left.append(name)
        elif PRIVATE.fullmatch("".join(words(name))) or any(PRIVATE.fullmatch(w) for w in words(name)):
            private.append(name)
        elif c.dates and not c.numeric and _spread(look, name, c.dates[0]) > A_LIFE:
            private.append(name)
        elif found.person and not constant_within(look.raw.text(name), look.raw.text(found.person)):
            left.append(name)
        elif "___" in name:
            lines.append(_covariate(name, "checkbox", keys))
        elif c.dates and found.style in (None, *c.dates) and not c.numeric:
            lines.append(_covariate(name, "date", keys))
        elif c.numeric and not (c.levels and set(c.levels) <= _labelled(look, name)):
            lines.append(_covariate(name, "number", keys))
        elif c.distinct <= FEW and c.distinct <= max(2, c.n / 2):
            doubtful = [t for t in c.texts if t.lower() in EMPTY_WORDS]
            doubts = [f"if {', '.join(doubtful)} means missing, add it to `missing:`"] if doubtful else []
            lines.append(_marked(_covariate(name, "category", keys), doubts))
        else:
            left.append(name)
    what = "what describes the persons, and how it is read"
    shown = [_marked("    covariates:", [what]), *lines] if lines else []
    if left:
        shown.append(f"    # not used: {', '.join(left)}")
    if private:
        shown.append(f"    # not used, may show who someone is: {', '.join(private)}")
    return shown


def _labelled(look: Look, name: str) -> set[float]:
    """The codes of a column to which the file gives labels."""
    return {float(code) for code in look.raw.labels.get(name, {}) if re.fullmatch(r"-?\d+(\.\d+)?", code)}


def _spread(look: Look, name: str, style: str) -> float:
    """Years between the first and the last date of a column."""
    cells = look.raw.text(name).str.strip()
    days = pd.to_datetime(parse_dates(cells.mask(cells == ""), style).astype(object)).dropna()
    return (days.max() - days.min()).days / 365.25 if len(days) else 0.0


def _covariate(name: str, kind: str, keys: set[str]) -> str:
    """The line of a covariate; its name is short, and not one of ``keys``, to which it is added."""
    short = re.sub(r"\W+", "_", name).strip("_")[:LONGEST_NAME] or "x"
    key = next(k for n in range(1, len(keys) + 2) if (k := short if n == 1 else f"{short}_{n}") not in keys)
    keys.add(key)
    spec = quoted(name) if kind == "number" else flow({"column": name, "kind": kind})
    return f"      {quoted(key)}: {spec}"


def study_text(name: str, occasions: list[dict], unit: str | None, parts: list[Part], folder: Path) -> str:
    """The draft study file."""
    files = ", ".join(dict.fromkeys(p.look.path.name for p in parts))
    lines = [
        f"# Draft of a study file, made by `bowlby init` from {files}.",
        f"# What stands after `{MARK}` is a guess to check: correct the line, then delete the mark.",
        "# `bowlby check config.yaml` lists what does not fit yet. Every key is explained in config/README.md.",
        f"name: {quoted(name)}",
        f"occasions:  {MARK} all of them, in the order of time; `time` is needed for growth models only",
        *[_marked(f"  - {flow(o)}", ["the only one that is known"] if len(occasions) == 1 else []) for o in occasions],
        f"time_unit: {unit}  {MARK} by the occasions" if unit else f"time_unit: weeks  {MARK} the unit of `time`",
        "files:",
    ]
    for part in parts:
        lines += file_block(part, folder)
    return "\n".join(lines) + "\n"
