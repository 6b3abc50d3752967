"""A fit as a page of text, or of HTML for notebooks."""

from __future__ import annotations

from html import escape

from bowlby.errors import UserError
from bowlby.mixed.inference import KENWARD_ROGER, SATTERTHWAITE, SATTERTHWAITE_FLAT, SATTERTHWAITE_SINGULAR

_DFS = {KENWARD_ROGER: "Kenward-Roger df and adjusted SE", SATTERTHWAITE: "Satterthwaite df", "residual": "residual df"}


def text_page(result, method: str) -> str:
    """Formula, counts, variances, fixed effects with their df, and every warning."""
    fixed_head, fixed, reasons = _fixed_effects(result, method)
    return "\n".join(
        [
            *_head(result),
            "",
            "Random effects",
            _table(_random_effects(result)),
            *_structure(result),
            "",
            fixed_head,
            _table(fixed),
            *_below(reasons),
            *_below(_notes(result, method)),
        ]
    )


def html_page(result, method: str) -> str:
    """The same as HTML, for notebooks."""
    fixed_head, fixed, reasons = _fixed_effects(result, method)
    title, *lines = map(escape, [*_head(result), *_structure(result)])
    return "\n".join(
        [
            f"<p><strong>{title}</strong><br>{'<br>'.join(lines)}</p>",
            "<p>Random effects</p>",
            _html_table(_random_effects(result)),
            f"<p>{escape(fixed_head)}</p>",
            _html_table(fixed),
            *(f"<p>{escape(note)}</p>" for note in [*reasons, *_notes(result, method)]),
        ]
    )


def _head(result) -> list[str]:
    model = result.model
    lines = [
        f"Linear mixed model of {model.spec.outcome}, {'REML' if result.reml else 'ML'}",
        f"formula: {model.spec}",
        f"rows {model.nobs}; " + "; ".join(f"{name} {k}" for name, k in model.n_levels.items()),
        f"log-likelihood {result.llf:.4f}; AIC {result.aic:.2f}; BIC {result.bic:.2f}; "
        f"{'converged' if result.converged else 'NOT converged'}{', singular' if result.singular else ''}",
    ]
    known = [what for what in ("weights", "offset") if getattr(model.frame, what) is not None]
    if known:
        lines.append(
            "with "
            + " and ".join(known)
            + (": the residual variance is that of weight 1" if "weights" in known else "")
        )
    if model.n_dropped:
        lines.append("rows left out: " + "; ".join(f"{why} {k}" for why, k in model.n_dropped.items()))
    return lines


def _random_effects(result):
    return result.varcorr.rename(columns={"variance": "variance or covariance", "sd": "sd or correlation"}).fillna("")


def _structure(result) -> list[str]:
    if not result.residual_parameters:
        return []
    return ["", "Residual structure: " + result.model.kernel.describe(result._residual_x, result.scale)]


def _notes(result, method: str) -> list[str]:
    other = () if method == SATTERTHWAITE else (SATTERTHWAITE_FLAT, SATTERTHWAITE_SINGULAR)
    return [f"note: {w}" for w in result.warnings if w not in other]


def _below(notes: list[str]) -> list[str]:
    return ["", *notes] if notes else []


def _fixed_effects(result, method: str) -> tuple[str, object, list[str]]:
    """Head and table of the effects; without df where these are undefined, with the reasons."""
    try:
        table = result.tidy(method)
    except UserError as error:
        if method not in _DFS or (method == KENWARD_ROGER and not result.reml):
            raise
        table = result.tidy("residual")[["term", "estimate", "se"]]
        return "Fixed effects (no df)", table, [f"note: no df: {line}" for line in error.problems]
    head = _DFS[method]
    if method == SATTERTHWAITE and result.singular:
        head = "Satterthwaite undefined, df from the expected information"
    return f"Fixed effects ({head})", table, []


def _table(table) -> str:
    return table.to_string(index=False, float_format=lambda v: f"{v:.5g}")


def _html_table(table) -> str:
    return table.to_html(index=False, border=0, float_format=lambda v: f"{v:.5g}")
