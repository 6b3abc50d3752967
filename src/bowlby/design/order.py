"""The order in which things must have been asked."""

from __future__ import annotations

import pandas as pd

from bowlby.config.run import Run
from bowlby.errors import problem


def wrong_orders(run: Run, occasions: list[str]) -> list[str]:
    """:func:`wrong_order` for the registered outcome and every other one, whose lines say which; each line once.

    Parameters
    ----------
    run : Run
    occasions : list of str
        The study's occasions in order. An outcome with an occasion that is not among them is passed over.
    """
    if run.comparison is None:
        return []
    problems: list[str] = []
    for number, outcome in enumerate([run.outcome, *run.other_outcomes]):
        where = f"other_outcomes[{number - 1}]: " if number else ""
        if not (outcome.after or (outcome.pre and outcome.post)):
            problems.append(problem(f"{where}the comparison needs pre and post", "add both"))
            continue
        asked = {outcome.pre, outcome.post, outcome.early, run.comparison.perceived.occasion} - {None}
        if asked <= set(occasions):
            lines = wrong_order(run.model_copy(update={"outcome": outcome}), occasions)
            problems += [where + line for line in lines if line not in problems]
    return problems


def wrong_order(run: Run, occasions: list[str]) -> list[str]:
    """What is wrong with the order in which outcome and perceived attachment were asked, one line each.

    Parameters
    ----------
    run : Run
        With a comparison whose occasions are all among the study's.
    occasions : list of str
        The study's occasions in order.
    """
    outcome, perceived, problems = run.outcome, run.comparison.perceived, []
    if outcome.after is not None:
        if perceived.sessions is None or perceived.sessions > outcome.after:
            what = f"perceived attachment is not held to the sessions up to outcome.after ({outcome.after})"
            problems.append(problem(what, f"give comparison.perceived.sessions: {outcome.after}, or fewer"))
        return problems
    pre, post = occasions.index(outcome.pre), occasions.index(outcome.post)
    when = None if perceived.occasion is None else occasions.index(perceived.occasion)
    if when is not None and when >= post:
        what = f"perceived attachment ({perceived.occasion}) is not measured before the outcome ({outcome.post})"
        problems.append(problem(what, "choose an earlier comparison.perceived.occasion"))
    if outcome.early is not None and not (
        pre < occasions.index(outcome.early) < post and (when is None or occasions.index(outcome.early) <= when)
    ):
        what = f"outcome.early ({outcome.early}) is not between outcome.pre and when perceived attachment was asked"
        problems.append(problem(what, "choose another occasion, or leave it out"))
    if pre >= post:
        problems.append(problem("outcome.pre is not before outcome.post", "exchange them"))
    return problems


def wrong_dates(run: Run, scores: dict[str, pd.DataFrame]) -> list[str]:
    """That most patients' outcome is dated before their perceived attachment; nothing where either has no dates.

    A few such patients are slips in typing a date; most of them mean that occasions or columns are exchanged.

    Parameters
    ----------
    run : Run
        With a comparison.
    scores : dict of DataFrame
        Scores by instrument, with person, role, about, occasion and, where given, date.
    """
    outcome, perceived = run.outcome, run.comparison.perceived
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
    own = scores[(scores["role"] == role) & (scores["about"] == about)]
    if occasion is not None:
        own = own[own["occasion"] == occasion]
    if "date" not in own:
        return pd.Series(dtype="datetime64[ns]")
    return pd.to_datetime(own.groupby("person")["date"].min())
