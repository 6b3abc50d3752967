"""Ordinary least squares for rows without groups: one patient for each therapist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

EXACT = "residual"
"""Degrees of freedom of the residuals: the t test is exact if the errors are normal with one variance."""


class OneLevelResult:
    """A regression with what a kept fit is made of, under the names of :class:`bowlby.mixed.result.MixedResult`.

    Parameters
    ----------
    data : DataFrame, shape (n, ...)
        With ``y`` and the terms.
    fixed : sequence of str
        Terms besides the intercept.
    """

    engine = "statsmodels OLS"
    reml = False
    converged = True
    singular = False
    known_zero: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def __init__(self, data: pd.DataFrame, fixed: Sequence[str]) -> None:
        import statsmodels.api as sm

        x = data[list(fixed)].astype(float)
        x.insert(0, "Intercept", 1.0)
        self.ols = sm.OLS(data["y"].astype(float), x).fit()
        self.params, self.fittedvalues = self.ols.params, self.ols.fittedvalues
        self.llf, self.aic = float(self.ols.llf), float(self.ols.aic + 2)  # the residual variance is a parameter too
        self.n_parameters, self.scale = len(self.params) + 1, float(self.ols.scale)
        self.varcorr = pd.DataFrame(columns=["group", "term", "term2", "variance", "sd"])
        self.random_effects: dict[str, pd.DataFrame] = {}

    def cov_params(self, adjusted: bool = False) -> pd.DataFrame:
        """Covariance of the estimates; there is no adjusted one beside it."""
        return self.ols.cov_params()

    def df_parts(self, method: str) -> tuple[None, None]:
        """Nothing: the degrees of freedom are the same for all combinations of coefficients."""
        return None, None

    def tidy(self, df: str = EXACT) -> pd.DataFrame:
        """Estimates with standard error, df, t, p and 95% limits, a row for each term."""
        rows = self.contrasts(np.eye(len(self.params)))
        return pd.concat([pd.Series(self.params.index, name="term"), rows], axis=1)

    def contrasts(self, rows: Any, df: str = EXACT, robust: bool = False) -> pd.DataFrame:
        """Combinations of coefficients by exact t tests, or by HC3 standard errors (MacKinnon & White, 1985)."""
        test = (self.ols.get_robustcov_results("HC3", use_t=True) if robust else self.ols).t_test(np.asarray(rows))
        low, high = np.atleast_2d(test.conf_int(0.05)).T
        columns = {"estimate": test.effect, "se": test.sd, "t": test.tvalue, "p": test.pvalue}
        table = pd.DataFrame({k: np.ravel(v) for k, v in columns.items()} | {"ci_low": low, "ci_high": high})
        table.insert(2, "df", float(self.ols.df_resid))
        return table

    def f_test(self, rows: Any, df: str = EXACT) -> pd.DataFrame:
        """Joint F test of several combinations, in one row."""
        test = self.ols.f_test(np.asarray(rows))
        values = {"F": test.fvalue, "df_num": test.df_num, "df_den": test.df_denom, "p": test.pvalue}
        return pd.DataFrame({k: [float(np.squeeze(v))] for k, v in values.items()})
