"""The comparison for other outcomes than the registered one, with p adjusted across all of them: ``domains.json``."""

from __future__ import annotations

import pandas as pd

from bowlby.compare.claims import decide_claims
from bowlby.compare.pooled import pooled, without_each
from bowlby.config.run import Outcome, Run
from bowlby.design.chronology import wrong_orders
from bowlby.design.primary import comparison_set
from bowlby.design.requirements import absent_norms, of_others, unscored
from bowlby.effect import effects_of
from bowlby.errors import UserError, existing
from bowlby.fit.models import Fitter, standardised
from bowlby.terms import M1, M1_RANDOM

EFFECTS = ("P", "T", "P-T", "P+T")
CLAIMS = ("C1", "C2", "C3")


def domains(
    run: Run,
    scores: dict[str, pd.DataFrame],
    people: dict[str, pd.DataFrame],
    occasions: list[str],
    primary: dict,
) -> dict:
    """Fit M1 for every other outcome and decide C1 to C3 for each.

    Parameters
    ----------
    run : Run
        With a comparison and other outcomes.
    scores, people : dict of DataFrame
        As of :func:`bowlby.design.primary.comparison_set`.
    occasions : list of str
        The study's occasions in order.
    primary : dict
        ``fits/primary.json``: the registered outcome, which counts in the adjustment.

    Returns
    -------
    dict
        By outcome, the registered one first: n_obs, n_therapists, the contrasts, and of each claim verdict, p, and p
        adjusted across outcomes by Holm's method. Verdicts and intervals are not adjusted. ``pooled``: all outcomes
        together (:func:`bowlby.compare.pooled.pooled`); None where it was not asked for.

    Raises
    ------
    UserError
        Where an outcome cannot be compared, or lacks its reference SD.

    References
    ----------
    Holm (1979), Scand J Stat 6:65-70.
    """
    if refused := [*wrong_orders(run, occasions), *absent_norms(run), *unscored(of_others(run), scores)]:
        raise UserError(refused)
    lines, rows = [], [_described(run.outcome, primary["contrasts"], existing(run.comparison).delta, primary)]
    parts = [_whole(run, scores, people, occasions)] if run.pool_outcomes else []
    for number, outcome in enumerate(run.other_outcomes):
        try:
            row, result, unit = _fitted(run.with_outcome(outcome), scores, people, occasions)
            rows.append(row)
            parts += [without_each(result, unit)] if run.pool_outcomes else []
        except UserError as error:
            lines += [f"other_outcomes[{number}]: {line}" for line in error.problems]
    if lines:
        raise UserError(lines)
    for claim in CLAIMS:
        for row, p in zip(rows, holm([row["claims"][claim]["p"] for row in rows]), strict=True):
            row["claims"][claim]["p_holm"] = p
    delta = existing(run.comparison).delta
    together = pooled(parts, delta) if run.pool_outcomes else None
    return {"schema": 1, "delta": delta, "outcomes": rows, "pooled": together}


def _whole(run: Run, scores: dict, people: dict, occasions: list[str]) -> tuple:
    """P and T of the registered outcome, and without each therapist."""
    return without_each(*_fitted(run, scores, people, occasions)[1:])


def holm(p: list[float]) -> list[float]:
    """p adjusted so that the chance of any wrong rejection among all tests is held (step-down)."""
    from statsmodels.stats.multitest import multipletests

    return multipletests(p, method="holm")[1].tolist()


def _fitted(run: Run, scores: dict, people: dict, occasions: list[str]) -> tuple:
    """What is kept of an outcome, the fit of M1, and the SDs in a point of the outcome."""
    built = comparison_set(run, scores, people, occasions, "primary")
    result = Fitter(built.data, built.membership, built.design).fit(M1, M1_RANDOM)
    contrasts = standardised(result, built.design)
    fit = {"n_obs": len(built.data), "groups": {"therapist": built.design["n_therapists"]}, "singular": result.singular}
    described = _described(run.outcome, contrasts, existing(run.comparison).delta, fit)
    return described, result, 1.0 / built.design["sd_outcome"]


def _described(outcome: Outcome, contrasts: list[dict], delta: float, fit: dict) -> dict:
    effect = effects_of(contrasts)
    claims = decide_claims({name: effect[name] for name in EFFECTS}, delta)
    return {
        "outcome": outcome.model_dump(include={"instrument", "scale", "domain", "pre", "post"}),
        "n_obs": fit["n_obs"],
        "n_therapists": fit["groups"]["therapist"],
        "singular": fit["singular"],
        "effects": {
            name: {"estimate": e.estimate, "se": e.se, "df": e.df, "ci": list(e.limits(0.975))}
            for name, e in ((n, effect[n]) for n in EFFECTS)
        },
        "claims": {name: {"verdict": claim["verdict"], "p": claim["p"]} for name, claim in claims.items()},
    }
