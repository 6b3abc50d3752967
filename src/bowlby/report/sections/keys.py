"""The scoring keys: how sure they are, and what the data say of them."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from bowlby.instruments.audit_words import CONFIDENCE, found
from bowlby.report.section import Section, render
from bowlby.results import Results
from bowlby.tables import to_html

HEADS = ["Instrument", "Data", "Verdict", "Found", "Action"]
SURE = {
    "verified-2": "confirmed in two sources",
    "verified-1": "confirmed in one source",
    "consistent": "not verified in a source, consistent with published values",
    "unverified": "not confirmed",
}
UNTESTED = "not_testable"


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
        rows.append((results.instrument(instrument)[0], data, verdict, found(part), advice))
    shown = pd.DataFrame(rows, columns=HEADS)
    return Markup(to_html(shown.loc[:, (shown != "").any()], "", "Checks of the keys", by="Instrument"))
