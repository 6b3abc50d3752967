"""Do the dates of the answers agree with the order that the run's file states?"""

from __future__ import annotations

import pandas as pd

from bowlby.config.run import Run
from bowlby.errors import Problem, existing, problem


def wrong_dates(run: Run, scores: dict[str, pd.DataFrame]) -> list[Problem]:
    """That most patients' outcome is dated before their perceived attachment; nothing where either has no dates.

    A few such patients are slips in typing a date; most of them mean that occasions or columns are exchanged.

    Parameters
    ----------
    run : Run
        With a comparison.
    scores : dict of DataFrame
        Scores by instrument, with person, role, about, occasion and, where given, date.
    """
    outcome, perceived = run.outcome, existing(run.comparison).perceived
    if outcome.after is not None:  # sessions are counted, and the landmark parts them
        return []
    after = _dates(scores[outcome.instrument], outcome.role, outcome.whom, outcome.post)
    before = _dates(scores[perceived.instrument], "patient", perceived.about, perceived.occasion)
    both = pd.concat([before, after], axis=1, keys=["before", "after"]).dropna()
    wrong = int((both["after"] < both["before"]).sum())
    if 2 * wrong <= len(both):
        return []
    what = f"the outcome ({outcome.post}) is dated before perceived attachment in {wrong:,} of {len(both):,} patients"
    return [problem(what, "correct `date:` or the occasions in the study file")]


def _dates(scores: pd.DataFrame, role: str, about: str, occasion: str | None) -> pd.Series:
    """First date of the answers of a role about someone at an occasion, by patient."""
    if "date" not in scores or scores["date"].isna().all():
        return pd.Series(dtype="datetime64[ns]")
    keep = (scores["role"] == role) & (scores["about"] == about)
    if occasion is not None:
        keep &= scores["occasion"] == occasion
    return pd.to_datetime(scores.loc[keep, ["person", "date"]].groupby("person")["date"].min())
