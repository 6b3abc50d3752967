"""A page of text about one fit."""

from __future__ import annotations

from bowlby.errors import UserError
from bowlby.mixed.inference import KENWARD_ROGER, SATTERTHWAITE, SATTERTHWAITE_FLAT, SATTERTHWAITE_SINGULAR

_HEADS = {KENWARD_ROGER: "Kenward-Roger df and adjusted SE", SATTERTHWAITE: "Satterthwaite df",
          "residual": "residual df"}


def summary(result, method: str) -> str:
    """Formula, counts, variances, fixed effects with their df, and every warning."""
    model = result.model
    lines = [f"Linear mixed model of {model.spec.outcome}, {'REML' if result.reml else 'ML'}",
             f"formula: {model.spec}",
             f"rows {model.nobs}; " + "; ".join(f"{name} {k}" for name, k in model.n_levels.items()),
             f"log-likelihood {result.llf:.4f}; AIC {result.aic:.2f}; BIC {result.bic:.2f}; "
             f"{'converged' if result.converged else 'NOT converged'}{', singular' if result.singular else ''}"]
    known = [what for what in ("weights", "offset") if getattr(model.frame, what) is not None]
    if known:
        lines.append("with " + " and ".join(known) + (": the residual variance is that of weight 1"
                                                      if "weights" in known else ""))
    if model.n_dropped:
        lines.append("rows left out: " + "; ".join(f"{why} {k}" for why, k in model.n_dropped.items()))
    varcorr = result.varcorr.rename(columns={"variance": "variance or covariance", "sd": "sd or correlation"})
    lines += ["", "Random effects", _table(varcorr.fillna(""))]
    if result.residual_parameters:
        lines += ["", "Residual structure: " + model.kernel.describe(result._residual_x, result.scale)]
    lines += ["", *_fixed_effects(result, method)]
    other = () if method == SATTERTHWAITE else (SATTERTHWAITE_FLAT, SATTERTHWAITE_SINGULAR)
    notes = [w for w in result.warnings if w not in other]
    if notes:
        lines += ["", *(f"note: {w}" for w in notes)]
    return "\n".join(lines)


def _fixed_effects(result, method: str) -> list[str]:
    """The table of effects; without df where these are undefined, with the reason."""
    try:
        table = result.tidy(method)
    except UserError as error:
        if method not in _HEADS or (method == KENWARD_ROGER and not result.reml):
            raise
        table = result.tidy("residual")[["term", "estimate", "se"]]
        return ["Fixed effects (no df)", _table(table), "", *(f"note: no df: {line}" for line in error.problems)]
    head = _HEADS[method]
    if method == SATTERTHWAITE and result.singular:
        head = "Satterthwaite undefined, df from the expected information"
    return [f"Fixed effects ({head})", _table(table)]


def _table(table) -> str:
    return table.to_string(index=False, float_format=lambda v: f"{v:.5g}")
