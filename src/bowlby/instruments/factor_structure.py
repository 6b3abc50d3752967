"""Whether one factor fits the items of a composite, with the usual indices."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from bowlby.instruments.factor_models import omega, one_factor, products
from bowlby.instruments.two_level_factors import Moments, fit_two_level


@dataclass(frozen=True)
class OneFactor:
    """One factor fitted to a composite's items by maximum likelihood.

    Attributes
    ----------
    n, n_items : int
        Complete rows; items that vary.
    chi2, df, p : float
        Likelihood-ratio test against the unrestricted covariances, N times the minimum of the criterion.
    cfi, rmsea, srmr : float
        Comparative fit index against independent items; root mean square error of approximation; standardised root
        mean square residual (of correlations, the diagonal counted).
    omega : float
        Share of the composite's variance that the factor explains.
    omega_within, omega_between : float or None
        The same within and between therapists, in a two-level model; None where it cannot be fitted.
    """

    n: int
    n_items: int
    chi2: float
    df: int
    p: float
    cfi: float
    rmsea: float
    srmr: float
    omega: float
    omega_within: float | None
    omega_between: float | None


def structure(items: pd.DataFrame, therapists: pd.Series | None = None) -> dict | None:
    """One factor of the items of a composite.

    Parameters
    ----------
    items : DataFrame, shape (n, k)
        Each item times its weight in the composite, so that all point in its direction.
    therapists : Series of shape (n,), optional
        Therapist of each row; without it the levels are not separated.

    Returns
    -------
    dict or None
        Of :class:`OneFactor`; None with fewer than four items that vary, no more rows than twice the items, or if the
        optimisation does not converge.

    References
    ----------
    Bentler (1990), Psychol Bull 107:238-246 (CFI); Steiger (1990), Multivar Behav Res 25:173-180 (RMSEA); Hu & Bentler
    (1999), Struct Equ Modeling 6:1-55 (SRMR).
    """
    columns = [items[c].to_numpy(float) for c in items]
    varied = products(columns).sd > 1e-9
    columns = [column for column, keep in zip(columns, varied, strict=True) if keep]
    own = products(columns)
    n, k, sd, r = own.n, len(own.mean), own.sd, own.correlations
    if k < 4 or n <= 2 * k:
        return None
    fitted = one_factor(r)
    if fitted is None:
        return None
    loadings, residuals = fitted
    implied = np.outer(loadings, loadings)
    np.fill_diagonal(implied, 1.0)
    log_det = np.linalg.slogdet(r)[1]
    test = n * (np.linalg.slogdet(implied)[1] - log_det + np.sum(np.linalg.inv(implied) * r) - k)
    df, independent, df_independent = k * (k - 3) // 2, -n * log_det, k * (k - 1) // 2
    excess, excess_independent = max(test - df, 0.0), max(independent - df_independent, 0.0)
    levels = None
    if therapists is not None:
        two = fit_two_level(Moments(columns, pd.factorize(therapists)[0]))
        levels = two and (two.within[0], two.between[0])
    within, between = levels or (None, None)
    return asdict(
        OneFactor(
            n=n,
            n_items=k,
            chi2=float(test),
            df=df,
            p=float(chdtrc(df, max(test, 0.0))) if df else np.nan,
            cfi=1 - excess / max(excess, excess_independent, 1e-12),
            rmsea=float(np.sqrt(excess / (df * n))),
            srmr=float(np.sqrt(np.sum(np.tril(r - implied) ** 2) / (k * (k + 1) / 2))),
            omega=omega(loadings * sd, residuals * sd**2),
            omega_within=_finite(within),
            omega_between=_finite(between),
        )
    )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
