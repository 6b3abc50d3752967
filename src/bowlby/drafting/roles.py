"""Which columns say who and when, guessed from their names, labels and contents, and from the study's other files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pandas as pd

from bowlby.config.study import COUNT
from bowlby.drafting.columns import Column, constant_within
from bowlby.drafting.occasions import like_occasions, ordered
from bowlby.drafting.tables import Table
from bowlby.drafting.vocabulary import bare, keyed, listed, words
from bowlby.errors import existing
from bowlby.ingest.text_values import parse_dates

TITLES = re.compile(r"^(?:dr|prof|mr|mrs|ms|frau|herr|dipl|psych|med|phil|msc|ba|ma)\b\.?|[\W_]+", re.IGNORECASE)
ADDED = re.compile(r"_DO(_|$)|_TEXT$|display order|^(group|question)time|_timestamp$|^time_?\d+$", re.IGNORECASE)
"""Columns of display orders, free texts beside a choice, times on a page."""
OF_PAGES = re.compile(r"display order|^(question|group) time|^(fragen|gruppen)zeit", re.IGNORECASE)
PERSONAL = {"your", "personal", "dein", "deine", "ihr", "ihre", "persönlicher", "persönliche", "persönlichen"}
OF_TREATMENT = {"consent", "start", "beginn", "begin", "intake", "therapiebeginn", "aufnahme", "enrol"}
LONG = 4
"""Words of a name or label from which it must also say that it is an id."""
ID = re.compile(r"(record|patient|subject|participant|study|client|response)_?id")
MOST_OCCASIONS, FEW_OCCASIONS = 40, 8
MOST_ROWS = 100
MOST_PARTS = 4
"""Most members of a couple or family."""
LINKED = 0.5
"""Share of a file's ids that are therapists of another file from which it is the therapists' own."""


@dataclass
class Roles:
    """Columns by role; empty where none was found, with what the reader should check."""

    role: str = "patient"
    person: str | None = None
    unit: str | None = None
    therapist: str | None = None
    site: str | None = None
    occasion: str | None = None
    occasions: list[str] = field(default_factory=list)
    session: str | None = None
    date: str | None = None
    style: str | None = None
    episodes: list[dict[str, str]] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)
    by: str = "the name of their id column"

    @property
    def used(self) -> set[str]:
        """The columns that have a role."""
        named = {self.person, self.unit, self.therapist, self.site, self.occasion, self.session, self.date}
        return {c for c in named if c} | {c for e in self.episodes for c in e.values()}


def guess_roles(table: Table, taken: set[str], therapists: frozenset[str] = frozenset()) -> Roles:
    """Guess the roles of the columns that belong to no instrument.

    Parameters
    ----------
    table : Table
    taken : set of str
        Columns that belong to an instrument.
    therapists : frozenset of str
        Ids of therapists in the study's other files, as :func:`plain_id` writes them.
    """
    found = Roles()
    free = {n: c for n, c in table.columns.items() if n not in taken and not n.lower().endswith(("_complete", "label"))}
    named = _therapist_columns(table, free)
    linked = _linked(table, free, therapists) if not _names_patients(table, free) else None
    patients = [n for n in _patient_columns(table, free) if n not in named]
    own = named[0] if named and free[named[0]].distinct > 0.9 * free[named[0]].n else None
    if linked:
        found.role, found.person, found.by = "therapist", linked, "the therapists of another file"
    elif not patients and own:
        found.role, found.person = "therapist", own
    elif _of_therapists(table) and (own or patients):
        found.role, found.person, found.by = "therapist", own or patients[0], "the file's name"
    elif patients:
        found.person = patients[0]
        if len(patients) > 1 and counts_rows(table, patients[0]):
            patients = [*patients[1:], patients[0]]
            found.person = patients[0]
        if len(patients) > 1:
            found.doubts["person"] = f"or {', '.join(patients[1:4])}"
    if found.role == "patient" and named:
        found.episodes = _episodes(table, named)
        if not found.episodes:
            found.therapist = named[0]
            if len(named) > 1:
                found.doubts["therapist"] = f"or {', '.join(named[1:4])}"
    _site_and_date(table, found, free)
    if found.role == "patient":
        _unit(table, found, free)
        _when(table, found, free)
    return found


def counts_rows(table: Table, name: str) -> bool:
    """Whether a column only numbers the rows."""
    c = table.columns[name]
    if not (c.numeric and c.whole and c.n == c.distinct):
        return False
    return bool(pd.to_numeric(table.raw.text(name), errors="coerce").dropna().is_monotonic_increasing)


def plain_id(text: str) -> str:
    """An id as ids of several files are compared: without case, signs and titles."""
    return TITLES.sub("", TITLES.sub("", text.strip(), count=1)).lower()


def therapist_ids(table: Table, found: Roles) -> frozenset[str]:
    """The therapists that a file of patients names."""
    columns = [found.therapist, *(e["therapist"] for e in found.episodes)] if found.role == "patient" else []
    return frozenset(plain_id(t) for c in columns if c for t in table.raw.text(c).unique()) - {""}


def is_metadata(table: Table, column: str) -> bool:
    """Whether a survey tool added a column: when, how and from where a form came, and in which order it was shown."""
    known = set(listed("metadata"))
    label = table.labels.get(column, "")
    timed = column.endswith("Time") and column.removesuffix("Time") in table.columns
    named = {bare(table.code(column)), bare(label)} & known
    return bool(timed or named or ADDED.search(column) or OF_PAGES.search(label))


def _rank(table: Table, name: str, role: str) -> int | None:
    """How well the words of a name, or of its label, fit a role: 0 is best."""
    wanted = keyed("roles")[role]
    own, label = table.words(name), words(table.labels.get(name, ""))
    for texts, late in ((own, 0), ([bare(re.sub(r"\d", "", table.code(name)))], 0), (label, 100)):
        if len(texts) > LONG and role in ("patient", "therapist") and not set(texts) & set(listed("ids")):
            continue
        ranks = [wanted.index(w) for w in texts if w in wanted and (len(w) > 1 or len(texts) == 1)]
        if ranks:
            return min(ranks) + late
    return None


def _candidates(table: Table, role: str, free: dict[str, Column], fits) -> list[str]:
    ranked = [
        (r, i, n) for i, (n, c) in enumerate(free.items()) if fits(n, c) and (r := _rank(table, n, role)) is not None
    ]
    return [name for _, _, name in sorted(ranked)]


def _describes(table: Table, name: str) -> bool:
    """Whether a name or label says something of persons, as `therapist_age`, and does not name them."""
    return bool(set(table.texts(name)) & set(listed("describes")))


def _therapist_columns(table: Table, free: dict[str, Column]) -> list[str]:
    def fits(name: str, c: Column) -> bool:
        names = not c.empty and (not c.numeric or c.whole or bool(c.slips)) and not c.dates
        return names and not _describes(table, name) and not is_metadata(table, name)

    return _candidates(table, "therapist", free, fits)


def _patient_columns(table: Table, free: dict[str, Column]) -> list[str]:
    rows = len(table.raw.frame)

    def fits(name: str, c: Column) -> bool:
        several = c.distinct > 1 or bool(ID.fullmatch("".join(table.words(name))))
        many = c.distinct * MOST_ROWS >= c.n
        ids = several and many and c.n >= 0.5 * rows and (not c.numeric or c.whole or bool(c.slips))
        return ids and not c.dates and _is_id(table, name) and not _describes(table, name)

    found = _candidates(table, "patient", free, fits)
    return [n for n in found if not is_metadata(table, n)] or [n for n in found if bare(n) != "redcaprepeatinstrument"]


def _is_id(table: Table, name: str) -> bool:
    """Whether a name says an id of persons and nothing beside it (`client_code`), or a label says one."""
    known, ids = set(keyed("roles")["patient"]), set(listed("ids"))
    own, label = table.words(name), words(table.labels.get(name, ""))
    texts = {*(label or own)}
    if (len(own) > LONG or label) and texts & ids and texts & (known - ids | PERSONAL):
        return True
    return bool(own) and all(len(w) < 2 or w in ids or w in known or w in listed("fillers") for w in own)


def _names_patients(table: Table, free: dict[str, Column]) -> bool:
    """Whether the words of a file's ids, or its name, say that its persons are patients."""
    sure = set(keyed("roles")["patient"]) - set(listed("ids")) - {"record", "person", "case", "recordid", "pid"}
    ids = [n for n in _patient_columns(table, free) if not is_metadata(table, n)]
    return any(set(table.texts(n)) & sure and "therap" not in " ".join(table.texts(n)) for n in ids[:1])


def _of_therapists(table: Table) -> bool:
    """Whether the name of the file or sheet says that it holds therapists."""
    named = set(words(str(table.stated.get("sheet", table.path.stem))))
    singular = {w.rstrip("s") for w in named} | {w.removesuffix("en").removesuffix("innen") for w in named}
    return bool((named | singular) & set(keyed("roles")["therapist"]))


def _linked(table: Table, free: dict[str, Column], therapists: frozenset[str]) -> str | None:
    """The column that holds the therapists of another file, each once."""
    best, share = None, LINKED
    for name, c in free.items():
        if c.n and c.distinct >= 0.9 * c.n and not c.dates:
            ids = {plain_id(t) for t in table.raw.text(name).unique()} - {""}
            if ids and (s := len(ids & therapists) / len(ids)) > share:
                best, share = name, s
    return best


def _site_and_date(table: Table, found: Roles, free: dict[str, Column]) -> None:
    rows, others = len(table.raw.frame), found.used

    def site(name: str, c: Column) -> bool:
        return name not in others and 1 < c.distinct <= max(2, rows / 3) and not c.dates and not _describes(table, name)

    sites = _candidates(table, "site", free, site)
    group = bare("redcap_data_access_group")
    found.site = next((n for n in free if bare(n) == group and free[n].distinct > 1), sites[0] if sites else None)

    def dated(name: str, c: Column) -> bool:
        return bool(c.dates) and not is_private(table, name) and not _of_treatment(table, name)

    dates = _candidates(table, "date", free, dated)
    dates = sorted(dates, key=lambda n: is_metadata(table, n))
    if dates:
        found.date, found.style = dates[0], free[dates[0]].dates[0]
        if len(dates) > 1:
            found.doubts["date"] = f"or {', '.join(dates[1:4])}"
        styles = free[dates[0]].dates
        if len(styles) > 1:
            found.doubts["style"] = f"or {', '.join(styles[1:])}"


def _of_treatment(table: Table, name: str) -> bool:
    """Whether a date is that of the treatment, or of consent, in place of the form's."""
    said = {*table.texts(name), bare(name)}
    return bool(said & OF_TREATMENT) and not is_metadata(table, name)


def is_private(table: Table, name: str) -> bool:
    """Whether a name or label says that the column shows who someone is."""
    known = set(listed("private"))
    said = {*table.texts(name), bare(name)}
    own = table.words(name)
    names = own == ["name"] or any(w.endswith("name") and w not in ("name", "username") for w in own)
    return names or bool(said & known) or any("birth" in w or "geburt" in w for w in said)


def _unit(table: Table, found: Roles, free: dict[str, Column]) -> None:
    """The couple or family, where persons are named by it and by their part in it."""
    units = _candidates(table, "unit", free, lambda n, c: c.distinct > 1)
    if not units or (found.person not in (None, units[0]) and free[found.person].distinct > MOST_PARTS):
        return
    others = found.used | {units[0]}
    parts = _candidates(table, "part", free, lambda n, c: n not in others and 1 < c.distinct <= MOST_PARTS)
    part = found.person if found.person not in (None, units[0]) else parts[0] if parts else None
    if part:
        found.unit, found.person = units[0], part
        found.doubts.pop("person", None)
    elif found.person in (None, units[0]):
        found.person = units[0]
        found.doubts["person"] = "is a couple, family or dyad: `about:` distinguishes the questionnaires of its members"


def _episodes(table: Table, therapists: list[str]) -> list[dict[str, str]]:
    """Several therapist columns with a running number, each with its number of sessions where it has one."""
    numbered = {m.group(): n for n in therapists if (m := re.search(r"\d+", n))}
    if len(numbered) < 2:
        return []
    sessions = {m.group(): n for n in table.columns
                if _rank(table, n, "session") is not None and (m := re.search(r"\d+", n))}  # fmt: skip
    return [
        {"therapist": name} | ({"sessions": sessions[number]} if number in sessions else {})
        for number, name in numbered.items()
    ]


def _when(table: Table, found: Roles, free: dict[str, Column]) -> None:
    """Which column tells a person's rows apart in time: occasions by name, or sessions by number."""
    if found.person and _unique(table, _id(found)):
        return
    occasions = _occasion_columns(table, found, free)
    sessions = [name for name in _session_columns(table, found, free) if name not in occasions]
    if not occasions and not sessions:
        occasions = _telling_apart(table, found, free)
    if occasions:
        found.occasion = occasions[0]
        found.occasions = _in_time(table, found) or ordered(table.columns[occasions[0]].texts)
        if len(occasions) > 1:
            found.doubts["occasion"] = f"or {', '.join(occasions[1:4])}"
    if sessions:
        found.session = sessions[0]
    elif not occasions:
        _count_or_number(table, found, free)
    _doubt_repeats(table, found)


def _labels(table: Table, found: Roles, name: str, c: Column) -> bool:
    """Whether a column has a few texts that could name occasions."""
    many = 1 < c.distinct <= MOST_OCCASIONS and bool(c.texts)
    return name not in found.used and many and not c.dates and not c.clock and not is_metadata(table, name)


def _counts(found: Roles, name: str, c: Column) -> bool:
    """Whether a column has whole numbers that could count sessions."""
    return name not in found.used and c.numeric and c.whole and (c.low or 0) >= 0 and c.distinct > 1


def _occasion_columns(table: Table, found: Roles, free: dict[str, Column]) -> list[str]:
    """Columns whose name is that of an occasion, those first whose values read like occasions."""
    named = _candidates(table, "occasion", free, lambda name, c: _labels(table, found, name, c))
    return sorted(
        (n for n in named if _splits(table, found, n)), key=lambda n: not like_occasions(table.columns[n].texts)
    )


def _session_columns(table: Table, found: Roles, free: dict[str, Column]) -> list[str]:
    """Columns whose name is that of a session, and that count."""
    named = _candidates(table, "session", free, lambda name, c: _counts(found, name, c))
    return [name for name in named if _splits(table, found, name)]


def _telling_apart(table: Table, found: Roles, free: dict[str, Column]) -> list[str]:
    """A column of few texts by which each row of a person is another, where no name says occasion or session."""
    few = [n for n, c in free.items() if _labels(table, found, n, c) and c.distinct <= FEW_OCCASIONS]
    apart = [n for n in few if found.person and not _describes(table, n)]
    apart = [n for n in apart if _unique(table, [*_id(found), n])][:1]
    if apart:
        found.doubts["occasion"] = "distinguishes the rows of a person"
    return apart


def _doubt_repeats(table: Table, found: Roles) -> None:
    """Mark an occasion or a session that appears in several rows of a person."""
    if found.occasion and not found.session and not _unique(table, [*_id(found), found.occasion]):
        doubt = [found.doubts["occasion"]] if "occasion" in found.doubts else []
        found.doubts["occasion"] = "; ".join([*doubt, "the same occasion appears in several rows of a person"])
    if found.session not in (None, COUNT) and not _unique(table, [*_id(found), found.session]):
        found.doubts["session"] = "the same number appears in several rows of a person"


def _count_or_number(table: Table, found: Roles, free: dict[str, Column]) -> None:
    """The session, where no column says it: a time that tells a person's rows apart, or the rows counted."""
    several = _candidates(table, "occasion", free, lambda name, c: _counts(found, name, c))
    if several and found.person and _unique(table, [*_id(found), several[0]]):
        found.session = several[0]
        found.doubts["session"] = "many different values; taken as the number of the session"
    elif found.person and (several or found.date):
        found.session = COUNT
        order = "by date" if found.date else "in the order of the file"
        found.doubts["session"] = f"the rows of a person are numbered, {order}"
    elif found.person:
        site = f"; the same ids at several sites? then add `site: {found.site}` to who" if found.site else ""
        doubt = [found.doubts["person"]] if "person" in found.doubts else []
        doubt.append(f"ids appear in several rows, and no column distinguishes these rows{site}")
        found.doubts["person"] = "; ".join(doubt)


def _id(found: Roles) -> list[str]:
    """The columns that name a person."""
    return [c for c in (found.unit, found.person) if c]


def person_ids(table: Table, found: Roles) -> pd.Series:
    """The ids of the persons of the rows."""
    cells = [table.raw.text(c) for c in _id(found)]
    return cells[0] if len(cells) == 1 else cells[0] + ":" + cells[1]


def _unique(table: Table, names: list[str]) -> bool:
    """Whether some columns together name a row at most once."""
    cells = pd.DataFrame({name: table.raw.text(name) for name in names})
    return not cells[cells.ne("").all(axis=1)].duplicated().any()


def _splits(table: Table, found: Roles, name: str) -> bool:
    """Whether a column tells the rows of one person apart."""
    if found.person is None:
        return False
    return not constant_within(table.raw.text(name), person_ids(table, found))


def _in_time(table: Table, found: Roles) -> list[str]:
    """Occasions in the order of their dates, counted from each person's first; empty without dates."""
    if not (found.date and found.person and found.occasion):
        return []
    person, cells = person_ids(table, found), table.raw.text(found.date)
    days = pd.to_datetime(parse_dates(cells.mask(cells == ""), existing(found.style)).astype(object))
    since = (days - days.groupby(person).transform("min")).dt.days
    middle = since.groupby(table.raw.text(found.occasion).str.strip()).median()
    texts = table.columns[found.occasion].texts
    if middle.reindex(texts).isna().any():
        return []
    return sorted(texts, key=lambda text: middle[text])
