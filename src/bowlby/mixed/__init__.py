"""Gaussian linear mixed models with Kenward-Roger inference, at home in statsmodels' conventions.

Design note: why NumPy and SciPy alone
--------------------------------------
Rows are reduced once to cross-products (``crossproducts``); after that every evaluation is a short, fixed list of
array operations over the units of the innermost factor, in closed form for one or two effects a unit, and a
block-diagonal or dense matrix for the other factors (``components``, ``criterion``). A million units cost some tens of
passes over arrays, which NumPy does at the speed of memory, so a compiler (numba) would save little there; where
the model is small, what counts is the number of calls and not their speed. Exact first and second derivatives
(``derivatives``) let Newton's method converge in five to ten evaluations and are the same quantities that
Kenward-Roger needs. Nothing has to be compiled, cached or warmed up: the wheel is pure Python and the import takes
half a second, most of it pandas. A sparse Cholesky factorisation would not help where it is most wanted: therapists
who share switching patients at random fill it in (25,000 therapists, 5% switching: 15 million entries, 20 s a
factorisation, measured), while the same matrix is so close to its diagonal that conjugate gradients need under ten
steps (``sparse_outer``).

Derivatives of models of one factor are Gram matrices over its levels (``criterion.OneFactor``). Many refits of one
model run side by side on a leading array axis (``refits``): the random effects are laid out once as stacks of
independent units (``random_effect_layout``, ``random_effect_units``), the criterion is a sum over them, and one Newton
search moves all replicates (``newton_batch``).
"""

from __future__ import annotations

from bowlby.mixed.formula import parse_formula
from bowlby.mixed.model import MixedModel
from bowlby.mixed.model_comparison import compare
from bowlby.mixed.residual_structure import CAR1, VarianceByGroup
from bowlby.mixed.result import MixedResult
from bowlby.mixed.terms import ModelSpec, RandomTerm, spec_from_terms

__all__ = [
    "CAR1",
    "MixedModel",
    "MixedResult",
    "ModelSpec",
    "RandomTerm",
    "VarianceByGroup",
    "compare",
    "parse_formula",
    "spec_from_terms",
]
