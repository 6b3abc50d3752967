"""Likelihood-ratio tests and information criteria of the ML refits."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

PAIRS = (("m0", "m_p"), ("m0", "m_t"), ("m_p", "primary"), ("m_t", "primary"), ("m0", "primary"))


def comparisons(fits: dict[str, dict]) -> dict:
    """Compare nested models on the same rows, all with M1's random part.

    Parameters
    ----------
    fits : dict of dict
        ``m0_ml``, ``m_p_ml``, ``m_t_ml``, ``primary_ml`` as they are kept.

    Returns
    -------
    dict
        tests [{smaller, larger, chisq, df, p}], models [{model, llf, n_parameters, aic, aic_weight, bic_rows,
        bic_therapists}]. AIC of models that differ in level is descriptive only.
    """
    ml = {name.removesuffix("_ml"): fit for name, fit in fits.items() if name.endswith("_ml")}
    tests = []
    for small, large in PAIRS:
        chisq = max(0.0, 2 * (ml[large]["llf"] - ml[small]["llf"]))
        df = ml[large]["n_parameters"] - ml[small]["n_parameters"]
        tests.append(
            {"smaller": small, "larger": large, "chisq": chisq, "df": df, "p": float(chdtrc(df, max(chisq, 0.0)))}
        )
    aic = np.array([2 * f["n_parameters"] - 2 * f["llf"] for f in ml.values()])
    weight = np.exp(-(aic - aic.min()) / 2)
    models = [
        {
            "model": name,
            "llf": fit["llf"],
            "n_parameters": fit["n_parameters"],
            "aic": a,
            "aic_weight": w,
            "bic_rows": np.log(fit["n_obs"]) * fit["n_parameters"] - 2 * fit["llf"],
            "bic_therapists": np.log(fit["groups"]["therapist"]) * fit["n_parameters"] - 2 * fit["llf"],
        }
        for (name, fit), a, w in zip(ml.items(), aic, weight / weight.sum(), strict=True)
    ]
    return {"tests": tests, "models": models}
