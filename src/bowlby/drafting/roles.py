"""Which columns say who and when, guessed from their names and from what they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pandas as pd

from bowlby.config.study import COUNT
from bowlby.drafting.look import Look
from bowlby.drafting.profile import Column, constant_within, natural
from bowlby.ingest.text_values import parse_dates

NAMES = {
    "therapist": "therapist|therap|ther|th|clinician|counsel+or|provider|practitioner|behandler|therapeut|therapeutin|"
    "terapeuta|terapeut|therapeute|psychologist|caseworker",
    "patient": "patient|pat|pt|client|klient|cliente|subject|subj|participant|respondent|case|record|proband|"
    "versuchsperson|vp|vpn|paciente|person|studyid|responseid|recordid|patientid|pid|id|code|nr|student",
    "session": "session|sessions|sess|sitzung|sitzungen|appointment|contact|visitnr|instance|seance|sesion",
    "date": "date|datum|fecha|day|timestamp|zeitstempel|startdate|recorded|submitdate|datestamp|data",
    "occasion": "timepoint|occasion|wave|time|event|visit|month|months|week|weeks|zeitpunkt|messzeitpunkt|mzp|"
    "assessment|phase|stage|period|t|interview|days",
    "site": "site|centre|center|clinic|klinik|hospital|standort|zentrum|praxis|location|dag|group",
}
ORDER = (
    (re.compile(r"screen|enrol|intake|pre|prae|prä|base|bl|aufnahme|admission|start|begin|initial|before", re.I), 0),
    (re.compile(r"mid|during|middle", re.I), 1),
    (re.compile(r"post|end|ende|termination|discharge|entlassung|final|after", re.I), 3),
    (re.compile(r"fu|follow|katamnese", re.I), 4),
)
ID = re.compile(r"(record|patient|subject|participant|study|client|response)_?id")
BESIDE_ID = {"id", "nr", "no", "number", "nummer", "code", "kennung", "study", "response", "survey", "public", "main"}
BIRTH = re.compile(r"birth|dob|geb|geburt|geburtsdatum|born|nacimiento", re.IGNORECASE)
MOST_OCCASIONS = 40
MOST_ROWS = 100


@dataclass
class Roles:
    """Columns by role; empty where none was found, with what the reader should check."""

    role: str = "patient"
    person: str | None = None
    therapist: str | None = None
    site: str | None = None
    occasion: str | None = None
    occasions: list[str] = field(default_factory=list)
    session: str | None = None
    date: str | None = None
    style: str | None = None
    episodes: list[dict[str, str]] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)


def words(name: str) -> list[str]:
    """The words of a column name in small letters: `PatientID_2` is patient, id."""
    spaced = re.sub(r"(?<=[a-zäöü])(?=[A-Z])", " ", name)
    return [w.lower() for w in re.findall(r"[^\W\d_]+", spaced)]


def _rank(name: str, role: str) -> int | None:
    """How well a name fits a role: 0 is best."""
    wanted = NAMES[role].split("|")
    joined = "".join(words(name))
    for rank, word in enumerate(wanted):
        if any(re.fullmatch(word, w) for w in [*words(name), joined]):
            return rank
    return None


def _candidates(look: Look, role: str, fits) -> list[str]:
    ranked = [
        (r, i, n) for i, (n, c) in enumerate(look.columns.items()) if (r := _rank(n, role)) is not None and fits(n, c)
    ]
    return [name for _, _, name in sorted(ranked)]


def roles(look: Look, taken: set[str]) -> Roles:
    """Guess the roles of the columns that belong to no instrument."""
    found, rows = Roles(), len(look.raw.frame)

    def free(name: str) -> bool:
        return name not in taken and not name.lower().endswith(("_complete", "label"))

    def identifies(name: str, c: Column) -> bool:
        several = c.distinct > 1 or bool(ID.fullmatch("".join(words(name))))
        many = c.distinct * MOST_ROWS >= c.n
        return free(name) and several and many and c.n >= 0.5 * rows and (not c.numeric or c.whole)

    therapists = _candidates(look, "therapist", lambda n, c: free(n) and not c.empty and (not c.numeric or c.whole))
    patients = [
        n
        for n in _candidates(look, "patient", identifies)
        if n not in therapists and not look.columns[n].dates and _is_id(n)
    ]
    if not patients and therapists and look.columns[therapists[0]].distinct > 0.9 * look.columns[therapists[0]].n:
        found.role, found.person = "therapist", therapists[0]
    elif patients:
        found.person = patients[0]
        if len(patients) > 1:
            found.doubts["person"] = f"or {', '.join(patients[1:4])}"
    if found.role == "patient" and therapists:
        found.episodes = _episodes(look, therapists)
        if not found.episodes:
            found.therapist = therapists[0]
            if len(therapists) > 1:
                found.doubts["therapist"] = f"or {', '.join(therapists[1:4])}"
    others = {found.person, found.therapist, None}
    sites = _candidates(look, "site", lambda n, c: free(n) and n not in others and 1 < c.distinct <= max(2, rows / 5))
    found.site = sites[0] if sites else None
    dates = _candidates(look, "date", lambda n, c: free(n) and bool(c.dates) and not _of_birth(n))
    if dates:
        found.date, found.style = dates[0], look.columns[dates[0]].dates[0]
        if len(dates) > 1:
            found.doubts["date"] = f"or {', '.join(dates[1:4])}"
        styles = look.columns[dates[0]].dates
        if len(styles) > 1:
            found.doubts["style"] = f"or {', '.join(styles[1:])}"
    _when(look, found, free)
    return found


def _is_id(name: str) -> bool:
    """Whether the words of a name say an id of persons, and nothing beside it: `client_code`, not `Year_of_Study`."""
    known = NAMES["patient"].split("|")
    return all(len(w) < 2 or w in BESIDE_ID or any(re.fullmatch(k, w) for k in known) for w in words(name))


def _of_birth(name: str) -> bool:
    return any(BIRTH.fullmatch(w) for w in words(name))


def _episodes(look: Look, therapists: list[str]) -> list[dict[str, str]]:
    """Several therapist columns with a running number, each with its number of sessions where it has one."""
    numbered = {m.group(): n for n in therapists if (m := re.search(r"\d+", n))}
    if len(numbered) < 2:
        return []
    sessions = {m.group(): n for n in look.columns if _rank(n, "session") is not None and (m := re.search(r"\d+", n))}
    return [
        {"therapist": name} | ({"sessions": sessions[number]} if number in sessions else {})
        for number, name in numbered.items()
    ]


def _when(look: Look, found: Roles, free) -> None:
    repeated = found.person is None or look.columns[found.person].distinct < look.columns[found.person].n
    others = {found.person, found.therapist, found.site, found.date}

    def counts(name: str, c: Column) -> bool:
        return free(name) and name not in others and c.numeric and c.whole and (c.low or 0) >= 0 and c.distinct > 1

    def labels(name: str, c: Column) -> bool:
        return free(name) and name not in others and 1 < c.distinct <= MOST_OCCASIONS and bool(c.texts)

    if not repeated:
        return
    candidates = [n for n in _candidates(look, "occasion", labels) if _splits(look, found, n)]
    sessions = [n for n in _candidates(look, "session", counts) if n not in candidates]
    if candidates:
        found.occasion = candidates[0]
        found.occasions = _in_time(look, found) or ordered(look.columns[candidates[0]].texts)
        if len(candidates) > 1:
            found.doubts["occasion"] = f"or {', '.join(candidates[1:4])}"
    if sessions:
        found.session = sessions[0]
    elif not candidates:
        _count_or_number(look, found, counts)
    if found.occasion and not found.session and not _unique(look, found, found.occasion):
        told = [found.doubts["occasion"]] if "occasion" in found.doubts else []
        found.doubts["occasion"] = "; ".join([*told, "the same one stands in several rows of a person"])
    if found.session not in (None, COUNT) and not _unique(look, found, found.session):
        found.doubts["session"] = "the same number stands in several rows of a person"


def _count_or_number(look: Look, found: Roles, counts) -> None:
    """The session, where no column says it: a time that tells a person's rows apart, or the rows counted."""
    several = _candidates(look, "occasion", counts)
    if several and _unique(look, found, several[0]):
        found.session = several[0]
        found.doubts["session"] = "many different values; taken as the number of the session"
    elif found.person and (several or found.date):
        found.session = COUNT
        order = "by date" if found.date else "in the order of the file"
        found.doubts["session"] = f"the rows of a person are counted, {order}"
    elif found.person:
        site = f"; the same ids at several sites? then add `site: {found.site}` to who" if found.site else ""
        told = [found.doubts["person"]] if "person" in found.doubts else []
        told.append(f"ids stand in several rows, and no column tells these apart{site}")
        found.doubts["person"] = "; ".join(told)


def _unique(look: Look, found: Roles, name: str) -> bool:
    """Whether a column and the person name a row at most once."""
    if found.person is None:
        return False
    pairs = pd.DataFrame({"person": look.raw.text(found.person), "value": look.raw.text(name)})
    return not pairs[pairs["value"] != ""].duplicated().any()


def _splits(look: Look, found: Roles, name: str) -> bool:
    """Whether a column tells the rows of one person apart."""
    if found.person is None:
        return False
    return not constant_within(look.raw.text(name), look.raw.text(found.person))


def _in_time(look: Look, found: Roles) -> list[str]:
    """Occasions in the order of their dates, counted from each person's first; empty without dates."""
    if not (found.date and found.person and found.occasion):
        return []
    person, cells = look.raw.text(found.person), look.raw.text(found.date)
    days = pd.to_datetime(parse_dates(cells.mask(cells == ""), found.style).astype(object))
    since = (days - days.groupby(person).transform("min")).dt.days
    middle = since.groupby(look.raw.text(found.occasion).str.strip()).median()
    texts = look.columns[found.occasion].texts
    if middle.reindex(texts).isna().any():
        return []
    return sorted(texts, key=lambda text: middle[text])


def ordered(texts: list[str]) -> list[str]:
    """Occasions in time, as far as their names tell; otherwise in the order of the file."""
    numeric = natural(texts)
    if numeric != texts or all(t.isdigit() for t in texts):
        return numeric
    units = {re.split(r"\d", t)[0].lower() for t in texts if re.search(r"\d", t) and _kind(t) == 2}

    def place(item: tuple[int, str]):
        position, text = item
        number = re.search(r"\d+", text)
        kind = _kind(text)
        if not number or (kind == 2 and len(units) > 1):
            return (kind, 0, position)
        return (kind, int(number.group()), position)

    return [text for _, text in sorted(enumerate(texts), key=place)]


def _kind(text: str) -> int:
    return next((rank for pattern, rank in ORDER if pattern.search(text)), 2)
