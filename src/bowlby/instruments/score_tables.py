"""The tables that the score stage writes about an instrument, and the data dictionary of its scores."""

from __future__ import annotations

import pandas as pd

from bowlby.dictionary import Column, ColumnType, Table
from bowlby.instruments import audit, clinical_significance, item_agreement, outcomes, reliability, styles
from bowlby.instruments.model import Instrument
from bowlby.instruments.scoring import item_name
from bowlby.instruments.styles import UNCLASSIFIED
from bowlby.terms import STYLES

KEY = ("person", "role", "about", "occasion", "session")
SOURCES = {
    "items": "scored from the items by the key",
    "given": "a score of the file",
    "coded": "a rater's category",
}
HEAD: dict[str, tuple[ColumnType, str, bool]] = {
    "person": ("string", "id of who answered", True),
    "role": ("string", "what that person is: patient, therapist, observer or other", True),
    "about": ("string", "whom the answers are about", True),
    "occasion": ("string", "occasion of measurement", False),
    "session": ("integer", "number of the session within the patient; 0 before the first", False),
    "therapist": ("string", "therapist who treated the patient at that time", False),
    "date": ("date", "date of answering", False),
}
COLUMNS = {
    "reliability": reliability.COLUMNS,
    "keying_audit": item_agreement.COLUMNS,
    "severity": clinical_significance.COLUMNS,
    "styles": styles.COLUMNS,
    "change": outcomes.COLUMNS,
}


def score_tables(scores: dict[str, pd.DataFrame], instruments: dict[str, Instrument]) -> list[Table]:
    """The tables of scores, described for :func:`bowlby.dictionary.write_dictionary`.

    Parameters
    ----------
    scores : dict of DataFrame
        By instrument, as :func:`bowlby.instruments.scoring.score` or ``given`` there make them.
    instruments : dict of Instrument
        Their keys.

    Returns
    -------
    list of Table
        One for each instrument, with all columns of its table in order: what it is, unit, possible range, direction and
        where it comes from. Paths start from the folder of the scores.
    """
    return [_table(name, table, instruments[name]) for name, table in scores.items()]


def _table(name: str, scores: pd.DataFrame, instrument: Instrument) -> Table:
    measures, scales = f"measures/{name}.parquet", instrument.all_scales()
    known = {c: Column(c, kind, what, source=measures, required=sure) for c, (kind, what, sure) in HEAD.items()}
    known |= {
        "code": Column("code", "string", "category given by a rater", source=measures, labels=dict(instrument.codes)),
        "style": _style(instrument, measures),
        "source": Column("source", "string", "what the scores were made from", source="score stage", required=True,
                         labels={s: SOURCES[s] for s in SOURCES if (scores["source"] == s).any()}),
    }  # fmt: skip
    for scale in scales:
        if scale in scores.columns:
            known |= {column.name: column for column in _scale(scale, scores, instrument, measures)}
    known |= {c: _composite(c, instrument) for c in instrument.composites if c not in scales}
    known |= {c: _flagged(c, instrument, measures) for c in instrument.flagged()}
    what = f"Scores of {instrument.name} ({name}); one row for each person, role, about, occasion and session."
    return Table(f"scores-{name}", f"{name}.parquet", what, [known[c] for c in scores.columns], KEY)


def _scale(scale: str, scores: pd.DataFrame, instrument: Instrument, measures: str) -> list[Column]:
    key = instrument.all_scales()[scale]
    n = len(key.items)
    low, high = instrument.range_of(scale)
    meaning = f"; higher is {key.higher}" if key.higher else ""
    unit = "points an item" if instrument.how(scale) == "mean" else "points"
    if (scores["source"] == "items").any():
        source = f"{measures}: {', '.join(item_name(i) for i in key.items)}"
        reversed_ = f", of them reversed {', '.join(map(str, key.reverse))}" if key.reverse else ""
        made = instrument.words(scale) + reversed_ + (", recoded first" if key.recode else "")
        made += ", missing ones worth the mean of their scale" if instrument.added(scale) else ""
        rule = f"; needs {key.min_answered} of {n} answered"
        if (scores["source"] == "given").any():
            source, rule = f"{source}; or {scale}", f"{rule}; or as given in the file"
    else:
        source, made, rule = f"{measures}: {scale}", "as given in the file", ""
    counted = Column(f"{scale}_n", "integer", f"answered items of {scale}", "items", source, low=0.0, high=float(n))
    prorated = Column(
        f"{scale}_prorated", "boolean", f"whether {scale} was made with items missing", source=source, required=True
    )
    score = Column(scale, "number", f"{scale}: {made}{rule}{meaning}", unit, source, low=low, high=high)
    return [score, counted, prorated]


def _flagged(name: str, instrument: Instrument, measures: str) -> Column:
    item = instrument.flagged()[name]
    low, high = instrument.range_of(name)
    return Column(
        name, "number", f"{name}: item {item}", "points", f"{measures}: {item_name(item)}", low=low, high=high
    )


def _composite(name: str, instrument: Instrument) -> Column:
    composite = instrument.composites[name]
    ends = [sorted(w * end for end in instrument.range_of(s)) for s, w in composite.weights.items()]
    low, high = map(sum, zip(*ends, strict=True))
    terms = " ".join(f"{weight:+g} {scale}" for scale, weight in composite.weights.items())
    meaning = f"; higher is {composite.higher}" if composite.higher else ""
    return Column(name, "number", f"{name}: {terms}{meaning}", "points", f"scales {', '.join(composite.weights)}",
                  low=low, high=high)  # fmt: skip


def _style(instrument: Instrument, measures: str) -> Column:
    rule = instrument.style
    if rule is None:
        labels = {meaning: meaning for meaning in instrument.codes.values()}
        return Column("style", "string", "category, as raters coded it", source=f"{measures}: code", labels=labels)
    words = f"attachment style by rule: {rule.words}. {rule.warning}"
    labels = {name: name for name in (*STYLES, UNCLASSIFIED)}
    return Column("style", "string", words, source=f"scales {', '.join(rule.scales)}", labels=labels)


def summarise(
    scores: pd.DataFrame,
    items: pd.DataFrame | None,
    instrument: Instrument,
    occasions: tuple[str, str],
    shareable: bool,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> dict[str, pd.DataFrame]:
    """All tables about one instrument.

    Parameters
    ----------
    scores : DataFrame
        As :func:`bowlby.instruments.scoring.score` or :func:`bowlby.instruments.scoring.given` make them.
    items : DataFrame or None
        The answers, index of their scores; None where all scores or categories were given.
    instrument : Instrument
        The key.
    occasions : tuple of str
        From and to, for change.
    shareable : bool
        Whether counts that could tell one person are hidden.
    measures : DataFrame, optional
        What the scores were made from, same index, with their files; by default the items.
    sites : dict of Series, optional
        By role, the site of each person.

    Returns
    -------
    dict of str to DataFrame
        A table for each name in ``COLUMNS``, with those columns.
    """
    none = _empty("reliability")
    return {
        "reliability": none if items is None else reliability.reliability(items, instrument, _of(items, scores)),
        "keying_audit": key_audit(scores, items, instrument, measures, sites),
        "severity": clinical_significance.severity(scores, items, instrument, shareable),
        "styles": styles.style_counts(scores, instrument, shareable),
        "change": outcomes.change(scores, items, instrument, occasions, shareable),
    }


def _of(items: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of the same rows."""
    return scores if len(items) == len(scores) else scores.loc[items.index]


def key_audit(
    scores: pd.DataFrame,
    items: pd.DataFrame | None,
    instrument: Instrument,
    measures: pd.DataFrame | None = None,
    sites: dict[str, pd.Series] | None = None,
) -> pd.DataFrame:
    """The audit of an instrument's key; parameters as for :func:`summarise`."""
    if items is None:
        return audit.audit_given(scores, instrument, measures, sites)
    return audit.audit(items, instrument, _of(items, scores), sites)


def stack(tables: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of several instruments, one under the other; not each has every table."""
    stacked = {}
    for name, columns in COLUMNS.items():
        full = [t[name] for t in tables if len(t.get(name, ()))]
        stacked[name] = pd.concat(full, ignore_index=True)[columns] if full else _empty(name)
    return stacked


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=COLUMNS[name])
