"""Write a simulated study in the file formats that a clinic would use."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pandas as pd

from bowlby.errors import UserError, problem
from bowlby.files import atomic, write_csv, write_json, write_text
from bowlby.simulate.reference import reference_config
from bowlby.simulate.study import SimulatedStudy

SHEET = "ECR-S"
GENDER: dict[int | float, str] = {1: "female", 2: "male", 3: "other", -9: "refused"}
DIAGNOSIS: dict[int | float, str] = {1: "depressive episode", 2: "recurrent depression", 3: "anxiety disorder",
             4: "adjustment or stress disorder", 5: "other"}  # fmt: skip
COLUMN_LABELS = {
    "patient_id": "Patient (synthetic)",
    "group": "Group that the patient is treated in",
    "age": "Age in years",
    "gender": "Gender",
    "diagnosis": "Main diagnosis",
    "therapist_1": "First therapist",
    "sessions_1": "Sessions with the first therapist",
    "therapist_2": "Second therapist",
    "sessions_2": "Sessions with the second therapist",
}


def write_study(study: SimulatedStudy, folder: str | Path, with_config: bool = False) -> list[Path]:
    """Write a study's files.

    Parameters
    ----------
    study : SimulatedStudy
    folder : path
        Must be empty or absent.
    with_config : bool
        Write ``config.yaml`` and ``study.yaml`` with the files, so that ``bowlby run`` takes them at once.

    Returns
    -------
    list of Path
        The files written.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(problem(f"{folder} is a file", "name a folder that is empty or absent"))
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(problem(f"{folder} is not empty", "name a folder that is empty or absent"))
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        write_csv(folder / "patients.csv", study.items["patients"]),
        atomic(folder / "therapists.xlsx", lambda p: _workbook(study.items["therapists"], p)),
        atomic(folder / "demographics.sav", lambda p: _spss(study.people["patients"], p)),
        write_json(folder / "truth.json", study.truth),
        write_text(folder / "README.md", _readme(study.truth)),
    ]
    if with_config:
        written += [
            write_text(folder / "config.yaml", _config(study.truth)),
            write_text(folder / "study.yaml", _study(study.truth)),
        ]
    return written


def _workbook(table: pd.DataFrame, path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = SHEET
    book.active.append(list(table.columns))
    for row in table.itertuples(index=False):
        book.active.append([None if v is pd.NA else v if isinstance(v, str) else int(v) for v in row])
    book.active.freeze_panes = "B2"
    book.save(path)


def _spss(table: pd.DataFrame, path: Path) -> None:
    import pyreadstat

    pyreadstat.write_sav(
        table,
        path,
        file_label="Synthetic data",
        column_labels=[COLUMN_LABELS[c] for c in table.columns],
        variable_value_labels={"gender": GENDER, "diagnosis": DIAGNOSIS, "age": {-9: "refused"}},
        missing_ranges={"age": [-9], "gender": [-9]},
        variable_format={c: "F8.0" for c in ("age", "gender", "diagnosis", "sessions_1", "sessions_2")},
    )


def _readme(truth: dict) -> str:
    faults, reference = truth["faults"], truth["reference"]
    switched, dropout = faults["switched"], faults.get("dropout", "at random")
    odd, twice = faults["impossible_value"], faults["duplicate_row"]
    chosen = ""
    if truth["scenario"] == "example":
        chosen = " It was the first one tried, not chosen for the study's verdict."
    association = ""
    if truth["claims"]["C1"] is None:
        association = (
            "\n\nHere perceived attachment has no effect on outcome: the slope of the scores is due to what both\n"
            "share, and no analysis of these files can distinguish it from an effect."
        )
    groups = f", {truth['groups']} groups of at most six that are treated together" if "groups" in truth else ""
    return f"""# A synthetic study

**These data are synthetic.** No row describes a real patient or therapist. Names, dates and responses were
simulated by `bowlby simulate` from a model with known true values, which `truth.json` contains for programs.

## How it was made

- Scenario `{truth["scenario"]}`: {truth["what"]}.
- Seed {truth["seed"]}.{chosen}
- {truth["therapists"]} therapists, {truth["patients"]} patients, unequal case loads{groups}.
- `bowlby simulate FOLDER --scenario {truth["scenario"]} --seed {truth["seed"]}` simulates the same study again,
  if it has the default size.

## What is true

| | P (perceived attachment) | T (therapist's style) |
|---|---|---|
| latent variables, SDs of outcome per population SD | {truth["P"]:.2f} | {truth["T"]:.2f} |
| scored questionnaires, per reference SD | {reference["P"]:.3f} | {reference["T"]:.3f} |

The outcome is oriented so that higher is better. P is the slope of the composite secure - avoidant-fearful -
preoccupied-merger within therapists, T that of the composite - anxiety - avoidance of therapists. The share of
the outcome's variance between therapists is {truth["icc_outcome"]:.0%}. Age, gender, diagnosis, the therapist's
experience and the alliance have no effect on outcome. Patients with depressive diagnoses are more severely ill
at intake. Patients who rate the alliance high for reasons other than security have a better outcome, for
reasons that were not measured.\
{association}

## Slopes of the scores

{_scored(truth["reference"])}

## Similarity to real data

{_realistic(truth["reference"])}

## Files

- `patients.csv`: one row per patient and occasion (T0 intake, S5 session 5, T2 termination); PHQ-9 at T0
  and T2, ECR-S at T0, CATS and WAI-SR at S5. Reversed items are stored as on the form.
- `therapists.xlsx`, sheet `{SHEET}`: the therapists' own ECR-S and years of experience.
- `demographics.sav`: age, gender, main diagnosis, therapists and numbers of sessions; -9 is declared missing
  ("refused").

## Problems in the data, on purpose

| Problem | Where |
|---|---|
| one impossible value (7 in a PHQ-9 item) | `{odd["file"]}`, row {odd["row"]}, column `{odd["column"]}` |
| one row twice | `{twice["file"]}`, row {twice["row"]} repeats row {twice["repeats"]} |
| {len(switched) if len(switched) > 2 else "two"} patients who switch therapist | \
{", ".join(switched) if len(switched) < 10 else "`truth.json` names them"} |
| no termination (dropout, {dropout}) | {len(faults["no_termination"])} patients |
| no session 5 | {len(faults["no_session_5"])} patients |
| items left blank (at random) | {faults["missing_items"]} in `patients.csv`, \
{faults["missing_items_therapists"]} in `therapists.xlsx` |
| age, gender refused (-9) | {faults["age_refused"]}, {faults["gender_refused"]} patients |

Rows are counted with the header as row 1.
"""


def _scored(reference: dict) -> str:
    """Why the slopes of the scores differ from the latent ones."""
    of = {name: f"{value:.0%}" for name, value in reference["reliability"].items()}
    return _paragraph(
        "The slopes of the scores differ from the latent ones for three reasons. Questionnaires measure with error: "
        f"their latent variable accounts for {of['intake']} of the variance of the PHQ-9 at intake, for "
        f"{of['termination']} of it at termination, for {of['perceived']} of perceived attachment and for "
        f"{of['therapist_style']} of the therapist's style. The outcome is expressed in SDs of the PHQ-9 at intake "
        f"({reference['outcome_sd']:.2f}), and patients differ more at termination "
        f"(SD {reference['outcome_sd_termination']:.2f}). The part of the patient's state that the score at intake "
        "does not measure is correlated with perceived attachment, so that P is too large: given the true state at "
        "intake it would be "
        f"{reference['baseline_without_error']['P']:.3f} instead of {reference['P']:.3f}. These values were computed "
        f"from a simulated population of {reference['patients']} patients and have its sampling error (about .002)."
    )


def _realistic(reference: dict) -> str:
    mean, r = reference["outcome_mean"], reference["perceived"]["correlations"][0]["r"]
    return _paragraph(
        f"In that population the PHQ-9 has a mean of {mean['intake']:.1f} (SD {reference['outcome_sd']:.1f}) at intake "
        f"and of {mean['termination']:.1f} (SD {reference['outcome_sd_termination']:.1f}) at termination; cases in NHS "
        "Talking Therapies 2022-23 had 15.4 (5.5) and 9.4 (6.4). Its items differ in how often they are endorsed: "
        "fatigue and sleep by nearly all patients at intake, suicidal ideation (item 9) by about a quarter. Means, SDs "
        "and alphas of the other scales lie in the ranges that the instrument library gives for patients in treatment, "
        f"many of which are not verified there. Perceived security and avoidance correlate at {r:.2f} (library: -.60 "
        "to -.75). The item keys are those of the shipped instruments; the CATS key is not verified."
    )


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 110, break_on_hyphens=False)


def _config(truth: dict) -> str:
    reference = reference_config(truth["reference"])
    lines = [f"  reference:\n    outcome_sd: {reference['outcome_sd']}"]
    for side in ("perceived", "therapist_style", "patient_style", "alliance"):
        block = reference[side]
        lines.append(f"    {side}:\n      sd: {{{', '.join(f'{k}: {v}' for k, v in block['sd'].items())}}}")
        if block["correlations"]:
            lines.append("      correlations:")
        lines += [f"        - {{scales: [{', '.join(c['scales'])}], r: {c['r']}}}" for c in block["correlations"]]
    name = truth["scenario"].lower()
    unit = "  unit: group\n" if "groups" in truth else ""
    return (
        f"""# A synthetic study with a known truth (see README.md).
run: {name}
title: Scenario {truth["scenario"]} (synthetic)
study: study.yaml
seed: {truth["seed"]}
privacy: shareable

outcome:
  instrument: phq9
  scale: total
  domain: depression
  pre: intake
  post: termination
  higher_is_better: false

comparison:
  perceived:
    instrument: cats
    about: therapist
    occasion: session_5
    weights: {{secure: 1, avoidant_fearful: -1, preoccupied_merger: -1}}
  therapist_style:
    instrument: ecr_s
    about: self
    weights: {{anxiety: -1, avoidance: -1}}
  patient_style:
    instrument: ecr_s
    about: self
    occasion: intake
    weights: {{anxiety: -1, avoidance: -1}}
  alliance:
    instrument: wai_sr
    about: therapist
    occasion: session_5
    weights: {{total: 1}}
{unit}  delta: 0.10
"""
        + "\n".join(lines)
        + "\n"
    )


def _study(truth: dict) -> str:
    group = "\n      group: {column: group, kind: category}" if "groups" in truth else ""
    return f"""# Where the files are, and what their columns mean.
name: Scenario {truth["scenario"]} (synthetic)
synthetic: true
occasions: [intake, session_5, termination]

files:
  - path: patients.csv
    who: {{person: patient_id, therapist: therapist_id, role: patient}}
    when: {{column: timepoint, values: {{T0: intake, S5: session_5, T2: termination}}}}
    measures:
      - {{instrument: phq9, items: "phq9_{{n}}"}}
      - {{instrument: cats, items: "cats_{{n}}", about: therapist}}
      - {{instrument: wai_sr, items: "wai_{{n}}", about: therapist}}
      - {{instrument: ecr_s, items: "ecr_{{n}}"}}

  - path: therapists.xlsx
    sheet: {SHEET}
    who: {{person: therapist_id, role: therapist}}
    measures:
      - {{instrument: ecr_s, items: "ecr_{{n}}"}}
    covariates:
      experience: experience

  - path: demographics.sav
    who: {{person: patient_id, role: patient}}
    covariates:
      age: age
      gender: {{column: gender, kind: category}}
      diagnosis: {{column: diagnosis, kind: category}}{group}
    episodes:
      - {{therapist: therapist_1, sessions: sessions_1}}
      - {{therapist: therapist_2, sessions: sessions_2}}
"""
