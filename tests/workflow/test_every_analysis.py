"""Every analysis that can be asked for, in one run of one study with measurements at each session."""

import json

import numpy as np
import pandas as pd
import pytest

STUDY = """
name: Every analysis
synthetic: true
occasions: [intake, treatment, end]
files:
  - path: sessions.csv
    who: {person: patient, role: patient, therapist: therapist}
    when: {occasion: treatment}
    session: session
    date: day
    measures:
      - {instrument: phq9, scored: {total: phq9}}
      - instrument: ecr_s
        about: therapist
        scored: {anxiety: felt_anxiety, avoidance: felt_avoidance}
        scored_as: sum
  - path: intake.csv
    who: {person: patient, role: patient, therapist: therapist}
    when: {occasion: intake}
    measures:
      - {instrument: ecr_s, scored: {anxiety: own_anxiety, avoidance: own_avoidance}, scored_as: sum}
    covariates: {format: {column: format, kind: category}}
  - path: end.csv
    who: {person: patient, role: patient, therapist: therapist}
    when: {occasion: end}
    measures:
      - {instrument: ecr_s, scored: {anxiety: own_anxiety, avoidance: own_avoidance}, scored_as: sum}
  - path: therapists.csv
    who: {person: therapist, role: therapist}
    measures:
      - {instrument: ecr_s, scored: {anxiety: own_anxiety, avoidance: own_avoidance}, scored_as: sum}
"""
RUN = """
run: every
study: study.yaml
outcome: {instrument: phq9, scale: total, domain: depression, after: 3, higher_is_better: false}
comparison:
  perceived: {instrument: ecr_s, about: therapist, sessions: 3, weights: {anxiety: -1, avoidance: -1}}
  therapist_style: {instrument: ecr_s, weights: {anxiety: -1, avoidance: -1}}
  patient_style: {instrument: ecr_s, occasion: intake, weights: {anxiety: -1, avoidance: -1}}
growth:
  time: sessions
  landmark: 3
  perceived: {instrument: ecr_s, about: therapist, sessions: 3, weights: {anxiety: -1, avoidance: -1}}
  therapist_style: {instrument: ecr_s, weights: {anxiety: -1, avoidance: -1}}
mediation: {mediators: [perceived]}
moderation: [therapist_style by pretest, perceived by therapist_style.anxiety, therapist_style by format]
response_surface: {scales: [anxiety]}
style_transitions: {instrument: ecr_s, pre: intake, post: end}
session_to_session:
  interval: 7
  predictor: {label: attachment, instrument: ecr_s, scale: anxiety, about: therapist, higher_is_better: false}
  outcome: {label: symptoms, instrument: phq9, scale: total, higher_is_better: false}
robustness: {kinds: [sandwich]}
"""


def write_study(folder, therapists=24, patients=8, sessions=8):
    """Patients improve more who perceive a secure attachment. Sums of six ECR-S items, 6 to 42; PHQ-9 totals."""
    rng = np.random.default_rng(5)
    ids = [f"T{j:02d}" for j in range(therapists)]
    their = rng.normal(size=(2, therapists))
    n = therapists * patients
    of, own, felt, start = np.repeat(np.arange(therapists), patients), *rng.normal(size=(3, n))

    def points(values, mean, sd, low, high):
        return np.clip(np.round(mean + sd * values), low, high).astype(int)

    def ecr(name, values):
        return {f"{name}_{scale}": points(values + 0.5 * rng.normal(size=values.shape), 22, 6, 6, 42)
                for scale in ("anxiety", "avoidance")}  # fmt: skip

    rows = []
    for t in range(sessions):
        felt_now = 0.6 * felt + 0.3 * own + 0.3 * their[0][of] + 0.5 * rng.normal(size=n)
        symptoms = start + 0.3 * their[1][of] + 0.15 * t * (felt - 1) + 0.5 * rng.normal(size=n)
        day = pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * t + rng.integers(-2, 3, n) * (t > 0), unit="D")
        rows.append(pd.DataFrame({
            "patient": [f"P{i:03d}" for i in range(n)], "therapist": [ids[j] for j in of], "session": t + 1,
            "day": day.strftime("%Y-%m-%d"), "phq9": points(symptoms, 13, 4, 0, 27), **ecr("felt", felt_now),
        }))  # fmt: skip
    every = pd.concat(rows, ignore_index=True)
    every.to_csv(folder / "sessions.csv", index=False)
    form = np.where(np.arange(n) % 3, "individual", "group")
    intake = every.iloc[:n][["patient", "therapist"]].assign(**ecr("own", own), format=form)
    intake.to_csv(folder / "intake.csv", index=False)
    intake[["patient", "therapist"]].assign(**ecr("own", own + 0.5)).to_csv(folder / "end.csv", index=False)
    pd.DataFrame({"therapist": ids, **ecr("own", their[0])}).to_csv(folder / "therapists.csv", index=False)
    (folder / "study.yaml").write_text(STUDY, "utf-8")
    (folder / "config.yaml").write_text(RUN, "utf-8")


@pytest.mark.slow
def test_all_analyses_of_one_run_reach_the_report_and_are_verified(tmp_path, shell):
    write_study(tmp_path)
    ran = shell("bowlby", "run", "config.yaml", "--cores", 2, cwd=tmp_path)
    assert ran.status == 0, ran.err
    results = tmp_path / "results/every"
    claims = {}
    for file in ("verdict", "growth", "session_to_session"):
        claims |= json.loads((results / f"{file}.json").read_text("utf-8"))["claims"]
    assert {"C1", "C2", "G1", "G2", "L1", "L2"} <= set(claims)
    assert claims["G1"]["verdict"] == "supported"  # the slope depends on attachment, in the data as written
    assert claims["L1"]["verdict"] != "supported"  # nothing leads within patients
    page = (results / "report.html").read_text("utf-8")
    for section in ("session-to-session", "mediation", "moderation", "course", "response-surface",
                    "style-transitions"):  # fmt: skip
        assert f'id="{section}"' in page, section
    checked = shell("bowlby", "verify", results, cwd=tmp_path)
    assert checked.status == 0, checked.err
