"""Which therapist carries the finding: every one left out in turn, all claims decided again."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from bowlby.design.centring import membership as membership_of
from bowlby.design.centring import within_between
from bowlby.effect import Effect
from bowlby.errors import UserError, existing
from bowlby.fit.models import standardised_slope_weights
from bowlby.fit.units import with_sd_error
from bowlby.robustness.cluster_robust import MOST, joined, undivided
from bowlby.robustness.refit_claims import SLOPES, Answer, Basis, Rows, answer, fit_c4, fit_c5, fit_m1
from bowlby.robustness.replicates import FAILED, OK, SINGULAR, Address, not_computed, reason, table
from bowlby.terms import WITHIN, T, Z, at_level, between_of, columns_of

KIND = "influence"


def influence(basis: Basis) -> pd.DataFrame:
    """Leave one therapist out, with every patient they ever treated, and refit the models of all claims.

    Returns
    -------
    DataFrame
        A row a therapist, in sorted order: therapist, patients (left out of the primary set); P, T, P-T, P+T, T_A and
        Z where there is one, each with ``_se`` and ``_df``; the verdicts C1 to C5; ``cooks`` and
        ``mdffits`` (distance moved by the slopes of M1, in their covariance with and without the therapist, per
        slope) and ``covratio`` (determinant of that covariance without over with). The intercept is left out: it
        moves with the grand means, and so is a slope that cannot be estimated without the therapist (of a level that
        only their patients have). Not computed where patients who switch join over a thousand therapists, of whom each
        would be three fits and none moves anything, and where no refit is possible.

    Notes
    -----
    ``cooks = (b - b_j)' V^-1 (b - b_j) / p``, ``mdffits = (b - b_j)' V_j^-1 (b - b_j) / p``, V not adjusted.
    """
    therapists = sorted(set(basis.primary.membership["therapist"]) | set(basis.perceived.membership["therapist"]))
    addresses = [Address(basis.seed, KIND, number) for number in range(len(therapists))]
    if joined(basis.primary) * len(therapists) > MOST:
        return not_computed(addresses, undivided(basis.primary, basis.perceived))
    whole = answer(basis.primary, basis.perceived)
    side_by_side = _batched_refits(basis)
    rows, status, why = [], [], []
    for therapist in therapists:
        try:
            refit = side_by_side.get(therapist) or _without(basis, therapist)
            row, state = _row(whole, refit, basis.delta), SINGULAR if refit.singular else OK
        except (UserError, np.linalg.LinAlgError) as error:
            row, state = {}, FAILED
            why.append(reason(error))
        left = int((basis.primary.membership["therapist"] == therapist).sum())
        rows.append({"therapist": therapist, "patients": left} | row)
        status.append(state)
    if set(status) == {FAILED}:
        return not_computed(addresses, f"no refit without one therapist is possible ({why[0]})")
    columns = pd.DataFrame(rows)
    return table(addresses, status, {c: columns[c].to_numpy() for c in columns})


def _batched_refits(basis: Basis) -> dict[str, Answer]:
    """All models without each therapist who shares no patient: what leaves then changes nothing else."""
    m1, c4 = fit_m1(basis.primary), fit_c4(basis.perceived)
    asked = list(standardised_slope_weights(basis.primary.design).values())
    names = list(m1.params.index)
    one, two = _alone(m1), _alone(c4)
    both = [t for t in one if t in two]
    if not both:
        return {}
    of_m1 = 1 - np.eye(len(m1.model.clusters("therapist")))[[one[t] for t in both]]
    of_c4 = 1 - np.eye(len(c4.model.clusters("therapist")))[[two[t] for t in both]]
    pairs = list(combinations(range(len(names)), 2))
    sums = [{names[i]: 1.0, names[j]: 1.0} for i, j in pairs]
    refits = m1.refit_clusters(of_m1, "therapist", asked, kenward_roger=True)
    plain = m1.refit_clusters(of_m1, "therapist", sums)
    slopes = {"T_A": c4.refit_clusters(of_c4, "therapist", [{T: 1.0}], kenward_roger=True)}
    if "patient_style" in basis.perceived.design["scaling"]:
        c5 = fit_c5(basis.perceived.fitter)
        slopes["Z"] = c5.refit_clusters(of_c4, "therapist", [{Z: 1.0}], kenward_roger=True)
    out = {}
    for k, therapist in enumerate(both):
        if not all(own.converged[k] for own in (refits, *slopes.values())):
            continue
        cov = np.diag(plain.se[k] ** 2)
        for (i, j), (_, se, _) in zip(pairs, plain.contrasts[k], strict=True):
            cov[i, j] = cov[j, i] = (se**2 - plain.se[k, i] ** 2 - plain.se[k, j] ** 2) / 2
        values = dict(zip(SLOPES, map(tuple, refits.contrasts[k]), strict=True))
        values |= {name: tuple(own.contrasts[k, 0]) for name, own in slopes.items()}
        effects = {name: Effect(*v) for name, v in with_sd_error(values, basis.primary.design["sd_error"]).items()}
        out[therapist] = Answer(effects, pd.Series(refits.params[k], names), cov, bool(refits.singular[k]))
    return out


def _alone(result) -> dict[str, int]:
    """Therapists who share no patient, and the number of their cluster."""
    return {c[0]: k for k, c in enumerate(result.model.clusters("therapist")) if len(c) == 1}


def _without(basis: Basis, therapist: str) -> Answer:
    """The fits without a therapist."""
    return answer(without(basis.primary, therapist), without(basis.perceived, therapist))


def without(rows: Rows, therapist: str) -> Rows:
    """The rows without the patients of a therapist; what they shared with others is centred again."""
    seen = set(rows.membership.loc[rows.membership["therapist"] == therapist, "patient"])
    if not seen:
        return rows
    kept = rows.membership[~rows.membership["patient"].isin(seen)]
    return recentred(Rows(rows.data[~rows.data["patient"].isin(seen)].reset_index(drop=True), kept, rows.design))


def recentred(rows: Rows) -> Rows:
    """Centre again at the therapists of these rows, as the design stage does.

    Leaving out therapists who share no patient with others moves only the mean of the between parts; where patients
    are shared the projection on membership changes too.
    """
    data = rows.data.copy()
    shared = rows.membership["patient"].duplicated().any()
    weights = membership_of(rows.membership, pd.Index(data["patient"])).matrix() if shared else None
    for column in at_level(data, WITHIN):
        between = between_of(column)
        if shared:
            whole = data[column].to_numpy(float) + (data[between].to_numpy(float) if between in data else 0.0)
            data[column], part = within_between(whole, weights)
            if between in data:
                data[between] = part
        elif between in data:
            data[between] -= data[between].mean()
    for column in columns_of(data, "therapist_style"):
        data[column] -= data[column].mean()
    return Rows(data, rows.membership, rows.design)


def _row(whole: Answer, answer: Answer, delta: float) -> dict:
    row: dict[str, Any] = {}
    for name, effect in answer.effects.items():
        row |= {name: effect.estimate, f"{name}_se": effect.se, f"{name}_df": effect.df}
    row |= {name: claim["verdict"] for name, claim in answer.verdicts(delta).items()}
    own, others = existing(whole.fixed), existing(answer.fixed)
    slopes = [name for name in own.index[1:] if name in others.index]
    moved, p = (own[slopes] - others[slopes]).to_numpy(), len(slopes)
    with_all, without_one = (existing(one.cov)[np.ix_(at, at)] for one in (whole, answer)
                             for at in [existing(one.fixed).index.get_indexer(slopes)])  # fmt: skip
    return row | {
        "cooks": float(moved @ np.linalg.solve(with_all, moved)) / p,
        "mdffits": float(moved @ np.linalg.solve(without_one, moved)) / p,
        "covratio": float(np.exp(np.linalg.slogdet(without_one)[1] - np.linalg.slogdet(with_all)[1])),
    }
