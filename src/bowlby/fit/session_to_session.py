"""Temporal order of two series: the cross-lagged model, and the common one with person-mean-centred predictors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from bowlby.effect import Effect
from bowlby.fit.models import Fitted
from bowlby.fit.record import contrast, effects_table, record_fit
from bowlby.lagged import Lagged, fit_lagged, jackknife_paths
from bowlby.lagged import Series as Rows
from bowlby.mixed import MixedModel
from bowlby.terms import SCHEMA, SERIES, column

ENGINE = "bowlby.lagged"
PATHS = tuple(f"{effect}_on_{cause}" for effect in SERIES for cause in SERIES)
"""Paths to the next session: effect, then cause."""
LEAD, REVERSE = PATHS.index("outcome_on_predictor"), PATHS.index("predictor_on_outcome")
TRENDS = {"none": "none", "mean": "mean", "patient": "person"}
"""Trends removed from the series: the name in the configuration, and that of the engine."""
JACKKNIFE = 40
"""Most units of the jackknife; more therapists are divided into so many groups."""


def fit_session_to_session(data: pd.DataFrame, design: dict) -> dict[str, Fitted]:
    """Fit the model with each method of detrending, and the common model of each direction.

    Parameters
    ----------
    data : DataFrame
        The rows of :func:`bowlby.design.session_to_session.session_to_session_set`.
    design : dict
        Its description.

    Returns
    -------
    dict of Fitted
        ``lagged_none``, ``lagged_mean``, ``lagged_patient``: contrasts L (predictor to the next outcome), R (outcome to
        the next predictor), L-R, L+R and both paths of a series to itself, in SD within patients. The one that decides
        also has the test of stationarity. ``centred_outcome`` and ``centred_predictor``: contrast L, and R.

    Notes
    -----
    Paths may differ between therapists, which the likelihood does not know. With therapists in the model, standard
    errors are therefore by a jackknife over therapists, df their units less 1.
    """
    codes = {name: pd.factorize(data[name])[0] for name in ("patient", "therapist") if name in data}
    ids = (codes["patient"], data["process"].to_numpy(), data["session"].to_numpy())
    rows = Rows(data[list(SERIES)].to_numpy(float), *ids, codes.get("therapist"))
    fits = {}
    for trend, engine in TRENDS.items():
        fit = fit_lagged(rows, engine)
        record = _record(f"lagged_{trend}", fit, _uncertainty(fit, rows, engine), data, design)
        if trend == design["detrend"]:
            record["blocks"] = [_stationary(fit, fit_lagged(rows, engine, stationary=True))]
        fits[record["model"]] = Fitted(record, _effects(fit, data))
    return fits | {f"centred_{name}": _centred(name, data, design) for name in SERIES}


@dataclass(frozen=True)
class Uncertainty:
    """Covariances (4, 4) of raw and of standardised paths, df, and where they come from: therapists or patients."""

    paths: np.ndarray
    standardised: np.ndarray
    df: int
    method: str


def _uncertainty(fit: Lagged, rows: Rows, trend: str) -> Uncertainty:
    """By the jackknife over therapists; by the information where no therapist is in the model, or a refit fails."""
    if rows.group is not None:
        unit = rows.group % JACKKNIFE
        raw, standardised = jackknife_paths(fit, rows, trend, unit)
        if np.isfinite(standardised).all():
            return Uncertainty(raw, standardised, len(np.unique(unit)) - 1, "therapists")
    return Uncertainty(fit.paths_cov, fit.standardised_cov, len(np.unique(rows.person)) - 1, "patients")


def _record(model: str, fit: Lagged, known: Uncertainty, data: pd.DataFrame, design: dict) -> dict:
    """A fit in the contract of ``fits/<model>.json``."""
    groups = {name: int(data[name].nunique()) for name in ("patient", "therapist") if name in data}
    two = np.zeros((4, 4))
    two[:2, LEAD], two[:2, REVERSE] = 1.0, (-1.0, 1.0)
    two[2, PATHS.index("outcome_on_outcome")] = two[3, PATHS.index("predictor_on_predictor")] = 1.0
    weights = {"L": np.eye(4)[LEAD], "R": np.eye(4)[REVERSE],
               **dict(zip(("L-R", "L+R", "outcome_own", "predictor_own"), two, strict=True))}  # fmt: skip
    contrasts = [
        {"name": name, "weights": {}} | _line(w @ fit.standardised, w @ known.standardised @ w, known.df)
        for name, w in weights.items()
    ]
    fixed = [{"term": term} | _line(b, v, known.df)
             for term, b, v in zip(PATHS, fit.paths, np.diag(known.paths), strict=True)]  # fmt: skip
    random = _components("patient", fit.persons)
    random += [] if fit.groups is None else _components("therapist", fit.groups)
    return {
        "schema": SCHEMA,
        "model": model,
        "engine": ENGINE,
        "reml": False,
        "llf": fit.llf,
        "n_obs": len(data),
        "n_dropped": design["n_dropped"],
        "groups": groups,
        "fixed": fixed,
        "vcov": {"terms": list(PATHS), "values": known.paths},
        "vcov_adjusted": None,
        "df_parts": None,
        "contrasts": contrasts,
        "blocks": [],
        "random": random,
        "scale": float(fit.innovations[1, 1]),
        "innovations": fit.innovations,
        "within": fit.within,
        "singular": fit.singular,
        "known_zero": [],
        "converged": fit.converged,
        "df_method": known.method,
        "aic": 2 * fit.n_parameters - 2 * fit.llf,
        "n_parameters": fit.n_parameters,
        "warnings": _warnings(fit, known),
    }


def _warnings(fit: Lagged, known: Uncertainty) -> list[str]:
    warnings = [] if fit.converged else ["the maximum of the likelihood was not reached"]
    if fit.groups is not None and known.method == "patients":
        warnings.append(
            "the jackknife over therapists failed; standard errors ignore differences of paths between them"
        )
    return warnings


def _line(estimate: float, variance: float, df: float) -> dict:
    effect = Effect(float(estimate), float(np.sqrt(variance)), float(df))
    low, high = effect.limits(0.975)
    return {"estimate": effect.estimate, "se": effect.se, "df": effect.df, "t": effect.estimate / effect.se,
            "p": effect.p_two_sided(), "ci_low": low, "ci_high": high}  # fmt: skip


def _components(group: str, covariance: np.ndarray) -> list[dict]:
    """Variances, then covariances, of the intercepts of both series and of their slopes of time."""
    names = [*SERIES, *(column(name, "time") for name in SERIES)][: len(covariance)]
    sd = np.sqrt(np.diag(covariance))
    rows: list[tuple] = [(a, None, covariance[a, a], sd[a]) for a in range(len(names))]
    rows += [
        (a, b, covariance[a, b], covariance[a, b] / (sd[a] * sd[b]) if sd[a] * sd[b] > 0 else 0.0)
        for b in range(len(names))
        for a in range(b)
    ]
    return [
        {"group": group, "term": names[a], "term2": None if b is None else names[b], "variance_or_cov": float(v),
         "sd_or_corr": float(s)}
        for a, b, v, s in rows
    ]  # fmt: skip


def _stationary(free: Lagged, held: Lagged) -> dict:
    """Whether processes begin as they go on: likelihood-ratio test on 3 df, as F of the same p."""
    statistic = max(2 * (free.llf - held.llf), 0.0)
    return {"name": "stationary", "terms": [], "f": statistic / 3, "df_num": 3, "df_den": None,
            "p": float(chdtrc(3, statistic))}  # fmt: skip


def _effects(fit: Lagged, data: pd.DataFrame) -> pd.DataFrame:
    """Therapists' intercepts of both series; none where no therapist is in the model."""
    levels = pd.factorize(data["therapist"])[1] if "therapist" in data else []
    rows = [("therapist", str(level), name, value, np.nan)
            for level, pair in zip(levels, fit.group_effects, strict=True)
            for name, value in zip(SERIES, pair, strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["group", "level", "term", "value", "variance"])


def _centred(effect: str, data: pd.DataFrame, design: Mapping) -> Fitted:
    """One series on both of the session before, less each patient's own mean; intercepts of patients and therapists.

    The mean of a patient contains the later sessions, so that the paths are biased (Nickell 1981); the model is fitted
    because it is common.
    """
    cause = next(name for name in SERIES if name != effect)
    values = data[list(SERIES)]
    before = values - values.groupby(data["patient"]).transform("mean")
    keys = ["patient", "process", "session"]
    before = before.add_suffix("_before").join(data[keys].assign(session=data["session"] + 1))
    pairs = data.merge(before, on=keys).dropna()
    groups = [{"group": name, "terms": ["1"], "correlated": False} for name in ("patient", "therapist") if name in data]
    terms = [f"{name}_before" for name in SERIES]
    result = MixedModel.from_terms(effect, ["session", *terms], groups, pairs).fit()
    unit = float(before[f"{cause}_before"].std() / before[f"{effect}_before"].std())
    path = contrast(result, "L" if effect == "outcome" else "R", {f"{cause}_before": unit})
    record = record_fit(f"centred_{effect}", result, "kenward-roger", design["n_dropped"], [path])
    return Fitted(record, effects_table(result))
