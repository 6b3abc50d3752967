"""What `check` accepts, every stage does: studies and runs are drawn, and the stages run one after another."""

import contextlib

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from studies import FEW, KINDS, designs, left_out, run_stages, runs, study_of

from bowlby.check import check
from bowlby.config import load
from bowlby.errors import UserError
from bowlby.estimands.estimate import _therapist_variance
from bowlby.files import read_json, read_parquet
from bowlby.plan import plan
from bowlby.reproduction.verify import verify
from bowlby.robustness.leave_one_therapist_out import without
from bowlby.robustness.refit_claims import answer
from bowlby.robustness.stage import read_basis


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(design=designs(), run=runs())
def test_what_check_accepts_every_stage_does(tmp_path_factory, design, run):
    folder = tmp_path_factory.mktemp("drawn") / "study"
    config = study_of(folder, design, run)
    with contextlib.chdir(folder):
        before = sorted(folder.rglob("*"))
        found = check(config)
        assert sorted(folder.rglob("*")) == before
        if any(severity == "error" for severity, _ in found):
            return
        results = run_stages(config)
        assert left_out(results, plan(config).loaded.run) == []


@settings(max_examples=5, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(design=designs(), run=runs())
def test_check_ends_in_lines_that_say_what_to_do(tmp_path_factory, design, run):
    folder = tmp_path_factory.mktemp("drawn") / "study"
    config = study_of(folder, design, run)
    with contextlib.chdir(folder):
        for severity, line in check(config):
            assert severity in ("error", "warning", "note") and "; " in line and line.isprintable()


@pytest.mark.parametrize(("asked", "last"), [("comparison", 1), ("comparison", 2), ("pair", 2)])
def test_one_patient_for_each_therapist_is_refused_by_check_in_the_users_words(tmp_path, asked, last):
    """Dyads, which only `pair:` can compare, and dyads but for one therapist of two patients."""
    design = {"seed": 5, "caseloads": [1] * 20 + [last], "switching": 0, "absent": 0.0, "no_style": 0, "flat": False,
              "sites": False}  # fmt: skip
    felt = {"instrument": "cats", "about": "therapist", "occasion": "mid", "weights": {"secure": 1}}
    style = {"instrument": "ecr_s", "weights": {"avoidance": -1}}
    blocks = {"comparison": {"perceived": felt, "therapist_style": style},
              "pair": {"first": felt | {"label": "security"},
                       "second": style | {"label": "their style", "role": "therapist"}}}  # fmt: skip
    run = {"run": "drawn", "study": "study.yaml", "seed": 3, asked: blocks[asked],
           "outcome": {"instrument": "phq9", "pre": "pre", "post": "post"}}  # fmt: skip
    config = study_of(tmp_path / "study", design, run)
    with contextlib.chdir(config.parent):
        (line,) = [line for severity, line in check(config) if severity == "error"]
    assert line.startswith("too few therapists have two or more patients with complete data; ")


def test_growth_of_dyads_leaves_therapists_out_and_says_why(tmp_path):
    design = {"seed": 5, "caseloads": [1] * 12, "switching": 0, "absent": 0.0, "no_style": 0, "flat": False,
              "sites": False}  # fmt: skip
    run = {"run": "drawn", "study": "study.yaml", "seed": 3, "outcome": {"instrument": "phq9"}, "growth": {}}
    config = study_of(tmp_path / "study", design, run)
    with contextlib.chdir(config.parent):
        assert [line for severity, line in check(config) if severity == "error"] == []
        results = run_stages(config, shown=["report"])
        fit, again = read_json(results / "fits/growth.json"), verify(results, load(config.name))
    assert again.good and again.numbers > 100 and not again.listed
    assert set(fit["groups"]) == {"patient"} and all(f["se"] > 0 for f in fit["fixed"])
    assert {r["reason"] for r in fit["left_out"]} == {"no therapist has two or more patients"}


def test_two_predictors_of_dyads_are_compared_at_one_level(tmp_path):
    """One patient a therapist: ordinary least squares, and what that cannot tell stands in the report."""
    design = {"seed": 5, "caseloads": [1] * 40, "switching": 0, "absent": 0.0, "no_style": 0, "flat": False,
              "sites": False}  # fmt: skip
    sides = {
        "first": {"label": "security", "instrument": "cats", "about": "therapist", "occasion": "mid",
                  "weights": {"secure": 1}},
        "second": {"label": "their style", "instrument": "ecr_s", "role": "therapist", "weights": {"avoidance": -1}},
        "covariates": ["age"],
    }  # fmt: skip
    run = {"run": "drawn", "study": "study.yaml", "seed": 3, "pair": sides,
           "outcome": {"instrument": "phq9", "pre": "pre", "post": "post"}}  # fmt: skip
    config = study_of(tmp_path / "study", design, run)
    with contextlib.chdir(config.parent):
        assert [line for severity, line in check(config) if severity == "error"] == []
        results = run_stages(config, shown=["report"])
        fit, pair, again = read_json(results / "fits/pair.json"), read_json(results / "pair.json"), verify(results)
        report = (results / "report.html").read_text("utf-8")
    assert again.good and again.numbers > 50
    assert {f["df"] for f in fit["fixed"]} == {40 - 5} and fit["random"] == []
    assert pair["one_level"] and pair["unfair"][0]["code"] == "one_patient_each"
    assert set(pair["doubts"]) == {"hc3"} and pair["n_therapists"] == 40
    assert "The model of the two predictors included 40 patients. None was excluded." in report
    assert "distinguished from differences between patients" in report
    assert "ordinary least squares" in report and "HC3" in report


AWKWARD = {
    "six therapists, one of whom has all patients of a level": {"caseloads": [5, 4, 4, 6, 5, 4]},
    "the others coded": {"caseloads": [5, 4, 4, 6, 5, 4], "rare": "yx"},
    "two patients who switch": {"caseloads": [4] * 8, "switching": 2},
    "singletons": {"caseloads": [1] * 9 + [3] * 4},
}


@pytest.mark.parametrize("what", [w if k == 0 else pytest.param(w, marks=pytest.mark.slow)
                                  for k, w in enumerate(AWKWARD)])  # fmt: skip
def test_no_kind_of_robustness_ends_a_run(tmp_path, what):
    """What is computed has finite numbers; what is not says why; and neither counts as a check that was passed."""
    design = {"seed": 5, "switching": 0, "absent": 0.02, "no_style": 0, "flat": False, "sites": False} | AWKWARD[what]
    compared = {
        "perceived": {"instrument": "cats", "about": "therapist", "occasion": "mid", "weights": {"secure": 1}},
        "therapist_style": {"instrument": "ecr_s", "weights": {"anxiety": -1}},
        "patient_style": {"instrument": "ecr_s", "occasion": "pre", "weights": {"anxiety": -1}},
        "covariates": ["rare"],
    }
    run = {
        "run": "drawn", "study": "study.yaml", "seed": 3, "comparison": compared,
        "outcome": {"instrument": "phq9", "pre": "pre", "post": "post"},
        "robustness": {"kinds": KINDS, "replicates": FEW, "imputation": {"iterations": 20, "deltas": [0.0]}},
    }  # fmt: skip
    config = study_of(tmp_path / "study", design, run)
    with contextlib.chdir(config.parent):
        assert [line for severity, line in check(config) if severity == "error"] == []
        results = run_stages(config, shown=["report"])
        record, claims = (read_json(results / f"{name}.json") for name in ("robustness", "verdict"))
        assert sorted(record) == sorted(KINDS)
        undone = {kind for kind, found in record.items() if found.get("not_computed")}
        assert undone <= {"cluster", "sandwich", "wild"}
        left = read_parquet(results / "robustness/influence.parquet")
        numbers = left.loc[left["status"] != "failed", ["P", "T", "cooks", "mdffits", "covratio"]]
        assert np.isfinite(numbers).all(axis=None)
        for claim in claims["claims"].values():
            if claim["verdict"] != "inconclusive":
                untried = claim["fragile_not_tried"]
                assert claim["fragile"] is (True if claim["fragile_because"] else None if untried else False)
                assert bool(untried) >= bool((left["status"] == "failed").any())
        basis = read_basis(plan(config).loaded.run, results)
        fitter = basis.primary.fitter  # `rare` does not vary within therapists: one of its two parts is all 0
        fitter.base = [term for term in fitter.base if fitter.data[term].std() > 1e-9]
        found, same = read_json(results / "estimands/variance.json"), _therapist_variance(fitter, 3)
        assert [found["statistic"], *found["icc_ci"]] == pytest.approx([same["statistic"], *same["icc_ci"]], abs=1e-6)
        for at in range(0, len(left), 4):
            kept = left.loc[at]
            rows = without(basis.primary, kept["therapist"]), without(basis.perceived, kept["therapist"])
            if kept["status"] == "failed":
                with pytest.raises(UserError):
                    answer(*rows)
                continue
            one = answer(*rows)
            for name, effect in one.effects.items():
                assert kept[name] == pytest.approx(effect.estimate, abs=1e-5), name
                assert kept[f"{name}_se"] == pytest.approx(effect.se, rel=1e-4), name
