"""The scoring keys: how sure they are, and what the data say of them."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.errors import problem
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import number, to_html

HEADS = ["Instrument", "Data", "Verdict", "Found", "Action"]
WORDS = {
    "item_rest": "correlation with the rest of the scale",
    "first_loading": "loading on the first component",
    "alpha_if_dropped": "alpha without the item",
    "already_reversed": "correlation of reversed with other items",
    "two_groups": "correlation of two groups of items",
    "alpha": "alpha",
    "highest_answer": "highest answer",
    "scale_rest": "correlation with the other scales",
    "scale_relation": "correlation of the two scales",
    "norm_mean": "mean, compared with published means",
    "norm_direction": "direction, compared with published means",
    "norm_sd": "SD, compared with published SDs",
    "norm_alpha": "alpha, compared with published values",
    "columns_in_order": "agreement within scales beyond that between them",
    "straight_lining": "forms with one answer throughout",
    "duplicate_rows": "persons with the same answers",
    "same_answers": "persons with one and the same form",
    "between_occasions": "correlation of the scale with itself at another occasion",
    "mirrored_mean": "mean",
    "response_range": "answers in use",
    "other_instruments": "correlation with another questionnaire",
    "given_total": "totals of the file",
}
SURE = {
    "verified-2": "confirmed in two sources",
    "verified-1": "confirmed in one source",
    "consistent": "not verified in a source, consistent with published values",
    "unverified": "not confirmed",
}
CONFIDENCE, UNTESTED = "key_confidence", "not_testable"


def keys(results: Results) -> Section | None:
    """Confidence of the keys and the checks that did not pass; None without an audit."""
    audit = results.text_table("keying_audit.csv")
    if audit is None:
        return None
    sure = audit[audit["check"] == CONFIDENCE]
    checks = audit[audit["check"] != CONFIDENCE]
    failed = checks[~checks["verdict"].isin(["ok", UNTESTED])]
    untested = checks[checks["verdict"] == UNTESTED]
    html = render(
        "keys.html",
        unverified=[results.instrument(name)[0] for name in results.unverified],
        confidence=_confidence(results, sure) if len(sure) else None,
        passed=int((checks["verdict"] == "ok").sum()),
        failed=_checks(results, failed) if len(failed) else None,
        untested=_checks(results, untested) if len(untested) else None,
        n_untested=len(untested),
    )
    return Section("keys", "Scoring keys", html)


def _confidence(results: Results, sure: pd.DataFrame) -> Markup:
    rows = [
        (results.instrument(name)[0], _listed(part["scale"]), SURE.get(level, level))
        for (name, level), part in sure.groupby(["instrument", "observed"])
    ]
    return Markup(to_html(pd.DataFrame(rows, columns=["Instrument", "Scales", "Key"]), "", "Confidence of the keys"))


def _listed(scales: pd.Series) -> str:
    return ", ".join(scale.replace("_", " ") for scale in scales if scale)


def _checks(results: Results, checks: pd.DataFrame) -> Markup:
    """One row for everything that has the same remedy in the same data."""
    rows = []
    for (instrument, data, advice), part in checks.groupby(["instrument", "part", "advice"], sort=False):
        verdict = "wrong" if (part["verdict"] == "wrong").any() else part["verdict"].iloc[0].replace("_", " ")
        rows.append((results.instrument(instrument)[0], data, verdict, _found(part), advice))
    shown = pd.DataFrame(rows, columns=HEADS)
    return Markup(to_html(shown.loc[:, (shown != "").any()], "", "Checks of the keys", by="Instrument"))


def alarms(audit: pd.DataFrame) -> list[str]:
    """What did not pass, a line for everything that has the same remedy in the same data.

    Parameters
    ----------
    audit : DataFrame
        With the columns of ``keying_audit.csv``.
    """
    failed = audit[audit["verdict"].isin(["suspicious", "wrong"]) & audit["check"].ne(CONFIDENCE)]
    text = failed.map(lambda cell: "" if pd.isna(cell) else str(cell))
    return [
        problem(f"{instrument}{f' ({data})' if data else ''}: {_found(rows).removesuffix('.')}", advice)
        for (instrument, data, advice), rows in text.groupby(["instrument", "part", "advice"], sort=False)
    ]


def _found(checks: pd.DataFrame) -> str:
    """What some checks found, by scale: the check, the items, the range of what was observed, and what was expected."""
    said = []
    for scale, part in checks.groupby("scale", sort=False):
        lines = []
        for (check, expected), rows in part.groupby(["check", "expected"], sort=False):
            items = ", ".join(item for item in rows["item"] if item)
            items = f" (item{'s' if len(rows) > 1 else ''} {items})" if items else ""
            wanted = f", expected {expected}" if expected else ""
            lines.append(f"{WORDS.get(check, check.replace('_', ' '))}{items}: {_observed(rows['observed'])}{wanted}")
        said.append((f"{scale}: ".replace("_", " ") if scale else "") + "; ".join(lines))
    return ". ".join(said) + "."


def _observed(cells: pd.Series) -> str:
    """One value, or the range of several; of texts each different one."""
    values = pd.to_numeric(cells, errors="coerce")
    if values.isna().any():
        return ", ".join(dict.fromkeys(cells))
    low, high = (number(v) if "." in "".join(cells) else f"{v:.0f}" for v in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"
