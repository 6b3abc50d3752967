"""Which rows of a file count: those that the study file leaves out, and those that look like nobody's answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bowlby.config.study import HIDDEN, ROW
from bowlby.config.yamlfile import quoted
from bowlby.errors import count
from bowlby.ingest.columns import has, ids, numbers, present
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.keys import factorize
from bowlby.ingest.readers.base import Raw
from bowlby.ingest.readers.column_selection import FORM_STATUS, is_qualtrics, survey_columns
from bowlby.ingest.text_values import folded, plain

PREVIEWS = frozenset(
    "survey preview|survey test|spam|preview spam|imported spam|possible spam|offline preview|"
    "offline survey preview".split("|")
)
PREVIEW_CODES = frozenset("1|2|8|9|12|17".split("|"))
"""What Qualtrics writes in ``Status`` for responses that do not count, in words and in codes."""
WHAT = {
    "Status": ("a preview, a test or spam", "previews, tests or spam"),
    "DistributionChannel": ("a preview", "previews"),
}
FORM_CODES, FORM_WORDS = {"0", "1", "2"}, {"incomplete", "unverified", "complete"}
"""REDCap's values for the status of a form."""
STATISTICS = {
    "mean": "mean|means|average|avg|mittelwert|mittel|mw|m|durchschnitt|moyenne|media|média|grand mean",
    "sd": "sd|s.d.|std|std.|std dev|std. dev.|stdev|st. dev.|standard deviation|standardabweichung|stdabw",
    "n": "n|count|anzahl|valid n|n valid|total|totals|total n|gesamt|insgesamt",
    "sum": "sum|summe|total|totals|gesamt|gesamtsumme|somme|suma|grand total",
    "median": "median|md|mdn|mediana|médiane",
    "min": "min|minimum",
    "max": "max|maximum",
}
FITTING = 0.8
"""Share of a row's numbers that are the statistic of the rows above."""
FEWEST_ROUNDED = 3
"""Fewest numbers by which a row of whole numbers is recognised as rounded statistics."""
NUMBER = r"([+-]?\d*[.,]?\d+)"
CELL = re.compile(rf"\s*{NUMBER}(?:\s*(?:\(|\[|±|\+/?-)\s*(?:SD\s*=?\s*)?{NUMBER}\s*[)\]]?)?\s*", re.IGNORECASE)
"""A statistic, or two as in ``1.50 (0.94)``."""
FOOT = re.compile(
    r"(note|notes|source|generated|exported|created|printed|legend|report|page|total|end of|anmerkung|hinweis|quelle|"
    r"stand|legende|seite|erstellt|exportiert)\b|[*©†]",
    re.IGNORECASE,
)
FEWEST_WORDS, MOST_ALIKE = 3, 0.05


@dataclass
class Doubt:
    """Rows that look like nobody's answers.

    Attributes
    ----------
    code, what : str
    column : str
        The column by which the study file leaves them out.
    values : list of str
        Its values in these rows.
    rows : list of int
    """

    code: str
    what: str
    column: str
    values: list[str]
    rows: list[int]

    @property
    def line(self) -> str:
        """The line of the study file that leaves them out."""
        return _line(self.column, self.values)


def select_rows(raw: Raw, issues: Issues) -> None:
    """Leave out the rows that the study file leaves out (``rows:``); whose they are stays in ``raw.left_out``."""
    for column, rule in raw.spec.rows.items():
        if column != HIDDEN and not has(raw, column, issues):
            continue
        texts = _texts(raw, column)
        wanted = {plain(text) for text in (rule.keep if rule.keep is not None else rule.leave_out) or []}
        labels = {plain(code): plain(label) for code, label in raw.labels.get(column, {}).items()}
        hit = texts.isin(wanted) | texts.map(labels).isin(wanted)
        there = {*texts.unique(), *texts.map(labels).dropna().unique()}
        if column != HIDDEN and (unmet := sorted(wanted - there)):
            what = f"no row has {' or '.join(repr(text) for text in unmet)}, which `rows:` names"
            do = "none needed, if such rows may come; else write it as in the file"
            issues.add("warning", "unmet_rule", what, do, column=column, n=len(unmet), **raw.place)
        out = hit if rule.keep is None else ~hit
        if out.any():
            person = ids(raw, raw.person) if present(raw, raw.person) else texts[:0]
            raw.left_out[column] = person[out]
            raw.frame = raw.frame.loc[~out]
    if not len(raw.frame):
        issues.add("error", "no_rows", "`rows:` leaves no row", "correct the values there", **raw.place)


def report_doubts(raw: Raw, issues: Issues) -> None:
    """An error for each kind of rows that look like nobody's answers and that the study file says nothing of.

    These rows are left out of what else is checked, so that each is reported once.
    """
    doubtful = doubts(raw)
    for doubt in doubtful:
        column = doubt.column if doubt.column in raw.known else None
        do = f"if they do not count, write `{doubt.line}` for this file; if they do, `{_line(doubt.column, [])}`"
        place = {"row": doubt.rows[0], "column": column, "n": len(doubt.rows)} | raw.place
        issues.add("error", doubt.code, f"{doubt.what} ({rows_text(doubt.rows)})", do, **place)
    if doubtful:
        raw.frame = raw.frame.drop(index={row for doubt in doubtful for row in doubt.rows})


def doubts(raw: Raw) -> list[Doubt]:
    """Rows that look like nobody's answers: previews, spam, unfinished, hidden, statistics, lines below the table.

    A statistic is one by its name and by its numbers, which are those of the rows above; a person may be called SD.
    """
    return [*_by_survey(raw), *_hidden(raw), *_statistics(raw), *_foot(raw)]


def _by_survey(raw: Raw) -> list[Doubt]:
    doubtful = []
    for column in survey_columns(raw.header):
        if column in raw.spec.rows or column not in raw.frame.columns:
            continue
        texts = raw.text(column).str.strip()
        rows = texts.index[_not_counted(raw, column, texts.str.casefold())].tolist()
        if rows:
            one, many = WHAT.get(column, ("not finished", "not finished"))
            is_one = count(len(rows), f"row is {one}", f"rows are {many}")
            what = f"{is_one} according to the survey's own {column} column"
            doubtful.append(Doubt("not_counted", what, column, sorted(texts.loc[rows].unique()), rows))
    return doubtful


def _not_counted(raw: Raw, column: str, texts: pd.Series) -> pd.Series:
    """Rows that do not count by a column of a survey platform (Qualtrics, LimeSurvey, REDCap)."""
    if column == "Status":
        return texts.isin(PREVIEWS | (PREVIEW_CODES if is_qualtrics(raw.header) else frozenset()))
    if column == "DistributionChannel":
        return texts.eq("preview")
    if column == "Progress":
        return _unfinished(raw, texts)
    if column == "submitdate":
        return texts.eq("")
    if column == "Finished":
        return texts.isin({"false", "0"}) & is_qualtrics(raw.header)
    return _incomplete(raw, column, texts)


def _unfinished(raw: Raw, texts: pd.Series) -> pd.Series:
    """Rows below 100% in Qualtrics' ``Progress``; a rating of that name is none where most are not at 100."""
    share = pd.to_numeric(texts.where(texts.str.fullmatch(r"\d{1,3}")), errors="coerce")
    sure = is_qualtrics({*raw.header} - {"Progress"}) or share.mode().eq(100).all()
    is_share = share.notna().any() and share.max() == 100 and share.notna().eq(texts.ne("")).all()
    return share.lt(100) & bool(sure and is_share)


def _incomplete(raw: Raw, column: str, texts: pd.Series) -> pd.Series:
    """Rows with data on a form of REDCap that is not complete by its status.

    The columns of a form precede its status. Nothing is reported if a data dictionary or ``seen:`` uses the status, or
    if no form is complete, because then the status was not used.
    """
    spec, none = raw.spec, pd.Series(False, index=texts.index)
    seen = {*(m.seen for m in spec.measures), *(c.seen for c in spec.covariates.values())}
    values = {*texts.unique()} - {""}
    known = (values <= FORM_CODES and "2" in values) or (values <= FORM_WORDS and "complete" in values)
    if raw.dictionary or spec.dictionary or column in seen or not known:
        return none
    before = raw.header[: raw.header.index(column)]
    start = max((i + 1 for i, name in enumerate(before) if name.endswith(FORM_STATUS)), default=0)
    who = {spec.who.person, spec.who.therapist, spec.who.site}
    form = [c for c in before[start:] if c in raw.frame.columns and c not in who and not c.startswith("redcap_")]
    if not form:
        return none
    filled = pd.concat([raw.text(c).str.strip().ne("") for c in form], axis=1).any(axis=1)
    return texts.isin({"0", "incomplete"}) & filled


def _hidden(raw: Raw) -> list[Doubt]:
    if not raw.hidden or HIDDEN in raw.spec.rows:
        return []
    rows = raw.frame.index[raw.frame.index.isin(raw.hidden)].tolist()
    if not rows:
        return []
    return [Doubt("hidden_row", f"{count(len(rows), 'row is', 'rows are')} hidden in the sheet", HIDDEN, ["yes"], rows)]


def _statistics(raw: Raw) -> list[Doubt]:
    doubtful = []
    for column in _label_columns(raw):
        found = factorize(raw.text(column))[1].str.strip()
        words = found[~found.str.contains("[0-9]", regex=True)]  # no name of a statistic has a digit
        kinds = {text: kinds for text in words if (kinds := _kinds(text))}
        if not kinds:
            continue
        texts = raw.text(column).str.strip()
        named = texts[texts.isin(list(kinds))]
        values = _number_columns(raw, column, named.index)
        rows = [row for row, text in named.items() if _fits(raw, values, row, named.index, kinds[text])]
        if rows:
            what = f"{count(len(rows), 'row holds a statistic', 'rows hold statistics')} of the rows above"
            doubtful.append(Doubt("summary_row", what, column, list(dict.fromkeys(named[rows])), rows))
    return doubtful


def _label_columns(raw: Raw) -> list[str]:
    """Columns that may hold the name of a statistic: the ids, or any column of text if rows have no id."""
    if _settled(raw):
        return []
    person = raw.person
    if person in raw.frame.columns:
        return [person]
    return [c for c in raw.frame.columns if not pd.api.types.is_numeric_dtype(raw.frame[c])]


def _settled(raw: Raw) -> bool:
    """Whether the study file says that all rows count, whatever their ids."""
    return any((rule := raw.spec.rows.get(c)) and rule.leave_out == [] for c in (ROW, raw.person))


def _kinds(text: str) -> list[set[str]]:
    """What a row's name says that it holds: the kinds of its first number and, as in ``M (SD)``, of its second one."""
    parts = re.split(r"\s*(?:[(\[±/]|\+/?-)\s*", folded(text).rstrip(":)] "))
    kinds = [{kind for kind, words in STATISTICS.items() if part in words.split("|")} for part in parts]
    return kinds if len(kinds) <= 2 and all(kinds) else []


def _number_columns(raw: Raw, label: str, named: pd.Index) -> dict[str, tuple[pd.Series, pd.Series]]:
    """The columns of numbers by the rows without such a name: as they are, and without codes for missing."""
    who = {label, raw.person, raw.spec.who.therapist, raw.spec.session, raw.spec.date}
    missing = [*raw.spec.missing, *(code for m in raw.spec.measures for code in m.missing)]
    columns = {}
    for column in raw.frame.columns:
        if column not in who and not pd.api.types.is_datetime64_any_dtype(raw.frame[column]):
            every = numbers(raw, column, [], Issues())[0]
            if every.drop(named).notna().mean() > 0.5:
                columns[column] = (every, numbers(raw, column, missing, Issues())[0])
    return columns


def _fits(raw: Raw, values: dict, row: int, named: pd.Index, kinds: list[set[str]]) -> bool:
    """Whether the numbers of a row are a statistic of all rows above, or of those since the last statistic."""
    cells = {column: _written(raw, column, row, float(every[row])) for column, (every, _) in values.items()}
    pairs = [(column, written) for column, written in cells.items() if written]
    # The second number of a cell without a name of its own is taken as an SD.
    kinds = kinds if len(kinds) > 1 or all(len(written) == 1 for _, written in pairs) else [*kinds, {"sd"}]
    before = [n for n in named if n < row]
    blocks = [n for n in before if n + 1 not in named]
    for start in {-1, blocks[-1] if blocks else -1}:
        for way in (0, 1):
            above = {c: values[c][way].drop(named) for c, _ in pairs}
            above = {c: s[(s.index > start) & (s.index < row)].dropna() for c, s in above.items()}
            if all(_are(number, above, pairs, kind) for number, kind in enumerate(kinds)):
                return True
    return False


def _written(raw: Raw, column: str, row: int, read: float) -> list[float]:
    """The numbers in a cell, whatever their decimal sign; none if it holds anything else."""
    if np.isfinite(read):
        return [read]
    match = CELL.fullmatch(raw.text(column, [row]).iloc[0])
    return [float(number.replace(",", ".")) for number in match.groups() if number] if match else []


def _are(number: int, above: dict[str, pd.Series], cells: list[tuple[str, list[float]]], kinds: set[str]) -> bool:
    """Whether the first or second numbers of cells are one kind of statistic of the numbers above them.

    Whole numbers may be rounded if others have decimals, or if all of several fit.
    """
    written = [(pair[number], above[c].to_numpy()) for c, pair in cells if len(pair) > number and len(above[c]) > 1]
    decimals = any(not cell.is_integer() for cell, _ in written)
    for kind in kinds if written else ():
        expected = [(cell, _statistic(kind, others)) for cell, others in written]
        if np.mean([_equal(cell, e, decimals) for cell, e in expected]) >= FITTING:
            return True
        if len(expected) >= FEWEST_ROUNDED and all(_equal(cell, e, True) for cell, e in expected):
            return True
    return False


def _statistic(kind: str, values: np.ndarray) -> list[float]:
    if kind == "n":
        return [float(len(values))]
    if kind == "sd":
        return [float(values.std()), float(values.std(ddof=1))]
    return [float(getattr(np, kind)(values))]


def _equal(cell: float, expected: list[float], rounded: bool) -> bool:
    """Whether a number is one of some, as far as it is written; whole ones only if they are ``rounded``."""
    decimals = len(f"{cell:.12g}".partition(".")[2])
    close = 0.5 * 10.0**-decimals if decimals or rounded else 0
    return any(abs(cell - e) <= close + 1e-9 * max(1, abs(e)) for e in expected)


def _foot(raw: Raw) -> list[Doubt]:
    """Lines below the table, such as a note or the date of the export: text in the column of ids, and nothing else."""
    if _settled(raw) or not len(raw.frame):
        return []
    person = raw.person if raw.person in raw.frame.columns else raw.frame.columns[0]
    others = [c for c in raw.frame.columns if c != person and c not in survey_columns(raw.header)]
    if not others or any(pd.notna(cell) and str(cell).strip() for cell in raw.frame[others].iloc[-1]):
        return []
    last = raw.frame[others].iloc[-200:].iloc[::-1]
    filled = pd.DataFrame({c: raw.text(c, last.index).str.strip().ne("") for c in others}).any(axis=1)
    end = last.index[: int(filled.to_numpy().argmax()) if filled.any() else 0]
    if end.empty:
        return []
    texts = raw.text(person).str.strip()
    like_text = texts.str.split().str.len().ge(FEWEST_WORDS) | texts.str.match(FOOT)
    if like_text.drop(end).mean() > MOST_ALIKE:
        return []
    rows = sorted(row for row in end if like_text[row] and texts[row])
    what = f"{count(len(rows), 'row', 'rows')} below the table with text in place of an id and nothing else"
    return [Doubt("footer_row", what, ROW, [str(row) for row in rows], rows)] if rows else []


def _texts(raw: Raw, column: str) -> pd.Series:
    index = raw.frame.index
    if column == HIDDEN:
        return pd.Series(["yes" if row in raw.hidden else "no" for row in index], index=index, dtype="str")
    if column == ROW:
        return pd.Series(index.astype(str), index=index, dtype="str")
    cells = raw.text(column)
    return cells.map({text: plain(text) for text in cells.unique()})


def _line(column: str, values: list[str]) -> str:
    """The line of the study file that leaves out the rows with some values."""
    return f"rows: {{{quoted(column)}: {{leave_out: [{', '.join(map(quoted, values))}]}}}}"
