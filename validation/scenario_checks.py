"""What some scenarios are there to show besides the claims: qualifiers, other forms of the model, what they miss."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from bowlby import terms
from bowlby.compare import QUALIFIERS, qualify
from bowlby.compare.claims import ALPHA, claim_slope
from bowlby.design.frame import AnalysisSet
from bowlby.effect import Effect
from bowlby.estimands.likeforlike import like_for_like
from bowlby.fit.models import Fitter
from bowlby.fit.record import contrast
from bowlby.simulate.batched_analysis import M1, Analysis, with_slope
from bowlby.simulate.batched_models import Fits, Model, Studies
from bowlby.simulate.scenarios import Scenario
from bowlby.simulate.study_analysis import DELTA
from bowlby.terms import BASELINE, P_BETWEEN, P, T
from validation.oracle import OracleValidator
from validation.scenario_truth import outcome_variances, perceived_variances


class ScenarioValidator(OracleValidator):
    """Adds to a study's row what the oracle supports and what the scenario is there to show.

    ``unqualified`` (S6, S7): C1 or C2 supported without both qualifiers. ``moderated``, ``interaction`` (S13): the test
    of style by severity and its slope. ``C1_no_slope`` (S17): verdict of C1 without the random slope. ``C1_estimated``
    (small effects): verdict of C1 where a slope variance of 0 counts as estimated too. ``M2``, ``E4`` (S8), with
    ``_low`` and ``_high``: slope of the therapist's part of perceived attachment in M2, and like for like, which is NaN
    where it is not estimable (``E4_estimable``). ``P_alone``, ``T_alone`` (S11), with ``_low`` and ``_high``: as if
    every patient were treated alone. Only the last are of studies that are analysed alone.
    """

    def __init__(self, case: Scenario, delta: float = DELTA):
        super().__init__((outcome_variances(case), perceived_variances(case)), delta)
        self.case = case

    def batch(self, analysis: Analysis, claims: list[dict | None]) -> list[dict]:
        case, rows, found = self.case, analysis.m1.rows, super().batch(analysis, claims)
        if case.improvement or case.mood:
            _add(found, [{"unqualified": unqualified(claim)} if claim else {} for claim in claims])
        if case.kappa:
            _add(found, _moderated(rows))
        if case.slope_sd:
            _add(found, self._c1("C1_no_slope", Model(rows, "y", M1, [])))
        if small(case):
            _add(found, self._c1("C1_estimated", Model(rows, "y", M1, [P])))
        if case.confounder:
            _add(found, _between(rows))
        return found

    def single(self, primary: AnalysisSet, perceived: AnalysisSet, claims: dict[str, dict]) -> dict:
        return super().single(primary, perceived, claims) | (_alone(primary) if self.case.unit else {})

    def _c1(self, name: str, model: Model) -> list[dict]:
        return [{name: claim_slope(p, self.delta, "P")["verdict"]} for p in effects(model.fit(), P)]


def effects(fits: Fits, term: str) -> list[Effect]:
    """A term's slope in every study."""
    return [Effect(*map(float, values)) for values in fits.effect(fits.model.vector({term: 1.0}))]


def small(scenario: Scenario) -> bool:
    """Whether perceived attachment has so small a slope that C1 hangs on how its standard error is counted."""
    return scenario.p <= 0.10 and not (scenario.improvement or scenario.mood)


def unqualified(claims: dict[str, dict]) -> bool:
    """Whether C1 or C2 is supported without both of its qualifiers."""
    qualify(claims)
    return any(
        claim["verdict"] == "supported" and not (claim["qualified"] and {*QUALIFIERS} <= {*claim["reasons"]})
        for claim in (claims["C1"], claims["C2"])
    )


def _add(rows: list[dict], more: list[dict]) -> None:
    for row, added in zip(rows, more, strict=True):
        row |= added


def _moderated(rows: Studies) -> list[dict]:
    for name in BASELINE:
        rows.columns[f"{T}:{name}"] = rows.columns[T] * rows.columns[name]
    products = [f"{T}:{name}" for name in BASELINE]
    fits = Model(rows, "y", [*M1, *products], [P, BASELINE[0]]).fit()
    return [{"moderated": bool(special.fdtrc(2, df, f) < ALPHA), "interaction": effect.estimate}
            for (f, df, _), effect in zip(fits.joint(products), effects(fits, products[0]), strict=True)]  # fmt: skip


def _between(rows: Studies) -> list[dict]:
    """M2's slope of therapists' mean perceived attachment, and the like-for-like slope."""
    found = []
    m2 = with_slope(rows, "y", [*M1, P_BETWEEN], P).fit()
    for k, effect in enumerate(effects(m2, P_BETWEEN)):
        here = slice(rows.bounds[k], rows.bounds[k + 1])
        data = {name: values[here] for name, values in rows.columns.items()} | {"therapist": rows.group[here]}
        like = like_for_like(pd.DataFrame(data), 1.0, 0.0)
        numbers = (like["slope"], *like["ci"]) if like["estimable"] else (np.nan,) * 3
        own = dict(zip(("M2", "M2_low", "M2_high"), (effect.estimate, *effect.limits(0.975)), strict=True))
        own |= dict(zip(("E4", "E4_low", "E4_high"), numbers, strict=True))
        found.append(own | {"E4_estimable": like["estimable"]})
    return found


def _alone(primary: AnalysisSet) -> dict:
    """P and T of M1 without the groups that patients are treated in."""
    data = primary.data.drop(columns=["unit", "in_unit"], errors="ignore")
    result = Fitter(data, primary.membership, primary.design).fit(terms.M1, terms.M1_RANDOM)
    found: dict[str, float] = {}
    for name, term in (("P_alone", P), ("T_alone", T)):
        slope = contrast(result, name, {term: 1.0})
        found |= {name: slope["estimate"], f"{name}_low": slope["ci_low"], f"{name}_high": slope["ci_high"]}
    return found
