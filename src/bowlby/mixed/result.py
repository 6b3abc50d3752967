"""What a fit says: estimates, variances and tests, under statsmodels' attribute names."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from bowlby.mixed import derivatives
from bowlby.mixed import tolerances as tol
from bowlby.mixed.criterion import loglik, residual_variance
from bowlby.mixed.inference import Inference
from bowlby.mixed.refits import refit_many
from bowlby.mixed.summary import html_page, text_page


class MixedResult(Inference):
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
        One log entry per start of the optimiser; its ``converged`` says that this start ended at a stationary point,
        which may be a lower summit than the one kept (see `deviance`).
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
            self.warnings.append(
                "dropped as linear combinations of earlier columns: " + ", ".join(model.dropped_columns)
            )
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
            self.warnings.append(
                "thousands of random effects are joined by rows they share: the log-likelihood "
                f"(standard error {0.5 * self._state.k.logdet_error:.1g}) and the df (see df_se) are "
                "estimates"
            )
        share = self._state.r2 / float(self._data.xx[-1, -1])
        if share < tol.FAINT_RESIDUAL:
            self.warnings.append(
                f"the residual SD is {100 * share**0.5:.2g}% of the outcome's (without an intercept, of its size): "
                "log-likelihood and tests have fewer correct digits"
            )
        if not self.converged:
            remedy = "simplify the random part, or centre the predictors of its slopes"
            if share < tol.FAINT_RESIDUAL:
                remedy = "the model explains nearly all of the outcome; drop terms"
            self.warnings.append(f"the optimiser did not reach a stationary point; do not trust this fit: {remedy}")

    # -- estimates ---------------------------------------------------------------------------------------------

    @cached_property
    def _transform(self) -> np.ndarray:
        return self._data.scaling.matrix() * self._data.scaling.y_scale

    @cached_property
    def _estimates(self) -> np.ndarray:
        return self._transform @ self._state.beta + self._data.scaling.y_shift * self._data.scaling.level

    @cached_property
    def params(self) -> pd.Series:
        """Estimates of the fixed effects (p,), in the units of the data."""
        return pd.Series(self._estimates, index=self.model.labels, name="estimate")

    @property
    def fe_params(self) -> pd.Series:
        """Fixed effects (p,); the same as ``params``."""
        return self.params

    @cached_property
    def scale(self) -> float:
        """Residual variance, in squared units of the outcome."""
        return residual_variance(self._data, self._state, self.reml) * self._data.scaling.y_scale**2

    @cached_property
    def llf(self) -> float:
        """Log-likelihood at the estimates; the restricted one if fitted by REML."""
        return loglik(self._data, self._state, self.reml) + self._llf_shift

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters, the residual variance and parameters of its structure."""
        return self._data.p + self.model.parameters.count + 1 + len(self._residual_x or [])

    @property
    def df_resid(self) -> int:
        """Rows less fixed effects."""
        return self.nobs - self._data.p

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 llf + 2 k with k = ``n_parameters``."""
        return -2 * self.llf + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion, -2 llf + k log(n) with k = ``n_parameters`` and n rows."""
        return -2 * self.llf + np.log(self.nobs) * self.n_parameters

    def cov_params(self, adjusted: bool = False) -> pd.DataFrame:
        """Covariance of the fixed effects (p, p); ``adjusted=True`` gives Kenward-Roger's."""
        inner = self._phi_adjusted if adjusted else self._info_phi
        values = self._transform @ inner @ self._transform.T
        return pd.DataFrame(values, index=self.model.labels, columns=self.model.labels)

    @cached_property
    def _info_phi(self) -> np.ndarray:
        return self._state.phi * residual_variance(self._data, self._state, self.reml)

    @cached_property
    def bse(self) -> pd.Series:
        """Standard errors of the fixed effects (p,), from the covariance that is not adjusted."""
        return pd.Series(np.sqrt(np.diagonal(self.cov_params())), index=self.model.labels, name="se")

    @cached_property
    def varcorr(self) -> pd.DataFrame:
        """Variances and SDs of the random effects (group, term), their covariances and correlations (with term2)."""
        rows = []
        for factor, cov in zip(self._data.factors, self.covariances, strict=True):
            for positions, correlated in factor.blocks:
                for k in positions:
                    rows.append((factor.name, factor.labels[k], None, cov[k, k], np.sqrt(cov[k, k])))
                if not correlated:
                    continue
                for i, a in enumerate(positions):
                    for b in positions[i + 1 :]:
                        product = np.sqrt(cov[a, a] * cov[b, b])
                        rows.append(
                            (
                                factor.name,
                                factor.labels[a],
                                factor.labels[b],
                                cov[a, b],
                                cov[a, b] / product if product > 0 else np.nan,
                            )
                        )
        rows.append(("Residual", None, None, self.scale, np.sqrt(self.scale)))
        names = ["group", "term", "term2", "variance", "sd"]
        return pd.DataFrame(
            {
                name: pd.Series(values, dtype=object if name[0] in "gt" else np.float64)
                for name, values in zip(names, zip(*rows, strict=True), strict=True)
            }
        )

    @cached_property
    def known_zero(self) -> list[str]:
        """Slopes whose variance is estimated as 0 and counts as known, see
        :class:`bowlby.mixed.terms.RandomTerm`."""
        par = self.model.parameters
        at = np.flatnonzero(par.known_zero & (self._state.delta == 0))
        return [self._data.factors[par.items[k].factor].labels[par.items[k].a] for k in at]

    @cached_property
    def covariances(self) -> list[np.ndarray]:
        """Covariance matrix (q, q) of the random effects of each factor, user units."""
        sigma2 = self.scale
        return [sigma2 * s.covariance(d) for d, s in zip(self._state.d, self._data.scaling.slopes, strict=True)]

    @property
    def cov_re(self) -> dict[str, pd.DataFrame]:
        """Covariance matrix of the random effects of each group: {group: DataFrame (q, q)}, user units."""
        return {
            f.name: pd.DataFrame(cov, index=f.labels, columns=f.labels)
            for f, cov in zip(self._data.factors, self.covariances, strict=True)
        }

    @property
    def residual_variances(self) -> np.ndarray:
        """Residual variance of each row used, (nobs,): `scale` over the weights, or what the structure makes of it."""
        kernel, weights = self.model.kernel, self.model.frame.weights
        if kernel is not None:
            return self.scale * kernel.variances(self._residual_x, self.nobs)
        return np.full(self.nobs, self.scale) if weights is None else self.scale / weights

    # -- rows and levels ---------------------------------------------------------------------------------------

    @cached_property
    def _blups(self) -> list[np.ndarray]:
        return derivatives.blups(self._data, self._state)

    @cached_property
    def random_effects(self) -> dict[str, pd.DataFrame]:
        """Conditional means of the random effects: {group: DataFrame, index level, columns term}, user units.

        Levels of combined groups, as in ``(1 | site/patient)``, are pairs of ids: a MultiIndex.
        """
        out = {}
        for f, u in zip(self._data.factors, self._blups, strict=True):
            order = f.sorted_levels
            index = f.levels[order].rename(f.name if f.levels.nlevels == 1 else f.levels.names)
            out[f.name] = pd.DataFrame(u[order], index=index, columns=f.labels)
        return out

    @cached_property
    def random_effects_cov(self) -> dict[str, dict]:
        """Conditional covariance Var(u | y) at the estimated parameters: {group: {level: (q, q)}}."""
        return self._cov_by_level(fixed_uncertainty=False)

    @cached_property
    def random_effects_pev(self) -> dict[str, dict]:
        """Prediction error covariance Var(u_hat - u), with the uncertainty of the fixed effects (caterpillar bars)."""
        return self._cov_by_level(fixed_uncertainty=True)

    def _cov_by_level(self, fixed_uncertainty: bool) -> dict[str, dict]:
        covs, factors = self.effect_covariances(fixed_uncertainty), self._data.factors
        return {f.name: dict(zip(f.levels[f.sorted_levels], covs[f.name], strict=True)) for f in factors}

    def effect_covariances(self, fixed_uncertainty: bool = True) -> dict[str, np.ndarray]:
        """:attr:`random_effects_pev`, or the conditional covariances: (levels, q, q) by group, in sorted order."""
        covs = derivatives.conditional_covariances(self._data, self._state, fixed_uncertainty)
        return {
            f.name: values[f.sorted_levels] * self.scale for f, values in zip(self._data.factors, covs, strict=True)
        }

    @cached_property
    def fittedvalues(self) -> pd.Series:
        """X beta + Z u of the rows used, (nobs,), outcome units, by row label."""
        out = self.model.linear_predictor(self.params.to_numpy())
        for factor, u in zip(self._data.factors, self._blups, strict=True):
            derivatives.add_random(out, factor, u)
        return pd.Series(out, index=self.model.frame.labels[self.model.rows], name="fitted")

    @cached_property
    def resid(self) -> pd.Series:
        """Outcome minus :attr:`fittedvalues`, (nobs,), by row label."""
        return (self.model.frame.y - self.fittedvalues).rename("residual")

    def predict(self, data=None, random: bool = True, membership=None, offset=None) -> np.ndarray:
        """Predicted outcome of each row of `data` (default: the rows used), outcome units.

        Parameters
        ----------
        data : DataFrame, optional
            Rows to predict. A missing predictor gives NaN.
        random : bool
            Whether random effects of known levels are added. A level that the model has not seen gets the fixed part.
        membership : dict, optional
            Weights (n, levels) of the new rows by group, where the model has multiple membership.
        offset : str, float or array_like (n,), optional
            By default the column of `data` that was the model's offset.

        Returns
        -------
        ndarray (n,)

        Raises
        ------
        UserError
            If a column, the offset or the membership weights are missing.
        """
        from bowlby.mixed.prediction import predict

        if data is None:
            fixed = self.model.linear_predictor
            return self.fittedvalues.to_numpy(copy=True) if random else fixed(self.params.to_numpy())
        return predict(self, data, random, membership, offset)

    def get_prediction(self, data=None, random: bool = False, membership=None, offset=None, df: str | None = None):
        """Predictions with standard errors and intervals.

        Parameters
        ----------
        data : DataFrame, optional
            Rows to predict, by default those used.
        random : bool
            False: the expected outcome over all levels, with the df of `df`. True: with the random effects of known
            levels; the variances then count as known and intervals use normal quantiles.
        membership, offset : as in :meth:`predict`
        df : as in :meth:`tidy`

        Returns
        -------
        Prediction
            ``predicted_mean``, ``se_mean``, ``conf_int(obs=False)`` and ``summary_frame()``, whose ``obs_`` columns are
            intervals of a new observation of weight 1: of a new level of each group, or with ``random=True`` of the
            level named. See :class:`bowlby.mixed.prediction.Prediction`.
        """
        from bowlby.mixed.prediction import get_prediction

        return get_prediction(self, data, random, membership, offset, self._default_method(df))

    def simulate(self, n: int, seed) -> np.ndarray:
        """New outcomes from the fitted model, with random effects drawn anew.

        Parameters
        ----------
        n : int
            Number of data sets.
        seed : int, SeedSequence or Generator

        Returns
        -------
        ndarray (n, nobs)
            Outcome units.
        """
        from bowlby.mixed.refits import simulate

        return simulate(self, n, seed)

    def refit(self, y) -> MixedResult:
        """The same model fitted to other outcome values (nobs,)."""
        return self.model.with_outcome(y).fit(self.reml)

    def refit_many(self, Y=None, contrasts=None, kenward_roger: bool = False, columns=None):
        """Many refits at once, Y of shape (n, nobs); see :func:`bowlby.mixed.refits.refit_many`."""
        return refit_many(self, Y, contrasts, kenward_roger, columns)

    def refit_clusters(self, counts, group: str | None = None, contrasts=None, kenward_roger: bool = False):
        """Refits in which clusters count several times or not at all; see :mod:`bowlby.mixed.cluster_refits`."""
        from bowlby.mixed.cluster_refits import refit_clusters

        return refit_clusters(self, counts, group, contrasts, kenward_roger)

    def leave_out(self, group: str | None = None, contrasts=None, kenward_roger: bool = False):
        """Refits without each level of a group in turn; see :func:`bowlby.mixed.cluster_refits.leave_out`."""
        from bowlby.mixed.cluster_refits import leave_out

        return leave_out(self, group, contrasts, kenward_roger)

    def profile(self, parameters=None, level: float = 0.95):
        """Profile-likelihood intervals (ML); see :func:`bowlby.mixed.profile_likelihood.profile`."""
        from bowlby.mixed.profile_likelihood import profile

        return profile(self.model, parameters, level)

    def r_squared(self) -> dict:
        """Variance explained, as :func:`bowlby.mixed.covariance_parameters.r_squared` defines it."""
        from bowlby.mixed.covariance_parameters import r_squared

        return r_squared(self)

    def summary(self, df: str | None = None) -> str:
        """A text page of the fit."""
        return text_page(self, self._default_method(df))

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return html_page(self, self._default_method(None))
