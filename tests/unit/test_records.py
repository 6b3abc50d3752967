"""A run's folder read as typed records; a stored fit tests new contrasts as the fit itself would."""

import doctest
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bowlby
from bowlby.compare.claims import claim_slope, not_tested
from bowlby.effect import Effect
from bowlby.files import write_json
from bowlby.fit.record import block_test, contrast, record_fit
from bowlby.results import Results


def fitted(reml: bool):
    """Slopes that differ between 20 therapists, their style, and one predictor far from 0."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(20), 10)
    data = pd.DataFrame({"therapist": group, "perceived_within": 100 + 5 * rng.normal(size=200)})
    data["therapist_style"] = rng.normal(size=20)[group]
    data["y"] = data["perceived_within"] * rng.normal(1, 0.3, size=20)[group] / 5 + rng.normal(size=(2, 200)).sum(
        axis=0
    )
    return bowlby.MixedModel.from_formula(
        "y ~ perceived_within + therapist_style + (1 + perceived_within || therapist)", data
    ).fit(reml=reml)


@pytest.fixture(scope="module")
def fits():
    return {"primary": fitted(True), "primary_ml": fitted(False)}


@pytest.fixture
def folder(tmp_path, fits):
    """A run as the contracts describe it."""
    place = tmp_path / "results/example"
    write_json(place / "manifest.json", {"schema": 1})
    for name, fit in fits.items():
        method = "kenward-roger" if fit.reml else "satterthwaite"
        kept = [contrast(fit, "P", {"perceived_within": 0.2})] if fit.reml else []
        tests = [block_test(fit, "both", ["perceived_within", "therapist_style"])] if fit.reml else []
        write_json(place / f"fits/{name}.json", record_fit(name, fit, method, {"no outcome": 3}, kept, tests))
    effect = {"estimate": 0.3, "se": 0.1, "df": 40.0, "t": 3.0, "p": 0.005, "ci": [0.1, 0.5], "ci90": [0.13, 0.47]}
    effects = dict.fromkeys(("P", "T", "P-T", "P+T"), effect)
    write_json(place / "comparison.json", effects | {"delta": 0.1, "standardiser": "reference", "n_obs": 200,
                                                     "n_therapists": 20, "therapist_icc": None})  # fmt: skip
    claims = {"C1": claim_slope(Effect(0.3, 0.1, 40.0), 0.1, "P"), "C5": not_tested("no_patient_style")}
    write_json(place / "verdict.json", {"claims": claims, "sentence": "S.", "flags": ["few_therapists"]})
    scaling = {"perceived": {"scales": ["x", "z"], "sd": [2.0, 3.0], "weights": {"x": 1.0, "z": -1.0},
                     "correlation": [[1.0, -0.4], [-0.4, 1.0]]}}  # fmt: skip
    design = {"n_patients": 200, "n_therapists": 20, "n_switching": 1, "n_dropped": {}, "sd_outcome": 5.8}
    design |= {"reference": "sample", "covariates": ["age"], "scaling": scaling}
    write_json(place / "analysis/primary.design.json", design)
    return place


@pytest.mark.parametrize("name", ["primary", "primary_ml"])
@pytest.mark.parametrize(
    "weights",
    [{"perceived_within": 1.0, "therapist_style": -2.0}, "therapist_style", {"Intercept": 1, "perceived_within": 100}],
)
def test_stored_fit_tests_a_contrast_as_the_fit_itself(folder, fits, name, weights):
    stored = bowlby.load_results(folder).fits[name].contrast(weights, level=0.9)
    row = fits[name].contrast(weights, level=0.9).iloc[0]
    for key in ("estimate", "se", "df", "t", "p", "ci_low", "ci_high"):
        assert getattr(stored, key) == pytest.approx(row[key], rel=1e-11), key


def test_stored_fit_keeps_what_was_tested(folder, fits):
    run, fit = bowlby.load_results(folder), fits["primary"]
    stored = run.fits["primary"]
    pd.testing.assert_frame_equal(stored.tidy(), fit.tidy(), check_exact=True)
    pd.testing.assert_frame_equal(stored.covariance_adjusted, fit.cov_params(adjusted=True), check_exact=True)
    pd.testing.assert_series_equal(stored.params, fit.params, check_exact=True)
    assert stored.contrasts["P"].weights == {"perceived_within": 0.2}
    assert stored.contrasts["P"].se == pytest.approx(0.2 * stored.coefficients["perceived_within"].se, rel=1e-12)
    assert stored.tests["both"].terms == ("perceived_within", "therapist_style")
    assert stored.tests["both"].df_den == fit.f_test(["perceived_within", "therapist_style"])["df_den"].iloc[0]
    slopes = [("therapist", "Intercept", None), ("therapist", "perceived_within", None)]
    assert [(v.group, v.term, v.term2) for v in stored.variances] == slopes
    assert (stored.n_obs, stored.n_levels, stored.n_dropped) == (200, {"therapist": 20}, {"no outcome": 3})
    assert stored["fixed"][0]["term"] == "Intercept", "by key, a record is the file itself"


def test_verdict_comparison_and_design_have_types(folder):
    run = bowlby.load_results(str(folder))
    first, last = run.claims["C1"], run.claims["C5"]
    assert (first.verdict, first.tested, first.ci_low > 0, first.bound) == ("supported", True, True, 0.1)
    assert (last.verdict, last.tested, last.rule) == ("inconclusive", False, {"code": "no_patient_style"})
    assert np.isnan([last.estimate, last.ci_low, last.p]).all()
    assert (run.comparison.effects["P-T"].ci_high, run.comparison.delta) == (0.5, 0.1)
    assert np.isnan(run.comparison.therapist_icc)
    design = run.designs["primary"]
    assert (design.n_switching, design.outcome_sd, design.covariates) == (1, 5.8, ("age",))
    assert design.composites["perceived"].sd == {"x": 2.0, "z": 3.0}
    assert design.composites["perceived"].correlation.loc["x", "z"] == -0.4
    with pytest.raises(FrozenInstanceError):
        first.verdict = "refuted"


def test_contrasts_that_cannot_be_tested_are_refused(folder):
    fit = bowlby.load_results(folder).fits["primary"]
    with pytest.raises(
        bowlby.UserError, match="has no fixed effect 'style'; use Intercept, perceived_within, therapist_style"
    ):
        fit.contrast("style")
    with pytest.raises(bowlby.UserError, match="the weights are all 0"):
        fit.contrast({"therapist_style": 0})
    with pytest.raises(bowlby.UserError, match="the level is 95"):
        fit.contrast("therapist_style", level=95)
    path = folder / "fits/primary.json"
    write_json(path, {key: value for key, value in fit.items() if key != "df_parts"})
    with pytest.raises(bowlby.UserError, match="run the study again"):
        bowlby.load_results(folder).fits["primary"].contrast("therapist_style")


def test_a_folder_without_files_has_no_records(tmp_path):
    run = Results(Path(tmp_path))
    assert (run.verdict, run.comparison, run.fits, run.claims, run.designs) == (None, None, {}, {}, {})


def test_examples_run(folder, monkeypatch):
    monkeypatch.chdir(folder.parents[1])
    for value in (bowlby.load_results, bowlby.UserError):
        (example,) = doctest.DocTestFinder(recurse=False).find(value, globs={})
        failed, tried = doctest.DocTestRunner().run(example)
        assert tried and not failed
