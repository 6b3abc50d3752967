"""Raw files to measures: one row for each person, role, about, occasion and session."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bowlby.config.study import DataFile, Measure, Span, Study, When
from bowlby.errors import UserError, count
from bowlby.ingest.columns import (
    cell_issues,
    dates,
    has,
    ids,
    labelled_missing,
    no_dates,
    numbers,
    present,
    session_numbers,
    site,
    therapist_ids,
    unseen,
)
from bowlby.ingest.issues import Issues, rows_text
from bowlby.ingest.keys import constant, factorize, ranks
from bowlby.ingest.readers.base import Raw, unique
from bowlby.ingest.readers.column_selection import span
from bowlby.ingest.response_range import in_range, parts, text_columns
from bowlby.ingest.scale_scores import given_codes, given_scores
from bowlby.ingest.text_values import NOT_ANSWERED, among, folded, one_spelling, plain
from bowlby.instruments.model import Instrument, counted_from, on_forms
from bowlby.instruments.scoring import ITEM_NUMBER, item_column

KEY = ["person", "role", "about", "occasion", "session"]
HEAD = [*KEY, "therapist", "date", "source_file", "source_row"]


def instruments(study: Study, own_dir, study_file: str, issues: Issues) -> dict:
    """Load the instruments that the study names, each on the study's forms; one that cannot be had so is an error."""
    from bowlby.instruments.catalogue import load_instrument

    instruments = {}
    for name in dict.fromkeys(m.instrument for f in study.files for m in f.measures):
        code = "unknown_instrument"
        try:
            instrument, code = load_instrument(name, own_dir), "response_range"
            instruments[name] = on_forms(instrument, study.responses(name))
        except UserError as error:
            for fault in error.problems:
                place = fault.place
                issues.add("error", code, fault.what, fault.do, file=place.file or study_file, row=place.row,
                           instrument=name)  # fmt: skip
    return instruments


def spread(spec: DataFile) -> list[Measure]:
    """A file's measures, with one for each occasion where the column names hold the occasion."""
    measures = []
    for one in spec.measures:
        columns = {"session": one.session or spec.session, "date": one.date or spec.date}
        measure, when = one.model_copy(update=columns), one.when or spec.when
        if when and when.names:
            measures += [measure.at(text, occasion) for text, occasion in when.names.items()]
        else:
            measures.append(measure)
    return measures


def measure_table(raw: Raw, measure: Measure, model, study: Study, issues: Issues) -> pd.DataFrame | None:
    """One instrument of one file, cleaned; None where a column is missing."""
    name, who = measure.instrument, raw.spec.who
    role = measure.role or who.role
    columns = columns_of(raw, measure, model, issues)
    if columns is None or not present(raw, raw.person):
        return None
    values, wrong = _values(raw, measure, columns, issues)
    given = (values.notna() | wrong).any(axis=1)
    if measure.seen:
        given &= ~(unseen(raw, measure.seen) & values.fillna(0).eq(0).all(axis=1) & ~wrong.any(axis=1))
    rows = values.index[given]
    if rows.empty:
        first = next(iter(columns.values()))
        what, do = f"no row has an answer to {name}", "check the columns, or take the instrument out of the study file"
        issues.add("warning", "no_answers", what, do, column=first, instrument=name, **raw.place)
    occasion = _occasions(raw, measure.when or raw.spec.when, rows, study, issues)
    if occasion is None:
        return None
    if len(rows) < len(values):
        values, wrong = values.loc[rows], wrong.loc[rows]
    text_columns(raw, columns, values, wrong, name, issues)
    cell_issues(raw, columns, wrong, "not_a_number", "text in an item", "set to missing", name, issues)
    values = _possible(raw, measure, model, columns, values, occasion, issues)
    person = ids(raw, raw.person)
    person = person if len(rows) == len(person) else person.loc[rows]
    head = {
        "person": person,
        "role": constant(role, rows),
        "about": constant(measure.about, rows),
        "occasion": occasion,
        "session": _sessions(raw, measure, rows, occasion, study, issues),
        "therapist": _therapists(raw, rows),
        "date": _dates(raw, measure, rows, issues),
        "source_file": constant(raw.name, rows),
        "source_row": pd.Series(rows.to_numpy(), index=rows),
    }
    table = pd.concat([pd.DataFrame(head, index=rows), values], axis=1)
    keep = person.ne("") & (occasion.ne("") if who.role == "patient" and study.occasions else True)
    if measure.when and measure.when.occasion and raw.spec.when and raw.spec.when.column:
        # a value of one occasion that every row of a person repeats, such as the baseline in a long file
        keep &= ~table.duplicated([*KEY, *values.columns])
    return table if keep.all() else table.loc[keep]


def _possible(raw: Raw, measure: Measure, model: Instrument, columns: dict[str, str], values: pd.DataFrame,
              occasion: pd.Series, issues: Issues) -> pd.DataFrame:  # fmt: skip
    """Answers, scores and categories as the instrument counts them; impossible ones are missing and reported."""
    if measure.coded:
        return values.assign(code=given_codes(raw, measure, model, values["code"], issues))
    scales = list(measure.scored or {})
    items = {column: source for column, source in columns.items() if column not in scales}
    if items:
        where, when = site(raw), measure.when or raw.spec.when
        apart = {"occasion": occasion} if when and when.column else {}
        apart |= {"site": where.loc[values.index]} if isinstance(where, pd.Series) else {}
        answers = in_range(raw, measure, model, items, values[list(items)], parts(**apart), issues)
        step = counted_from(model, measure.response)
        values[list(items)] = answers - step if step else answers
    if scales:
        values[scales] = given_scores(raw, measure, model, values[scales], issues)
    if items and scales:  # a total of no answers is none; spreadsheets give 0
        values[scales] = values[scales].mask(values[list(items)].isna().all(axis=1))
    return values


def _values(raw: Raw, measure: Measure, columns: dict[str, str], issues: Issues) -> tuple[pd.DataFrame, pd.DataFrame]:
    missing = [*raw.spec.missing, *measure.missing]
    stated = {folded(text): number for text, number in (raw.spec.answers | measure.answers).items()}
    values, wrong = {}, {}
    for name, column in columns.items():
        labels = raw.labels.get(column, {})
        codes = [*missing, *labelled_missing(raw, column, labels, NOT_ANSWERED, issues, measure.instrument)]
        if measure.coded:
            cells = one_spelling(raw.text(column).str.strip())
            values[name] = cells.mask(cells.eq("") | among(cells, codes)).astype(object)
            wrong[name] = pd.Series(False, index=cells.index)
        else:
            values[name], wrong[name] = numbers(raw, column, codes, issues, _by_label(raw, column) | stated)
    index = raw.frame.index
    return pd.DataFrame(values, index=index, copy=False), pd.DataFrame(wrong, index=index, copy=False)


def _by_label(raw: Raw, column: str) -> dict[str, float]:
    """What a column's value labels mean, for exports that hold the labels."""
    labels = raw.labels.get(column, {})
    if not labels:
        return {}
    codes = pd.to_numeric(pd.Series(list(labels), dtype=object), errors="coerce")
    return {folded(text): code for text, code in zip(labels.values(), codes, strict=True) if pd.notna(code)}


def _therapists(raw: Raw, rows) -> pd.Series:
    column = raw.spec.who.therapist
    if column is None or not present(raw, column) or raw.spec.who.role == "therapist":
        return constant(None, rows)
    therapist = therapist_ids(raw, column).loc[rows]
    return therapist.mask(therapist.eq(""))


def _sessions(raw: Raw, measure: Measure, rows, occasion: pd.Series, study: Study, issues: Issues) -> pd.Series:
    if session := present(raw, measure.session):
        return session_numbers(raw, session, measure.date, rows, issues)
    known = {o.id: o.session for o in study.occasions if o.session is not None}
    codes, found = factorize(occasion)
    return pd.Series(pd.array([*(known.get(text) for text in found), None], dtype="Int64")[codes], index=rows)


def _dates(raw: Raw, measure: Measure, rows, issues: Issues) -> pd.Series:
    if date := present(raw, measure.date):
        return dates(raw, date, rows, issues)
    return no_dates(rows)


def columns_of(raw: Raw, measure: Measure, model, issues: Issues) -> dict[str, str] | None:
    """Raw columns of one instrument, name in the measure: name in the file; None where one is missing."""
    scores = _scores(raw, measure, model, issues)
    if measure.items is None and not measure.coded:
        return scores
    items = _items(raw, measure, model, issues)
    return None if items is None or scores is None else items | scores


def _scores(raw: Raw, measure: Measure, model, issues: Issues) -> dict[str, str] | None:
    """Columns of scales that the file brings as scores."""
    wanted, known = dict(measure.scored or {}), model.all_scales()
    unknown = [scale for scale in wanted if known and scale not in known]
    for scale in unknown:
        what, do = f"{measure.instrument} has no scale '{scale}'", f"use one of {', '.join(known)}"
        issues.add("error", "unknown_scale", what, do, instrument=measure.instrument, **raw.place)
    present = [has(raw, column, issues, measure.instrument) for column in wanted.values()]
    return wanted if all(present) and not unknown else None


def _items(raw: Raw, measure: Measure, model, issues: Issues) -> dict[str, str] | None:
    """Columns of items, or of the category."""
    name = measure.instrument
    if measure.coded:
        wanted = {"code": measure.coded}
    elif not model.n_items:
        what, do = f"{name} has no items", "give its categories as `coded:`"
        issues.add("error", "no_items", what, do, instrument=name, **raw.place)
        return None
    elif not isinstance(measure.items, str):
        listed = _listed(raw, measure, issues)
        if listed is None:
            return None
        if len(listed) != model.n_items:
            issues.add(
                "error",
                "item_count",
                f"{count(len(listed), 'item column is', 'item columns are')} listed for {name}",
                f"list its {model.n_items} items in order",
                instrument=name,
                **raw.place,
            )
            return None
        wanted = {f"i{n:02}": c for n, c in enumerate(listed, 1)}
    else:
        if not ITEM_NUMBER.search(measure.items):
            issues.add(
                "error",
                "item_pattern",
                f"the item pattern of {name} has no {{n}}",
                "write the item number as {n}",
                instrument=name,
                **raw.place,
            )
            return None
        wanted = {f"i{n:02}": item_column(measure.items, n, raw.header) for n in range(1, model.n_items + 1)}
    present = [has(raw, column, issues, name) for column in wanted.values()]
    return wanted if all(present) else None


def _listed(raw: Raw, measure: Measure, issues: Issues) -> list[str] | None:
    if not isinstance(measure.items, Span):
        return [measure.items] if isinstance(measure.items, str) else measure.items
    names = unique(raw.header)
    ends_at = span(measure.items, names)
    if ends_at:
        return names[slice(*ends_at)]
    ends = [has(raw, column, issues, measure.instrument) for column in measure.named]
    if all(ends):
        what, do = "the last item is before the first", "exchange `first` and `last`"
        issues.add("error", "item_span", what, do, instrument=measure.instrument, **raw.place)
    return None


def _occasions(raw: Raw, when: When | None, rows, study: Study, issues: Issues) -> pd.Series | None:
    if when is None or when.occasion is not None:
        return constant(when.occasion if when else "", rows)
    if when.column is None or when.column not in raw.frame.columns:
        return None
    codes, found = factorize(raw.text(when.column, rows).str.strip())
    known = dict(when.values) or {o.id: o.id for o in study.occasions}
    by_text = {plain(text): occasion for text, occasion in known.items()}
    occasions = {text: by_text.get(plain(text)) for text in found}
    for code, text in sorted(enumerate(found), key=lambda one: one[1]):
        if occasions[text] is not None:
            continue
        group = rows[codes == code]
        what = "unknown occasion" if text else "the occasion is missing"
        if len(group) > 1:
            what += f" ({rows_text(group)})"
        do = f"use one of {', '.join(known)}, or add it to the study file" if text else "fill it in"
        issues.add_rows("error", "unknown_occasion", what, do, group, column=when.column, **raw.place)
    return pd.Series(pd.array([occasion or "" for occasion in occasions.values()], dtype="str")[codes], index=rows)


FEW = 5
REPEATING = ("{} rows repeat earlier ones", "repeats {}")
CONTRADICTING = (
    "{} rows have the person and occasion of earlier ones, other values",
    "same person and occasion as {}, other values",
)
OTHER_THERAPIST = (
    "{} rows have the person and occasion of earlier ones, another therapist",
    "same person and occasion as {}, another therapist",
)


@dataclass
class Repeats:
    """Rows with the person and occasion of an earlier one.

    Attributes
    ----------
    exact : dict of list of str
        Instruments by file and row of an exact repeat, and file and row of what it repeats.
    contradicting : set
        File and row of a repeat with another value or therapist, and file and row of what it contradicts.
    """

    exact: dict[tuple[str, int, str, int], list[str]] = field(default_factory=dict)
    contradicting: set[tuple[str, int, str, int]] = field(default_factory=set)


def combine(tables: list[pd.DataFrame], instrument: str, repeats: Repeats, issues: Issues) -> pd.DataFrame:
    """All rows of one instrument, sorted by key.

    Parameters
    ----------
    tables : list of DataFrame
        From :func:`bowlby.ingest.measures.measure_table`.
    instrument : str
    repeats : Repeats
        Those of all instruments so far, which :func:`report_repeats` reports once all are known; added to.
    issues : Issues

    Returns
    -------
    DataFrame
        One row for each key.
    """
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0].reset_index(drop=True)
    tables.clear()  # the pieces are not needed while the whole is sorted
    values = [c for c in table.columns if c not in HEAD]
    rank = ranks(table, KEY)
    order = np.argsort(rank, kind="stable")
    again = np.zeros(len(table), dtype=bool)
    again[order[1:]] = rank[order[1:]] == rank[order[:-1]]
    if again.any():
        _repeated(table, values, pd.Series(again), instrument, repeats, issues)
        order = order[~again[order]]
    items = sorted(values) if "i01" in values else values
    columns = [*HEAD, *items]
    if np.array_equal(order, np.arange(len(table))):
        return table[columns]
    return pd.DataFrame({c: table.pop(c).array.take(order) for c in columns}, copy=False)


def _repeated(
    table: pd.DataFrame, values: list[str], again: pd.Series, instrument: str, repeats: Repeats, issues: Issues
) -> None:
    met = table.loc[table.duplicated(KEY, keep=False), [*HEAD, *values]]
    group = met.groupby(KEY, dropna=False, sort=False).ngroup()
    first = met.loc[~group.duplicated(), ["source_file", "source_row"]].set_axis(group[~group.duplicated()], axis=0)
    alike = met.duplicated([*KEY, *values])
    exact = alike & met.duplicated([*KEY, *values, "therapist"])
    later = met.loc[again[met.index], ["source_file", "source_row"]]
    later = later.assign(
        file=first["source_file"].reindex(group[later.index]).to_numpy(),
        row=first["source_row"].reindex(group[later.index]).to_numpy(),
    )
    same, alike = exact[later.index], alike[later.index]
    for one in later[same].itertuples(index=False, name=None):
        named = repeats.exact.setdefault(one, [])
        if instrument not in named:
            named.append(instrument)
    repeats.contradicting.update(later[~same].itertuples(index=False, name=None))
    keep = "keep the right one in the file"
    for rows, said, do in (
        (later[~alike], CONTRADICTING, keep),
        (later[alike & ~same], OTHER_THERAPIST, f"{keep}, with one column for each therapist under `episodes:`"),
    ):
        for name, some in rows.groupby("source_file", sort=False):
            _report_rows(("error", "contradicting_rows"), said, do, str(name), some, instrument, issues, instrument)


def report_repeats(repeats: Repeats, issues: Issues) -> None:
    """Report each exact repeat once, with the instruments whose answers it repeats; not where others contradict."""
    alike: dict[tuple[str, str], list[tuple]] = {}
    for place, named in repeats.exact.items():
        if place in repeats.contradicting:
            continue
        alike.setdefault((place[0], ", ".join(named)), []).append(place)
    for (name, instruments), places in alike.items():
        rows = pd.DataFrame(places, columns=["source_file", "source_row", "file", "row"])
        _report_rows(("warning", "duplicate_row"), REPEATING, "the first is kept", name, rows, instruments, issues)


def _report_rows(
    kind: tuple[str, str],
    said: tuple[str, str],
    do: str,
    name: str,
    rows: pd.DataFrame,
    named: str,
    issues: Issues,
    about: str | None = None,
) -> None:
    """Rows of one file, in one line where they are many; ``said`` of many and of one, ``named`` the instruments."""
    many, single = said
    if len(rows) > FEW:
        what = f"{many.format(f'{len(rows):,}')} ({named}) ({rows_text(rows['source_row'])})"
        issues.add(*kind, what, do, file=name, row=rows["source_row"].iloc[0], instrument=about, n=len(rows))
        return
    for one in rows.itertuples(index=False):
        other = f"row {one.row}" + ("" if one.file == name else f" of {one.file}")
        issues.add(*kind, f"{single.format(other)} ({named})", do, file=name, row=one.source_row, instrument=about)
