"""Designs whose parameters cannot be estimated are stopped, those that hardly can be are flagged."""

from __future__ import annotations

import numpy as np

from bowlby.errors import UserError, problem
from bowlby.mixed.frame import Factor, Frame

_ROUNDING = 1e-11  # spread of an outcome over its size or its offset's, below which it may be rounding


def check_frame(frame: Frame, outcome: str) -> None:
    """Stop at designs whose variances cannot be told apart, each with its one line."""
    n = len(frame.y)
    lines = []
    spread = np.ptp(frame.y if frame.offset is None else frame.y - frame.offset)
    if spread == 0:
        less = "" if frame.offset is None else " less its offset"
        lines.append(problem(f"the outcome '{outcome}'{less} is constant in all {n} rows", "there is nothing to model"))
    for factor in frame.factors:
        levels = int(factor.named.sum())
        if levels < 2:
            lines.append(problem(f"'{factor.name}' has {levels} level", "a random effect needs at least 2 groups"))
            continue
        if factor.codes is not None and (line := _no_level_to_spare(factor, levels)):
            lines.append(line)
            continue
        lines += _collinear_basis(factor)
    if len(frame.names) >= n:
        lines.append(_too_many(frame, n))
    if lines:
        raise UserError(lines)
    if spread < _ROUNDING * max(np.abs(v).max() for v in (frame.y, frame.offset) if v is not None):
        frame.warnings.append(f"the outcome '{outcome}' varies in its last digits only, by {spread:.2g}: these may be "
                              "rounding")
    _warn_constant_slopes(frame)
    _warn_alike(frame)


def _no_level_to_spare(factor: Factor, levels: int) -> str | None:
    """The line for a factor none of whose levels has more rows than effects, so that they hold the residual too.

    One level with a row to spare is enough, however many have too few: lme4 counts rows and effects of all levels
    together and refuses such designs (`check.nobs.vs.nRE`), though their variances can be told from the residual's.
    """
    most = max(factor.blocks, key=lambda block: len(block[0]))[0]
    if np.bincount(factor.codes).max() > len(most):
        return None
    if len(most) == 1:
        return problem(f"'{factor.name}' has as many levels ({levels}) as there are rows",
                       "its variance cannot be told from the residual's; drop the term or add rows")
    term = " + ".join(factor.labels[k] for k in most)
    return problem(f"({term} | {factor.name}) has {len(most)} random effects for each level, and no level has more "
                   "rows than that", "drop the slope or add observations per group")


def _too_many(frame: Frame, n: int) -> str:
    """The line for more fixed effects than rows; a column of numbers with one word in it has a level for each."""
    text = {name: len(c.levels) for name, c in frame.categories.items() if 2 * len(c.levels) > n}
    if not text:
        return problem(f"{len(frame.names)} fixed effects for {n} rows", "drop terms or add rows")
    name = max(text, key=text.get)
    return problem(f"'{name}' is text or a category with {text[name]} values in {n} rows, a fixed effect each",
                   "make it a number, with missing values empty, or leave it out")


def _collinear_basis(factor: Factor) -> list[str]:
    """One line for a slope on a constant, or on a copy of another slope, of the same group."""
    for k, column in enumerate(factor.basis):
        if column is None:
            continue
        if np.ptp(column) == 0 and (column[0] == 0 or any(b is None for b in factor.basis)):
            return [problem(f"the random slope '{factor.labels[k]}' of '{factor.name}' has a constant predictor",
                            "drop that slope")]
        for j in range(k):
            other = factor.basis[j]
            if other is not None and other @ other > 0:
                ratio = (column @ other) / (other @ other)
                if np.abs(column - ratio * other).max() <= 1e-9 * np.abs(column).max():
                    return [problem(f"the random slopes '{factor.labels[j]}' and '{factor.labels[k]}' of "
                                    f"'{factor.name}' are multiples of each other", "keep one")]
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
                frame.warnings.append(f"'{other.name}' and '{one.name}' have the same levels: their variances cannot "
                                      "be told apart and are split arbitrarily; drop one")
        for positions, _ in one.blocks:
            columns = [one.basis[p] for p in positions]
            if len(columns) == 1 or any(c is None for c in columns):
                continue
            total = sum(columns)
            for label in (x for k, x in enumerate(one.labels) if k not in positions and _same(one.basis[k], total)):
                together = " + ".join(one.labels[p] for p in positions)
                frame.warnings.append(f"the variance of '{label}' and those of ({together} | {one.name}) cannot be "
                                      f"told apart and are split arbitrarily; drop the random effect '{label}'")


def _same(column, other) -> bool:
    return bool((other == 1).all()) if column is None else np.array_equal(column, other)


def _warn_constant_slopes(frame: Frame) -> None:
    for factor in frame.factors:
        if factor.codes is None or not any(b is None for b in factor.basis):
            continue
        for label, column in zip(factor.labels, factor.basis):
            if column is None:
                continue
            first = np.empty(factor.n_levels)
            first[factor.codes] = column
            if (first[factor.codes] == column).all():
                frame.warnings.append(f"'{label}' is constant within every level of '{factor.name}': its random "
                                      f"slope rests on unequal variances alone")
