"""What is said of the random part of a fit: its SDs, variances at the boundary, effects that were left out."""

from __future__ import annotations

import numpy as np

from bowlby.tables.numbers import absent, number
from bowlby.tables.words import term

SINGULAR = 1e-6
EFFECTS = {"intercept": "intercept", "time": "slope of time"}


def random_sds(fit: dict, names: dict[str, str] | None = None) -> str:
    """The random part as SDs in the outcome's units; ``names`` says what terms of this run are called."""
    pieces = []
    for r in fit.get("random") or []:
        one, other = (_effect(name, names) for name in (r["term"], r.get("term2")))
        if not other:
            pieces.append(f"{r['group']} ({one}) {number(r['sd_or_corr'])}")
        elif not absent(r["sd_or_corr"]):
            pieces.append(f"{r['group']} ({one} with {other}) *r* = {number(r['sd_or_corr'], bounded=True)}")
    return "Random part, *SD*: " + "; ".join([*pieces, f"residual {number(fit['scale'] ** 0.5)}"])


def boundary(fit: dict) -> str:
    """Which variances were estimated at 0; empty where the fit does not lie on the boundary."""
    if not fit.get("singular"):
        return ""
    random = fit.get("random") or []
    paired = {r["group"] for r in random if r.get("term2")}
    zero = [r for r in random if not r.get("term2") and r["variance_or_cov"] == 0]
    said = []
    if zero:
        which = " and of ".join(_variance(r) for r in zero)
        known = ", and that of the slope is treated as known" if fit.get("known_zero") else ""
        said.append(f"Estimated at 0 (boundary): the variance of {which}{known}.")
    said += [
        f"The covariance matrix of the random effects of {group}s is singular (boundary)."
        for group in sorted(paired - {r["group"] for r in zero})
        if _singular([r for r in random if r["group"] == group])
    ]
    return " ".join(said)


def _singular(random: list[dict]) -> bool:
    """Whether the effects of a group determine each other: their correlation is 1 or -1."""
    terms = list(dict.fromkeys(r["term"] for r in random if not r.get("term2")))
    r = np.eye(len(terms))
    for pair in (p for p in random if p.get("term2")):
        i, j = terms.index(pair["term"]), terms.index(pair["term2"])
        r[i, j] = r[j, i] = 0.0 if absent(pair["sd_or_corr"]) else pair["sd_or_corr"]
    return float(np.linalg.eigvalsh(r)[0]) < SINGULAR


def left_out(fit: dict) -> str:
    """Random effects that the design cannot show, and why; empty where there are none."""
    groups: dict[tuple[str, str], list[str]] = {}
    for r in fit.get("left_out") or []:
        groups.setdefault((r["group"], r["reason"]), []).append(r["term"])
    said = []
    for (group, reason), terms in groups.items():
        modelled = any(r["group"] == group for r in fit["random"])
        what = f"a random {' and '.join(EFFECTS[name] for name in terms)} of {group}s"
        said.append(
            f"The model is without {what if modelled else f'random effects of {group}s'}, which cannot be estimated: "
            f"{reason}."
        )
    return " ".join(said)


def _variance(r: dict) -> str:
    effect = "intercept" if r["term"] == "Intercept" else f"slope of {_effect(r['term'])}"
    return f"the random {effect} ({r['group']}s)"


def _effect(name: str | None, names: dict[str, str] | None = None) -> str:
    return "" if name is None else (names or {}).get(name) or term(name).lower()
