"""Errors of measurement from items and from stated reliabilities, and the comparison without them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bowlby.config.run import Block
from bowlby.design.measurement import _weighted_items, with_errors
from bowlby.design.primary import analysis_set
from bowlby.estimands.measurement import measurement
from bowlby.fit.models import Fitter
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.factor_models import products
from bowlby.instruments.reliability import alpha, squared_errors
from bowlby.instruments.scoring import score
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.study_analysis import run_config, simulated_patients
from bowlby.terms import M1, M1_RANDOM


def forms(n: int = 60) -> pd.DataFrame:
    """PHQ-9 forms with one common factor."""
    rng = np.random.default_rng(6)
    answers = np.clip(np.rint(1.4 + rng.normal(size=(n, 1)) + rng.normal(size=(n, 9))), 0, 3)
    return pd.DataFrame(answers, columns=[f"i{k:02d}" for k in range(1, 10)]).assign(
        person=[f"P{i:02d}" for i in range(n)], role="patient", about="self", occasion="T0")  # fmt: skip


def test_the_mean_is_the_variance_that_alpha_leaves():
    items, phq9 = forms(), load_instrument("phq9")
    total = items.filter(like="i0").sum(axis=1)
    expected = total.var() * (1 - alpha(products(items.filter(like="i0").to_numpy(float).T))[0])
    assert squared_errors(items, phq9, "total").mean() == pytest.approx(expected, rel=1e-9)


def test_what_a_therapist_adds_to_all_items_is_no_error():
    items, phq9 = forms(), load_instrument("phq9")
    shift = pd.Series(np.arange(60) % 4, items.index)
    shifted = items.assign(**{c: items[c] + shift for c in items if c.startswith("i0")})
    assert squared_errors(shifted, phq9, "total") == pytest.approx(squared_errors(items, phq9, "total"))


def test_a_form_with_a_missing_item_says_nothing():
    items = forms()
    items.loc[3, "i04"] = np.nan
    found = squared_errors(items, load_instrument("phq9"), "total")
    assert np.flatnonzero(np.isnan(found)).tolist() == [3]


def test_scales_that_are_averaged_have_the_error_of_the_mean():
    """ECR-R: 18 items a scale, averaged."""
    rng = np.random.default_rng(1)
    ecr = load_instrument("ecr_r")
    answers = np.clip(np.rint(4 + rng.normal(size=(80, 1)) + rng.normal(size=(80, ecr.n_items))), 1, 7)
    items = pd.DataFrame(answers, columns=[f"i{k:02d}" for k in range(1, ecr.n_items + 1)])
    scale = next(iter(ecr.scales))
    keyed = items[[f"i{i:02d}" for i in ecr.scales[scale].items]].copy()
    for i in ecr.scales[scale].reverse:
        keyed[f"i{i:02d}"] = 8 - keyed[f"i{i:02d}"]
    expected = keyed.mean(axis=1).var() * (1 - alpha(products(keyed.to_numpy(float).T))[0])
    assert squared_errors(items, ecr, scale).mean() == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def study():
    return simulated(5)


def simulated(seed: int):
    found = simulated_patients(scenario("S1"), "16x36", seed)
    run = run_config()
    therapists = pd.DataFrame({"therapist": found.style.index})
    return run, found, analysis_set(run, found, {"therapists": therapists}, "primary")


def measured(data, members, design) -> dict:
    fitter = Fitter(data, members, design)
    return measurement(fitter.fit(M1, M1_RANDOM), fitter)


def stated(run, pre=None, perceived=None, style=None):
    """The run with reliabilities in its configuration."""
    comparison = run.comparison
    blocks = {name: Block(**getattr(comparison, name).model_dump() | {"reliability": value})
              for name, value in (("perceived", perceived), ("therapist_style", style))}  # fmt: skip
    return run.model_copy(update={"outcome": run.outcome.model_copy(update={"reliability": pre}),
                                  "comparison": comparison.model_copy(update=blocks)})  # fmt: skip


def given(run, found) -> dict[str, pd.DataFrame]:
    """Scores whose composites are those of the simulated study, as they would be given in a file."""
    scales = {
        "perceived": list(run.comparison.perceived.weights),
        "therapist_style": list(run.comparison.therapist_style.weights),
    }
    frame, style = found.frame, found.style

    def rows(people, role, about, occasion, values):
        return pd.DataFrame({"person": people, "role": role, "about": about, "occasion": occasion, **values})

    perceived = {
        s: found.frame[f"perceived_{s}"].to_numpy() * sd
        for s, sd in zip(scales["perceived"], found.scaling["perceived"].sd, strict=True)
    }
    own = {s: style.to_numpy() for s in scales["therapist_style"]}
    block, therapists = run.comparison.perceived, run.comparison.therapist_style
    return {
        "outcome": rows(
            frame.index, "patient", "self", run.outcome.pre, {run.outcome.scale: -frame["baseline"].to_numpy()}
        ),
        "perceived": rows(frame.index, "patient", block.about, block.occasion or "", perceived),
        "style": rows(style.index, "therapist", therapists.about, therapists.occasion or "", own),
    }


def test_stated_reliabilities_give_error_variances(study):
    run, found, built = study
    run = stated(run, pre=0.9)
    scores = given(run, found)
    table = scores["outcome"]
    made = with_errors(built, run, {run.outcome.instrument: table}, lambda *_: (None, None))
    assert made.design["reliability_from"] == {"baseline": "configuration", "perceived": None, "therapist_style": None}
    assert made.columns["name"].tolist() == list(made.data)
    record = measured(made.data, made.membership, made.design)
    assert record["variables"]["baseline"]["reliability"] == pytest.approx(0.9, abs=0.02)
    assert not record["within_only"]
    assert record["rows"]["baseline"] and record["rows"]["all"] is None and record["reason"] is None
    naive, corrected = record["rows"]["uncorrected"]["P"], record["rows"]["baseline"]["P"]
    assert corrected["df"] == 15
    assert abs(corrected["estimate"] - naive["estimate"]) < 0.1
    assert [one["reliability"] for one in record["reliability_off"]] == pytest.approx([0.85, 0.95], abs=0.02)


def test_where_baselines_differ_between_therapists_by_little_but_error_only_the_within_part_is_corrected():
    run, found, built = simulated(3)  # therapists' means of the baseline differ by less than chance would have it
    run = stated(run, pre=0.8)
    made = with_errors(built, run, {run.outcome.instrument: given(run, found)["outcome"]}, lambda *_: (None, None))
    record = measured(made.data, made.membership, made.design)
    assert record["within_only"] and record["reason"] is None
    naive, corrected = (record["rows"][name] for name in ("uncorrected", "baseline"))
    assert corrected["T"]["estimate"] == pytest.approx(naive["T"]["estimate"], abs=1e-6)
    assert corrected["P"]["estimate"] != pytest.approx(naive["P"]["estimate"], abs=1e-3)


def test_nothing_known_is_not_computed(study):
    run, found, built = study
    made = with_errors(built, run, {run.outcome.instrument: given(run, found)["outcome"]}, lambda *_: (None, None))
    record = measured(made.data, made.membership, made.design)
    assert record["reason"] == "unknown"
    assert record["rows"]["baseline"] is None
    assert record["rows"]["uncorrected"]["P"]["estimate"] == pytest.approx(0.38, abs=0.15)


def test_errors_as_large_as_what_varies_are_said(study):
    run, found, built = study
    run = stated(run, pre=0.02)
    made = with_errors(built, run, {run.outcome.instrument: given(run, found)["outcome"]}, lambda *_: (None, None))
    data = made.data.assign(baseline_error=made.data["baseline_error"] * 2)
    assert measured(data, made.membership, made.design)["reason"] == "errors_too_large"


def test_a_reliability_of_one_is_known_and_changes_nothing(study):
    run, found, built = study
    run = stated(run, pre=1.0)
    made = with_errors(built, run, {run.outcome.instrument: given(run, found)["outcome"]}, lambda *_: (None, None))
    record = measured(made.data, made.membership, made.design)
    rows = record["rows"]
    assert record["reason"] is None and record["variables"]["baseline"]["reliability"] == 1.0
    assert rows["baseline"]["P"]["estimate"] == pytest.approx(rows["uncorrected"]["P"]["estimate"], abs=1e-12)
    assert [one["reliability"] for one in record["reliability_off"]] == [0.95]


def test_estimated_sds_widen_the_corrected_rows_as_they_widen_the_others(study):
    run, found, built = study
    run = stated(run, pre=0.9)
    made = with_errors(built, run, {run.outcome.instrument: given(run, found)["outcome"]}, lambda *_: (None, None))
    wide = {side: {"variance": 0.02, "df": 30.0} for side in ("y", "perceived", "therapist_style")}
    known, estimated = (measured(made.data, made.membership, made.design | {"sd_error": errors})["rows"]["baseline"]
                        for errors in ({}, wide))  # fmt: skip
    p = known["P"]
    assert estimated["P"]["se"] ** 2 == pytest.approx(p["se"] ** 2 + 0.04 * p["estimate"] ** 2)


def test_items_of_a_composite_add_up_to_it_and_one_factor_is_fitted_to_them():
    """Items times their weights sum to the composite of the scores, w'A / sqrt(w'Rw), exactly (1e-9)."""
    rng = np.random.default_rng(5)
    instrument = load_instrument("ecr_s")
    n = 60
    answers = pd.DataFrame(rng.integers(1, 8, (n, 12)), columns=[f"i{k:02d}" for k in range(1, 13)])
    answers = answers.assign(person=[f"T{i:02d}" for i in range(n)], role="therapist", about="self", occasion="once")
    scaling = {
        "scales": ["anxiety", "avoidance"],
        "weights": {"anxiety": -1, "avoidance": -2},
        "sd": [5.0, 4.0],
        "correlation": [[1, 0.2], [0.2, 1]],
    }
    built = SimpleNamespace(design={"scaling": {"therapist_style": scaling}}, data=None)
    block = Block(instrument="ecr_s", weights={"anxiety": -1, "avoidance": -2})
    items = _weighted_items(block, "therapist_style", built, lambda name: (instrument, answers))
    scores = score(answers, instrument)
    expected = (-scores["anxiety"] / 5.0 - 2 * scores["avoidance"] / 4.0) / np.sqrt(1 + 4 + 2 * 2 * 0.2)
    assert items.shape == (n, 12)
    assert items.sum(axis=1).to_numpy(float) == pytest.approx(expected.to_numpy(float), abs=1e-9)
