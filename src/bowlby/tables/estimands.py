"""The table of the estimands: each question has its own number, and they may disagree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bowlby.tables.layout import Sheet
from bowlby.tables.numbers import digits, interval, number, p_value
from bowlby.tables.words import INDEX
from bowlby.tables.words import term as term_name
from bowlby.terms import parse, scale_label

QUESTIONS = {  # rows of measurement and sensitivity are printed under Robustness
    "e1": "E1. Which is associated with the larger difference in outcome? (SD of outcome per SD)",
    "e2": "E2. Which accounts for more of all outcome variance?",
    "e3": "E3. What share of the variance at its own level does each account for?",
    "e4": "E4. Between therapists, without a shared rater (SD of outcome per SD between therapists)",
    "e5": "E5. Which improves prediction for a new therapist?",
    "e6": "E6. Is the therapist's own style negligible? (90% CI)",
    "dominance": "Dominance: variance explained by each scale in addition to the others",
    "suppression": "Each perceived scale alone and adjusted for the others (SD of outcome)",
    "likelihood": "Likelihood-ratio tests (ML, same patients)",
    "variance": "Do therapists differ, before either predictor?",
}
MODELS = {"m0": "covariates", "m_p": "with perceived attachment", "m_t": "with therapist style", "primary": "with both"}
ADDITIVE = (
    "Dominance divides the variance that all scales explain beyond the covariates; its rows sum to this variance. The "
    "rows of a predictor do not sum exactly to its share in E2, which is that of the composite, corrected for chance. "
    "Likelihood-ratio tests compare predictors of different levels only descriptively."
)
SHARED = ("robustness value", "for comparison")
BOUNDED = ("squared prediction error", "(ICC)")
SHARES = ("e2", "e3", "dominance")
SYMBOLS = {"P-T": "P − T", "P+T": "P + T"}
ALPHA = 0.05
A, S = "Perceived attachment", "Therapist's own style"
MEANS = "Therapists' means of perceived attachment"


def estimands_table(records: dict[str, dict], imputed: dict[str, dict] | None = None) -> pd.DataFrame:
    """All estimands in full precision: estimand, quantity, value, ci_low, ci_high, p, note.

    Parameters
    ----------
    records : dict of dict
        By estimand.
    imputed : dict of dict, optional
        P and T pooled over imputations, by name, and those of complete rows.
    """
    rows: list[tuple] = []

    def add(name, quantity, value=None, ci=(None, None), p=None, note=""):
        rows.append((name, quantity, value, *ci, p, note))

    for c in records["e1"]["contrasts"]:
        add("e1", c["name"], c["estimate"], (c["ci_low"], c["ci_high"]), c["p"])
    if imputed:
        for name in ("P", "T"):
            c = imputed[name]
            add("e1", f"{name}, missing values imputed", c["estimate"], c["ci"], c["p"], "pooled over imputations")
    for name, block in records["e1"]["blocks"].items():
        add("e1", f"block index of {name}", block["corrected"], block["ci"], note="bias-corrected, approximate CI")
    e1 = records["e1"]
    add("e1", "difference of the block indices", e1["difference"], e1["difference_ci"], note="approximate CI (MOVER)")
    for name in ("e2", "e3"):
        for key, words, how in (("perceived", A, "bootstrap CI"), ("style", S, "CI from that of T")):
            add(name, words, records[name][key]["share"], records[name][key]["ci"], note=f"bias-corrected, {how}")
    apart = records["e3"]["difference"]
    add("e3", "difference", apart["share"], apart["ci"],
        note="approximate CI (MOVER)")  # fmt: skip
    e4 = records["e4"]
    if e4["estimable"]:
        add("e4", A, e4["perceived"], e4["perceived_ci"], note="Fieller")
        add("e4", S, e4["style"])
    else:
        add("e4", "not estimable with this sample", note=e4["reason"])
    reliable = e4.get("reliability")
    known = "" if reliable is None else f"; reliability of the means {number(reliable, bounded=True)}"
    for key, words, how in (
        ("observed", MEANS, f"model of therapists' means (M2), per reference SD{known}"),
        ("corrected", f"{MEANS}, corrected for their reliability", "Fieller, per reference SD"),
    ):
        if key in e4:
            add("e4", words, e4[key]["estimate"], e4[key]["ci"], note=how)
    for key, words in (("perceived", A), ("style", S)):
        add("e5", f"{words}: reduction of squared prediction error (share)", records["e5"]["q2"][key])
    add("e5", "gain of perceived attachment minus gain of style", records["e5"]["difference"],
        records["e5"]["difference_ci"], note="squared outcome units, therapists weighted equally")  # fmt: skip
    for key, words in (("outcome", "for outcome"), ("perceived attachment", "for perceived attachment")):
        record = records["e6"][key]
        for delta, p in record["p"].items():
            add("e6", f"{words}, bound {delta}", record["estimate"], record["ci90"], p,
                f"smallest bound at which the slope would be negligible: {record['smallest_bound']:.2f}")  # fmt: skip
    size = records["e6"]["bound"]
    add("e6", "bound δ in points of the outcome", size["points"])
    if size["share_of_therapist_variance"] is not None:
        add("e6", "bound δ as a share of the therapist variance", size["share_of_therapist_variance"],
            note="what a style with the slope δ would account for")  # fmt: skip
    for unit, value in records["dominance"]["general"].items():
        add("dominance", scale_label(unit) if parse(unit).scale else unit, value)
    for term, record in records["suppression"].items():
        scale = scale_label(term)
        for key, words in (("separate", "alone"), ("joint", "adjusted for the others")):
            add("suppression", f"{scale}, {words}", record[key]["estimate"], record[key]["ci"], record[key]["p"])
    for test in records["likelihood"]["tests"]:
        add("likelihood", f"{MODELS[test['smaller']]} → {MODELS[test['larger']]}", test["chisq"], p=test["p"],
            note=f"χ²({test['df']})")  # fmt: skip
    for key, words in (("baseline", "baseline"), ("all", "all three")):
        row = records["measurement"]["rows"][key]
        for name, e in (row or {}).items():
            add("measurement", f"{SYMBOLS.get(name, name)}, corrected for error of {words}", e["estimate"], e["ci"],
                note="jackknife over therapists")  # fmt: skip
    _sensitivity(records["sensitivity"], add)
    test = records["variance"]
    how = "exact CI" if test["icc_ci"] else ""
    add("variance", "share of the variance left by the covariates (ICC)", test["icc"],
        test["icc_ci"] or (None, None), note=how)  # fmt: skip
    add("variance", "restricted likelihood ratio", test["statistic"], p=test["p"], note="exact, by simulation")
    columns = ["estimand", "quantity", "value", "ci_low", "ci_high", "p", "note"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[2:6], float))


def _sensitivity(record: Mapping, add) -> None:
    """Rows of robustness values, of how far slopes differ, and of whose slope P is where that matters."""
    for name, value in record["robustness_values"].items():
        limit = f"{number(value['limit'], bounded=True)} to bring a limit of its 95% CI to 0"
        add("sensitivity", f"robustness value of {SYMBOLS.get(name, name)}", value["value"],
            note="partial R² with both outcome and predictor that a confounder would need to bring the estimate to 0; "
            + (limit if value["limit"] else "the 95% CI already includes 0"))  # fmt: skip
    for term, value in record["yardsticks"].items():
        add("sensitivity", f"for comparison, {term_name(term)}", value["outcome"],
            note=f"partial R² with outcome; {number(value['predictor'], bounded=True)} with the predictor")  # fmt: skip
    if sd := record["slope_sd"]:
        add("sensitivity", "SD of the slope of perceived attachment between therapists", sd["estimate"],
            note=f"upper 95% profile limit {number(sd['upper'])}")  # fmt: skip
    if p := record["p_estimated"]:
        add("sensitivity", "P with the variance of its slope counted as estimated", p["estimate"], p["ci"],
            note="fewer than 20 therapists")  # fmt: skip
    caseload = record["caseload"]
    if caseload["test"] and (caseload["test"]["p"] or 1) < ALPHA:
        for key, words in (("patient", "average patient"), ("therapist", "average therapist")):
            c = caseload[key]
            add("sensitivity", f"P for the {words}", c["estimate"], (c["ci_low"], c["ci_high"]), c["p"],
                "P depends on caseload")  # fmt: skip
    curve = record["curved_baseline"]
    if curve["matters"]:
        for name in ("P", "T"):
            c = curve[name]
            add("sensitivity", f"{name} with the square of the baseline", c["estimate"], (c["ci_low"], c["ci_high"]),
                c["p"], "outcome depends on the baseline in a curve")  # fmt: skip


def _printed(r) -> dict[str, Any]:
    """Digits by the interval; no leading zero of what cannot exceed 1."""
    return {
        "digits": digits(r.ci_low, r.ci_high),
        "bounded": r.quantity.startswith(SHARED) or r.quantity.endswith(BOUNDED),
    }


def estimands_sheet(number_: str, records: dict[str, dict], imputed: dict[str, dict] | None = None) -> Sheet:
    """The estimands as printed; arguments as of :func:`estimands_table`."""
    table = estimands_table(records, imputed)
    parts = []
    for name, question in QUESTIONS.items():
        share: dict[str, Any] = {"digits": 3, "bounded": True} if name in SHARES else {}
        rows = [
            [
                SYMBOLS.get(r.quantity, r.quantity),
                number(r.value, **(how := share or _printed(r))) if r.value == r.value else "–",
                interval(r.ci_low, r.ci_high, **how) if r.ci_low == r.ci_low else "–",
                p_value(r.p) if r.p == r.p else "–",
                r.note,
            ]
            for r in table[table["estimand"] == name].itertuples(index=False)
        ]
        parts.append((question, rows))
    note = (
        f"The estimands answer different questions and may disagree. {INDEX} E2 refers to all outcome variance, E3 to "
        f"the variance at the level of each predictor. The bound 0.14 of E6 is 2% of the variance. {ADDITIVE}"
    )
    return Sheet(number_, "Estimands", ["Quantity", "Estimate", "95% CI", "p", "Note"], parts, note)
