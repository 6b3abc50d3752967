"""Which therapist carries the finding: every one left out in turn, all claims decided again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.design.centring import membership as membership_of
from bowlby.design.centring import within_between
from bowlby.errors import UserError
from bowlby.robust.address import Address
from bowlby.robust.claims import Answer, Basis, Rows, answer
from bowlby.robust.table import FAILED, OK, SINGULAR, table

KIND = "influence"


def influence(basis: Basis) -> pd.DataFrame:
    """Leave one therapist out, with every patient they ever treated, and refit the models of all claims.

    Returns
    -------
    DataFrame
        A row a therapist, in sorted order: therapist, patients (left out of the primary set); P, T, P-T, P+T, T_A and
        Z_v where there is one, each with ``_se`` and ``_df``; ``C5_p``; the verdicts C1 to C5; ``cooks`` and
        ``mdffits`` (distance moved by the coefficients of M1, in their covariance with and without the therapist, per
        coefficient) and ``covratio`` (determinant of that covariance without over with).

    Notes
    -----
    ``cooks = (b - b_j)' V^-1 (b - b_j) / p``, ``mdffits = (b - b_j)' V_j^-1 (b - b_j) / p``, V not adjusted.
    """
    whole = answer(basis.primary, basis.perceived)
    therapists = sorted(set(basis.primary.membership["therapist"]) | set(basis.perceived.membership["therapist"]))
    rows, status = [], []
    for therapist in therapists:
        left, found = _without(basis, therapist)
        status.append(FAILED if found is None else SINGULAR if found.singular else OK)
        rows.append({"therapist": therapist, "patients": left} | _row(whole, found, basis.delta))
    columns = pd.DataFrame(rows)
    addresses = [Address(basis.seed, KIND, number) for number in range(len(therapists))]
    return table(addresses, status, {c: columns[c].to_numpy() for c in columns})


def _without(basis: Basis, therapist: str) -> tuple[int, Answer | None]:
    """Patients left out of the primary set, and the fits without a therapist; None where nothing can be fitted."""
    primary, perceived = without(basis.primary, therapist), without(basis.perceived, therapist)
    left = len(basis.primary.data) - len(primary.data)
    try:
        return left, answer(primary, perceived)
    except UserError:
        return left, None


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
    weights = membership_of(rows.membership, pd.Index(data["patient"])).to_numpy(float) if shared else None
    for column in [c for c in data if c.endswith("_w")]:
        between = f"{column.removesuffix('_w')}_b"
        if shared:
            whole = data[column].to_numpy(float) + (data[between].to_numpy(float) if between in data else 0.0)
            data[column], part = within_between(whole, weights)
            if between in data:
                data[between] = part
        elif between in data:
            data[between] -= data[between].mean()
    for column in [c for c in data if c.startswith("s_")]:
        data[column] -= data[column].mean()
    return Rows(data, rows.membership, rows.design)


def _row(whole: Answer, found: Answer | None, delta: float) -> dict:
    if found is None:
        return {}
    row = {}
    for name, effect in found.effects.items():
        row |= {name: effect.estimate, f"{name}_se": effect.se, f"{name}_df": effect.df}
    if found.block is not None:
        row["C5_p"] = found.block["p"]
    row |= {name: claim["verdict"] for name, claim in found.verdicts(delta).items()}
    moved, p = (whole.fixed - found.fixed).to_numpy(), len(whole.fixed)
    sizes = [np.linalg.slogdet(cov)[1] for cov in (found.cov, whole.cov)]
    return row | {
        "cooks": float(moved @ np.linalg.solve(whole.cov, moved)) / p,
        "mdffits": float(moved @ np.linalg.solve(found.cov, moved)) / p,
        "covratio": float(np.exp(sizes[0] - sizes[1])),
    }
