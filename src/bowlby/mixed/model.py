"""The model: terms and data, reduced once; fitted as often as one likes."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from bowlby.errors import UserError, problem, refusal
from bowlby.mixed import checks
from bowlby.mixed import tolerances as tol
from bowlby.mixed.covariance_parameters import Parameters, level_column, scale_outcome
from bowlby.mixed.crossproducts import Reduced, check_reduced, reduce_rows
from bowlby.mixed.formula import parse_formula
from bowlby.mixed.model_frame import Factor, Frame, as_labels, build_frame
from bowlby.mixed.optimiser import STARTS, minimise
from bowlby.mixed.residual_structure import STRUCTURES, complete_rows, fit_structured
from bowlby.mixed.terms import ModelSpec, spec_from_terms


def check_frame(frame: Frame, outcome: str) -> None:
    """Refuse designs whose variances are not identified, with one line for each reason."""
    n = len(frame.y)
    lines: list[str] = []
    spread = np.ptp(frame.y if frame.offset is None else frame.y - frame.offset)
    if spread == 0:
        less = "" if frame.offset is None else " less its offset"
        lines.append(
            problem(f"the outcome '{outcome}'{less} is constant in all {n} rows", "check its values in the data")
        )
    for factor in frame.factors:
        levels = int(factor.named.sum())
        if levels < 2:
            lines.append(problem(f"'{factor.name}' has {levels} level", "a random effect needs at least 2 groups"))
            continue
        if factor.codes is not None and (line := _no_level_to_spare(factor, factor.codes, levels)):
            lines.append(line)
            continue
        lines += _collinear_basis(factor)
    if len(frame.names) >= n:
        lines.append(_too_many(frame, n))
    if lines:
        raise UserError(lines)
    if spread < tol.ROUNDED * max(np.abs(v).max() for v in (frame.y, frame.offset) if v is not None):
        frame.warnings.append(
            f"the outcome '{outcome}' varies in its last digits only, by {spread:.2g}: these may be rounding"
        )
    _warn_constant_slopes(frame)
    _warn_alike(frame)


def _no_level_to_spare(factor: Factor, codes: np.ndarray, levels: int) -> str | None:
    """The line for a factor none of whose levels has more rows than effects, so that they hold the residual too.

    One level with a row to spare is enough, however many have too few: lme4 counts rows and effects of all levels
    together and refuses such designs (`check.nobs.vs.nRE`), though their variances can be told from the residual's.
    """
    most = max(factor.blocks, key=lambda block: len(block[0]))[0]
    if np.bincount(codes).max() > len(most):
        return None
    if len(most) == 1:
        return problem(
            f"'{factor.name}' has as many levels ({levels}) as there are rows",
            "its variance cannot be told from the residual's; drop the term or add rows",
        )
    term = " + ".join(factor.labels[k] for k in most)
    return problem(
        f"({term} | {factor.name}) has {len(most)} random effects for each level, and no level has more rows than that",
        "drop the slope or add observations per group",
    )


def _too_many(frame: Frame, n: int) -> str:
    """The line for more fixed effects than rows; a column of numbers with one word in it has a level for each."""
    text = {name: len(c.levels) for name, c in frame.categories.items() if 2 * len(c.levels) > n}
    if not text:
        return problem(f"{len(frame.names)} fixed effects for {n} rows", "drop terms or add rows")
    name = max(text, key=lambda one: text[one])
    return problem(
        f"'{name}' is text or a category with {text[name]} values in {n} rows, a fixed effect each",
        "make it a number, with missing values empty, or leave it out",
    )


def _collinear_basis(factor: Factor) -> list[str]:
    """One line for a slope on a constant, or on a copy of another slope, of the same group."""
    for k, column in enumerate(factor.basis):
        if column is None:
            continue
        if np.ptp(column) == 0 and (column[0] == 0 or any(b is None for b in factor.basis)):
            return [
                problem(
                    f"the random slope '{factor.labels[k]}' of '{factor.name}' has a constant predictor",
                    "drop that slope",
                )
            ]
        for j in range(k):
            other = factor.basis[j]
            if other is not None and other @ other > 0:
                ratio = (column @ other) / (other @ other)
                if np.abs(column - ratio * other).max() <= tol.MULTIPLE * np.abs(column).max():
                    return [
                        problem(
                            f"the random slopes '{factor.labels[j]}' and '{factor.labels[k]}' of "
                            f"'{factor.name}' are multiples of each other",
                            "keep one",
                        )
                    ]
    return []


def _warn_alike(frame: Frame) -> None:
    """Variances of which the data know the sum alone: of two factors with the same levels, or within one."""
    for k, one in enumerate(frame.factors):
        for other in frame.factors[:k]:
            if one.codes is None or other.codes is None or one.n_levels != other.n_levels:
                continue
            shared = [label for label in one.labels if label in other.labels]
            pairs = np.unique(one.codes.astype(np.int64) * one.n_levels + other.codes).size
            if shared and pairs == one.n_levels:
                frame.warnings.append(
                    f"'{other.name}' and '{one.name}' have the same levels: their variances cannot "
                    "be told apart and are split arbitrarily; drop one"
                )
        for positions, _ in one.blocks:
            columns = [c for p in positions if (c := one.basis[p]) is not None]
            if len(positions) == 1 or len(columns) < len(positions):
                continue
            total = sum(columns)
            for label in (x for k, x in enumerate(one.labels) if k not in positions and _same(one.basis[k], total)):
                together = " + ".join(one.labels[p] for p in positions)
                frame.warnings.append(
                    f"the variance of '{label}' and those of ({together} | {one.name}) cannot be "
                    f"told apart and are split arbitrarily; drop the random effect '{label}'"
                )


def _same(column, other) -> bool:
    return bool((other == 1).all()) if column is None else np.array_equal(column, other)


def _warn_constant_slopes(frame: Frame) -> None:
    for factor in frame.factors:
        if factor.codes is None or not any(b is None for b in factor.basis):
            continue
        for label, column in zip(factor.labels, factor.basis, strict=True):
            if column is None:
                continue
            first = np.empty(factor.n_levels)
            first[factor.codes] = column
            if (first[factor.codes] == column).all():
                frame.warnings.append(
                    f"'{label}' is constant within every level of '{factor.name}': its random "
                    f"slope rests on unequal variances alone"
                )


class MixedModel:
    """A Gaussian linear mixed model.

    Parameters
    ----------
    spec : ModelSpec
        See :meth:`from_formula` and :meth:`from_terms`.
    data : DataFrame
        One row per observation.
    membership : dict, optional
        ``{group: W}`` for multiple membership: W has one row per row of `data` and one column per level
        (Membership, DataFrame, array or scipy sparse), the weight of each level in each row, usually summing to 1. A
        DataFrame goes by its row labels, see :func:`bowlby.mixed.checks.membership_rows`; levels have the names of a
        DataFrame's or a Membership's columns.
    weights : str or array_like (n,), optional
        Observation weights w > 0: the residual variance of a row is sigma^2 / w.
    offset : str or array_like (n,), optional
        Known part of the outcome, in its units. Weights and offsets given as a Series go by its labels.
    residual : CAR1 or VarianceByGroup, optional
        Structure of the residuals, see :mod:`bowlby.mixed.residual_structure`; plain by default.

    Attributes
    ----------
    names : list of str
        Fixed effects that are estimated.
    dropped_columns : list of str
        Fixed effects that are linear combinations of earlier ones, or text with one value in all rows.
    n_dropped : dict of str to int
        Rows left out, by reason; each row under its first.
    rows : ndarray of int
        Positions in `data` of the rows used.
    nobs : int
    n_levels : dict of str to int

    Raises
    ------
    UserError
        One line per problem: unknown columns, no or constant outcome values, groups that are too few or too many,
        slopes that are not separately estimable, infinite values, unusable weights.

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), J Stat Softw 67(1); Kenward & Roger (1997), Biometrics 53:983-997.

    Examples
    --------
    >>> import bowlby, numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"g": np.repeat(np.arange(20), 10), "x": rng.normal(size=200)})
    >>> data["y"] = data.x + rng.normal(size=20)[data.g] + rng.normal(size=200)
    >>> result = bowlby.MixedModel.from_formula("y ~ x + (1 | g)", data).fit()
    >>> bool(result.converged)
    True
    """

    def __init__(self, spec: ModelSpec, data, membership=None, weights=None, offset=None, residual=None):
        self.spec = spec
        also_missing = ()
        if residual is not None:
            if not isinstance(residual, STRUCTURES):
                raise refusal(
                    f"the residual structure is {residual!r}", "give CAR1(time, within) or VarianceByGroup(column)"
                )
            if weights is not None:
                raise refusal("weights and a residual structure are given together", "choose one")
            also_missing = complete_rows(residual, checks.frame_of(data))
        frame = build_frame(spec, data, membership, weights, offset, also_missing)
        check_frame(frame, spec.outcome)
        self.kernel = None if residual is None else residual.prepare(data.iloc[frame.rows])
        self._set(frame, reduce_rows(frame))
        check_reduced(self.reduced)

    def _set(self, frame, reduced: Reduced) -> None:
        self.frame, self.reduced = frame, reduced
        self.names, self.labels = reduced.names, as_labels(tuple(reduced.names))
        gone = [n for k, n in enumerate(frame.names) if k not in set(reduced.kept)]
        self.dropped_columns = [*frame.left_out, *gone]
        self.n_dropped, self.rows, self.nobs = frame.n_dropped, frame.rows, reduced.n
        self.n_levels = {f.name: int(f.named.sum()) for f in reduced.factors}
        self.parameters = Parameters(reduced.factors)

    @classmethod
    def from_formula(cls, formula: str, data, membership=None, weights=None, offset=None, residual=None) -> MixedModel:
        """Build a model from lme4's notation, such as ``"y ~ time * a + (1 + time | patient) + (1 | therapist)"``.

        See :func:`bowlby.mixed.formula.parse_formula` for the notation; nothing is evaluated. The other parameters are
        those of the class. A formula that cannot be read, or a column that is not there, is a UserError.
        """
        return cls(parse_formula(checks.text(formula, "the formula")), data, membership, weights, offset, residual)

    @classmethod
    def from_terms(
        cls, outcome, fixed, random, data, membership=None, weights=None, offset=None, residual=None, intercept=True
    ) -> MixedModel:
        """Build a model from lists of literal column names, whatever characters they hold.

        Parameters
        ----------
        outcome : str
        fixed : list of str or tuple of str
            A tuple is an interaction of its columns.
        random : list of dict
            ``{"group": "therapist", "terms": ["1", "a_w"], "correlated": False}``; `group` may be a tuple of
            columns (nesting), `terms` defaults to ``["1"]``, `correlated` to True.
        """
        return cls(spec_from_terms(outcome, fixed, random, intercept), data, membership, weights, offset, residual)

    def with_outcome(self, y) -> MixedModel:
        """The same model of other outcome values, shape (nobs,), in the order of :attr:`rows`.

        A Series goes by its labels: those of the rows used, or of all rows of the data.
        """
        from dataclasses import replace

        y = self._of_rows(y, "the new outcome")
        frame = replace(self.frame, y=y)
        offset = frame.offset
        if np.ptp(y if offset is None else y - offset) == 0:
            raise refusal("the new outcome is constant", "check its values in the data")
        other = object.__new__(MixedModel)
        other.spec, other.kernel = self.spec, self.kernel
        if self.kernel is not None:
            other._set(frame, reduce_rows(frame))
            return other
        data = self.reduced
        root_w = None if frame.weights is None else np.sqrt(frame.weights)
        column, shift, scale = scale_outcome(y, offset, self._level_column, root_w)
        xx = data.xx.copy()
        xx[-1, :-1] = xx[:-1, -1] = self._internal_x.T @ column
        xx[-1, -1] = column @ column
        zx, bx = data.zx, data.bx
        if data.has_inner and data.projector is not None:
            zx = zx.copy()
            zx[:, -1] = data.projector.to_inner(column)
        if data.links is not None and data.projector is not None:
            bx = bx.copy()
            bx[:, :, -1] = data.projector.to_outer(column)
        scaling = replace(data.scaling, y_shift=shift, y_scale=scale)
        other.__dict__["_internal_x"] = self._internal_x
        other._set(frame, replace(data, xx=xx, zx=zx, bx=bx, scaling=scaling))
        return other

    def with_columns(self, columns: dict) -> MixedModel:
        """The same model with other values (nobs,) of fixed effects, by name; random slopes keep theirs."""
        from dataclasses import replace

        if not columns:
            return self
        checks.known(columns, self.names, "the fixed effect")
        columns = {name: self._of_rows(values, f"column '{name}'") for name, values in columns.items()}
        x = [columns.get(name, self.frame.x[k]) for name, k in zip(self.names, self.reduced.kept, strict=True)]
        return self._of_frame(
            replace(self.frame, x=x, names=list(self.names), level=self.frame.level[self.reduced.kept], sources={})
        )

    def _of_frame(self, frame) -> MixedModel:
        """A model of the same terms on another frame; every column must stay estimable."""
        check_frame(frame, self.spec.outcome)
        reduced = reduce_rows(frame)
        check_reduced(reduced)
        if reduced.names != self.names:
            gone = ", ".join(name for name in self.names if name not in reduced.names)
            raise refusal(f"{gone} cannot be estimated in these rows", "leave the term out")
        other = object.__new__(MixedModel)
        other.spec, other.kernel = self.spec, self.kernel
        other._set(frame, reduced)
        return other

    def clusters(self, group: str | None = None) -> list[list]:
        """Levels of a group that rows join, directly or in a chain: what is drawn in a bootstrap over therapists.

        See :func:`bowlby.mixed.cluster_refits.clusters`.
        """
        from bowlby.mixed.cluster_refits import clusters

        return clusters(self, group)

    def _of_rows(self, values, what: str) -> np.ndarray:
        return checks.of_rows(values, self.frame.labels, self.frame.rows, what)

    @cached_property
    def _level_column(self) -> np.ndarray | float:
        return level_column([self.frame.x[k] for k in self.reduced.kept], self.reduced.scaling.level)

    @cached_property
    def _internal_x(self) -> np.ndarray:
        """Internal predictors (n, p), weights applied."""
        scale, data = self.reduced.scaling, self.reduced
        out = np.empty((data.n, data.p))
        for j, k in enumerate(data.kept):
            column = self.frame.x[k]
            out[:, j] = 1.0 if column is None else (column - scale.x_shift[j] * self._level_column) / scale.x_scale[j]
        if self.frame.weights is not None:
            out *= np.sqrt(self.frame.weights)[:, None]
        return out @ scale.x_mix

    def linear_predictor(self, params: np.ndarray) -> np.ndarray:
        """X beta + offset of the rows used, outcome units, (nobs,)."""
        out = np.zeros(self.nobs) if self.frame.offset is None else self.frame.offset.copy()
        for value, k in zip(params, self.reduced.kept, strict=True):
            column = self.frame.x[k]
            out += value if column is None else value * column
        return out

    def fit(self, reml: bool = True, starts=STARTS):
        """Estimate by REML or ML.

        Parameters
        ----------
        reml : bool
        starts : sequence of float or ndarray
            Relative SDs to start from, or whole vectors theta; 0 is the boundary itself. Every start is logged in
            ``result.starts``.

        Returns
        -------
        MixedResult

        Raises
        ------
        UserError
            When the fixed and random part explain the outcome without a residual, or a start is no number.
        """
        from bowlby.mixed.result import MixedResult

        reml = checks.flag(reml, "reml")
        if starts is not STARTS:
            starts = checks.starting_points(starts, self.parameters.count)
        if self.kernel is not None:
            return fit_structured(self, reml, starts)
        try:
            optimum = minimise(self.reduced, self.parameters, reml, starts)
            # The outcome has unit variance inside, so this is rounding.
            explained = optimum.state.r2 < tol.NO_RESIDUAL * self.nobs
        except np.linalg.LinAlgError:
            explained = True
        if explained:
            raise refusal(
                f"the model of '{self.spec.outcome}' leaves no residual variation", "drop terms or check the outcome"
            )
        return MixedResult(self, optimum, reml)
