"""The draft study file as text that loads: every guess has a mark, and how sure it is."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bowlby.config.guesses import MARK, UNSURE
from bowlby.config.study import COUNT, SESSIONS
from bowlby.config.yamlfile import quoted
from bowlby.drafting.covariates import Leftovers, covariate_lines
from bowlby.drafting.matching import SENTINELS, Match, Odd, family
from bowlby.drafting.naming import Block
from bowlby.drafting.roles import Roles
from bowlby.drafting.tables import Table
from bowlby.drafting.vocabulary import bare, keyed, words
from bowlby.errors import count, existing

ABOUT_THERAPIST = ("cats", "wai", "haq", "srs", "sai")
ANYONE, WHOM = ("ecr_rs",), "whom is it about? `about: therapist` if it is the therapist"
ATTACHMENT = ("cats", "ecr", "rq", "rsq", "aas", "asq", "aai")
LONG = 100
OFTEN = 3
"""Cells from which a word among numbers counts as one for missing."""
STATED = {
    "sheet": "one of several sheets",
    "header_row": "the first row that looks like column names",
    "header_rows": "the column names take two rows",
    "skip_rows": "by the content of these rows",
    "decimal": "by how the numbers are written",
}


@dataclass
class Part:
    """One table with what it was taken for."""

    table: Table
    roles: Roles
    matched: list[tuple[Block, Match]]
    unmatched: list[Block]
    odd: list[Odd] = field(default_factory=list)
    occasions: list[str] = field(default_factory=list)
    same: dict[str, str] = field(default_factory=dict)
    """Numbers of occasions that other columns write with a letter, number: occasion."""
    elsewhere: set[str] = field(default_factory=set)
    """Columns that another entry of the same file uses."""
    whole: bool = True
    """Whether the columns that belong to no instrument are described here too."""


def flow(pairs: Mapping[str, object]) -> str:
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


def marked(line: str, doubts: list[str], unsure: bool = False) -> str:
    """A line with what to check in it; without a mark where there is nothing to check."""
    return f"{line}  {MARK} {UNSURE if unsure else ''}{'; '.join(doubts)}" if doubts else line


def study_text(name: str, occasions: list[dict], unit: str | None, parts: list[Part], folder: Path) -> str:
    """The draft study file."""
    files = ", ".join(dict.fromkeys(p.table.path.name for p in parts))
    lines = [
        f"# Draft of a study file, made by `bowlby init` from {files}.",
        f"# A line with `{MARK}` contains a guess and the reason for it: correct the line, then delete the mark.",
        "# `bowlby check config.yaml` lists all problems. Every key is explained in config/README.md.",
        f"name: {quoted(name)}",
        f"occasions:  {MARK} all of them, in the order of time; `time` is needed for growth models only",
        *[marked(f"  - {flow(o)}", ["the only one that is known"] if len(occasions) == 1 else []) for o in occasions],
        f"time_unit: {unit}  {MARK} by the occasions" if unit else f"time_unit: weeks  {MARK} the unit of `time`",
        "files:",
    ]
    for part in parts:
        lines += file_block(part, folder)
    return "\n".join(lines) + "\n"


def file_block(part: Part, folder: Path) -> list[str]:
    """The lines of one file of the study."""
    table, roles = part.table, part.roles
    lines = [f"  - path: {_relative(table.path, folder)}"]
    lines += [f"    dictionary: {_relative(table.dictionary, folder)}"] if table.dictionary else []
    size = f"{count(len(table.raw.frame), 'row')}, {count(len(table.columns), 'column')}"
    lines.append(f"    # {'; '.join([size, *table.notes])}")
    lines += [marked(f"    {key}: {_value(value)}", [STATED[key]]) for key, value in table.stated.items()]
    lines += _rows(table)
    if missing := _missing(part):
        lines.append(marked(f"    missing: {_value(missing)}", ["found among numbers; true of every column but ids"]))
    lines += _who(roles)
    lines += _when(part)
    if part.matched or part.odd:
        lines += ["    measures:", *_measures(part)]
    if part.whole:
        lines += covariate_lines(Leftovers(table, roles, _used(part), part.unmatched), marked)
    if roles.episodes:
        lines.append(marked("    episodes:", ["by the names of the columns"]))
        lines += [f"      - {flow(e)}" for e in roles.episodes]
    return lines


def _used(part: Part) -> set[str]:
    """The columns that an instrument or a role uses; a site only describes."""
    used = part.roles.used - {part.roles.site}
    used |= {c for odd in part.odd for c in odd.used}
    return used | {c for block, _ in part.matched for c in block.columns} | part.elsewhere


def _rows(table: Table) -> list[str]:
    """The line that leaves out rows which look like nobody's answers."""
    values: dict[str, list[str]] = {}
    for doubt in table.doubts:
        values.setdefault(doubt.column, []).extend(doubt.values)
    rules = {column: {"leave_out": list(dict.fromkeys(each))} for column, each in values.items()}
    return [marked(f"    rows: {flow(rules)}", [doubt.what for doubt in table.doubts])] if rules else []


def _missing(part: Part) -> list[str]:
    """Words and codes for missing that stand among the numbers of a file."""
    table = part.table
    missing = {w for c in table.columns.values() for w in c.words}
    slips = Counter(t for name, c in table.columns.items() if name not in part.roles.used and c.slips
                    for t in table.raw.text(name).str.strip() if t in c.slips)  # fmt: skip
    missing |= {t for t, n in slips.items() if n >= OFTEN and not re.search(r"\d", t)}
    items = {c for b, _ in part.matched for c in b.columns}
    for name, c in table.columns.items():
        if name not in items | part.roles.used and c.numeric and c.levels:
            most = max((abs(v) for v in c.levels if v not in SENTINELS), default=0)
            missing |= {f"{v:g}" for v in c.levels if v in SENTINELS and most and (v < 0 or v > 3 * most)}
    return sorted(missing)


def _relative(path: Path, folder: Path) -> str:
    return quoted(Path(os.path.relpath(path, folder)).as_posix())


def _who(roles: Roles) -> list[str]:
    by = roles.by if roles.role == "therapist" else "nothing indicates that they are therapists"
    doubts = [f"role: {roles.role}, as {by}" if roles.role == "patient" else f"role: {roles.role}, by {by}"]
    if roles.person is None:
        doubts.append("no column looks like an id, so each row is treated as a different person")
    elif roles.doubts.get("person"):
        doubts.append(f"person {roles.doubts['person']}")
    if roles.doubts.get("therapist"):
        doubts.append(f"therapist {roles.doubts['therapist']}")
    person: object = roles.person or "{row}"
    if roles.unit:
        person = [roles.unit, roles.person]
        doubts.append("persons are named by both columns")
    who = {"person": person, "role": roles.role}
    who |= {"therapist": roles.therapist} if roles.therapist else {}
    if roles.role == "patient" and not (roles.therapist or roles.episodes):
        doubts.append("no column looks like a therapist")
    lines = [marked(f"    who: {flow(who)}", doubts, roles.person is None)]
    if roles.site:
        lines.append(f"    # the same ids at several sites? then add `site: {quoted(roles.site)}` to who")
    return lines


def _when(part: Part) -> list[str]:
    roles, lines = part.roles, []
    if roles.role == "patient":
        if roles.occasion:
            lines.append(marked(f"    when: {flow({'column': roles.occasion})}", _doubt(roles, "occasion")))
        elif part.matched and part.occasions[0] == SESSIONS and roles.session != COUNT:
            lines.append(marked(f"    when: {flow({'session': roles.session})}", _doubt(roles, "session")))
        elif part.matched and not all(b.times or b.when for b, _ in part.matched):
            lines.append(
                marked(f"    when: {flow({'occasion': part.occasions[0]})}", ["no column contains the occasion"])
            )
    if roles.session and not any("{session:" in line for line in lines):
        lines.append(marked(f"    session: {quoted(roles.session)}", _doubt(roles, "session")))
    if roles.date:
        lines.append(marked(f"    date: {quoted(roles.date)}", _doubt(roles, "date")))
        if roles.style != "YYYY-MM-DD":
            lines.append(marked(f"    dates: {quoted(existing(roles.style))}", _doubt(roles, "style")))
    return lines


def _doubt(roles: Roles, key: str) -> list[str]:
    return [roles.doubts.get(key, "by the column's name and content")]


def _measures(part: Part) -> list[str]:
    alike: dict[tuple, list[Block]] = {}
    scores: dict[tuple, list[tuple[Block, Match]]] = {}
    for block, match in part.matched:
        alike.setdefault(_at(block, match), []).append(block)
        if match.scale:
            scores.setdefault((match.instrument, block.when, tuple(block.times)), []).append((block, match))
    lines, done = [], set()
    for block, match in part.matched:
        if id(block) in done:
            continue
        for one, beside in _beside(block, match, scores, alike):
            done |= {id(b) for b, _ in beside}
            lines.append(_measure(part, one, match, beside, alike))
    lines += [line for odd in part.odd for line in _asked(odd)]
    if all(line.lstrip().startswith("#") for line in lines):
        lines.append("      []")
    return lines


def _beside(block: Block, match: Match, scores: dict, alike: dict) -> list[tuple[Block, list[tuple[Block, Match]]]]:
    """The items of a block with the scores of the same forms; at one occasion apart where only that has a score."""
    if match.scale or len([b for b in alike[_at(block, match)] if b.n]) > 1:
        return [(block, [])]
    whole = scores.get((match.instrument, block.when, tuple(block.times)), [])
    if not block.times or whole:
        return [(block, whole)]
    n, pieces, rest = block.n, [], []
    for k, text in enumerate(block.times):
        own = scores.get((match.instrument, text, ()), [])
        columns = block.columns[k * n : (k + 1) * n]
        if own:
            pattern = block.pattern.replace("{t}", text)
            pieces.append((replace(block, pattern=pattern, columns=columns, times=[], when=text), own))
        else:
            rest.append((text, columns))
    if rest:
        others = replace(block, times=[t for t, _ in rest], columns=[c for _, each in rest for c in each])
        pieces.append((others, []))
    return pieces


def _measure(part: Part, block: Block, match: Match, beside: list[tuple[Block, Match]], alike: dict) -> str:
    """The line of one measure."""
    keys: dict[str, object] = {"instrument": match.instrument}
    doubts = list(match.doubts)
    if match.scale:
        keys["scored"] = {match.scale: block.pattern}
    else:
        keys["items"] = _items(part, block)
        if beside:
            keys["scored"] = {m.scale: b.pattern for b, m in beside}
    if match.mean or any(m.mean for _, m in beside):
        keys["scored_as"] = "mean"
        doubts.append("its values look like item means")
    same = alike[_at(block, match)] if _at(block, match) in alike else [block]
    role, about, why = _person(part, block, match, same)
    if role and role != part.roles.role:
        keys["role"] = role
    if about:
        keys["about"] = about
    if why:
        doubts.append(why)
    if block.times:
        keys["when"] = {"names": {text: _occasion(part, block, text) for text in block.times}}
    elif part.roles.role == "patient" and (when := occasion_of(part, block)):
        keys["when"] = {"occasion": when}
    keys |= {"response": list(match.response)} if match.response else {}
    keys |= {"missing": match.missing} if match.missing else {}
    keys |= {"answers": match.answers} if match.answers else {}
    dated = [b for b, m in part.matched if m.instrument == match.instrument and (b.times or b.when)]
    apart = bool(dated) and "when" not in keys and part.roles.role == "patient" and not part.roles.occasion
    if apart and block.n and not about:
        doubts.append("its other forms name an occasion, this one does not")
    certain = match.named
    if match.scale and not about and not block.times and len(same) > 1:
        certain = False
        doubts.append("several columns of one scale: which occasion, or whom is it about?")
    return marked(f"      {'' if certain else '# '}- {flow(keys)}", doubts, match.uncertain or apart or why == WHOM)


def _items(part: Part, block: Block) -> object:
    """The items as they are written: a pattern, the first and last column side by side, or a list."""
    if block.regular:
        return block.pattern
    names = list(part.table.columns)
    at = names.index(block.columns[0])
    if names[at : at + block.n] == block.columns:
        return {"first": block.columns[0], "last": block.columns[-1]}
    return block.columns


def _occasion(part: Part, block: Block, text: str) -> str:
    """The occasion of a text in the names: the heading above these columns, where there is one for each text."""
    heads = {t: part.table.groups.get(block.columns[k * max(block.n, 1)]) for k, t in enumerate(block.times)}
    head = heads[text] if len(set(heads.values()) - {None}) == len(heads) else None
    return part.same.get(text, text) if head is None else head


def occasion_of(part: Part, block: Block) -> str | None:
    """The one occasion of a block, by its names, its labels or the heading above it."""
    heading = part.table.groups.get(block.columns[0])
    return heading if heading and not part.roles.occasion else block.when


def occasions_of(part: Part, block: Block) -> list[str]:
    """All occasions of a block that its names or headings hold."""
    if block.times:
        return [_occasion(part, block, text) for text in block.times]
    one = occasion_of(part, block)
    return [one] if one else []


def _asked(odd: Odd) -> list[str]:
    """Columns that may be misspelt items, as a question; nothing is taken from them."""
    said = [f"{c} in the place of {near}, which is not there" for c, near in odd.nearest.items()]
    if odd.instrument:
        keys = {"instrument": odd.instrument, "items": list(odd.items)}
        return [marked(f"      # - {flow(keys)}", [f"{' and '.join(said)}: misspelt?"])]
    near = next(iter(odd.nearest.values()), None)
    hint = f"; the nearest item is {near}" if near else ""
    return [f"      {MARK} {odd.columns[0]} has an item's number and belongs to no questionnaire: misspelt?{hint}"]


def _at(block: Block, match: Match) -> tuple:
    """What blocks share that would be the same measure at the same time."""
    return match.instrument, tuple(block.times), block.when, bool(match.scale), match.scale


def _person(part: Part, block: Block, match: Match, alike: list[Block]) -> tuple[str | None, str | None, str]:
    """Who answered a measure and whom it is about, where they may be others than the person, and what says so."""
    said = [*block.words, *words(block.label)]
    about = next((who for who, names in keyed("about").items() if set(said) & set(names)), None)
    if part.roles.role == "patient" and len(alike) > 1 and _from_therapist(block, alike):
        return "therapist", "patient", "answered by the therapist?"
    patients = set(keyed("roles")["patient"]) - {"id", "code"}
    if about == "therapist" and any(b is not block and patients & {*b.words, *words(b.label)} for b in alike):
        return "therapist", "patient", "answered by the therapist?"
    if about == "therapist" and part.roles.role == "therapist":
        return None, None, ""
    if about and (family(match.instrument) in (*ABOUT_THERAPIST, *ATTACHMENT) or about in ("mother", "father")):
        return None, about, f"about: {about}, by the columns' name"
    answered = next((who for who, names in keyed("answered").items() if set(said) & set(names)), None)
    if answered and part.roles.role == "patient" and not match.scale:
        return answered, "patient", f"answered by {answered}?"
    both = part.roles.role == "patient" and any(_from_therapist(b, alike) for b in alike)
    both |= bool(patients & set(said))
    if len(alike) > 1 and not match.scale and not both:
        common = set.intersection(*(set(b.words) for b in alike))
        own = [w for w in block.words if w not in common and w not in patients]
        return None, ("_".join(own) or None), "whom is it about?"
    if part.roles.role == "patient" and family(match.instrument) in ABOUT_THERAPIST:
        return None, "therapist", "about: therapist, as patients usually answer it"
    if part.roles.role == "patient" and match.instrument in ANYONE:
        return None, None, WHOM
    return None, None, ""


def _from_therapist(block: Block, alike: list[Block]) -> bool:
    """Whether a block has the name of another with a sign for the therapist before it."""
    own = bare(block.stem)
    return any(own in (f"t{bare(b.stem)}", f"th{bare(b.stem)}", f"ther{bare(b.stem)}") for b in alike if b is not block)
