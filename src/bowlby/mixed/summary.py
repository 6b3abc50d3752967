"""A page of text about one fit."""

from __future__ import annotations


def summary(result, method: str) -> str:
    """Counts, variances, fixed effects with their df, and every warning."""
    model = result.model
    lines = [f"Linear mixed model of {model.spec.outcome}, {'REML' if result.reml else 'ML'}",
             f"rows {model.nobs}; " + "; ".join(f"{name} {k}" for name, k in model.n_levels.items()),
             f"log-likelihood {result.llf:.4f}; AIC {result.aic:.2f}; BIC {result.bic:.2f}"]
    if model.n_dropped:
        lines.append("rows left out: " + "; ".join(f"{why} {k}" for why, k in model.n_dropped.items()))
    varcorr = result.varcorr.rename(columns={"variance": "variance or covariance", "sd": "sd or correlation"})
    lines += ["", "Random effects", varcorr.fillna("").to_string(index=False, float_format=lambda v: f"{v:.5g}"),
              "", f"Fixed effects ({method} df)",
              result.tidy(method).to_string(index=False, float_format=lambda v: f"{v:.5g}")]
    if result.residual_parameters:
        lines += ["", "Residual structure: " + "; ".join(f"{k} {v:.4g}" for k, v in result.residual_parameters.items())]
    if result.warnings:
        lines += ["", *(f"note: {w}" for w in result.warnings)]
    return "\n".join(lines)
