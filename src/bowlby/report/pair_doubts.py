"""What was tried on two predictors: their slopes found in other ways, and what each statement became."""

from __future__ import annotations

from bowlby.report.doubts import counted, left_undone
from bowlby.tables import interval, number
from bowlby.tables.layout import Sheet

NAMES = ("first", "second", "first-second", "first+second")


def pair_doubts_sheet(record: dict) -> Sheet | None:
    """95 % intervals of both slopes, their difference and their sum in other ways; None where none was tried."""
    found, labels = record.get("doubts"), record["labels"]
    if not found:
        return None
    rows = [["Main analysis", *(interval(*record["contrasts"][name]["ci"]) for name in NAMES)]]
    drawn = found["parametric"]
    if drawn.get("intervals"):
        what = f"Parametric bootstrap ({drawn['replicates']:,})"
        rows.append([what, *(interval(*drawn["intervals"][name]["ci"]) for name in NAMES)])
    if robust := found["sandwich"].get("contrasts"):
        rows.append(["Cluster-robust (CR2)", *(interval(*robust[name]["ci"]) for name in NAMES)])
    spread = found.get("influence", {}).get("range")
    if spread:
        what = f"Without one therapist ({found['influence']['therapists']:,}): estimates from, to"
        rows.append([what, *(f"{number(spread[name][0])} to {number(spread[name][1])}" for name in NAMES)])
    note = (
        "*SD* of outcome per *SD* of predictor; number of replicates in brackets. Bootstrap: percentile intervals. "
        "CR2 is valid if the variances differ from those of the model."
    )
    heads = ["Method", labels["first"], labels["second"], "difference", "sum"]
    return Sheet("", "95% Confidence Intervals by Other Methods", heads, [(None, rows)], note)


def pair_turned(record: dict, statements: dict[str, str]) -> list[str]:
    """What became of each statement without one therapist, and what could not be computed."""
    found = record.get("doubts") or {}
    verdicts = found.get("influence", {}).get("verdicts") or {}
    said = [
        f"Without any one therapist, “{statement}” was {counted(verdicts[name], record['claims'][name]['verdict'])}."
        for name, statement in statements.items()
        if name in verdicts
    ]
    return said + [text for text in [left_undone(found)] if text]
