"""What some scenarios are there to show, beside the claims: the flags, the other forms of the model, what they miss."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.compare import QUALIFIERS, qualify
from bowlby.compare.verdict import ALPHA, Effect, claim_slope
from bowlby.design.frame import AnalysisSet
from bowlby.estimands.likeforlike import like_for_like
from bowlby.fit.models import INTERCEPT, SLOPE, Fitter
from bowlby.fit.record import contrast
from bowlby.simulate.scenarios import Scenario


def shown(scenario: Scenario, primary: AnalysisSet, claims: dict[str, dict], delta: float) -> dict:
    """Columns that the scenario adds to a study's row; none for most.

    Parameters
    ----------
    scenario : Scenario
    primary : AnalysisSet
    claims : dict of dict
        As the rules return them.
    delta : float
        Equivalence bound.

    Returns
    -------
    dict
        ``unqualified`` (S6, S7): C1 or C2 supported without both qualifiers. ``moderated``, ``interaction`` (S13): the
        test of style by severity and its slope. ``C1_no_slope`` (S17): verdict of C1 without the random slope.
        ``C1_estimated`` (small effects): verdict of C1 where a slope variance of 0 counts as estimated too.
        ``M2``, ``E4`` (S8), with ``_low`` and ``_high``: slope of the therapist's part of perceived attachment in M2,
        and like for like, which is NaN where it is not estimable (``E4_estimable``). ``P_alone``, ``T_alone`` (S11),
        with ``_low`` and ``_high``: as if every patient were treated alone.
    """
    found = {}
    if scenario.improvement or scenario.mood:
        found["unqualified"] = unqualified(claims)
    if not (scenario.kappa or scenario.slope_sd or scenario.confounder or scenario.unit or small(scenario)):
        return found
    if scenario.unit:
        return found | _alone(primary)
    fitter = Fitter(primary.data, primary.membership, primary.design)
    if scenario.kappa:
        record = fitter.severity(1.0).record
        found["moderated"] = record["blocks"][0]["p"] < ALPHA
        found["interaction"] = next(f["estimate"] for f in record["fixed"] if f["term"] == "s_star:pre_w")
    if scenario.slope_sd:
        p = contrast(fitter.fit(["a_star_w", "s_star"], INTERCEPT), "P", {"a_star_w": 1.0})
        found["C1_no_slope"] = claim_slope(Effect(p["estimate"], p["se"], p["df"]), delta, "P")["verdict"]
    if small(scenario):
        every = [{"group": "therapist", "terms": ["1", "a_star_w"], "correlated": False}]
        p = contrast(fitter.fit(["a_star_w", "s_star"], every), "P", {"a_star_w": 1.0})
        found["C1_estimated"] = claim_slope(Effect(p["estimate"], p["se"], p["df"]), delta, "P")["verdict"]
    if scenario.confounder:
        result = fitter.fit(["a_star_w", "s_star", "a_star_b"], SLOPE)
        slope = contrast(result, "M2", {"a_star_b": 1.0})
        found |= {"M2": slope["estimate"], "M2_low": slope["ci_low"], "M2_high": slope["ci_high"]}
        found |= like_for_like_columns(primary.data)
    return found


def small(scenario: Scenario) -> bool:
    """Whether perceived attachment has so small a slope that C1 hangs on how its standard error is counted."""
    return scenario.p <= 0.10 and not (scenario.improvement or scenario.mood)


def unqualified(claims: dict[str, dict]) -> bool:
    """Whether C1 or C2 is supported without both doubts being said."""
    qualify(claims)
    return any(_unqualified(claims[name]) for name in ("C1", "C2"))


def like_for_like_columns(data: pd.DataFrame) -> dict:
    """The like-for-like slope of one study as columns of its row."""
    like = like_for_like(data, 1.0, 0.0)
    numbers = (like["slope"], *like["ci"]) if like["estimable"] else (np.nan,) * 3
    return dict(zip(("E4", "E4_low", "E4_high"), numbers)) | {"E4_estimable": like["estimable"]}


def _alone(primary: AnalysisSet) -> dict:
    """P and T of M1 without the groups that patients are treated in."""
    data = primary.data.drop(columns=["unit", "in_unit"], errors="ignore")
    result = Fitter(data, primary.membership, primary.design).fit(["a_star_w", "s_star"], SLOPE)
    found = {}
    for name, term in (("P_alone", "a_star_w"), ("T_alone", "s_star")):
        slope = contrast(result, name, {term: 1.0})
        found |= {name: slope["estimate"], f"{name}_low": slope["ci_low"], f"{name}_high": slope["ci_high"]}
    return found


def _unqualified(claim: dict) -> bool:
    """Whether a claim is supported without both doubts being said."""
    said = claim["qualified"] and {*QUALIFIERS} <= {*claim["reasons"]}
    return claim["verdict"] == "supported" and not said
