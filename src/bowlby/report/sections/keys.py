"""The scoring keys: how sure they are, and what the data say of them."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.report.results import Results
from bowlby.report.section import Section, render
from bowlby.tables import number, to_html

HEADS = ["Instrument", "Scale", "Item", "Check", "Observed", "Expected", "Verdict", "Do this"]
CONFIDENCE, UNTESTED = "key_confidence", "not_testable"


def keys(results: Results) -> Section | None:
    """Confidence of the keys and the checks that did not pass; None without an audit."""
    audit = results.csv("keying_audit.csv")
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
        (results.instrument(name)[0], ", ".join(s.replace("_", " ") for s in part["scale"] if s), level)
        for (name, level), part in sure.groupby(["instrument", "observed"])
    ]
    return Markup(to_html(pd.DataFrame(rows, columns=["Instrument", "Scales", "Key"]), "", "Confidence of the keys"))


def _checks(results: Results, failed: pd.DataFrame) -> Markup:
    shown = failed.copy()
    shown["instrument"] = [results.instrument(name)[0] for name in failed["instrument"]]
    for column in ("scale", "check", "verdict"):
        shown[column] = shown[column].str.replace("_", " ")
    shown["observed"] = [_observed(v) for v in failed["observed"]]
    columns = ["instrument", "scale", "item", "check", "observed", "expected", "verdict", "advice"]
    shown = shown[columns].set_axis(HEADS, axis=1)
    return Markup(to_html(shown.loc[:, (shown != "").any()], "", "Checks of the keys", by="Instrument"))


def _observed(text: str) -> str:
    try:
        return number(float(text)) if "." in text else text
    except ValueError:
        return text
