"""The study file: where the files are, and what their columns mean."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bowlby.config.base import Invalid, Model

Role = Literal["patient", "therapist", "observer", "other"]
Kind = Literal["sum", "mean"]
TIME = "{t}"
ROW = "{row}"
COUNT = "{count}"
HIDDEN = "{hidden}"
FILL = "FILL_IN"
SESSIONS = "sessions"
"""The occasion of rows that `when: {session: column}` dates by the number of their session."""
STYLE = re.compile(r"(?=.*YYYY)(?=.*MM)(?=.*DD)(?:YYYY|MMM?|DD|[ ./-])+")


class Occasion(Model):
    """One occasion of measurement; the order of the list is the order in time."""

    id: str
    """The study's own label, as written in the files or in a `when:` map (example: `intake`)."""
    time: float | None = None
    """Time since the first session in `time_unit`; empty if it has none (then growth models leave it out)."""
    session: int | None = Field(None, ge=0)
    """Number of the session that the occasion is (0 = before the first), if no column of the file gives it."""


class When(Model):
    """Where the occasion is given: the same for all rows, in a column, or in the column names."""

    occasion: str | None = None
    """The occasion of every row."""
    column: str | None = None
    """The column that contains the occasion."""
    values: dict[str, str] = Field(default_factory=dict)
    """What the column's values mean, value: occasion; without it the values are the labels themselves."""
    names: dict[str, str] = Field(default_factory=dict)
    """Texts at {t} in the column names, text: occasion (`phq_{t}_{n}` with `{pre: intake, t2: termination}`)."""
    session: str | None = None
    """The column with the session number, if this is the time of the rows. Their occasion is then `sessions`, which is
    listed under `occasions:` only if there are other occasions."""

    @model_validator(mode="before")
    @classmethod
    def _of_sessions(cls, value):
        return {"occasion": SESSIONS} | value if isinstance(value, dict) and value.get("session") else value

    @model_validator(mode="after")
    def _one_way(self):
        given = [self.occasion is not None, self.column is not None, bool(self.names)]
        if sum(given) != 1 or (self.session and self.occasion != SESSIONS):
            raise Invalid("give one of occasion, column, names, session", "`when: {occasion: intake}`")
        return self

    @property
    def occasions(self) -> list[str]:
        """The occasions that it names."""
        return [self.occasion] if self.occasion else [*self.values.values(), *self.names.values()]


def session_of_when(value: object) -> object:
    """A file or measure as written, with the session column of its `when:` as its own."""
    if isinstance(value, dict) and isinstance(when := value.get("when"), dict) and when.get("session"):
        return {"session": when["session"]} | {k: v for k, v in value.items() if k != "session" or v is not None}
    return value


class Span(Model):
    """Adjacent columns, such as one column for each question."""

    first: str
    """Column of item 1."""
    last: str
    """Column of the last item."""


class Measure(Model):
    """One instrument in a file, as items, scored scales or coded categories."""

    instrument: str
    """Id of an instrument of the library or of your own folder."""
    items: str | list[str] | Span | None = None
    """Item columns: a pattern with {n} for the item number (`phq9_{n}`, `cats_{n:02}`), the list in item order, or the
    first and last of adjacent columns."""
    scored: dict[str, str] | None = None
    """Scales that are scores already, scale: column; if `items` are given too, the two are only compared."""
    scored_as: Kind | dict[str, Kind] | None = None
    """Whether those scores are sums of the items or item means, for all scales or scale by scale; they are converted to
    what the instrument's own rule gives. Needed if the values could be either."""
    coded: str | None = None
    """Column of categories given by raters (such as AAI)."""
    about: str = "self"
    """Whom the answers are about: self, therapist, patient, partner, mother, father …"""
    role: Role | None = None
    """Who answered; by default the file's `who.role`."""
    when: When | None = None
    """Occasion of these columns; by default the file's `when`."""
    response: tuple[float, float] | None = None
    """Lowest and highest response in this file, if they differ from those of the instrument. Responses that are only
    coded from another number (1 to 4 for 0 to 3) are recoded. If the range is stated, `bowlby check` no longer asks
    whether responses are coded from another number."""
    missing: list[str] = Field(default_factory=list)
    """Codes that mean missing in these columns, in addition to the file's own."""
    answers: dict[str, float] = Field(default_factory=dict)
    """What answers written as words mean in these columns, text: number, in addition to the file's own."""
    seen: str | None = None
    """Column that shows whether the form was presented. If it is 0, empty or Incomplete, a form with zeros only does
    not count as answered (REDCap writes 0 for checkboxes that were not presented; name its `<form>_complete`)."""
    session: str | None = None
    """Column with the session number; by default the file's `session`."""
    date: str | None = None
    """Column with the date of answering; by default the file's `date`."""

    _session = model_validator(mode="before")(session_of_when)

    @model_validator(mode="after")
    def _one_form(self):
        given = [name for name in ("items", "scored", "coded") if getattr(self, name) is not None]
        if len(given) != 1 and given != ["items", "scored"]:
            raise Invalid("say how the instrument comes", "give one of items, scored, coded, or items with scored")
        if self.scored_as is not None and self.scored is None:
            raise Invalid("scored_as says what the columns under `scored` are", "add `scored`, or leave it out")
        if isinstance(self.scored_as, dict) and (others := [s for s in self.scored_as if s not in self.scored]):
            raise Invalid(f"scored_as names {', '.join(others)}, which `scored` does not", "use its scales")
        if self.coded and self.response:
            raise Invalid("categories have no response range", "leave `response` out")
        return self

    def kind(self, scale: str) -> Kind | None:
        """What the study file says a given score is."""
        return self.scored_as.get(scale) if isinstance(self.scored_as, dict) else self.scored_as

    @property
    def named(self) -> list[str]:
        """The columns and patterns of the answers."""
        scores = list((self.scored or {}).values())
        if isinstance(self.items, Span):
            return [self.items.first, self.items.last, *scores]
        if self.items is not None:
            return [*([self.items] if isinstance(self.items, str) else self.items), *scores]
        return scores or ([self.coded] if self.coded else [])

    def at(self, text: str, occasion: str) -> Measure:
        """The measure of one occasion, with ``text`` in place of {t} in all column names."""

        def put(name):
            return name.replace(TIME, text) if isinstance(name, str) else name

        items = self.items
        if isinstance(items, Span):
            items = Span(first=put(items.first), last=put(items.last))
        return self.model_copy(
            update={
                "items": [put(column) for column in items] if isinstance(items, list) else put(items),
                "scored": {scale: put(column) for scale, column in self.scored.items()} if self.scored else None,
                "coded": put(self.coded),
                "session": put(self.session),
                "date": put(self.date),
                "when": When(occasion=occasion),
            }
        )


class Who(Model):
    """Which columns identify the persons."""

    person: str | list[str]
    """Column with the id of the person who answered (or whom the row describes); `{row}`: the row's own number. A list
    of columns that name a person together (`[family, member]`); the ids become `family:member`."""
    role: Role = "patient"
    """What these persons are."""
    therapist: str | None = None
    """Column with the therapist who treated the patient at that time."""
    site: str | None = None
    """Column with the site, if different sites use the same ids; ids become `site:id`."""
    site_name: str | None = None
    """The site of all rows of the file, if different sites use the same ids and no column gives the site."""

    @property
    def columns(self) -> list[str]:
        """The columns that name the person."""
        return [self.person] if isinstance(self.person, str) else self.person

    @field_validator("person")
    @classmethod
    def _several(cls, value):
        if isinstance(value, list) and (len(set(value)) < max(2, len(value)) or {ROW, COUNT, HIDDEN} & set(value)):
            raise Invalid("a list names a person by two or more columns", "name one column, or each column once")
        return value

    @model_validator(mode="after")
    def _one_site(self):
        if self.site and self.site_name:
            raise Invalid("site and site_name are both given", "keep the one that is true")
        return self


class Covariate(Model):
    """A column that describes persons."""

    column: str
    """Name in the file."""
    kind: Literal["number", "category", "date", "checkbox"] = "number"
    """How the column is read. A checkbox is 1 or 0; it is missing if no box is ticked in a form that was not
    presented."""
    seen: str | None = None
    """For a checkbox, the column that shows whether its form was presented (REDCap's `<form>_complete`)."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Value labels, value: label (SPSS files bring their own); a value labelled as missing or refused is missing."""
    unit: str | None = None
    """Unit of the numbers, for the data dictionary (example: `years`)."""
    description: str | None = None
    """Description for the data dictionary, if the file has none or a poor one."""


class Episode(Model):
    """A treatment by one therapist; patients who switch have several."""

    therapist: str
    """Column with the therapist."""
    sessions: str | None = None
    """Column with the number of sessions; weights are shares of it."""


class RowRule(Model):
    """Which rows of a file count, by the values of a column; one of the two keys."""

    keep: list[str] | None = None
    """Rows with one of these values (or value labels) count, all others are left out; "" means an empty cell."""
    leave_out: list[str] | None = None
    """Rows with one of these values (or value labels) are left out; `[]` says that all rows of the column count."""

    @model_validator(mode="after")
    def _one_way(self):
        if (self.keep is None) == (self.leave_out is None):
            raise Invalid("give either keep or leave_out", "`{Status: {leave_out: [Survey Preview]}}`")
        if self.keep == []:
            raise Invalid("keep lists no value", "name the values that count")
        return self


class DataFile(Model):
    """One raw file."""

    path: str
    """Where it is, relative to the study file."""
    format: Literal["csv", "excel", "spss", "stata", "sas", "parquet"] | None = None
    """Kind of file; by default from its ending."""
    dictionary: str | None = None
    """REDCap's data dictionary (CSV) for this file: gives value labels, and names to columns headed by labels."""
    delimiter: str | None = None
    """Column separator of a text file, or `whitespace`; by default detected."""
    quote: str = Field('"', min_length=1, max_length=1)
    """Quote sign of a text file."""
    decimal: Literal[".", ","] = "."
    """Decimal sign of a text file."""
    encoding: str | None = None
    """Text encoding; by default detected and stated."""
    sheet: str | None = None
    """Sheet of a workbook; by default the first."""
    header_row: int = Field(1, ge=1, le=1_000_000)
    """Row with the column names, counted from 1."""
    header_rows: int = Field(1, ge=1, le=10)
    """Rows that the column names take; headings over several columns are joined to the names below by ` / `."""
    skip_rows: int = Field(0, ge=0, le=1_000_000)
    """Rows below the column names that contain no data (Qualtrics: 1 or 2)."""
    rows: dict[str, RowRule] = Field(default_factory=dict)
    """Which rows count, column: rule (`{Status: {leave_out: [Survey Preview, Spam]}, arm: {keep: [cbt]}}`). A row that
    any rule leaves out is excluded, and counted in the flow of patients. `"{row}"` is the number of the row,
    `"{hidden}"` whether an Excel filter hides it (yes or no)."""
    dates: str = "YYYY-MM-DD"
    """How dates are written, of YYYY, MM (or MMM for Jan, Feb …) and DD; a time of day after it is left out."""
    missing: list[str] = Field(default_factory=list)
    """Codes that mean missing in every column but ids of patients (empty cells always do)."""
    keep_ids: list[str] = Field(default_factory=list)
    """Ids of therapists that would otherwise count as missing, because they look like a missing value (`NA`, `unknown`)
    or are listed under `missing`."""
    thousands: dict[str, bool] = Field(default_factory=dict)
    """Columns in which the sign that is not the decimal sign separates thousands (yes) or decimals (no), if the values
    of the column do not show which (`{income: yes}`)."""
    answers: dict[str, float] = Field(default_factory=dict)
    """What answers written as words mean, text: number (`{not at all: 0, several days: 1}`); case does not matter."""
    who: Who
    """Columns that identify the persons."""
    when: When | None = None
    """Occasion of the rows."""
    session: str | None = None
    """Column with the session number, counted within the patient from 1 (0 = before the first); `{count}`: the
    patient's rows are counted, by date if there is one, else in the order of the file."""
    date: str | None = None
    """Column with the date of the row."""
    measures: list[Measure] = Field(default_factory=list)
    """Instruments in this file."""
    covariates: dict[str, Covariate] = Field(default_factory=dict)
    """Descriptions of the persons, name: column."""
    episodes: list[Episode] = Field(default_factory=list)
    """Treatments of the patient, one per therapist column."""

    _session = model_validator(mode="before")(session_of_when)

    @field_validator("dates")
    @classmethod
    def _date_style(cls, value):
        if not STYLE.fullmatch(value):
            raise Invalid("no way of writing dates", "use YYYY, MM and DD once each, such as DD.MM.YYYY")
        return value

    @model_validator(mode="after")
    def _no_false_sign(self):
        whens = [w.column for w in (self.when, *(m.when for m in self.measures)) if w]
        columns = [self.who.therapist, self.who.site, self.date, *(m.date for m in self.measures), *whens]
        columns += [c.column for c in self.covariates.values()]
        columns += [name for e in self.episodes for name in (e.therapist, e.sessions)]
        sessions = [self.session, *(m.session for m in self.measures)]
        if ROW in [*columns, *sessions]:
            raise Invalid(f"{ROW} is for persons only", f"name a column, or {COUNT} for a session")
        if HIDDEN in [*self.who.columns, *columns, *sessions]:
            raise Invalid(f"{HIDDEN} is for `rows` only", "name a column")
        if COUNT in [*self.who.columns, *columns, *self.rows]:
            raise Invalid(f"{COUNT} is for sessions only", "name a column")
        return self

    @field_validator("covariates", mode="before")
    @classmethod
    def _short_covariates(cls, value):
        if isinstance(value, list):
            value = {name: None for name in value}
        if isinstance(value, dict):
            return {
                k: {"column": k} if v is None else ({"column": v} if isinstance(v, str) else v)
                for k, v in value.items()
            }
        return value


class Study(Model):
    """A study: its occasions and its files."""

    name: str
    """Name of the study, shown in the report."""
    synthetic: bool = False
    """True if the data are simulated; everything shown says so."""
    occasions: list[Occasion] = Field(default_factory=list)
    """All occasions in order; a closed list. Left out, each person was measured once, and no `when:` is needed."""
    time_unit: str = "weeks"
    """Unit of the occasions' times."""
    files: list[DataFile] = Field(min_length=1)
    """The raw files."""

    def responses(self, instrument: str) -> list[tuple[float, float] | None]:
        """Response range that each form of an instrument is said to have; None where none is."""
        return [m.response for f in self.files for m in f.measures if m.instrument == instrument]

    def coded(self, instrument: str) -> bool:
        """Whether raters gave an instrument's categories, so that no person answered it."""
        return any(m.coded for f in self.files for m in f.measures if m.instrument == instrument)

    @field_validator("occasions", mode="before")
    @classmethod
    def _short_occasions(cls, value):
        return [{"id": v} if isinstance(v, str) else v for v in value] if isinstance(value, list) else value

    @model_validator(mode="before")
    @classmethod
    def _of_sessions_alone(cls, value):
        if not isinstance(value, dict) or value.get("occasions") or not isinstance(value.get("files"), list):
            return value
        files = [f for f in value["files"] if isinstance(f, dict)]
        entries = [*files, *(m for f in files for m in f.get("measures") or [] if isinstance(m, dict))]
        dated = any(isinstance(w := e.get("when"), dict) and w.get("session") for e in entries)
        return {"time_unit": SESSIONS} | value | {"occasions": [SESSIONS]} if dated else value

    @model_validator(mode="after")
    def _known_occasions(self):
        ids = [o.id for o in self.occasions]
        if len(set(ids)) < len(ids):
            raise Invalid("an occasion is listed twice", "keep each once")
        whens = [w for f in self.files for w in (f.when, *(m.when for m in f.measures)) if w]
        unknown = sorted({o for w in whens for o in w.occasions} - set(ids))
        if unknown:
            raise Invalid(f"occasion {', '.join(unknown)} is not in the list of occasions", "add it there")
        for file in self.files:
            for measure in file.measures:
                of_patients = (measure.role or file.who.role) == "patient"
                if self.occasions and (measure.when or file.when) is None and of_patients:
                    raise Invalid(f"{file.path}: {measure.instrument} has no occasion", "add `when:`")
                when = measure.when or file.when
                place, told = f"{file.path}: {measure.instrument}", [TIME in name for name in measure.named]
                if any(told) and not (when and when.names):
                    raise Invalid(f"{place} has {TIME} in its columns", "add `when: {names: …}`")
                if when and when.names and not all(told):
                    raise Invalid(f"{place} has no {TIME} in its columns", "add it where the occasion is in the name")
        return self
