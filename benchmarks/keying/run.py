"""Measure the audit of keys on simulated studies with known faults, and write docs/keying_audit.md.

PYTHONPATH=. python benchmarks/keying/run.py [STUDIES]        about ten minutes for 100
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from real import real_rates

from validation.keying_audit import PATIENTS, SEED, STUDIES, blind, cases, table

TARGET = Path(__file__).parents[2] / "docs" / "keying_audit.md"
FAULTS = {
    "item": "an item keyed in the wrong direction",
    "scale": "a whole scale keyed in the wrong direction",
    "five": "5-point responses with a 7-point key",
    "shuffled": "item columns in another order",
    "straight": "identical responses to all items in 5% of the forms",
    "copied": "two persons with the responses of two others",
    "already": "reversed items already reversed in the file",
}
INTRODUCTION = """# Accuracy of the audit of keys

bowlby compares the responses with the scoring key of each questionnaire, and reports in `keying_audit.csv` if they do
not fit. It never changes the data. This page reports how often the audit detects a fault, in simulated studies of
{patients} patients, {studies} for each line (seed {seed}; the page is written by `python benchmarks/keying/run.py`).
Responses follow the published mean and alpha of each questionnaire, with one factor per scale, in the steps of its
response range.

A fault counts as *named* only if a check identifies it: the item, the scale, the response range, the order of
columns, identical responses to all items, or identical respondents. In a study without faults (*clean*), any warning
counts as an alarm, except that a key is unverified.

The aim was that at least 95 of 100 faults are named, and that at most 5 of 100 clean studies have an alarm.
"""
PARTS = """## Parts of a study

Items and scales are also checked separately in each role, occasion, file and site, and in combinations of these, if
they have 30 persons. A role with fewer persons is checked by alpha, and by whether its reversed items contradict the
others. If a fault is confined to a part, the part is named. The significance level is divided by the number of parts.
In 100 clean studies of three questionnaires (PHQ-9, CATS, ECR-S; 150 patients of two sites at three occasions, and 48
therapists) none had an alarm; the tests allow 2. The tests show that these faults are named:

- reversed items of therapists that were already reversed, with 577 patients whose responses are correct; with 15
  therapists in at least 8 of 10 studies;
- reversed items that were already reversed at one occasion, in one file or at one site, or a single item at one
  occasion;
- a scale that is reversed as a whole at one occasion (it contradicts the other occasions) or at one site (it
  contradicts related scales and other questionnaires at that site, or its mean is mirrored; in the latter case both
  sites are named);
- several items that were not reversed, also if wording has a factor of its own; two halves of a scale, as groups;
- 12 of 150 persons with identical responses;
- 15% of the responses to one item missing and stored as the highest response: for the ECR and the ECR-S in at least 8
  of 10 studies of 150 patients, for the PHQ-9 in 8 of 10 studies of 400.
"""
CANNOT = """## What it cannot detect

Some faults leave no trace in the responses to one questionnaire. They were also measured, so that nobody relies on
their detection.

- A questionnaire with one scale looks the same in both directions if the mean of its reversal is also plausible:
  between the clinical and the community norm (PHQ-9, GAD-7, CORE-10), or near the middle of the range (attachment
  anxiety of patients on the ECR). If the same persons completed another questionnaire, the run compares the two
  (`other_instruments`). One questionnaire alone does not show the fault.
- If all items belong to one scale and are keyed in the same direction, columns in another order have no consequence
  and cannot be detected.
- Two persons may have identical responses to a short questionnaire by chance: twelve correlated five-point items have
  too few likely patterns among 150 patients.
- Scales whose published alpha is under .60 (RSQ secure, RSQ preoccupied) are not tested item by item.
- If all items are keyed in the same direction, identical responses to all items are not a fault.
- A scale that is reversed as a whole at one site is not detected if the mean of its reversal is also plausible, and
  no related scale or other questionnaire was completed there.
- Missing responses stored as the highest response are rarely detected if the highest response is common: for the
  WAI-SR in 1 of 10 studies of 150 patients, for the PHQ-9 in 3 of 10.
"""


REAL = """## Real responses

Simulated responses follow the model that the audit assumes; real responses need not. Samples of persons were drawn at
random from public data sets whose keys are known. For samples without a fault the table gives the number with any
alarm, and for the others the number in which the fault was named.
"""


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    settings = {"studies": studies, "progress": lambda case, n: print(case, n, flush=True)}
    rates, limits, real = table(cases(), **settings), table(blind(), **settings), real_rates(studies)
    clean, faults = rates[rates["fault"].eq("clean")], rates[rates["fault"].ne("clean")]
    lines = [
        INTRODUCTION.format(patients=PATIENTS, studies=studies, seed=SEED),
        f"Named: {_worst(faults)}. Alarms in clean studies: at most {clean['named'].max()} of {studies} "
        f"({int(clean['named'].sum())} of {len(clean) * studies} in all).\n",
        "## Faults\n",
        _markdown(faults),
        "## Clean studies\n",
        "| questionnaire | studies with an alarm |\n|---|---|\n"
        + "".join(f"| {r.instrument} | {r.named} of {studies} |\n" for r in clean.itertuples()),
        PARTS,
        CANNOT,
        _markdown(limits),
    ]
    if real is not None:
        lines += [REAL, _real(real)]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _worst(faults: pd.DataFrame) -> str:
    worst = faults.loc[faults["named"].idxmin()]
    return (
        f"at least {worst['named']} of {worst['studies']} in each line, "
        f"{int(faults['named'].sum())} of {int(faults['studies'].sum())} in all"
    )


def _real(rates: pd.DataFrame) -> str:
    names = {
        "clean": "none: draws with an alarm",
        "shuffled": FAULTS["shuffled"],
        "unreversed": "a reversed item not reversed",
    }
    lines = ["| data | persons | fault | draws |", "|---|---|---|---|"]
    for row in rates.itertuples():
        lines.append(f"| {row.data} | {row.persons} | {names[row.fault]} | {row.named} of {row.draws} |")
    return "\n".join(lines) + "\n"


def _markdown(rates: pd.DataFrame) -> str:
    lines = ["| fault | questionnaire | where | named |", "|---|---|---|---|"]
    for row in rates.itertuples():
        where = "" if pd.isna(row.which) else f"item {row.which}" if isinstance(row.which, int) else row.which
        lines.append(f"| {FAULTS[row.fault]} | {row.instrument} | {where} | {row.named} of {row.studies} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
