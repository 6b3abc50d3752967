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
    "item": "an item the other way round",
    "scale": "a scale reversed as a whole",
    "five": "5-point answers on a 7-point key",
    "shuffled": "item columns in another order",
    "straight": "the same answer to everything in 5 % of the forms",
    "copied": "two persons with the answers of two others",
    "already": "reversed items reversed already in the file",
}
INTRODUCTION = """# What the audit of the keys finds, and what it cannot

`keying_audit.csv` looks for a wrong key in the data. It never changes them. This page measures it on simulated
studies of {patients} patients, {studies} for each line (seed {seed}; `python benchmarks/keying/run.py` writes this page
again). Answers follow each questionnaire's published mean and alpha, one factor a scale, in whole steps of the response
range. A fault counts as named only by a check that says what it is: the item itself, the scale itself, the response
range, the order of columns, straight lines, copies. An alarm of any kind counts against a clean study; the standing
notice that a key is unverified does not.

Aim: at least 95 of 100 faults named, at most 5 of 100 clean studies with an alarm.
"""
PARTS = """## Parts of a study

Items and scales are also checked by themselves in each role, occasion, file and site, and in their combinations, where
there are 30 persons; a role with fewer by alpha and by whether its reversed items go against the others. A fault that
is confined to a part is given with its name. The level is divided by the number of parts. In 100 clean studies of three
questionnaires (PHQ-9, CATS, ECR-S; 150 patients of two sites at three occasions, and 48 therapists) none had an alarm;
the tests allow 2. Named in the tests:

- therapists' reversed items reversed already, beside 577 patients; of 15 therapists in at least 8 of 10 studies;
- reversed items reversed already at one occasion, in one file, at one site; one item at one occasion;
- a scale reversed as a whole at one occasion (it goes against the other occasions) or at one site (it goes against
  related scales and other questionnaires there, or its mean is mirrored: then both sites are named);
- several items not reversed, also where wording has a factor of its own; two halves of a scale, as groups;
- 12 of 150 persons with one form;
- 15 % of one item missing and stored as the highest answer, of the ECR and the ECR-S in at least 8 of 10 studies of 150
  patients, of the PHQ-9 in 8 of 10 studies of 400.
"""
CANNOT = """## What it cannot detect

Some faults leave no trace in one questionnaire's answers. These are measured too, so that nobody relies on them.

- A questionnaire with one scale looks the same in both directions where the mean of its reversal is usual too:
  between the clinical and the community norm (PHQ-9, GAD-7, CORE-10), or near the middle of the range (attachment
  anxiety of patients on the ECR). Where the same persons answered another questionnaire, the run compares the two
  (`other_instruments`); alone it cannot be told.
- Columns in another order do not matter, and do not show, where all items belong to one scale and run one way.
- Two persons with the same answers to a short form can be chance: twelve five-point items that go together have too
  few likely patterns among 150 patients.
- Scales whose published alpha is under .60 (RSQ secure, RSQ preoccupied) are not tested item by item.
- The same answer to everything is no fault where all items run one way.
- A scale reversed as a whole at one site does not show where the mean of its reversal is usual too, and no related
  scale or other questionnaire was answered there.
- Missing answers stored as the highest do not show where the highest answer is common anyway: of the WAI-SR in 1 of 10
  studies of 150 patients, of the PHQ-9 in 3 of 10.
"""


REAL = """## Real answers

Simulated answers follow the model that the audit has in mind; real ones need not. Persons are drawn at random from
public data sets whose keys are known. Of clean draws the number with any alarm, of others that named.
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
