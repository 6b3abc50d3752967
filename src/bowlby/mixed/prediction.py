"""Predictions for new rows, with standard errors and intervals, of the mean and of new observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import ndtri, stdtrit

from bowlby.errors import refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.covariance_parameters import covariance_root
from bowlby.mixed.membership import Membership, membership_matrix
from bowlby.mixed.model_matrix import design_columns, random_columns
from bowlby.mixed.new_rows import checked_membership, complete, fixed_rows, known_levels, new_weights, offset_of

_MOST_EFFECTS = 100_000
_CELLS = 5_000_000


def predict(result, data: pd.DataFrame, random: bool, membership=None, offset=None) -> np.ndarray:
    """Fixed part, and with `random` the part of known levels, of every row of `data`; NaN where a predictor is missing.

    Under multiple membership `membership` gives the weights of the new rows, by level name when a DataFrame. The offset
    is the column of `data` that was the model's, unless `offset` gives a column, a number or one value a row.
    """
    model = result.model
    spec, frame = model.spec, model.frame
    membership = checked_membership(model, membership, random)
    good, used = complete(model, data, slopes=random, groups=random)
    _, columns = design_columns(spec.fixed, spec.intercept, used, frame.categories)
    total = np.zeros(len(used))
    for k, value in zip(model.reduced.kept, result.params.to_numpy(), strict=True):
        total += value if columns[k] is None else value * columns[k]
    if random:
        for factor, u in zip(result._data.factors, result._blups, strict=True):
            weights = membership.get(factor.name)
            matrix = None if weights is None else new_weights(factor, weights, data)[good]
            _add_known(total, factor, u, used, frame.categories, matrix)
    out = np.full(len(data), np.nan)
    out[good] = total
    return out + offset_of(model, data, offset)


def _add_known(total, factor, u, used, cats, weights) -> None:
    shares = _shares(factor, used, weights)
    position = 0
    for term in factor.terms:
        for column in (c for _, basis in random_columns(term, used, cats) for c in basis):
            effect = u[:, position]
            part = shares(effect)
            total += part if column is None else part * column
            position += 1


def _shares(factor, used, weights):
    """A function from effects of the levels to their sum in each row."""
    if factor.codes is None:
        return lambda effect: weights @ effect
    at = known_levels(factor, used)
    return lambda effect: np.where(at >= 0, effect[at], 0.0)


@dataclass(frozen=True)
class Prediction:
    """Predicted values of n rows, outcome units.

    Attributes
    ----------
    predicted_mean : Series, shape (n,)
        Expected outcome: the fixed part, with the random effects of known levels where requested.
    se_mean : Series, shape (n,)
        Its standard error, or the root of its prediction error variance where random effects take part.
    df : Series, shape (n,)
        Degrees of freedom of the intervals; infinite (normal quantiles) where random effects take part.
    var_observation : Series, shape (n,), or None
        Variance of an observation of weight 1 about the expected outcome: the residual's and that of random effects
        which do not take part. None with a residual structure.
    """

    predicted_mean: pd.Series
    se_mean: pd.Series
    df: pd.Series
    var_observation: pd.Series | None

    def conf_int(self, obs: bool = False, alpha: float = 0.05) -> np.ndarray:
        """Lower and upper limits (n, 2) of the expected outcome, or of a new observation.

        Raises
        ------
        UserError
            For observations of a model with a residual structure, whose variance in new rows is not known.
        """
        variance = self.se_mean.to_numpy() ** 2
        if obs:
            if self.var_observation is None:
                raise refusal(
                    "the variance of a new observation depends on the residual structure",
                    "use the interval of the mean",
                )
            variance = variance + self.var_observation.to_numpy()
        share = 1 - (1 - checks.confidence(1 - alpha)) / 2
        df = self.df.to_numpy()
        half = np.where(np.isinf(df), ndtri(share), stdtrit(df, share)) * np.sqrt(variance)
        mean = self.predicted_mean.to_numpy()
        return np.column_stack([mean - half, mean + half])

    def summary_frame(self, alpha: float = 0.05) -> pd.DataFrame:
        """mean, mean_se, df, mean_ci_lower, mean_ci_upper and, without a residual structure, obs_ci_lower and
        obs_ci_upper."""
        low, high = self.conf_int(alpha=alpha).T
        out = pd.DataFrame(
            {
                "mean": self.predicted_mean,
                "mean_se": self.se_mean,
                "df": self.df,
                "mean_ci_lower": low,
                "mean_ci_upper": high,
            }
        )
        if self.var_observation is not None:
            out["obs_ci_lower"], out["obs_ci_upper"] = self.conf_int(obs=True, alpha=alpha).T
        return out


def get_prediction(result, data, random: bool, membership, offset, method: str) -> Prediction:
    """See :meth:`bowlby.mixed.result.MixedResult.get_prediction`."""
    model = result.model
    if random and model.kernel is not None:
        raise refusal(
            "errors of predictions with random effects are not available with a residual structure", "use random=False"
        )
    if data is None:
        x, known = model.frame.columns(model.reduced.kept), model.frame.offset
        index, parts = model.frame.labels[model.rows], [(f, f.basis, f.membership()) for f in result._data.factors]
    else:
        x, index, known = fixed_rows(model, data), data.index, offset_of(model, data, offset)
        parts = _new_parts(result, data, x, random, membership)
    mean, se, df = (np.full(len(x), np.nan) for _ in range(3))
    good = np.isfinite(x).all(axis=1)
    mean[good] = x[good] @ result.params.to_numpy()
    if random:
        z = sparse.hstack(
            [
                matrix if column is None else sparse.diags(column) @ matrix
                for _, basis, matrix in parts
                for column in basis
            ],
            format="csr",
        )
        mean[good] += z @ np.concatenate([u.T.ravel() for u in result._blups])
        se[good], df[good] = np.sqrt(_error_variance(result, x[good], z)), np.inf
    else:
        se[good], df[good] = _fixed_errors(result, x[good], method)
    observed = None
    if model.kernel is None:
        observed = np.full(len(x), np.nan)
        observed[good] = result.scale + sum(
            _level_variance(cov, basis, matrix, random)
            for cov, (_, basis, matrix) in zip(result.covariances, parts, strict=True)
        )
    total, error, dof = (pd.Series(v, index=index) for v in (mean + (0.0 if known is None else known), se, df))
    return Prediction(total, error, dof, None if observed is None else pd.Series(observed, index=index))


def _new_parts(result, data, x, random: bool, membership) -> list:
    """Each factor with its columns and levels in the new rows that have all predictors."""
    model = result.model
    membership = checked_membership(model, membership, random)
    good, used = complete(model, data, slopes=True, groups=random)
    x[~good] = np.nan
    estimable = np.isfinite(x[good]).all(axis=1)
    good, used = good & np.isfinite(x).all(axis=1), used[estimable]
    out = []
    for factor in result._data.factors:
        basis = [
            c
            for term in factor.terms
            for _, columns in random_columns(term, used, model.frame.categories)
            for c in columns
        ]
        if factor.name in membership:
            matrix = _seen_weights(factor, membership[factor.name], data)[good]
        elif random:
            matrix = factor.membership(known_levels(factor, used))
        else:
            matrix = sparse.csr_matrix((len(used), 1))
        out.append((factor, basis, matrix))
    return out


def _seen_weights(factor, weights, data):
    """Membership weights of the new rows, which must lie on levels of the model: others would count as known."""
    matrix = new_weights(factor, weights, data)
    if isinstance(weights, pd.DataFrame | Membership):
        total, _ = membership_matrix(checks.membership_rows(weights, data, factor.name), factor.name, len(data))
        if np.abs(total.sum(axis=1) - matrix.sum(axis=1)).max() > tol.LOST_WEIGHT:
            raise refusal(
                f"membership of '{factor.name}' has weights of levels that the model has not seen",
                "leave these rows out, or use random=False",
            )
    return matrix


def _level_variance(cov: np.ndarray, basis, matrix, random: bool) -> np.ndarray:
    """z' Sigma z of the share of each row that belongs to levels whose effects do not take part in the prediction."""
    share = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    share = (share == 0).astype(float) if random else np.where(share == 0, 1.0, share)
    z = np.column_stack([np.ones(len(share)) if column is None else column for column in basis])
    return share * ((z @ cov) * z).sum(axis=1)


def _fixed_errors(result, x: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors and df of x'beta, some thousand rows at a time; a row of zeros is known, with infinite df."""
    phi, df_of = result._covariance_and_df(method)
    se, df = np.zeros(len(x)), np.full(len(x), np.inf)
    step = max(1, _CELLS // (x.shape[1] * (result.model.parameters.count + 1)))
    rows = np.flatnonzero(x.any(axis=1))
    for first in range(0, len(rows), step):
        at = rows[first : first + step]
        inner = x[at] @ result._transform
        se[at], df[at] = np.sqrt(((inner @ phi) * inner).sum(axis=1)), df_of(inner)
    return se, df


def _error_variance(result, x: np.ndarray, z) -> np.ndarray:
    """Var(x'(b - beta) + z'(u_hat - u)) of each row at the estimated variances, from Henderson's equations.

    With u = Lambda v, A = Lambda'Z'WZ Lambda + I and C = A^-1 Lambda'z it is sigma^2 z'Lambda C + r'Phi r,
    r = x - X'WZ Lambda C; Henderson (1975), Biometrics 31:423-447.
    """
    from scipy.sparse.linalg import splu

    model, sigma2 = result.model, result.scale
    effects = sum(f.n_levels * len(f.basis) for f in result._data.factors)
    if effects > _MOST_EFFECTS:
        raise refusal(
            f"errors of predictions with {effects} random effects take too long",
            "use random=False, or random_effects_pev for the levels",
        )
    root = sparse.block_diag(
        [
            sparse.kron(covariance_root(cov / sigma2), sparse.identity(f.n_levels))
            for f, cov in zip(result._data.factors, result.covariances, strict=True)
        ],
        format="csr",
    )
    own = (
        sparse.hstack(
            [
                f.membership() if c is None else sparse.diags(c) @ f.membership()
                for f in result._data.factors
                for c in f.basis
            ],
            format="csr",
        )
        @ root
    )
    fixed = model.frame.columns(model.reduced.kept)
    weighted = own if model.frame.weights is None else sparse.diags(model.frame.weights) @ own
    solver = splu((own.T @ weighted + sparse.identity(effects)).tocsc())
    across, phi = weighted.T @ fixed, result.cov_params().to_numpy()
    loads, out = z @ root, np.empty(len(x))
    step = max(1, _CELLS // effects)
    for first in range(0, len(x), step):
        at = slice(first, first + step)
        right = loads[at].toarray().T
        solved = solver.solve(right)
        rest = x[at] - solved.T @ across
        out[at] = sigma2 * (right * solved).sum(axis=0) + ((rest @ phi) * rest).sum(axis=1)
    return out
