"""How the slope of a predictor depends on a moderator: slopes, simultaneous bands, Johnson-Neyman regions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import fdtri, stdtrit

from bowlby.config.moderation import interactions
from bowlby.config.run import Run
from bowlby.effect import Effect
from bowlby.errors import existing
from bowlby.files import read_json
from bowlby.records import Estimate, Fit

SLOPES = (-1.0, 0.0, 1.0)
"""SD of the moderator at which simple slopes are given."""
POINTS = 41
LEVEL = 0.95


class Slopes(NamedTuple):
    """Slopes with their standard errors and df."""

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray


def moderation_of(run: Run, folder: Path) -> dict:
    """What is moderated by what, ``moderation.json``, from the fits in a run's folder."""
    names = [one.name for one in interactions(run)]
    fits = [read_json(folder / f"fits/{name}.json") for name in names]
    return moderation(fits, [read_json(folder / f"analysis/{name}.design.json") for name in names])


def moderation(fits: Sequence[Mapping], designs: Sequence[Mapping]) -> dict:
    """What is moderated by what.

    Parameters
    ----------
    fits : sequence of dict
        Records of :func:`bowlby.fit.moderation.fit_moderation`.
    designs : sequence of dict
        Descriptions of their analysis sets, in the same order.

    Returns
    -------
    dict
        ``moderation.json``. By interaction: of a number the coefficient, simple slopes, the line with its bands, and
        regions in which the slope differs from 0; of a category the slopes by value and their joint test. All in SD of
        outcome per SD. ``p_fdr`` is adjusted across the interactions (Benjamini & Hochberg 1995).

    Notes
    -----
    The slope at value m is b + d m. Its simultaneous band is b + d m ± c SE(m), c² = 2 F(2, df) / λ, F the .95
    quantile, df and λ of the joint Kenward-Roger test of b and d: by Scheffé's argument it holds for all m at once
    (Working & Hotelling 1929; Scheffé 1953; of interactions Bauer & Curran 2005). Pointwise limits have the
    Kenward-Roger df of each m. Regions end where a limit crosses 0, and are sought within the observed range only.
    """
    from statsmodels.stats.multitest import multipletests

    records = [_one(Fit.of(fit), design) for fit, design in zip(fits, designs, strict=True)]
    p = [one["interaction"]["p"] for one in records]
    known = [k for k, value in enumerate(p) if value is not None and np.isfinite(value)]
    adjusted = multipletests([p[k] for k in known], method="fdr_bh")[1] if known else []
    for one in records:
        one["interaction"]["p_fdr"] = None
    for k, value in zip(known, adjusted, strict=True):
        records[k]["interaction"]["p_fdr"] = float(value)
    return {"schema": 1, "interactions": records}


def _one(fit: Fit, design: Mapping) -> dict:
    asked = design["moderation"]
    slopes = {r.term: r.sd_or_corr for r in fit.variances if r.term != "Intercept" and r.group == "therapist"}
    record = {
        "text": asked["text"],
        "model": fit.model,
        "analysis": asked["analysis"],
        "predictor": asked["predictor_label"],
        "moderator": asked["moderator_label"],
        "tested": asked["tested"],
        "n_obs": fit.n_obs,
        "n_therapists": fit.n_levels["therapist"],
        "reference": design["reference"],
        "zero_slopes": [term for term, sd in slopes.items() if sd == 0],
    }
    if asked["levels"]:
        return record | _category(fit, asked)
    return record | _line(fit, asked, 1.0 / design["sd_outcome"])


def _category(fit: Fit, asked: Mapping) -> dict:
    """Slopes by value, and the joint test that they are equal."""
    test = fit.tests["interaction"]
    levels = [_kept(fit.contrasts[level["level"]]) | {key: level[key] for key in ("level", "patients", "therapists")}
              for level in asked["levels"]]  # fmt: skip
    return {"interaction": {"f": test.f, "df_num": test.df_num, "df_den": test.df_den, "p": test.p}, "levels": levels}


def _line(fit: Fit, asked: Mapping, unit: float) -> dict:
    """Coefficient, simple slopes, bands and regions."""
    at, band, (low, high) = slope_along(fit, asked["step"], unit), simultaneous(fit), asked["range"]
    critical = np.nan if band is None else band["critical"]
    grid = np.linspace(low, high, POINTS)
    e = at(grid)
    half, wide = stdtrit(e.df, 0.5 + LEVEL / 2) * e.se, critical * e.se
    line = pd.DataFrame({"at": grid, "estimate": e.estimate, "ci_low": e.estimate - half, "ci_high": e.estimate + half,
                         "band_low": e.estimate - wide, "band_high": e.estimate + wide})  # fmt: skip
    within = {"simultaneous": None, "pointwise": regions(at, lambda e: stdtrit(e.df, 0.5 + LEVEL / 2), low, high)}
    if band is not None:
        within["simultaneous"] = regions(at, lambda e: critical, low, high)
    slopes = [Effect(*(float(v) for v in (s.estimate, s.se, s.df))) for s in map(at, SLOPES)]
    return {
        "interaction": _kept(fit.contrasts["interaction"]),
        "slopes": [{"at": m, "observed": bool(low <= m <= high), **s.record(), "p": s.p_two_sided()}
                   for m, s in zip(SLOPES, slopes, strict=True)],
        "range": [low, high],
        "rug": asked["rug"],
        "band": band,
        "regions": within,
        "line": line.to_dict("records"),
    }  # fmt: skip


def slope_along(fit: Fit, step: float, unit: float) -> Callable[[Any], Slopes]:
    """The slope of the predictor as a function of the moderator (SD), with Kenward-Roger's df at each value.

    Parameters
    ----------
    fit : Fit
        With the test ``line`` of the predictor's coefficient and the product's.
    step : float
        1 SD of the moderator in units of its column.
    unit : float
        1 / SD of the outcome.
    """
    terms = list(fit.tests["line"].terms)
    where = [list(fit.covariance).index(term) for term in terms]
    corner = np.ix_(where, where)
    b, phi = fit.params[terms].to_numpy(), fit.covariance.to_numpy()[corner]
    adjusted = existing(fit.covariance_adjusted).to_numpy()[corner]
    derivatives = np.array([np.array(d, float)[corner] for d in fit["df_parts"]["derivatives"]])
    errors = np.array(fit["df_parts"]["covariance"], float)

    def at(m: Any) -> Slopes:
        m = np.asarray(m, float)
        c = unit * np.stack([np.ones_like(m), step * m], axis=-1)
        se = np.sqrt(np.einsum("...i,ij,...j->...", c, adjusted, c))
        g = np.einsum("...i,kij,...j->...k", c, derivatives, c)
        spread = np.einsum("...k,kl,...l->...", g, errors, g)
        return Slopes(c @ b, se, 2 * np.einsum("...i,ij,...j->...", c, phi, c) ** 2 / spread)

    return at


def simultaneous(fit: Fit) -> dict | None:
    """Critical value of the band for a whole line; None where Kenward-Roger's df are not defined.

    Returns
    -------
    dict
        ``critical``, the multiple of the standard error; ``df_num`` (2), ``df_den``, ``scale`` (λ) of the joint test.
    """
    test, covariance = fit.tests["line"], fit.covariance_adjusted
    if covariance is None or not np.isfinite(test.df_den):
        return None
    terms = list(test.terms)
    b = fit.params[terms].to_numpy()
    scale = 2 * test.f / float(b @ np.linalg.solve(covariance.loc[terms, terms].to_numpy(), b))
    critical = float(np.sqrt(2 * fdtri(2, test.df_den, LEVEL) / scale))
    return {"critical": critical, "df_num": 2, "df_den": test.df_den, "scale": scale}


def regions(at: Callable[[Any], Slopes], critical: Callable[[Slopes], Any], low: float, high: float) -> list[dict]:
    """Where a slope differs from 0 between two values of the moderator.

    Parameters
    ----------
    at : callable
        The slope at a value.
    critical : callable
        Multiple of its standard error that a limit is away.
    low, high : float

    Returns
    -------
    list of dict
        ``low``, ``high``, ``sign`` (1: above 0) of each region, in order.
    """

    def excess(m: Any) -> Any:
        e = at(m)
        return np.abs(e.estimate) - critical(e) * e.se

    grid = np.linspace(low, high, 10 * POINTS)
    cuts = [brentq(excess, grid[k], grid[k + 1], xtol=1e-12) for k in np.flatnonzero(np.diff(np.sign(excess(grid))))]
    edges = [low, *cuts, high]
    return [
        {"low": float(a), "high": float(b), "sign": 1 if at((a + b) / 2).estimate > 0 else -1}
        for a, b in pairwise(edges)
        if excess((a + b) / 2) > 0
    ]


def _kept(e: Estimate) -> dict:
    return {"estimate": e.estimate, "se": e.se, "df": e.df, "p": e.p, "ci": [e.ci_low, e.ci_high]}
