"""The corrected rows of many simulated studies together, where patients have one therapist.

Of one therapist's n patients, V is ``1 + d_0 11' + d_1 aa'`` over the residual variance, with a the deviations of
perceived attachment, which sum to 0. So ``V^-1 = 1 - k_0 11' - k_1 aa'`` with ``k_0 = d_0 / (1 + d_0 n)`` and
``k_1 = d_1 / (1 + d_1 a'a)``, and the cross-products and traces of :mod:`bowlby.estimands.errors_in_variables` are
sums over therapists. What is left out with a therapist is all that the therapist's patients contribute.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bowlby.design.composite import sd_error
from bowlby.effect import Effect
from bowlby.estimands.errors_in_variables import Measured, Moments, corrected
from bowlby.estimands.measurement import COLUMNS
from bowlby.fit.units import with_sd_error
from bowlby.simulate.batched_analysis import CONTRASTS, Analysis
from bowlby.terms import BASELINE, BETWEEN, WITHIN, P, T


def moments_of_studies(analysis: Analysis, slopes: bool = True) -> Iterator[Moments]:
    """Moments of M1 in every study, as :func:`bowlby.estimands.errors_in_variables.moments` has them.

    Parameters
    ----------
    analysis : Analysis
    slopes : bool
        Whether the slopes that vary between therapists are in V.
    """
    model, fits, rows = analysis.m1, analysis.m1_fits, analysis.m1.rows
    columns = [np.ones(len(rows.study)), *(rows.columns[name] for name in model.names[1:])]
    wide, slope = [*columns, rows.columns["y"]], rows.columns[P]
    load, square = rows.load.reshape(rows.count, -1).astype(float), rows.sums(slope**2)
    between, along = fits.delta[:, :1], fits.delta[:, 1:2] / model.size[:, model.names.index(P)][:, None] ** 2
    k_0, k_1 = between / (1 + between * load), slopes * along / (1 + along * square)
    sums, tilted = ([rows.sums(c * by) for c in wide] for by in (1.0, slope))
    cross = np.stack([np.stack([
        rows.sums(x * z) - k_0 * sums[a] * sums[b] - k_1 * tilted[a] * tilted[b]
        for b, z in enumerate(wide)], axis=-1) for a, x in enumerate(columns)], axis=-2)  # fmt: skip
    per_error = {WITHIN: load - 1 - k_1 * square, BETWEEN: 1 - k_0 * load, "shared": load - k_0 * load**2}
    along_one = load - k_0 * load**2
    taken = {WITHIN: np.zeros_like(load), BETWEEN: along_one**2 / np.maximum(load, 1), "shared": along_one**2}
    size = len(model.names)
    traces, shared = (np.zeros((*load.shape, len(COLUMNS), size, size)) for _ in range(2))
    for k, own in enumerate(COLUMNS.values()):
        for name, level in own.items():  # parts within and between therapists share no errors: V^-1 1 goes along 1
            at = ..., k, model.names.index(name), model.names.index(name)
            traces[at], shared[at] = per_error[level], taken[level]
    for k in range(rows.count):
        seen = load[k] > 0
        of, errors, ones = cross[k, seen], traces[k, seen], shared[k, seen]
        totals = of.sum(axis=0), errors.sum(axis=0), of, errors, ones.sum(axis=0), ones
        yield Moments(model.names, list(COLUMNS), np.flatnonzero(seen), *totals)


def corrected_effects(of: Moments, errors: dict[str, float], row: str) -> dict[str, Effect] | None:
    """P, T, P-T and P+T without errors of known variance, as :func:`bowlby.estimands.measurement.measurement`.

    Parameters
    ----------
    of : Moments
    errors : dict of float
        Variance of the error of one person's value, by variable.
    row : str
        ``baseline``: its errors alone are taken out; ``all``.
    """
    counts = np.zeros(of.therapists.max() + 1)
    counts[of.therapists] = 1.0
    known = {name: Measured(COLUMNS[name], variance * counts, counts) for name, variance in errors.items()}
    fit = corrected(of, {"baseline": known["baseline"]})
    if fit is None:  # as in a run, within therapists alone
        known["baseline"] = Measured({BASELINE[0]: WITHIN}, known["baseline"].sums, counts)
        fit = corrected(of, {"baseline": known["baseline"]})
    if row == "all":
        fit = corrected(of, known)
    return None if fit is None else {name: Effect(*fit.contrast({P: p, T: t})) for name, (p, t) in CONTRASTS.items()}


def sample_effects(analysis: Analysis, values: list[dict[str, np.ndarray]]) -> list[dict[str, Effect]]:
    """P, T, P-T and P+T of every study per SD of its sample, with the uncertainty of the SDs.

    Parameters
    ----------
    analysis : Analysis
    values : list of dict of ndarray
        What the SDs of ``y``, ``perceived`` and ``therapist_style`` are taken of, by study.
    """
    sd = {name: np.array([np.std(of[name], ddof=1) for of in values]) for name in ("y", "perceived", "therapist_style")}
    unit = {P: sd["perceived"] / sd["y"], T: sd["therapist_style"] / sd["y"]}
    found, model = {}, analysis.m1
    for name, weights in CONTRASTS.items():
        c = np.zeros_like(model.size)
        for term, weight in zip((P, T), weights, strict=True):
            at = model.names.index(term)
            c[:, at] = weight * unit[term] / model.size[:, at]
        found[name] = analysis.m1_fits.effect(c)
    errors = [{name: sd_error(pd.Series(of)) for name, of in study.items()} for study in values]
    own = ({name: (float(of[k][0]), float(of[k][1]), float(of[k][2])) for name, of in found.items()}
           for k in range(len(values)))  # fmt: skip
    return [{name: Effect(*value) for name, value in with_sd_error(effects, error).items()}
            for effects, error in zip(own, errors, strict=True)]  # fmt: skip
