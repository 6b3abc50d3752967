"""Tests of the fixed effects: Kenward-Roger, Satterthwaite and residual degrees of freedom."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import fdtrc, stdtr, stdtrit

from bowlby.errors import refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.kenward_roger import adjusted_covariance, information, kenward_roger_f, one_df, satterthwaite_f
from bowlby.mixed.refits import variance_names

_INSTEAD = "its df are from the expected information instead, as Kenward-Roger's are"
SATTERTHWAITE_SINGULAR = f"Satterthwaite is undefined for a singular fit: {_INSTEAD}"
SATTERTHWAITE_FLAT = f"Satterthwaite is undefined where the likelihood does not curve downwards: {_INSTEAD}"
_COLUMNS = pd.Index(["term", "estimate", "se", "df", "t", "p", "ci_low", "ci_high"])
KENWARD_ROGER, SATTERTHWAITE, RESIDUAL = "kenward-roger", "satterthwaite", "residual"


class Inference:
    """What :class:`bowlby.mixed.result.MixedResult` says of its fixed effects beyond their estimates.

    The attributes are the result's (:class:`bowlby.mixed.result.MixedResult`).
    """

    model: Any
    reml: bool
    singular: bool
    warnings: list[str]
    params: pd.Series
    df_resid: int
    _data: Any
    _estimates: np.ndarray
    _state: Any
    _info_phi: np.ndarray
    _transform: np.ndarray

    @cached_property
    def information(self):
        """Information about the variances, see :class:`bowlby.mixed.kenward_roger.Information`."""
        return information(self._data, self.model.parameters, self._state, self.reml, variance_names(self.model))

    @property
    def _kr_info(self):
        if not self.reml:
            raise refusal("Kenward-Roger is defined for REML fits", "fit with reml=True")
        return self.information

    @cached_property
    def _phi_adjusted(self) -> np.ndarray:
        return adjusted_covariance(self._kr_info, self._w_expected)

    @cached_property
    def _w_expected(self) -> np.ndarray:
        return self.information.inverse("expected")

    @cached_property
    def _w_satterthwaite(self) -> np.ndarray:
        if self.singular or not self.information.definite("observed"):
            self._warn(SATTERTHWAITE_SINGULAR if self.singular else SATTERTHWAITE_FLAT)
            return self._w_expected
        return self.information.inverse("observed")

    def _warn(self, line: str) -> None:
        if line not in self.warnings:
            self.warnings.append(line)

    def _covariance_and_df(self, method: str):
        """Covariance of the fixed effects (p, p) and the function of a contrast's df, internal units."""
        if method == KENWARD_ROGER:
            return self._phi_adjusted, lambda inner: one_df(self._kr_info, inner, self._w_expected)
        if method == SATTERTHWAITE:
            return self._info_phi, lambda inner: one_df(self.information, inner, self._w_satterthwaite)
        if method == RESIDUAL:
            return self._info_phi, lambda inner: np.full(inner.shape[:-1], float(self.df_resid))
        raise refusal(f"unknown df method '{method}'", f"use {KENWARD_ROGER}, {SATTERTHWAITE} or {RESIDUAL}")

    def _rows(self, contrasts: np.ndarray, method: str) -> np.ndarray:
        """Estimates, SEs and df of L beta for contrasts L (l, p), as (3, l)."""
        # Row by row, so that the numbers of a contrast do not depend on the others.
        each = contrasts[:, None]
        inner = each @ self._transform
        phi, df_of = self._covariance_and_df(method)
        if not len(contrasts):
            return np.zeros((3, 0))
        df, variance = df_of(inner[:, 0]), (inner @ phi @ inner.swapaxes(1, 2))[:, 0, 0]
        for k in (~((variance >= 0) & (variance < np.inf))).nonzero()[0]:
            raise refusal(
                f"the {method} standard error of {_written(contrasts[k], self.model.names)} cannot be computed from "
                "these data",
                "drop a random effect or add rows",
            )
        for k in (~np.isfinite(df)).nonzero()[0]:
            self._warn(
                f"the {method} df of {_written(contrasts[k], self.model.names)} cannot be computed from these data"
            )
        return np.array([(each @ self._estimates)[:, 0], np.sqrt(variance), df])

    def df_parts(self, df: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What the df of every contrast follow from, so that it can be tested without this fit.

        Parameters
        ----------
        df : {"kenward-roger", "satterthwaite"}, optional
            As in :meth:`tidy`.

        Returns
        -------
        derivatives : ndarray (k, p, p)
            D_i, of the fixed effects' covariance Phi in each variance.
        covariance : ndarray (k, k)
            W, of the estimated variances, from the expected (Satterthwaite: the observed) information.

        Notes
        -----
        The df of c'beta are 2 (c'Phi c)^2 / (g'W g) with g_i = c'D_i c.
        """
        method = self._default_method(df)
        info, w = self.information, self._w_expected if method == KENWARD_ROGER else self._w_satterthwaite
        half = self._transform @ info.phi
        return half @ info.b @ half.T, w

    def _default_method(self, df: str | None) -> str:
        return df or (KENWARD_ROGER if self.reml else SATTERTHWAITE)

    def _table(self, rows: np.ndarray, names, level) -> pd.DataFrame:
        """Tests of contrasts from what :meth:`_rows` gives of them."""
        estimate, se, df = rows
        with np.errstate(divide="ignore", invalid="ignore"):
            t = estimate / se
        half = stdtrit(df, 0.5 + checks.confidence(level) / 2) * se
        values = [estimate, estimate, se, df, t, 2 * stdtr(df, -np.abs(t)), estimate - half, estimate + half]
        table = pd.DataFrame(np.array(values).T, columns=_COLUMNS)
        table.isetitem(0, names)
        return table

    def tidy(self, df: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """One row per fixed effect.

        Parameters
        ----------
        df : {"kenward-roger", "satterthwaite", "residual"}, optional
            Default Kenward-Roger for REML fits, Satterthwaite for ML fits. Kenward-Roger also adjusts the SE. On
            singular fits Satterthwaite, which rests on the curvature of the likelihood, is undefined: the df are then
            Kenward-Roger's (from the expected information), the SE stays as it is, and `warnings` says so.
        level : float
            Confidence level, between 0 and 1.

        Returns
        -------
        DataFrame
            term, estimate, se, df, t, p (two-sided), ci_low, ci_high; and df_se, the standard error of df, where
            traces are estimated (thousands of random effects that rows join).

        References
        ----------
        Kenward & Roger (1997), Biometrics 53:983-997.
        """
        method = self._default_method(df)
        table = self._table(self._rows(np.eye(self._data.p), method), self.model.labels.array, level)
        if method != RESIDUAL and self.information.expected_groups is not None:
            table["df_se"] = [self.information.df_error(self._transform.T @ c) for c in np.eye(self._data.p)]
        return table

    @cached_property
    def _tests(self) -> pd.DataFrame:
        return self.tidy().set_index("term").rename_axis(None)

    @property
    def tvalues(self) -> pd.Series:
        """t of each fixed effect by the default of :meth:`tidy`: with Kenward-Roger's standard error, not `bse`."""
        return self._tests["t"].rename("t")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p of each fixed effect by the default of :meth:`tidy`."""
        return self._tests["p"].rename("p")

    def conf_int(self, alpha: float = 0.05, df: str | None = None) -> pd.DataFrame:
        """Limits of the 1 - `alpha` interval of each fixed effect.

        Parameters
        ----------
        alpha : float
            Level of the test that the interval inverts.
        df : as in :meth:`tidy`

        Returns
        -------
        DataFrame (p, 2)
            Columns 0 (lower) and 1 (upper), as statsmodels names them; outcome units per predictor unit.
        """
        table = self.tidy(df, 1 - alpha)
        return pd.DataFrame({0: table.ci_low.to_numpy(), 1: table.ci_high.to_numpy()}, index=self.model.names)

    def t_test(self, r_matrix, df: str | None = None):
        """Linear hypotheses, each tested on its own.

        Parameters
        ----------
        r_matrix : str, array_like (p,) or (l, p), or dict of term to weight
            A text such as ``"arm[T.b] - arm[T.c] = 0.3, 2 * time"``; without ``=`` against 0. It is read, never
            evaluated.
        df : as in :meth:`tidy`

        Returns
        -------
        statsmodels.stats.contrast.ContrastResults
            With `effect` (estimate of the left side less the right side), `sd`, `tvalue`, `pvalue`, `df_denom`,
            ``conf_int()`` and ``summary_frame()``.
        """
        from statsmodels.stats.contrast import ContrastResults

        from bowlby.mixed.hypotheses import read_hypotheses

        names, method = self.model.names, self._default_method(df)
        if isinstance(r_matrix, str):
            matrix, right = read_hypotheses(r_matrix, names)
        else:
            matrix = [r_matrix] if hasattr(r_matrix, "items") else np.atleast_2d(checks.floats(r_matrix, "r_matrix"))
            right = np.zeros(len(matrix))
        estimate, se, df_denom = self._rows(np.array([self._vector(c) for c in matrix]), method)
        effect = estimate - right
        return ContrastResults(effect=effect, t=effect / se, sd=se, df_denom=df_denom)

    def _vector(self, weights) -> np.ndarray:
        """A contrast given as one term, {term: weight}, Series or array (p,)."""
        names = self.model.names
        weights = {weights: 1.0} if isinstance(weights, str) else weights
        if hasattr(weights, "items"):
            out = np.zeros(len(names))
            for term, value in weights.items():
                if term not in names:
                    raise refusal(f"the model has no fixed effect '{term}'", f"use {', '.join(names)}")
                out[names.index(term)] = checks.floats(value, f"the weight of '{term}'").item()
        else:
            out = checks.floats(weights, "a contrast").ravel()
        if out.shape != (len(names),) or not np.isfinite(out).all() or not out.any():
            raise refusal(
                "a contrast must be finite, not all zero and have one weight per fixed effect",
                f"the effects are {', '.join(names)}",
            )
        return out

    def contrast(self, L, df: str | None = None, level: float = 0.95, name: str = "contrast") -> pd.DataFrame:
        """A linear combination of fixed effects, tested against 0.

        Parameters
        ----------
        L : str, array_like (p,) or dict of term to weight
            A string is one term.
        df, level : as in :meth:`tidy`

        Returns
        -------
        DataFrame
            One row with the columns of :meth:`tidy`.
        """
        return self._table(self._rows(self._vector(L)[None], self._default_method(df)), [name], level)

    def contrasts(self, L, df: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """Many linear combinations, each tested on its own: a row each of :meth:`contrast`, numbered from 0.

        Parameters
        ----------
        L : list of array_like (p,) or dict of term to weight
        df, level : as in :meth:`tidy`
        """
        matrix = np.array([self._vector(c) for c in L]).reshape(len(L), self._data.p)
        return self._table(self._rows(matrix, self._default_method(df)), range(len(L)), level)

    def f_test(self, L, df: str | None = None) -> pd.DataFrame:
        """Joint test that all rows of L beta are 0.

        Parameters
        ----------
        L : array_like (l, p), list of dict, or list of str
            Strings are terms that are jointly 0. Dependent rows are reduced.
        df : as in :meth:`tidy`

        Returns
        -------
        DataFrame
            One row: F, df_num, df_den, p, scale (Kenward-Roger's lambda). NaN where Kenward-Roger is undefined, with a
            line in `warnings`.
        """
        method = self._default_method(df)
        if isinstance(L, pd.DataFrame):
            L = L.to_dict("records")
        if hasattr(L, "items") or isinstance(L, str):
            L = [L]
        items = list(L) if np.iterable(L) else []
        if not items:
            raise refusal("there is nothing to test", "give at least one contrast or term")
        if items and np.isscalar(items[0]) and not isinstance(items[0], str):
            items = [items]
        matrix = np.array([self._vector(r) for r in items])
        matrix = self._independent_rows(matrix)
        lb, inner = matrix @ self.params.to_numpy(), matrix @ self._transform
        num, scale = len(matrix), 1.0
        if method == KENWARD_ROGER:
            f, den, scale = kenward_roger_f(self._kr_info, inner, lb, self._phi_adjusted)
            if np.isnan(den):
                self._warn("KR undefined: too few groups")
        elif method == SATTERTHWAITE:
            f, den = satterthwaite_f(self.information, inner, lb, self._w_satterthwaite)
        else:
            self._rows(matrix[:1], method)  # refuses an unknown method
            f = float(lb @ np.linalg.solve(inner @ self._info_phi @ inner.T, lb)) / num
            den = float(self.df_resid)
        return pd.DataFrame(
            {
                "F": [f],
                "df_num": [float(num)],
                "df_den": [den],
                "p": [float(fdtrc(num, den, f)) if np.isfinite(den) else np.nan],
                "scale": [scale],
            }
        )

    def anova(self, df: str | None = None) -> pd.DataFrame:
        """F test of each term as a whole, type III.

        A term is tested at equal weights of the levels of the categories it interacts with, and at 0 of the numbers:
        centre these first where that is not meant. The hypotheses do not depend on the coding of categories.

        Parameters
        ----------
        df : as in :meth:`tidy`
            With Satterthwaite the df of terms of several columns depend on how the hypothesis is written.

        Returns
        -------
        DataFrame
            Index term; F, df_num, df_den, p.

        Raises
        ------
        UserError
            If effects cannot be estimated, as with empty cells: hypotheses on whole terms are not defined then.
        """
        from bowlby.mixed.hypotheses import anova

        return anova(self, self._default_method(df))

    def means(self, factors, at: dict | None = None, df: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """Estimated means of the levels of one category, or of the combinations of several.

        Numbers are held at their mean over the rows used, other categories averaged with equal weights for their
        levels, as in emmeans. An offset of the formula is computed from these means as well.

        Parameters
        ----------
        factors : str or list of str
            Columns that are categories in the model.
        at : dict, optional
            Other values of predictors, by column, such as ``{"time": 12}``; a level fixes a category.
        df, level : as in :meth:`tidy`

        Returns
        -------
        DataFrame
            A row each, in the order of the levels: the factors, estimate, se, df, ci_low, ci_high. Missing where the
            mean cannot be estimated.

        References
        ----------
        Searle, Speed & Milliken (1980), Am Stat 34:216-221.
        """
        from bowlby.mixed.hypotheses import means

        return means(self, factors, at, self._default_method(df), level)

    def _independent_rows(self, matrix: np.ndarray) -> np.ndarray:
        """Rows that add to the earlier ones, judged in units of their own standard errors.

        The rows stay as given: unlike the other two, Satterthwaite's df of a joint test depend on how they are written.
        """
        half = matrix @ self._transform @ np.linalg.cholesky(self._info_phi)
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        kept: list[int] = []
        for k in range(len(matrix)):
            if np.linalg.matrix_rank(half[[*kept, k]], tol=tol.RANK) > len(kept):
                kept.append(k)
        return matrix[kept]


def _written(c: np.ndarray, names: list[str]) -> str:
    """A contrast as text."""
    return " + ".join(
        name if weight == 1 else f"{weight:.4g} {name}" for name, weight in zip(names, c, strict=True) if weight
    )
