"""Tables of a fitted model: fixed effects, random part and their notes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import absent, digits, interval, number, p_value
from bowlby.tables.words import DIRECTION, df_method, people, term

SINGULAR = 1e-6
EFFECTS = {"intercept": "intercept", "time": "slope of time"}


def random_sds(fit: Mapping, names: dict[str, str] | None = None) -> str:
    """The random part as SDs in the outcome's units; ``names`` says what terms of this run are called."""
    pieces = []
    for r in fit.get("random") or []:
        one, other = (_effect(name, names) for name in (r["term"], r.get("term2")))
        if not other:
            pieces.append(f"{r['group']} ({one}) {number(r['sd_or_corr'])}")
        elif not absent(r["sd_or_corr"]):
            pieces.append(f"{r['group']} ({one} with {other}) *r* = {number(r['sd_or_corr'], bounded=True)}")
    residual = f"residual {number(fit['scale'] ** 0.5)}"
    return "Random part, *SD*: " + "; ".join([*pieces, residual]) if pieces else f"*SD*: {residual}"


def boundary(fit: Mapping) -> str:
    """Which variances were estimated at 0; empty where the fit does not lie on the boundary."""
    if not fit.get("singular"):
        return ""
    random = fit.get("random") or []
    paired = {r["group"] for r in random if r.get("term2")}
    zero = [r for r in random if not r.get("term2") and r["variance_or_cov"] == 0]
    said = []
    if zero:
        several = "variances" if len(zero) > 1 else "variance"
        said.append(f"Estimated at 0 (boundary): the {several} of {_listed(zero)}.")
        known = [r for r in zero if r["term"] in (fit.get("known_zero") or ())]
        if known:
            one = len(known) == 1
            which = f"The {several}" if known == zero else f"Of these, {'that' if one else 'those'} of {_listed(known)}"
            said[-1] += f" {which} {'is' if one else 'are'} treated as known in standard errors and degrees of freedom."
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


def left_out(fit: Mapping) -> str:
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


def _listed(random: list[dict]) -> str:
    *most, last = map(_variance, random)
    return f"{', '.join(most)} and {last}" if most else last


def _variance(r: dict) -> str:
    effect = "intercept" if r["term"] == "Intercept" else f"slope of {_effect(r['term'])}"
    return f"the random {effect} ({r['group']}s)"


def _effect(name: str | None, names: dict[str, str] | None = None) -> str:
    return "" if name is None else (names or {}).get(name) or term(name).lower()


COLUMNS = ["term", "label", "kind", "estimate", "se", "df", "t", "p", "ci_low", "ci_high"]
HEADS = ["Term", "b", "95% CI", "p", "SE", "df", "t"]
PARTS = {
    "coefficient": "Coefficients (units of the outcome)",
    "standardised": "Standardised (SD of outcome per SD of predictor)",
}
PERCEIVED = {
    "coefficient": "Coefficients (SD of perceived attachment)",
    "standardised": "Contrast (SD of perceived attachment per SD of predictor)",
}
TITLES = {
    "primary": "Outcome by Perceived Attachment and Therapist's Own Style",
    "m1b": "Outcome by All Scales of Both Styles Together",
    "c4": "Perceived Attachment by Therapist's Own Style",
    "c5": "Perceived Attachment by Patient's Own Style",
    "growth": "Course of the Outcome Over Time",
}


def fit_table(fit: Mapping, time_unit: str | None = None) -> pd.DataFrame:
    """A fit in full precision: coefficients, standardised contrasts, variances.

    Returns
    -------
    DataFrame
        term, label, kind (coefficient, standardised, variance), estimate, se, df, t, p, ci_low, ci_high.
    """
    rows = [{**f, "kind": "coefficient", "label": term(f["term"], time_unit)} for f in fit["fixed"]]
    for c in fit.get("contrasts") or []:
        rows.append({**c, "term": c["name"], "kind": "standardised", "label": term(c["name"], time_unit)})
    for r in fit.get("random") or []:
        names = [n for n in (r["term"], r.get("term2")) if n]
        label = f"{r['group']}: {' with '.join(term(n, time_unit) for n in names)}"
        rows.append(
            {
                "term": f"{r['group']}:{':'.join(names)}",
                "label": label,
                "kind": "variance" if len(names) == 1 else "covariance",
                "estimate": r["variance_or_cov"],
            }
        )
    rows.append({"term": "residual", "label": "residual", "kind": "variance", "estimate": fit["scale"]})
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    return table.astype(dict.fromkeys(COLUMNS[3:], float))


def fit_sheet(number_: str, fit: Mapping, comparison: Mapping | None = None, time_unit: str | None = None) -> Sheet:
    """A fit as printed."""
    table = fit_table(fit, time_unit)
    parts = []
    for kind, title in (PERCEIVED if fit["model"] in ("c4", "c5") else PARTS).items():
        rows = [_row(r) for r in table[table["kind"] == kind].itertuples(index=False)]
        if rows:
            parts.append((title if fit.get("contrasts") else None, rows))
    title = TITLES.get(fit["model"], f"Model {fit['model']}")
    return Sheet(number_, title, HEADS, parts, fit_note(fit, comparison))


def _row(r) -> list[str]:
    places = digits(r.ci_low, r.ci_high)
    return [
        r.label,
        number(r.estimate, places),
        interval(r.ci_low, r.ci_high, places),
        p_value(r.p),
        number(r.se, places),
        number(r.df, 1),
        number(r.t),
    ]


def fit_note(fit: Mapping, comparison: Mapping | None = None) -> str:
    """The note under the table of a fit; statistics between asterisks."""
    groups = fit["groups"]
    counts = f"*N* = {fit['n_obs']:,} {'observations' if 'patient' in groups else 'patients'}"
    patients = f" of {groups['patient']:,} patients" if "patient" in groups else ""
    others = f", {people(fit)}" if groups and not patients else ""
    therapists = f", *J* = {groups['therapist']:,} therapists" if "therapist" in groups else others
    method = "Restricted maximum likelihood" if fit["reml"] else "Maximum likelihood"
    method = f"{method}; degrees of freedom by {df_method(fit)}"
    sentences = [
        f"{counts}{patients}{therapists}.",
        f"{method if fit.get('random') else 'Ordinary least squares, residual degrees of freedom'}.",
        f"{random_sds(fit)}.",
    ]
    if fit["model"] == "m1b":
        sentences.append(DIRECTION)
    sentences += [f"Joint test of {b['name']}: {joint_test(b)}." for b in fit.get("blocks") or []]
    if comparison:
        icc = comparison.get("therapist_icc")
        if not absent(icc):
            sentences.append(f"Intraclass correlation of therapists in this model {number(icc, bounded=True)}.")
        sentences.append(_standardised(comparison))
    sentences += [said for said in (boundary(fit), left_out(fit)) if said]
    if not fit.get("converged", True):
        sentences.append("The model did not converge.")
    return " ".join(sentences)


def joint_test(block: dict) -> str:
    """A joint test as the APA prints it."""
    p = p_value(block["p"])
    sign = "" if p.startswith("<") else "= "
    return f"*F*({block['df_num']:g}, {number(block['df_den'], 1)}) = {number(block['f'])}, *p* {sign}{p}"


def doubtful_units(record: Mapping | None) -> str:
    """A sentence for notes where a sample's SD is far from the reference SD; empty where none is."""
    far = (record or {}).get("far_from_reference") or []
    said = [f"{f['scale']} {number(f['sample_sd'])} for {number(f['reference_sd'])}" for f in far]
    what = "Doubtful units: the sample's *SD* is more than twice or less than half the reference *SD*"
    return f"{what} ({'; '.join(said)})." if far else ""


def _standardised(comparison: Mapping) -> str:
    reference = comparison.get("reference") or {}
    source = {
        "reference": "reference *SD*s given in the configuration",
        "sample": "the *SD*s of this sample, because no reference *SD*s were given",
    }.get(comparison.get("standardiser", ""), "the *SD*s stated in the configuration")
    sd = reference.get("outcome_sd")
    size = "" if absent(sd) else f" (outcome {number(sd)})"
    return f"Standardised by {source}{size}."
