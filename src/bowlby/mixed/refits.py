"""Simulated outcomes and many refits of one model: to new outcomes or predictors, or to clusters drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowlby.errors import UserError, existing, refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.covariance_parameters import covariance_root, scale_outcome
from bowlby.mixed.kenward_roger import adjusted_covariance, assemble, inverses, one_df, without
from bowlby.mixed.newton_batch import Replicates, Search, relative_covariances
from bowlby.mixed.optimiser import STARTS
from bowlby.mixed.random_effect_layout import independent_units

_MEMORY = 1 << 22  # numbers in the arrays of one batch


def simulate(result, n: int, seed) -> np.ndarray:
    """Draw random effects and residuals anew.

    Parameters
    ----------
    result : MixedResult
    n : int
    seed : int or SeedSequence
        Replicate k has the k-th child of this seed: it is the same however many are drawn.

    Returns
    -------
    ndarray, shape (n, nobs)
        Outcome units, rows in the order of ``model.rows``.
    """
    from bowlby.mixed.derivatives import add_random

    model = result.model
    mean = model.linear_predictor(result.params.to_numpy())
    sd = np.sqrt(result.scale if model.frame.weights is None else result.scale / model.frame.weights)
    roots = [covariance_root(c) for c in result.covariances]
    base = checks.seed_sequence(seed)
    out = np.empty((checks.whole(n, "the number of replicates"), model.nobs))
    for k in range(len(out)):
        child = np.random.SeedSequence(base.entropy, spawn_key=(*base.spawn_key, k))
        rng = np.random.default_rng(child)
        noise = rng.standard_normal(model.nobs)
        if model.kernel is not None:
            noise = model.kernel.colour(noise, result._residual_x)
        out[k] = mean + sd * noise
        for factor, root in zip(model.reduced.factors, roots, strict=True):
            add_random(out[k], factor, rng.standard_normal((factor.n_levels, len(root))) @ root.T)
    return out


@dataclass
class Refits:
    """Refits of `n` replicates; user units.

    Attributes
    ----------
    names : list of str
    params, se : ndarray (n, p)
        Fixed effects and model-based standard errors (Kenward-Roger's where requested).
    df : ndarray (n, p) or None
        Kenward-Roger df.
    contrasts : ndarray (n, k, 3) or None
        Estimate, SE and df (NaN without Kenward-Roger) of each contrast.
    variances : ndarray (n, c + 1)
        Covariance parameters in the order of ``variance_names``, then the residual variance.
    llf : ndarray (n,)
    converged, singular : ndarray of bool (n,)
        A replicate that could not be fitted or tested (no residual variation, collinear predictors, too few levels) has
        NaN and ``converged`` False.
    labels : list or None
        What was left out, for :meth:`MixedResult.leave_out`.
    """

    names: list[str]
    variance_names: list[str]
    params: np.ndarray
    se: np.ndarray
    df: np.ndarray | None
    contrasts: np.ndarray | None
    variances: np.ndarray
    llf: np.ndarray
    converged: np.ndarray
    singular: np.ndarray
    labels: list | None = None

    @classmethod
    def empty(cls, model, n: int, n_contrasts: int, kenward_roger: bool) -> Refits:
        """Room for `n` replicates, every number missing."""
        p, c = len(model.names), model.parameters.count
        return cls(
            model.names,
            variance_names(model),
            np.full((n, p), np.nan),
            np.full((n, p), np.nan),
            np.full((n, p), np.nan) if kenward_roger else None,
            np.full((n, n_contrasts, 3), np.nan) if n_contrasts else None,
            np.full((n, c + 1), np.nan),
            np.full(n, np.nan),
            np.zeros(n, bool),
            np.zeros(n, bool),
        )

    def forget(self, at) -> None:
        """Make every number of the replicates `at` missing."""
        for name in ("params", "se", "df", "contrasts", "variances", "llf"):
            if getattr(self, name) is not None:
                getattr(self, name)[at] = np.nan

    def put(self, at, other: Refits) -> None:
        """Fill in the replicates `at`."""
        for name in ("params", "se", "df", "contrasts", "variances", "llf", "converged", "singular"):
            if getattr(self, name) is not None:
                getattr(self, name)[at] = getattr(other, name)


def variance_names(model) -> list[str]:
    """Names of the covariance parameters, ``Intercept | therapist`` and so on, then ``residual``."""
    names = []
    for t in model.parameters.items:
        factor = model.reduced.factors[t.factor]
        label = factor.labels[t.a] if t.a == t.b else f"{factor.labels[t.b]}, {factor.labels[t.a]}"
        names.append(f"{label} | {factor.name}")
    return [*names, "residual"]


def refit_many(result, Y=None, contrasts=None, kenward_roger: bool = False, columns=None) -> Refits:
    """Refit `result`'s model to each row of Y, or of other predictors.

    Models of one grouping factor, of multiple membership, and of crossed or nested factors of which one has few levels
    are refitted side by side (see :mod:`bowlby.mixed.random_effect_layout`), hundreds to thousands a second; others one
    by one, and so are replicates that do not converge. A replicate's numbers do not depend on which others are in Y.

    Parameters
    ----------
    result : MixedResult
    Y : array_like, shape (n, nobs), optional
        Outcomes in the order of ``model.rows`` (labels are not heeded), finite; the model's own by default.
    contrasts : list, optional
        As for :meth:`MixedResult.contrast`.
    kenward_roger : bool
        Adjust SE and give df (REML only).
    columns : dict of str to array_like, shape (n, nobs), optional
        Other values of fixed effects, by name, for each replicate: permuted therapist style, say. Random slopes and
        products with other columns keep their values.

    Returns
    -------
    Refits

    Raises
    ------
    UserError
        When Y or a column has the wrong shape or values that are not finite.
    """
    model = result.model
    columns = {name: _matrix(values, f"column '{name}'", model) for name, values in (columns or {}).items()}
    for name in columns:
        if name not in model.names:
            raise refusal(f"the model has no fixed effect '{name}'", f"use {', '.join(model.names)}")
    if Y is None and not columns:
        raise refusal("there is nothing new to fit", "give outcomes or columns")
    if Y is None:
        Y = np.broadcast_to(model.frame.y, next(iter(columns.values())).shape)
    Y = _matrix(Y, "Y", model)
    if any(len(values) != len(Y) for values in columns.values()):
        raise refusal("outcomes and columns differ in their number of replicates", "give as many of each")
    rows = contrast_rows(result, contrasts, kenward_roger)
    out = Refits.empty(model, len(Y), len(rows), kenward_roger)
    moved = any(model.reduced.scaling.level[model.names.index(name)] for name in columns)
    few = columns and any(model.n_levels[f.name] <= model.reduced.p for f in model.reduced.factors)
    # Columns that are the constant no longer centre the others; few levels may have become predictors.
    stacks = None if moved or few else independent_units(model)

    starts: Sequence = STARTS
    if stacks is None and not (moved or few):
        # Dear fits start where the model's own ended; with several blocks of effects the boundary is tried from there,
        # and with thousands of levels there is one summit.
        also = () if model.reduced.wide or len(model.parameters.blocks()) > 1 else STARTS[:2]
        starts = [result.theta, *also]

    def alone(replicates) -> None:
        for k in replicates:
            new = {name: values[k] for name, values in columns.items()}
            fill_one(
                out,
                k,
                lambda new=new, y=Y[k]: model.with_columns(new).with_outcome(y).fit(result.reml, starts),
                rows,
                kenward_roger,
            )

    if stacks is None:
        alone(range(len(Y)))
        return out
    batch = Batch(result, stacks)
    for at in batch.chunks(len(Y)):
        out.put(at, batch.outcomes(Y[at], {name: v[at] for name, v in columns.items()}, rows, kenward_roger))
    alone(np.flatnonzero(~out.converged))
    return out


def _matrix(values, what: str, model) -> np.ndarray:
    values = checks.floats(values, what)
    if values.ndim != 2 or values.shape[1] != model.nobs:
        raise refusal(f"{what} has shape {values.shape}", f"give one row of {model.nobs} values per replicate")
    return checks.finite(values, what)


def contrast_rows(result, contrasts, kenward_roger: bool) -> np.ndarray:
    if kenward_roger and not result.reml:
        raise refusal("Kenward-Roger is defined for REML fits", "fit with reml=True")
    rows = [result._vector(c) for c in contrasts or ()]
    return np.array(rows).reshape(len(rows), len(result.model.names))


def fill_one(out: Refits, k: int, fit, rows, kenward_roger: bool) -> None:
    """Fill replicate k from a fit of its own; with missing numbers where that is refused."""
    p = len(out.names)
    try:
        result = fit()
        table = result._rows(np.vstack([np.eye(p), rows]), "kenward-roger" if kenward_roger else "residual").T
    except UserError:
        out.forget(k)
        return
    model = result.model
    out.params[k], out.llf[k] = result.params, result.llf
    out.converged[k], out.singular[k] = result.converged, result.singular
    out.se[k] = table[:p, 1]
    if out.df is not None:
        out.df[k] = table[:p, 2]
    if out.contrasts is not None:
        out.contrasts[k] = table[p:]
        if not kenward_roger:
            out.contrasts[k, :, 2] = np.nan
    out.variances[k, :-1] = [result.covariances[t.factor][t.a, t.b] for t in model.parameters.items]
    out.variances[k, -1] = result.scale


class Batch:
    """What the replicates of one model share."""

    def __init__(self, result, stacks):
        self.model, self.reml, self.stacks = result.model, result.reml, stacks
        self.data, self.parameters = self.model.reduced, self.model.parameters
        self.x = self.model._internal_x
        self.zx = [stack.arranged(stack.zt @ self.x) for stack in stacks]
        frame = self.model.frame
        self.root_w = None if frame.weights is None else np.sqrt(frame.weights)

    def chunks(self, n: int):
        """Slices of replicates that fit in memory."""
        each = sum(8 * z.size + stack.room for z, stack in zip(self.zx, self.stacks, strict=True))
        size = max(1, min(256, _MEMORY // max(each, 1)))
        return [slice(start, min(n, start + size)) for start in range(0, n, size)]

    def outcomes(self, Y: np.ndarray, columns: dict, rows: np.ndarray, kenward_roger: bool) -> Refits:
        """Refits to new outcomes and new predictors."""
        count, p, data = len(Y), self.data.p, self.data
        shift, size, ys = np.empty(count), np.empty(count), np.empty((data.n, count))
        changes = [self._change(name, values) for name, values in columns.items()]
        xx = np.empty((count, p + 1, p + 1))
        xx[:] = data.xx
        for k, y in enumerate(Y):
            column, shift[k], size[k] = scale_outcome(y, self.model.frame.offset, self.model._level_column, self.root_w)
            x = self.x
            for change, mix in changes:
                x = x + change[:, k, None] * mix
            if changes:
                xx[k, :p, :p] = x.T @ x
            xx[k, p, :p] = xx[k, :p, p] = x.T @ column
            xx[k, p, p] = column @ column
            ys[:, k] = column
        z = []
        for stack, zx in zip(self.stacks, self.zx, strict=True):
            whole = np.empty((count, p + 1, *zx.shape[1:]))
            whole[:, :p], whole[:, p] = zx, stack.arranged(stack.zt @ ys)
            for change, mix in changes:
                moved = stack.arranged(stack.zt @ change)
                whole[:, :p] += moved[:, None] * mix.reshape(p, *(1,) * (moved.ndim - 1))
            z.append(whole)
        dof = np.array([data.n - p if self.reml else data.n], dtype=float)
        replicates = Replicates(self.parameters, self.stacks, xx, z, [None] * len(z), dof, self.reml, count)
        return self._refits(replicates, np.array([data.n]), shift, size, data.logdet_weights, rows, kenward_roger)

    def _change(self, name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What new values (R, n) of a column add to the internal predictors: the outer product of the two parts."""
        scaling, j = self.data.scaling, self.model.names.index(name)
        old = self.model.frame.x[self.data.kept[j]]
        change = (values - (1.0 if old is None else old)).T / scaling.x_scale[j]
        return change if self.root_w is None else change * self.root_w[:, None], scaling.x_mix[j]

    def counted(self, counts: np.ndarray, component: np.ndarray, rows: np.ndarray, kenward_roger: bool) -> Refits:
        """Refits in which component b of the rows counts ``counts[r, b]`` times; -1 for rows that always count once."""
        data, frame, p = self.data, self.model.frame, self.data.p
        y = scale_outcome(frame.y, frame.offset, self.model._level_column, self.root_w)[0]
        columns = np.column_stack([self.x, y])
        always = np.ones((len(counts), 1))
        counts = np.hstack([counts, always])
        size = counts.shape[1]
        at = np.where(component < 0, size - 1, component)

        def sums(values):
            """Of each replicate, adding up what each component has."""
            parts = np.stack([np.bincount(at, weights=v, minlength=size) for v in values], axis=1)
            return (counts[:, None] @ parts)[:, 0]

        xx = sums([columns[:, i] * columns[:, j] for i in range(p + 1) for j in range(p + 1)])
        n = sums([np.ones(data.n)])[:, 0]
        weights = 0.0 if frame.weights is None else sums([np.log(frame.weights)])[:, 0]
        dof = n - p if self.reml else n
        z = [
            np.concatenate([zx, stack.arranged(stack.zt @ y[:, None])])[None]
            for stack, zx in zip(self.stacks, self.zx, strict=True)
        ]
        replicates = Replicates(
            self.parameters,
            self.stacks,
            xx.reshape(-1, p + 1, p + 1),
            z,
            [counts[:, stack.cluster] for stack in self.stacks],
            np.where(n > p, dof, np.nan),
            self.reml,
            len(counts),
        )
        return self._refits(
            replicates,
            n,
            np.full(len(counts), data.scaling.y_shift),
            np.full(len(counts), data.scaling.y_scale),
            weights,
            rows,
            kenward_roger,
        )

    def _refits(self, replicates, n, shift, size, logdet_weights, rows, kenward_roger: bool) -> Refits:
        """Fit and report in user units; n (R or 1,) rows, shift and size (R,) of the outcomes."""
        best, singular = Search(replicates).fit()
        data, par, point, dof, p = self.data, self.parameters, best.point, replicates.dof, self.data.p
        out = Refits.empty(self.model, replicates.count, len(rows), kenward_roger)
        sigma2 = point.r2 / dof
        transform = data.scaling.matrix()
        out.params[:] = size[:, None] * (point.beta[:, None] @ transform.T)[:, 0]
        out.params += np.outer(shift, data.scaling.level)
        delta = relative_covariances(par, best.theta)
        phi = point.phi * sigma2[:, None, None]
        all_rows = np.vstack([np.eye(p), rows]) @ transform
        df = np.full((replicates.count, len(all_rows)), np.nan)
        # The outcome has unit variance inside, so a smaller remainder is rounding.
        bad = ~np.isfinite(point.deviance) | (point.r2 < tol.NO_RESIDUAL * n)
        if kenward_roger:
            info = assemble(n, delta, sigma2, point.phi, point.mom, self.reml, out.variance_names)
            info = without(info, par.known_zero & (delta == 0))
            info.expected[bad] = np.eye(par.count + 1)
            w, regular = inverses(info)
            phi = adjusted_covariance(info, w)
            bad |= ~regular
            df = np.stack([one_df(info, c, w) for c in all_rows], axis=1) if len(all_rows) else df
            existing(out.df)[:] = df[:, :p]
        squares = np.array([((phi @ c) * c).sum(axis=-1) for c in all_rows]).reshape(len(all_rows), len(delta)).T
        bad |= ~((squares >= 0) & (squares < np.inf)).all(axis=1)  # as a single fit, which is refused then
        se = np.sqrt(np.where(bad[:, None], np.nan, squares)) * size[:, None]
        out.se[:] = se[:, :p]
        if out.contrasts is not None:
            out.contrasts[:] = np.stack([(out.params[:, None] @ rows.T)[:, 0], se[:, p:], df[:, p:]], axis=2)
        unit = par.in_units([s.to_user for s in data.scaling.slopes])
        out.variances[:] = np.column_stack([delta @ unit.T, np.ones(len(delta))]) * (sigma2 * size**2)[:, None]
        llf = point.deviance + dof * (1 + np.log(2 * np.pi / dof)) + 2 * dof * np.log(size)
        if self.reml:
            llf = llf + 2 * data.scaling.log_det()
        out.llf[:] = -0.5 * (llf - logdet_weights)
        out.converged[:], out.singular[:] = best.good & ~bad, singular & ~bad
        out.forget(bad)
        return out
