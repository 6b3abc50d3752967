"""Questionnaires in a data frame of one's own: scores and reliability without a study file."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bowlby.errors import Place, UserError, problem
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.model import Instrument, Range, counted_from, on_forms
from bowlby.instruments.reliability import reliability as reliability_table
from bowlby.instruments.scoring import ITEM_NUMBER, check_items, item_column, item_name
from bowlby.instruments.scoring import score as score_items

COEFFICIENTS = ["scale", "coefficient", "value", "ci_low", "ci_high", "n", "n_items", "n_groups"]


def score(
    frame: pd.DataFrame, instrument: str | Instrument, items: str | Sequence[str], response: Range | None = None
) -> pd.DataFrame:
    """Score a questionnaire in a data frame, one row per completed form.

    Items are reversed or recoded and missing items are treated by the instrument's own published rule, as in a run.

    Parameters
    ----------
    frame : DataFrame, shape (n, any)
        Answers as numbers, as given on the form (not reversed); missing is null.
    instrument : str or Instrument
        Id of an instrument of the library, such as ``"phq9"``, or what :func:`bowlby.load_instrument` returns.
    items : str or sequence of str
        Columns of the items: a pattern with ``{n}`` for the item number (``"phq_{n}"``, ``"cats_{n:02}"``), or the
        columns in item order.
    response : (lowest, highest), optional
        Response range of this form, if it is not the instrument's. Where only the counting differs (1 to 4 in place
        of 0 to 3), scores are in the instrument's units; with another number of categories, in the form's.

    Returns
    -------
    DataFrame, shape (n, k)
        The index of `frame`. For each scale its score in the instrument's units (sum or mean of items; null if fewer
        items were answered than the rule needs), ``<scale>_n`` (items answered) and ``<scale>_prorated`` (whether
        missing items were replaced by the mean of the answered ones); then composites and ``style``, where the
        instrument has them.

    Raises
    ------
    UserError
        If the instrument is unknown or has no items, a column is missing or occurs twice, holds text, or holds values
        outside the response range: one line each, with the index of the first such row and the column.

    Notes
    -----
    Source of each key and missing rule: ``bowlby instruments show ID``.

    Examples
    --------
    >>> import pandas as pd, bowlby
    >>> answers = pd.DataFrame({f"phq_{n}": [n % 4, 1] for n in range(1, 10)}, index=["a", "b"])
    >>> answers.loc["b", "phq_9"] = None
    >>> bowlby.score(answers, "phq9", items="phq_{n}")
       total  total_n  total_prorated
    a   13.0        9           False
    b    9.0        8            True
    """
    measures, key = _measures(frame, instrument, items, response)
    return score_items(measures, key).drop(columns=["source", *key.flagged()]).set_axis(frame.index)


def reliability(
    frame: pd.DataFrame,
    instrument: str | Instrument,
    items: str | Sequence[str],
    response: Range | None = None,
    therapist: str | None = None,
) -> pd.DataFrame:
    """Reliability of each scale of a questionnaire in a data frame, with 95% intervals.

    Parameters
    ----------
    frame, instrument, items, response
        As of :func:`bowlby.score`; each row is taken as a person of its own.
    therapist : str, optional
        Column of the group that each row belongs to. Adds ``icc_therapist`` (share of the score's variance between
        groups), ``lambda_therapist_mean`` (reliability of a group's mean), and ``omega_within_therapist`` and
        ``omega_between_therapist`` (two-level factor model).

    Returns
    -------
    DataFrame
        One row per scale and coefficient: scale, coefficient (``alpha``, ``omega_total`` and those above), value,
        ci_low, ci_high (unitless, at most 1), n (rows used), n_items, n_groups. What cannot be computed is null.

    Raises
    ------
    UserError
        As of :func:`bowlby.score`; or if there is no column `therapist`.

    References
    ----------
    Feldt, Woodruff & Salih (1987), Appl Psychol Meas 11:93-103 (interval of alpha); McDonald (1999), Test theory: a
    unified treatment, chapter 6 (omega).

    Examples
    --------
    >>> import numpy as np, pandas as pd, bowlby
    >>> rng = np.random.default_rng(1)
    >>> mood = rng.normal(size=(200, 1))
    >>> answers = np.clip(np.round(1.5 + 0.7 * mood + 0.7 * rng.normal(size=(200, 7))), 0, 3)
    >>> answers = pd.DataFrame(answers, columns=[f"gad_{n}" for n in range(1, 8)])
    >>> bowlby.reliability(answers, "gad7", items="gad_{n}")[["coefficient", "value", "n"]].round(2)
       coefficient  value    n
    0        alpha   0.82  200
    1  omega_total   0.83  200
    """
    measures, key = _measures(frame, instrument, items, response)
    if therapist is not None:
        measures["therapist"] = _columns(frame, [therapist])[therapist].to_numpy()
    measures = measures.assign(person=range(len(measures)), role="patient", about=None, occasion="")
    return reliability_table(measures, key)[COEFFICIENTS]


def _measures(frame, instrument, items, response) -> tuple[pd.DataFrame, Instrument]:
    """The item columns as ``i01`` and on with a plain index, checked against the form; and the key that scores them."""
    if not isinstance(frame, pd.DataFrame):
        raise UserError(problem(f"the data are a {type(frame).__name__}", "give a pandas DataFrame"))
    own = load_instrument(instrument) if isinstance(instrument, str) else instrument
    if not own.n_items:
        raise UserError(problem(f"{own.id} has no items", "raters give its categories; there is nothing to score"))
    names = _names(own, items, frame.columns)
    measures = _columns(frame, names).set_axis([item_name(n) for n in range(1, own.n_items + 1)], axis=1)

    def place(position: int, column: str) -> Place:
        return Place("frame", frame.index[position], names[int(column[1:]) - 1])

    form = (float(response[0]), float(response[1])) if response is not None else None
    check_items(measures, own.on_response(*form) if form else own, place)
    key = on_forms(own, [form])
    return measures.astype(float) - counted_from(key, form), key


def _names(instrument: Instrument, items: str | Sequence[str], columns) -> list[str]:
    if not isinstance(items, str):
        names = list(items)
        if len(names) != instrument.n_items:
            what = f"{len(names)} columns are listed for {instrument.id}"
            raise UserError(problem(what, f"list its {instrument.n_items} items in order"))
        return names
    if not ITEM_NUMBER.search(items):
        raise UserError(problem(f"the item pattern '{items}' has no {{n}}", "write the item number as {n}"))
    return [item_column(items, n, columns) for n in range(1, instrument.n_items + 1)]


def _columns(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Columns by name with a plain index; one line for each that is absent or there twice."""
    count = {name: int((frame.columns == name).sum()) for name in names}
    lines = [
        problem(f"there is no column '{name}'" if not n else f"there are {n} columns '{name}'",
                "correct the name" if not n else "rename one of them", Place("frame", None, str(name)))
        for name, n in count.items() if n != 1
    ]  # fmt: skip
    lines += [problem(f"column '{name}' is listed {n} times", "list each item once", Place("frame", None, str(name)))
              for name in count if (n := names.count(name)) > 1]  # fmt: skip
    if lines:
        raise UserError(lines)
    return frame[names].reset_index(drop=True)
