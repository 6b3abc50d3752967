"""Change of attachment style: a table from before to after, and the shares of patients who changed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bowlby.design.centring import components
from bowlby.disclosure import SMALLEST, hide_crosstab, small
from bowlby.fit.marginal import fit_marginal

SHARES = {
    "became_secure": "insecure before, secure after",
    "became_secure_reliably": "insecure before, secure after, by a reliable shift",
    "became_insecure": "secure before, insecure after",
    "shifted": "another style after than before",
    "shifted_reliably": "another style after than before, by a reliable shift",
}
"""Shares that are estimated, in words."""
THERAPISTS = 3
"""Clusters that an interval needs."""
SECURE = "secure"
SUMS = [[(0, 1), (0, 2), (0, 3)], [(1, 0), (2, 0), (3, 0)], [(k, k) for k in range(4)]]
"""Cells whose sums follow from the shares: who became insecure, who became secure, who kept a style."""


def examine(data: pd.DataFrame, members: pd.DataFrame, design: Mapping, shareable: bool) -> dict:
    """Transitions of style and the shares of patients who changed, with intervals by therapist.

    Parameters
    ----------
    data, members : DataFrame
        The analysis set ``style_transitions``.
    design : mapping
        Its description.
    shareable : bool
        Whether counts that could identify a person are hidden.

    Returns
    -------
    dict
        ``table``: rows before, columns after, null where hidden. ``reliable``: the same if a patient whose shift is
        within measurement error counts as unchanged; None where that is not known. ``shares``: those of
        :data:`SHARES`.
    """
    before, after = (data[column].to_numpy() for column in ("before", "after"))
    cluster = components(members, data["patient"])
    known = bool(data["reliable"].notna().all())
    sure = data["reliable"].fillna(False).to_numpy(bool)
    secure, shifted = before == SECURE, before != after
    asked = {
        "became_secure": (after == SECURE, ~secure),
        "became_secure_reliably": ((after == SECURE) & sure, ~secure),
        "became_insecure": (after != SECURE, secure),
        "shifted": (shifted, np.ones(len(data), bool)),
        "shifted_reliably": (shifted & sure, np.ones(len(data), bool)),
    }
    shares = {name: share(y[of], cluster[of], shareable) for name, (y, of) in asked.items()
              if known or not name.endswith("reliably")}  # fmt: skip
    styles = design["styles"]
    counts = _counts(before, after, styles)
    hidden = hide_crosstab(counts, shareable, sums=SUMS)
    steady = _counts(before, np.where(sure, after, before), styles) if known else None
    if steady is not None:
        apart = np.abs(counts - steady)
        hidden_steady = hide_crosstab(steady, shareable, (apart > 0) & (apart < SMALLEST) | hidden, SUMS)
    if shareable:
        _hide_shares(asked, shares, counts)
    return {
        "schema": 1,
        **{key: design[key] for key in ("instrument", "about", "role", "pre", "post", "n_dropped", "errors")},
        "n_patients": len(data),
        "n_therapists": int(data["therapist"].nunique()),
        "table": _shown(counts, hidden, styles),
        "reliable": None if steady is None else _shown(steady, hidden_steady, styles),
        "shares": shares,
    }


def share(y: np.ndarray, cluster: np.ndarray, shareable: bool) -> dict:
    """A share of patients with a 95% interval that allows for differences between therapists.

    Parameters
    ----------
    y : ndarray of bool, shape (n,)
    cluster : ndarray of int, shape (n,)
        Therapist, or therapists joined by patients who switched.
    shareable : bool
        Whether small numbers are hidden.

    Returns
    -------
    dict
        n, of, estimate, ci, df; ``reason`` says why there is no interval.

    Notes
    -----
    Logistic model of the intercept alone (:func:`bowlby.fit.marginal.fit_marginal`), with independent working
    correlation, so that the estimate is ``n / of``: the interval is symmetric in log odds, with CR2 and Satterthwaite's
    df.
    """
    n, of = int(y.sum()), len(y)
    record = {"n": n, "of": of, "estimate": None, "ci": None, "df": None, "reason": None}
    if shareable and (small(n) or small(of - n) or small(of)):
        return record | {"n": None, "of": None if small(of) else of, "reason": f"fewer than {SMALLEST} patients"}
    if min(n, of - n) < SMALLEST:
        exact = {"estimate": n / of} if of else {}
        return (
            record
            | exact
            | {"reason": f"fewer than {SMALLEST} patients {'with' if n < SMALLEST else 'without'} the change"}
        )
    if len(np.unique(cluster)) < THERAPISTS:
        return record | {"estimate": n / of, "reason": f"fewer than {THERAPISTS} therapists"}
    fit = fit_marginal(y, pd.DataFrame({"Intercept": np.ones(of)}), cluster, exchangeable=False)
    if not fit.converged:
        return record | {"estimate": n / of, "reason": "the estimating equations have no solution that could be found"}
    return record | fit.probability(fit.mean({})) | {"df": fit.effect("Intercept").df}


def _counts(before: np.ndarray, after: np.ndarray, styles: list[str]) -> np.ndarray:
    return np.array([[int(((before == a) & (after == b)).sum()) for b in styles] for a in styles])


def _shown(counts: np.ndarray, hidden: np.ndarray, styles: list[str]) -> dict[str, dict[str, int | None]]:
    return {a: {b: None if hidden[i, k] else int(counts[i, k]) for k, b in enumerate(styles)}
            for i, a in enumerate(styles)}  # fmt: skip


def _hide_shares(asked: Mapping, shares: dict[str, dict], counts: np.ndarray) -> None:
    """Remove shares from which a small number of patients could be derived.

    Those who stayed secure are the total of a row less who became insecure; unreliable shifts are all less the reliable
    ones.
    """
    few = [name for name in shares if name.startswith("became") and small(int(counts[0, 0]))]
    for name in ("became_secure", "shifted"):
        (y, of), (sure, _) = asked[name], asked[f"{name}_reliably"]
        if f"{name}_reliably" in shares and small(int((y[of] & ~sure[of]).sum())):
            few.append(f"{name}_reliably")
    for name in few:
        shares[name] |= dict.fromkeys(("n", "estimate", "ci", "df")) | {"reason": f"fewer than {SMALLEST} patients"}
