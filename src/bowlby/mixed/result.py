"""What a fit says: estimates, variances, tests; statsmodels' attribute names."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import fdtrc, stdtr, stdtrit

from bowlby.errors import UserError, problem
from bowlby.mixed import effects
from bowlby.mixed.criterion import loglik, residual_variance
from bowlby.mixed.information import adjusted_covariance, information, kenward_roger_f, one_df, satterthwaite_f
from bowlby.mixed.refits import refit_many, variance_names

KENWARD_ROGER, SATTERTHWAITE, RESIDUAL = "kenward-roger", "satterthwaite", "residual"


class MixedResult:
    """A fitted mixed model.

    Attributes
    ----------
    params, bse : Series, shape (p,)
        Fixed effects and their model-based standard errors, (X'V^-1 X)^-1, outcome units per predictor unit.
    llf : float
        Log-likelihood, or REML log-likelihood, as lme4 counts it.
    scale : float
        Residual variance, outcome units squared.
    varcorr : DataFrame
        group, term, term2 (None for a variance), variance (or covariance), sd (or correlation).
    singular, converged : bool
        Whether the optimum lies on the boundary; whether the descent ended at a stationary point.
    warnings : list of str
    starts : list
        One log entry per start of the optimiser.
    residual_parameters : dict
        Of the residual structure, such as phi; empty for plain residuals.
    theta : ndarray
        Relative Cholesky factors in the order of ``model.parameters.items``, internal scale.
    """

    def __init__(self, model, optimum, reml: bool):
        self.model, self.reml = model, reml
        self.converged, self.starts = bool(optimum.converged), optimum.log
        self._state, self._data = optimum.state, model.reduced
        self.theta = optimum.state.theta
        self.at_zero = optimum.at_zero
        self.singular = bool(optimum.at_zero)
        self.nobs = model.nobs
        self.residual_parameters: dict[str, float] = {}
        self._residual_x, self._llf_shift = None, 0.0
        self.warnings: list[str] = list(model.frame.warnings)
        self._note_warnings()

    def _note_warnings(self) -> None:
        model = self.model
        if model.dropped_columns:
            self.warnings.append("dropped as linear combinations of earlier columns: "
                                 + ", ".join(model.dropped_columns))
        for k in self.at_zero:
            item = model.parameters.items[k]
            factor = self._data.factors[item.factor]
            block = next(p for p, _ in factor.blocks if item.a in p)
            if len(block) == 1:
                what = f"the variance of '{factor.labels[item.a]}' between levels of '{factor.name}' is 0"
            else:
                terms = ", ".join(factor.labels[j] for j in block)
                what = f"the covariance matrix of ({terms} | {factor.name}) is singular"
            if f"singular fit: {what}" not in self.warnings:
                self.warnings.append(f"singular fit: {what}")
        if hasattr(self._state.k, "logdet_error"):
            self.warnings.append("more than 5,000 crossed random effects: the log-likelihood (standard error "
                                 f"{0.5 * self._state.k.logdet_error:.1g}) and the df (see df_se) are estimates")
        if not self.converged:
            self.warnings.append("the optimiser did not reach a stationary point; do not trust this fit")

    # -- estimates ---------------------------------------------------------------------------------------------

    @cached_property
    def _transform(self) -> np.ndarray:
        return self._data.scaling.matrix() * self._data.scaling.y_scale

    @cached_property
    def params(self) -> pd.Series:
        beta = self._transform @ self._state.beta
        if self._data.scaling.y_shift:
            beta[0] += self._data.scaling.y_shift
        return pd.Series(beta, index=self.model.names, name="estimate")

    @property
    def fe_params(self) -> pd.Series:
        return self.params

    @cached_property
    def scale(self) -> float:
        return residual_variance(self._data, self._state, self.reml) * self._data.scaling.y_scale**2

    @cached_property
    def llf(self) -> float:
        return loglik(self._data, self._state, self.reml) + self._llf_shift

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters, the residual variance and parameters of its structure."""
        return self._data.p + self.model.parameters.count + 1 + len(self._residual_x or [])

    @property
    def df_resid(self) -> int:
        return self.nobs - self._data.p

    @property
    def aic(self) -> float:
        return -2 * self.llf + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        return -2 * self.llf + np.log(self.nobs) * self.n_parameters

    def cov_params(self, adjusted: bool = False) -> pd.DataFrame:
        """Covariance of the fixed effects (p, p); ``adjusted=True`` gives Kenward-Roger's."""
        inner = self._phi_adjusted if adjusted else self._info_phi
        values = self._transform @ inner @ self._transform.T
        return pd.DataFrame(values, index=self.model.names, columns=self.model.names)

    @cached_property
    def _info_phi(self) -> np.ndarray:
        return self._state.phi * residual_variance(self._data, self._state, self.reml)

    @cached_property
    def bse(self) -> pd.Series:
        return pd.Series(np.sqrt(np.diagonal(self.cov_params())), index=self.model.names, name="se")

    @cached_property
    def varcorr(self) -> pd.DataFrame:
        rows = []
        for factor, cov in zip(self._data.factors, self.covariances):
            for positions, correlated in factor.blocks:
                for k in positions:
                    rows.append((factor.name, factor.labels[k], None, cov[k, k], np.sqrt(cov[k, k])))
                if not correlated:
                    continue
                for i, a in enumerate(positions):
                    for b in positions[i + 1:]:
                        product = np.sqrt(cov[a, a] * cov[b, b])
                        rows.append((factor.name, factor.labels[a], factor.labels[b], cov[a, b],
                                     cov[a, b] / product if product > 0 else np.nan))
        rows.append(("Residual", None, None, self.scale, np.sqrt(self.scale)))
        names = ["group", "term", "term2", "variance", "sd"]
        return pd.DataFrame({name: pd.Series(values, dtype=object if name[0] in "gt" else np.float64)
                             for name, values in zip(names, zip(*rows))})

    @cached_property
    def covariances(self) -> list[np.ndarray]:
        """Covariance matrix (q, q) of the random effects of each factor, user units."""
        sigma2 = self.scale
        return [sigma2 * d / np.outer(s, s) for d, s in zip(self._state.d, self._data.scaling.z_scale)]

    # -- tests -------------------------------------------------------------------------------------------------

    @cached_property
    def information(self):
        """Information about the variances, see :class:`bowlby.mixed.information.Information`."""
        return information(self._data, self.model.parameters, self._state, self.reml, variance_names(self.model))

    @property
    def _kr_info(self):
        if not self.reml:
            raise UserError(problem("Kenward-Roger is defined for REML fits", "fit with reml=True"))
        return self.information

    @cached_property
    def _phi_adjusted(self) -> np.ndarray:
        return adjusted_covariance(self._kr_info, self._w_expected)

    @cached_property
    def _w_expected(self) -> np.ndarray:
        return self.information.inverse("expected")

    @cached_property
    def _w_satterthwaite(self) -> np.ndarray:
        if self.singular:
            self.warnings.append("Satterthwaite is undefined for a singular fit: Kenward-Roger's df given instead")
            return self._w_expected
        return self.information.inverse("observed")

    def _row(self, c: np.ndarray, method: str) -> tuple[float, float, float]:
        """Estimate, SE and df of c'beta."""
        inner = self._transform.T @ c
        estimate = float(c @ self.params.to_numpy())
        if method == KENWARD_ROGER:
            phi, df = self._phi_adjusted, one_df(self._kr_info, inner, self._w_expected)
        elif method == SATTERTHWAITE:
            phi, df = self._info_phi, one_df(self.information, inner, self._w_satterthwaite)
        elif method == RESIDUAL:
            phi, df = self._info_phi, float(self.df_resid)
        else:
            raise UserError(problem(f"unknown df method '{method}'",
                                    f"use {KENWARD_ROGER}, {SATTERTHWAITE} or {RESIDUAL}"))
        return estimate, float(np.sqrt(inner @ phi @ inner)), float(df)

    def _default_method(self, df: str | None) -> str:
        return df or (KENWARD_ROGER if self.reml else SATTERTHWAITE)

    def _table(self, rows, names, level) -> pd.DataFrame:
        estimate, se, df = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        with np.errstate(divide="ignore", invalid="ignore"):
            t = estimate / se
        half = stdtrit(df, 0.5 + level / 2) * se
        return pd.DataFrame({"term": names, "estimate": estimate, "se": se, "df": df, "t": t,
                             "p": 2 * stdtr(df, -np.abs(t)), "ci_low": estimate - half, "ci_high": estimate + half})

    def tidy(self, df: str | None = None, level: float = 0.95) -> pd.DataFrame:
        """One row per fixed effect.

        Parameters
        ----------
        df : {"kenward-roger", "satterthwaite", "residual"}, optional
            Default Kenward-Roger for REML fits, Satterthwaite for ML fits. Kenward-Roger also adjusts the SE.
        level : float
            Confidence level.

        Returns
        -------
        DataFrame
            term, estimate, se, df, t, p (two-sided), ci_low, ci_high; and df_se, the standard error of df, where
            traces are estimated (more than 5,000 crossed random effects).

        References
        ----------
        Kenward & Roger (1997), Biometrics 53:983-997.
        """
        method = self._default_method(df)
        rows = [self._row(c, method) for c in np.eye(self._data.p)]
        table = self._table(rows, self.model.names, level)
        if method != RESIDUAL and self.information.expected_groups is not None:
            table["df_se"] = [self.information.df_error(self._transform.T @ c) for c in np.eye(self._data.p)]
        return table

    def _vector(self, weights) -> np.ndarray:
        """A contrast given as {term: weight}, Series or array (p,)."""
        names = self.model.names
        if hasattr(weights, "items"):
            out = np.zeros(len(names))
            for term, value in weights.items():
                if term not in names:
                    raise UserError(problem(f"the model has no fixed effect '{term}'", f"use {', '.join(names)}"))
                out[names.index(term)] = value
        else:
            out = np.asarray(weights, dtype=np.float64).ravel()
        if out.shape != (len(names),) or not np.isfinite(out).all() or not out.any():
            raise UserError(problem("a contrast must be finite, not all zero and have one weight per fixed effect",
                                    f"the effects are {', '.join(names)}"))
        return out

    def contrast(self, L, df: str | None = None, level: float = 0.95, name: str = "contrast") -> pd.DataFrame:
        """A linear combination of fixed effects, tested against 0.

        Parameters
        ----------
        L : array_like (p,) or dict of term to weight
        df, level : as in :meth:`tidy`

        Returns
        -------
        DataFrame
            One row with the columns of :meth:`tidy`.
        """
        return self._table([self._row(self._vector(L), self._default_method(df))], [name], level)

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
        items = [L] if hasattr(L, "items") or isinstance(L, str) else list(L)
        if items and np.isscalar(items[0]) and not isinstance(items[0], str):
            items = [items]
        matrix = np.array([self._vector({r: 1.0} if isinstance(r, str) else r) for r in items])
        matrix = self._independent_rows(matrix)
        lb, inner = matrix @ self.params.to_numpy(), matrix @ self._transform
        num, scale = len(matrix), 1.0
        if method == KENWARD_ROGER:
            f, den, scale = kenward_roger_f(self._kr_info, inner, lb, self._phi_adjusted)
            if np.isnan(den):
                self.warnings.append("KR undefined: too few groups")
        elif method == SATTERTHWAITE:
            f, den = satterthwaite_f(self.information, inner, lb, self._w_satterthwaite)
        else:
            self._row(matrix[0], method)  # refuses an unknown method
            f = float(lb @ np.linalg.solve(inner @ self._info_phi @ inner.T, lb)) / num
            den = float(self.df_resid)
        return pd.DataFrame({"F": [f], "df_num": [float(num)], "df_den": [den],
                             "p": [float(fdtrc(num, den, f)) if np.isfinite(den) else np.nan], "scale": [scale]})

    def _independent_rows(self, matrix: np.ndarray) -> np.ndarray:
        """Rows that add to the earlier ones, judged in units of their own standard errors.

        The rows stay as given: unlike the other two, Satterthwaite's df of a joint test depend on how they are written.
        """
        half = matrix @ self._transform @ np.linalg.cholesky(self._info_phi)
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        kept: list[int] = []
        for k in range(len(matrix)):
            if np.linalg.matrix_rank(half[[*kept, k]], tol=1e-7) > len(kept):
                kept.append(k)
        return matrix[kept]

    # -- rows and levels ---------------------------------------------------------------------------------------

    @cached_property
    def _blups(self) -> list[np.ndarray]:
        return effects.blups(self._data, self._state)

    @cached_property
    def random_effects(self) -> dict[str, pd.DataFrame]:
        """Conditional means of the random effects: {group: DataFrame, index level, columns term}, user units."""
        return {f.name: pd.DataFrame(u[f.named], index=pd.Index(f.levels[f.named], name=f.name),
                                     columns=f.labels).sort_index()
                for f, u in zip(self._data.factors, self._blups)}

    @cached_property
    def random_effects_cov(self) -> dict[str, dict]:
        """Conditional covariance Var(u | y) at the estimated parameters: {group: {level: (q, q)}}."""
        return self._cov_by_level(fixed_uncertainty=False)

    @cached_property
    def random_effects_pev(self) -> dict[str, dict]:
        """Prediction error covariance Var(u_hat - u), with the uncertainty of the fixed effects (caterpillar bars)."""
        return self._cov_by_level(fixed_uncertainty=True)

    def _cov_by_level(self, fixed_uncertainty: bool) -> dict[str, dict]:
        covs = effects.conditional_covariances(self._data, self._state, fixed_uncertainty)
        out = {}
        for f, values in zip(self._data.factors, covs):
            values = values * self.scale
            out[f.name] = {level: v for level, v, named in zip(f.levels, values, f.named) if named}
        return out

    @cached_property
    def fittedvalues(self) -> np.ndarray:
        """X beta + Z u of the rows used, (nobs,), outcome units."""
        out = self.model.linear_predictor(self.params.to_numpy())
        for factor, u in zip(self._data.factors, self._blups):
            effects.add_random(out, factor, u)
        return out

    @cached_property
    def resid(self) -> np.ndarray:
        """Outcome minus :attr:`fittedvalues`, (nobs,)."""
        return self.model.frame.y - self.fittedvalues

    def predict(self, data=None, random: bool = True, membership=None, offset=None) -> np.ndarray:
        """Predicted outcome of each row of `data` (default: the rows used), outcome units.

        A level the model has not seen gets the fixed part; a missing predictor gives NaN.
        """
        from bowlby.mixed.predict import predict

        if data is None:
            return self.fittedvalues.copy() if random else self.model.linear_predictor(self.params.to_numpy())
        return predict(self, data, random, membership, offset)

    def simulate(self, n: int, seed) -> np.ndarray:
        """New outcomes from the fitted model, random effects drawn anew: (n, nobs)."""
        from bowlby.mixed.simulate import simulate

        return simulate(self, n, seed)

    def refit(self, y) -> MixedResult:
        """The same model fitted to other outcome values (nobs,)."""
        return self.model.with_outcome(y).fit(self.reml)

    def refit_many(self, Y=None, contrasts=None, kenward_roger: bool = False, columns=None):
        """Many refits at once, Y of shape (n, nobs); see :func:`bowlby.mixed.refits.refit_many`."""
        return refit_many(self, Y, contrasts, kenward_roger, columns)

    def refit_clusters(self, counts, group: str | None = None, contrasts=None, kenward_roger: bool = False):
        """Refits in which clusters count several times or not at all; see :mod:`bowlby.mixed.clusters`."""
        from bowlby.mixed.clusters import refit_clusters

        return refit_clusters(self, counts, group, contrasts, kenward_roger)

    def leave_out(self, group: str | None = None, contrasts=None, kenward_roger: bool = False):
        """Refits without each level of a group in turn; see :func:`bowlby.mixed.clusters.leave_out`."""
        from bowlby.mixed.clusters import leave_out

        return leave_out(self, group, contrasts, kenward_roger)

    def profile(self, parameters=None, level: float = 0.95):
        """Profile-likelihood intervals (ML); see :func:`bowlby.mixed.profile.profile`."""
        from bowlby.mixed.profile import profile

        return profile(self.model, parameters, level)

    def r_squared(self) -> dict:
        """Variance explained: marginal, conditional and by level; see :func:`bowlby.mixed.r2.r_squared`."""
        from bowlby.mixed.r2 import r_squared

        return r_squared(self)

    def summary(self, df: str | None = None) -> str:
        """A text page of the fit."""
        from bowlby.mixed.summary import summary

        return summary(self, self._default_method(df))
