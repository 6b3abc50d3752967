"""Doubts tried on two predictors, against clubSandwich and lme4."""

import json

import numpy as np
import pandas as pd
import pytest

import bowlby.robustness.pair
from bowlby.compare.pair import compare_pair
from bowlby.config.run import Outcome, Pair, Run, Side
from bowlby.design.pair import pair_set
from bowlby.fit.models import fit_set
from bowlby.report.robustness_tables import pair_doubts_sheet, pair_turned
from bowlby.robustness.pair import pair_doubts
from bowlby.tables.claims import statements

NAMES = ("first", "second", "first-second", "first+second")
STYLE = {"role": "therapist", "about": "self", "instrument": "ecr_s", "weights": {"anxiety": -1}}


def study(switching: bool = False, **second):
    """30 therapists of 10 patients: slopes of .5 (mother) and 0 (father), .4 of therapists' own style."""
    rng = np.random.default_rng(4)
    patient, therapist = [f"P{i:03}" for i in range(300)], [f"T{j:02}" for j in range(30)]
    key = {"role": "patient", "occasion": "once"}
    one, other, style = rng.normal(size=300), rng.normal(size=300), rng.normal(size=30)
    outcome = 0.5 * one + np.repeat(0.4 * style + 0.2 * rng.normal(size=30), 10) + 0.8 * rng.normal(size=300)
    figures = pd.concat([pd.DataFrame({"person": patient, "about": about, "secure": values, **key})
                         for about, values in (("mother", one), ("father", other))])  # fmt: skip
    scores = {
        "figure": figures,
        "symptoms": pd.DataFrame({"person": patient, "about": "self", "total": outcome, **key}),
        "ecr_s": pd.DataFrame(
            {"person": therapist, "role": "therapist", "about": "self", "occasion": "", "anxiety": -style}
        ),
    }
    episodes = pd.DataFrame({"patient": patient, "therapist": np.repeat(therapist, 10), "weight": 1.0})
    if switching:
        first = episodes.groupby("therapist").head(1)
        moved = first.assign(therapist=np.roll(first["therapist"], 1), weight=0.5)
        episodes.loc[first.index, "weight"] = 0.5
        episodes = pd.concat([episodes, moved], ignore_index=True)
    mother = Side(label="mother", instrument="figure", about="mother", weights={"secure": 1})
    father = {"label": "father", "instrument": "figure", "about": "father", "weights": {"secure": 1}} | second
    run = Run(run="pair", study="none", outcome=Outcome(instrument="symptoms", post="once", higher_is_better=True),
              pair=Pair(first=mother, second=Side(**father)))  # fmt: skip
    built = pair_set(run, scores, {"patients": pd.DataFrame({"patient": patient}), "episodes": episodes})
    fits = fit_set("pair", built.data, built.membership, built.design)
    record = compare_pair(run, fits["pair"].record, built.design)
    model = {c["name"]: c["se_known_sd"] for c in fits["pair"].record["contrasts"]}
    return record | {"model_se": model, "doubts": pair_doubts(built.data, built.membership, built.design, 0.1, 1)}


@pytest.fixture(scope="module")
def figures():
    return study()


@pytest.fixture(scope="module")
def style():
    return study(**STYLE)


@pytest.mark.parametrize(("which", "expected"), [
    ("figures", [(0.04009594114, 23.91210145), (0.04625104926, 24.19113837), (0.06606957517, 22.92572538),
                 (0.05593298976, 25.39232525)]),
    ("style", [(0.03971559428, 23.95031372), (0.05902120020, 8.74023537), (0.07578933247, 15.00406191),
               (0.06616372183, 15.00406191)])])  # fmt: skip
def test_cluster_robust_errors_are_those_of_club_sandwich(which, expected, request):
    """clubSandwich 0.5.8 on ``lmer(y ~ first + second + (1 | therapist))`` (slope variances are 0): SE and df, 1e-6."""
    found = request.getfixturevalue(which)["doubts"]["sandwich"]["contrasts"]
    for name, (se, df) in zip(NAMES, expected, strict=True):
        assert (found[name]["se"], found[name]["df"]) == pytest.approx((se, df), rel=1e-6), name


def test_without_each_therapist_estimates_are_those_of_lme4(style):
    """Thirty refits by lme4, lowest and highest estimate; 1e-6."""
    found = style["doubts"]["influence"]
    assert found["range"]["first"] == pytest.approx([0.5112732953, 0.5451231336], abs=1e-6)
    assert found["range"]["second"] == pytest.approx([0.367534383, 0.432481488], abs=1e-6)
    assert found["range"]["first-second"] == pytest.approx([0.0976474565, 0.1640507613], abs=1e-6)
    assert found["verdicts"]["more"] == {"inconclusive": 30}
    assert (found["therapists"], found["failed"]) == (30, 0)


def test_outcomes_drawn_anew_scatter_as_the_model_says(style):
    """SD of 1,000 estimates: the model's SE but for its sampling error of 2.2 %, three of them; mean: the estimate."""
    found = style["doubts"]["parametric"]
    assert (found["replicates"], found["failed"]) == (1000, 0)
    for name in NAMES:
        own, c = found["intervals"][name], style["contrasts"][name]
        assert own["sd"] == pytest.approx(style["model_se"][name], rel=0.067)
        assert c["se"] > style["model_se"][name]  # it allows for the sample's SDs
        assert own["mean"] == pytest.approx(c["estimate"], abs=4 * c["se"] / np.sqrt(1000))
        assert own["ci"][0] < c["estimate"] < own["ci"][1]
    assert json.loads(json.dumps(study(**STYLE)["doubts"], default=float)) == json.loads(
        json.dumps(style["doubts"], default=float))  # fmt: skip


def test_where_all_are_joined_robust_errors_are_refused(monkeypatch):
    """One patient of each therapist goes to the next: a ring of all thirty."""
    monkeypatch.setattr(bowlby.robustness.pair, "REPLICATES", 50)
    record = study(switching=True)
    assert record["doubts"]["sandwich"]["not_computed"].startswith("patients who switched join all")
    said = pair_turned(record, statements(record))
    assert said[-1].startswith("Cluster-robust standard errors were not computed: patients who switched join all")
    ways = [row[0] for _, rows in pair_doubts_sheet(record).parts for row in rows]
    assert ways == ["Main analysis", "Parametric bootstrap (50)",
                    "Without one therapist (30): estimates from, to"]  # fmt: skip


def test_the_page_has_every_way_and_what_became_of_each_statement(style):
    sheet = pair_doubts_sheet(style)
    rows = {row[0]: row[1:] for _, part in sheet.parts for row in part}
    assert rows["Without one therapist (30): estimates from, to"][2] == "0.10 to 0.16"
    assert rows["Cluster-robust (CR2)"][1] == "[0.27, 0.54]"
    said = pair_turned(style, statements(style))
    assert len(said) == 4
    assert said[2] == ("Without any one therapist, “mother is associated with outcome more than father is” was "
                       "inconclusive in all 30.")  # fmt: skip
    assert pair_doubts_sheet({k: v for k, v in style.items() if k != "doubts"}) is None
