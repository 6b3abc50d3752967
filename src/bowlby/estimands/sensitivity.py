"""How strong a confounder would have to be, how far slopes may differ between therapists, and whose slope P is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import digamma, stdtr, stdtrit

from bowlby.design.centring import within_between
from bowlby.fit.models import Fitter, standardised
from bowlby.fit.record import block_test, contrast
from bowlby.terms import BASELINE, BETWEEN, M1, M1_RANDOM, WITHIN, P, T, at_level, both_levels, parse

FEW = 20
"""Therapists below whom P's interval is also given with the variance of its slope counted as estimated."""
ALPHA = 0.05
FEWEST = 8
"""Therapists of three patients or more below whom unequal spread is not tested."""
ESTIMATED = [{"group": "therapist", "terms": ["1", P], "correlated": False}]
SQUARE, MOVED = "baseline_squared", 0.25
"""Name of the square of the baseline, and by how many of its standard errors P or T must move with it to matter."""
PREDICTORS = {WITHIN: P, BETWEEN: T}
"""By level: the predictor whose association a covariate of that level could explain."""


def sensitivity(result, fitter: Fitter, fit: dict) -> dict:
    """What the primary model assumes, and what its contrasts could withstand.

    Parameters
    ----------
    result : MixedResult
        M1.
    fitter : Fitter
        Of the primary set.
    fit : dict
        The kept primary fit.

    Returns
    -------
    dict
        ``robustness_values`` of each contrast, with ``limit``, that of its 95% interval's end nearer to 0, and ``df``;
        ``yardsticks``, by covariate: ``outcome`` and ``predictor``, partial R2 with outcome and with perceived
        attachment (columns within therapists) or style (columns between them). ``slope_sd``: estimate (ML) and upper
        profile limit of the SD of P between therapists, None for very large studies; ``p_estimated``: P with that
        variance counted as estimated, where there are few therapists. ``caseload``: test of perceived attachment by
        log caseload, with P for the average therapist and the average patient. ``curved_style``: test of the square of
        style. ``curved_baseline``: joint test of the square of the baseline within and between therapists, with P and T
        where it is in the model, and whether that matters. ``unequal_spread``: slope of the log residual variance of
        therapists' patients on style, with p.
    """
    therapists, n = fit["groups"]["therapist"], fit["n_obs"]
    terms = [f["term"] for f in fit["fixed"]]
    own = {WITHIN: n - therapists - len(at_level(terms, WITHIN)),
           BETWEEN: therapists - 2 - len(at_level(terms, BETWEEN))}  # fmt: skip
    return {
        "question": "sensitivity to unmeasured confounding and to assumptions of the model",
        "robustness_values": {c["name"]: _value(c, own[WITHIN if c["name"] == "P" else BETWEEN])
                              for c in fit["contrasts"]},
        "yardsticks": _yardsticks(fitter, fit, own),
        **_slopes(fitter, therapists),
        "caseload": slopes_by_caseload(fitter),
        "curved_style": curved_style(fitter),
        "curved_baseline": curved_baseline(result, fitter),
        "unequal_spread": unequal_spread(result, fitter.data),
    }  # fmt: skip


def robustness_value(t: float, df: float) -> float:
    """Partial R2 with outcome and predictor that a confounder needs to bring an estimate to 0.

    References
    ----------
    Cinelli and Hazlett (2020), J R Stat Soc B 82:39: ``(sqrt(f^4 + 4 f^2) - f^2) / 2`` with ``f = |t| / sqrt(df)``.
    """
    square = t**2 / df
    return float((np.sqrt(square**2 + 4 * square) - square) / 2)


def _value(c: dict, df: float) -> dict:
    """On the residual df of the level that decides the contrast; 0 where the model's interval holds 0.

    The standard error is the model's: how well the units are known does not matter for whether an effect is 0.
    """
    se, own = c.get("se_known_sd", c["se"]), c.get("df_known_sd", c["df"])
    t = abs(c["estimate"] / se)
    nearer = max(t - float(stdtrit(own, 0.975)), 0.0)
    return {"value": robustness_value(t, df), "limit": robustness_value(nearer, df), "df": df}


def _yardsticks(fitter: Fitter, fit: dict, df: dict[str, float]) -> dict[str, dict]:
    """Partial R2 of the covariates with the outcome, and with the predictor of their level."""
    data = fitter.data
    of_therapists = data.groupby("therapist", sort=True).mean(numeric_only=True)
    out = {}
    for f in fit["fixed"]:
        level = parse(f["term"]).level
        if level in PREDICTORS and f["term"] != PREDICTORS[level]:
            others = [c for c in at_level(fitter.base, level) if c != f["term"]]
            rows = data if level == WITHIN else of_therapists
            out[f["term"]] = {
                "outcome": f["t"] ** 2 / (f["t"] ** 2 + df[level]),
                "predictor": _partial_r2(rows, PREDICTORS[level], f["term"], others),
            }
    return out


def _partial_r2(rows: pd.DataFrame, y: str, x: str, others: list[str]) -> float:
    """Squared partial correlation given what varies of the others; 0 if one of the two does not vary.

    The same number as ``pingouin.partial_corr``, whose import takes longer than all fits of a small study.
    """
    values = rows[[y, x, *others]].dropna()
    spread = values.std()
    if not (spread[[y, x]] > 0).all():
        return 0.0
    values = ((values - values.mean()) / spread).loc[:, spread > 0]
    inverse = np.linalg.pinv(values.cov(), hermitian=True)
    size = np.sqrt(1 / np.diag(inverse))
    return float(min((size[0] * inverse[0, 1] * size[1]) ** 2, 1.0))


def _slopes(fitter: Fitter, therapists: int) -> dict:
    """SD of the slope of perceived attachment between therapists, in outcome SD per reference SD."""
    unit = 1.0 / fitter.design["sd_outcome"]
    model = fitter.fit(M1, M1_RANDOM, reml=False)
    out: dict = {"slope_sd": None, "p_estimated": None}
    if not model.model.reduced.wide:
        profile = model.profile("therapist").set_index("term")
        own = profile[profile["kind"] == "sd"].loc[P]
        out["slope_sd"] = {"estimate": unit * own["estimate"], "upper": unit * own["ci_high"]}
    if therapists < FEW:
        p = standardised(fitter.fit(M1, ESTIMATED), fitter.design)[0]
        out["p_estimated"] = {"estimate": p["estimate"], "ci": [p["ci_low"], p["ci_high"]], "df": p["df"]}
    return out


def slopes_by_caseload(fitter: Fitter) -> dict:
    """Test whether P depends on caseload; if so, it differs between the average therapist and the average patient."""
    data, unit = fitter.data, 1.0 / fitter.design["sd_outcome"]
    caseload = np.log(data.groupby("therapist")["patient"].transform("size"))
    if np.ptp(caseload) < 1e-12:
        return {"test": None}
    patients = data.assign(log_caseload=caseload - caseload.mean())
    of_therapists = float(patients.drop_duplicates("therapist")["log_caseload"].mean())
    result = fitter.of(patients).fit([*M1, "log_caseload", (P, "log_caseload")], M1_RANDOM)
    product = f"{P}:log_caseload"
    if product not in result.params.index:  # few therapists, whose caseloads give no slope of their own
        return {"test": None}
    return {
        "test": block_test(result, "perceived attachment by caseload", [product]),
        "patient": contrast(result, "P", {P: unit}),
        "therapist": contrast(result, "P", {P: unit, product: unit * of_therapists}),
    }


def curved_style(fitter: Fitter) -> dict:
    """Whether outcome goes with style in a curve: then T is the slope of a line through it."""
    squared = fitter.data[T] ** 2
    curved = fitter.of(fitter.data.assign(style_squared=squared - squared.mean()))
    if np.linalg.matrix_rank(curved.data[[T, "style_squared"]].to_numpy(float)) < 2:
        return {"p": None}
    return block_test(curved.fit([*M1, "style_squared"], M1_RANDOM), "style squared", ["style_squared"])


def curved_baseline(result, fitter: Fitter) -> dict:
    """Whether outcome goes with the baseline in a curve: then perceived attachment, where it goes with the baseline in
    a curve too, stands for a part of it. ``matters``: p < .05, and P or T moves by over a quarter of its standard error
    where the square is in the model; a floor of the outcome bends the line and often moves neither."""
    if not {*BASELINE} <= {*fitter.base}:
        return {"test": None, "matters": False}
    data, square = fitter.data.copy(), both_levels(SQUARE)
    squared = data[[*BASELINE]].sum(axis=1).to_numpy() ** 2
    data[square[0]], data[square[1]] = within_between(squared, fitter.shares.weights)
    if np.linalg.matrix_rank(data[[*BASELINE, *square]].to_numpy(float)) < 4:
        return {"test": None, "matters": False}
    curved = fitter.of(data).fit([*square, *M1], M1_RANDOM)
    line, bent = ({c["name"]: c for c in standardised(of, fitter.design)} for of in (result, curved))
    test = block_test(curved, "baseline squared", square)
    moved = max(abs(bent[name]["estimate"] - line[name]["estimate"]) / line[name]["se"] for name in ("P", "T"))
    matters = bool(test["p"] is not None and test["p"] < ALPHA and moved > MOVED)
    return {"test": test, "matters": matters, "P": bent["P"], "T": bent["T"]}


def unequal_spread(result, data: pd.DataFrame) -> dict:
    """Whether patients of therapists with another style scatter more: then the standard error of T is off.

    Weighted least squares of the logarithm of each therapist's residual variance on style, with half its degrees of
    freedom as weight (the precision of the logarithm of a variance of normal residuals).
    """
    by = pd.Series(np.asarray(result.resid), data.index).groupby(data["therapist"])
    own = pd.DataFrame({"v": by.var(ddof=1), "n": by.size(), "s": data.groupby("therapist")[T].mean()})
    own = own[(own["n"] >= 3) & (own["v"] > 0)]
    if len(own) < FEWEST or np.ptp(own["s"]) < 1e-12:
        return {"p": None}
    y = np.log(own["v"]) - digamma((own["n"] - 1) / 2) + np.log((own["n"] - 1) / 2)
    x, w = np.column_stack([np.ones(len(own)), own["s"]]), ((own["n"] - 1) / 2).to_numpy()
    inverse = np.linalg.inv(x.T @ (w[:, None] * x))
    b = inverse @ (x.T @ (w * y.to_numpy()))
    df = len(own) - 2
    scale = float((w * (y - x @ b) ** 2).sum() / df)
    se = float(np.sqrt(max(scale, 1.0) * inverse[1, 1]))
    return {"slope": float(b[1]), "se": se, "df": df, "p": 2 * float(stdtr(df, -abs(b[1]) / se))}
