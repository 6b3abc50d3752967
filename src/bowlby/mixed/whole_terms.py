"""Analysis of variance by whole term, type III: each term at equal weights of the levels of the other categories."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.mixed.columns import codings
from bowlby.mixed.spec import Term


def anova(result, method: str) -> pd.DataFrame:
    """An F test of each term of the fixed part, see :meth:`bowlby.mixed.result.MixedResult.anova`."""
    rows = [(":".join(term), *result.f_test(matrix, method)[["F", "df_num", "df_den", "p"]].iloc[0])
            for term, matrix in hypotheses(result.model).items()]
    return pd.DataFrame(rows, columns=["term", "F", "df_num", "df_den", "p"]).set_index("term")


def hypotheses(model) -> dict[Term, np.ndarray]:
    """Of each term the matrix (columns of the term, p) whose product with the fixed effects is 0 without an effect.

    A row follows one column of the term through all terms that hold it as well, with equal weights for the levels of
    their further categories. These are the hypotheses of sum contrasts, whatever the coding; covariates are at 0.
    """
    gone = [name for name in model.frame.names if name not in model.names]
    if gone:
        raise UserError(problem(f"whole terms are not defined where {', '.join(gone)} cannot be estimated",
                                "leave the terms out that have no data, or test effects with f_test"))
    cats, start = model.frame.categories, int(model.spec.intercept)
    coded = codings(model.spec.fixed, model.spec.intercept, cats)
    columns = [(term, full, dict(zip(term, levels)))
               for term, full in coded for levels in product(*(_levels(name, name in full, cats) for name in term))]
    out = {}
    for term, full in coded:
        own = [levels for other, _, levels in columns if other == term]
        if not own:
            continue
        out[term] = np.zeros((len(own), start + len(columns)))
        for at, (other, other_full, levels) in enumerate(columns, start):
            further = set(other) - set(term)
            if not set(term) <= set(other) or not further <= cats.keys():
                continue
            share = 1 / np.prod([len(cats[name].levels) for name in further])
            for row, mine in zip(out[term], own):
                row[at] = share * np.prod([_same_level(mine[name], levels[name], name in other_full - full)
                                           for name in term])
    return out


def _levels(name: str, full: bool, cats: dict) -> list[int | None]:
    """Which levels of a variable have a column; one column without a level for a number."""
    return list(range(0 if full else 1, len(cats[name].levels))) if name in cats else [None]


def _same_level(mine, other, counts_reference: bool) -> int:
    """How a column of one level takes part in the effect of a level; of the reference where effects are differences."""
    return 1 if mine == other else -int(counts_reference and other == 0)
