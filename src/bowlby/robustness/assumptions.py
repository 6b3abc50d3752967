"""Whether therapists and patients scatter as the model assumes: the study among studies simulated from it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.errors import UserError
from bowlby.robustness.address import Address
from bowlby.robustness.claims import Basis, fit_m1
from bowlby.robustness.table import FAILED, OK, SINGULAR, table

KIND = "assumptions"
POINTS = 99
FEWEST = 5
STATISTICS = ("skewness", "kurtosis", "spread")


def assumptions(basis: Basis, first: int, last: int) -> pd.DataFrame:
    """Simulations ``first`` to ``last - 1`` from M1, refitted; number 0 is the study itself.

    Predicted effects of therapists are shrunken, so they look normal whatever they are: only effects that went through
    the same shrinking, those of simulated studies, say how far they may lie apart.

    Returns
    -------
    DataFrame
        ``u_01`` and so on: quantiles of therapists' predicted intercepts (SD of the outcome); ``r_01`` and so on: of
        the residuals given therapists (residual SD); ``skewness`` and ``kurtosis`` of the residuals (a normal
        distribution has 0 and 0); ``spread``: SD over therapists of the logarithm of their patients' residual SD,
        therapists of five patients or more.
    """
    m1, unit = fit_m1(basis.primary), basis.primary.unit
    therapist = basis.primary.data["therapist"].to_numpy()
    rows, status, addresses = [], [], []
    for number in range(first, last):
        address = Address(basis.seed, KIND, number)
        addresses.append(address)
        try:
            found = m1.refit(m1.simulate(1, address.sequence())[0]) if number else m1
        except UserError:
            rows.append({})
            status.append(FAILED)
            continue
        rows.append(described(found, unit, therapist))
        status.append(SINGULAR if found.singular else OK)
    columns = pd.DataFrame(rows, columns=described(m1, unit, therapist).keys(), dtype=float)
    return table(addresses, status, {c: columns[c] for c in columns})


def described(result, unit: float, therapist: np.ndarray) -> dict[str, float]:
    """What :func:`assumptions` keeps of a fit.

    Parameters
    ----------
    result : MixedResult
        With a random intercept of therapists.
    unit : float
        1 / reference SD of the outcome.
    therapist : ndarray, shape (n,)
        Main therapist of every row.
    """
    effects = result.random_effects["therapist"].iloc[:, 0].to_numpy(float) * unit
    residual = np.asarray(result.resid, float) / np.sqrt(result.scale)
    centred = residual - residual.mean()
    variance = float((centred**2).mean())
    out = {f"u_{k:02}": q for k, q in enumerate(quantiles(effects), 1)}
    out |= {f"r_{k:02}": q for k, q in enumerate(quantiles(residual), 1)}
    groups = pd.Series(residual).groupby(therapist)
    own = groups.std()[groups.size() >= FEWEST]
    return out | {
        "skewness": float((centred**3).mean()) / variance**1.5,
        "kurtosis": float((centred**4).mean()) / variance**2 - 3,
        "spread": float(np.log(own[own > 0]).std()) if len(own) > 1 else np.nan,
    }


def quantiles(values: np.ndarray) -> np.ndarray:
    """All values in order, or 99 quantiles of more."""
    count = min(len(values), POINTS)
    return np.quantile(values, (np.arange(count) + 0.5) / count)


def judged(found: pd.DataFrame) -> dict:
    """The study among its simulations.

    Returns
    -------
    dict
        ``therapists``, ``residuals``: share of the points outside the envelope in which 95 % of the simulations lie at
        that point, and the p of the largest distance from the simulations' mean in their SD, over all points;
        ``skewness``, ``kurtosis`` (two-sided) and ``spread`` (larger than expected): value and p.
    """
    kept = found[found["status"] != FAILED]
    out = {}
    for name, letter in (("therapists", "u_"), ("residuals", "r_")):
        points = kept[[c for c in kept if c.startswith(letter)]].to_numpy(float)
        low, high = np.quantile(points[1:], [0.025, 0.975], axis=0)
        sd = points[1:].std(axis=0, ddof=1)
        off = np.abs(points - points[1:].mean(axis=0)) / np.where(sd > 0, sd, np.inf)
        out[name] = {"outside": float(((points[0] < low) | (points[0] > high)).mean()),
                     "p": _share(off.max(axis=1))}  # fmt: skip
    for name in STATISTICS:
        values = kept[name].to_numpy(float)
        if np.isfinite(values).all():
            distance = values if name == "spread" else np.abs(values - values[1:].mean())
            out[name] = {"value": float(values[0]), "p": _share(distance)}
    return out


def _share(values: np.ndarray) -> float:
    """Share of the values at least as large as the first, which is the study's."""
    return float((values >= values[0] * (1 - 1e-9)).mean())
