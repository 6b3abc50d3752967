"""The multiverse and its null, on a small study of latent scores."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bowlby.config.robustness import Multiverse, Replicates, Robustness
from bowlby.design.primary import comparison_set
from bowlby.errors import UserError, problem
from bowlby.robustness.multiverse import (
    Specification,
    StudyInputs,
    choices,
    complete_only,
    few_patients,
    multiverse,
    outliers,
    prepare_specification,
    specifications,
)
from bowlby.robustness.multiverse_null import Draws, _membership, _permuted_styles, multiverse_null
from bowlby.robustness.refit_claims import Rows, answer
from bowlby.robustness.replicates import Address
from bowlby.robustness.summary import curve, expected_support
from bowlby.robustness.verdict_changes import elsewhere

OCCASIONS = ["intake", "session_5", "session_10", "end"]


def test_the_first_specification_is_the_registered_analysis(universe):
    found = multiverse(universe, 0, 1)
    built = comparison_set(universe.run, universe.scores, universe.people, OCCASIONS, "primary")
    whole = answer(Rows(built.data, built.membership, built.design), None)
    for name, effect in whole.effects.items():
        assert (found[name][0], found[f"{name}_se"][0]) == pytest.approx((effect.estimate, effect.se), rel=1e-9)
    assert found["P-|T|"][0] == pytest.approx(found["P"][0] - abs(found["T"][0]))
    assert found["C2"][0] == whole.verdicts(0.1)["C2"]["verdict"]


def test_a_specification_whose_tests_cannot_be_computed_fails_alone(universe, monkeypatch):
    import bowlby.robustness.multiverse as module

    real, calls = module.contrasts, []

    def second_refused(*asked):
        calls.append(asked)
        if len(calls) == 2:
            raise UserError(problem("the df cannot be computed", "drop a random effect"))
        return real(*asked)

    monkeypatch.setattr(module, "contrasts", second_refused)
    found = multiverse(universe, 0, 3)
    assert found["status"].tolist()[1] == "failed" and "failed" not in found["status"].tolist()[::2]
    assert found["reason"][1] == "the df cannot be computed; drop a random effect"


def test_choices_that_the_data_do_not_admit_are_dropped_with_the_reason(universe):
    found = choices(universe.run, universe.scores, universe.people, OCCASIONS)
    assert found.levels["perceived"] == ["composite", "joint", "secure", "avoidant"]
    assert found.levels["occasion"] == ["registered", "session_10"]
    assert found.levels["switching"] == ["share", "first", "last", "equal"]
    assert found.levels["answers"] == ["prorated", "complete"]
    assert {"node": "covariates", "level": "none", "reason": "the main analysis has no covariate"} in found.dropped
    late = universe.scores["cats"].assign(occasion="end")
    scores = universe.scores | {"cats": pd.concat([universe.scores["cats"], late]).assign(secure_prorated=False)}
    alone = universe.people | {"episodes": universe.people["episodes"].drop_duplicates("patient")}
    found = choices(universe.run, scores, alone, OCCASIONS)
    reasons = {(d["node"], d["level"]): d["reason"] for d in found.dropped}
    assert reasons["occasion", "end"] == "perceived attachment would be measured at or after the outcome"
    assert reasons["switching", "first"] == "no patient switches"
    assert reasons["answers", "complete"] == "no score of these scales is prorated"


def test_the_sample_of_specifications_is_seeded_and_holds_the_registered_one(universe):
    found = choices(universe.run, universe.scores, universe.people, OCCASIONS)
    some = specifications(found, 11, 40)
    assert found.size == 2 * 2 * 4 * 3 * 2 * 2 * 2 * 4 * 3 * 2 * 5
    assert len(set(some)) == 40 and some[0] == Specification()
    assert some == specifications(found, 11, 40) != specifications(found, 12, 40)
    assert len(specifications(choices(universe.run.model_copy(update={"robustness": Robustness(
        kinds=["multiverse"], multiverse=Multiverse(**{n: [getattr(Specification(), n)] for n in ("answers", "occasion",
        "perceived", "style", "covariates", "between", "switching", "slope", "outliers")}))}), universe.scores,
        universe.people, OCCASIONS), 1, 512)) == 4  # fmt: skip


def test_the_multiverse_does_not_depend_on_shards(universe):
    whole = multiverse(universe, 0, 12)
    assert len(whole) == 12 and (whole["status"] != "failed").mean() > 0.7
    parts = pd.concat([multiverse(universe, 0, 5), multiverse(universe, 5, 12)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)
    assert len(multiverse(universe, 40, 80)) == 0


def test_scales_alone_keep_the_registered_direction(universe):
    """Avoidant attachment counts against the therapist: alone it is turned, so that P stays above 0."""
    for scale in ("secure", "avoidant"):
        made = prepare_specification(universe, replace(Specification(), perceived=scale))
        assert made.fit().params["perceived_within"] > 0
    joint = prepare_specification(universe, replace(Specification(), perceived="joint"))
    assert set(joint.contrasts["P"]) == {"perceived_secure_within", "perceived_avoidant_within"}
    assert "perceived_within" in joint.random[0]["terms"], "the slope of the tested direction varies"


def test_change_scores_leave_baseline_out(universe):
    made = prepare_specification(universe, replace(Specification(), outcome="change"))
    assert list(made.fit().params.index) == ["Intercept", "perceived_within", "therapist_style"]
    data = prepare_specification(universe, Specification()).fitter.data
    rest = made.fitter.data["y"] - data["y"]
    assert np.ptp(rest + data["baseline_within"] + data["baseline_between"]) < 1e-9


def test_outliers_are_dropped_or_moved():
    """One patient 10 SD off: dropped; winsorised to 3 SD of the rest's line."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"baseline": rng.normal(size=200), "perceived": rng.normal(size=200)})
    frame["y"] = frame["baseline"] + rng.normal(size=200)
    frame.loc[0, "y"] += 20
    assert outliers(frame, "drop_3")["y"].isna().tolist()[:2] == [True, False]
    moved = outliers(frame, "winsorise_3")
    slope, level = np.polyfit(frame["baseline"], frame["y"], 1)
    rest = frame["y"] - level - slope * frame["baseline"]
    assert moved["y"][0] == pytest.approx(level + slope * frame["baseline"][0] + 3 * rest.std())
    assert moved["y"][1] == pytest.approx(frame["y"][1])
    assert outliers(frame, "keep") is frame


def test_therapists_with_few_patients_leave():
    frame = pd.DataFrame(
        {"baseline": 1.0, "y": [1.0, 2, 3, 4], "perceived": 1.0, "therapist_style": 1.0}, index=list("abcd")
    )
    episodes = pd.DataFrame({"patient": list("abcd"), "therapist": ["X", "X", "X", "Y"], "weight": 1.0})
    assert few_patients(frame, episodes, 2)["y"].isna().tolist() == [False, False, False, True]


def test_prorated_scores_go_where_only_complete_ones_are_kept(universe):
    found = complete_only(universe.run, universe.scores)["cats"]
    assert found["secure"].isna().equals(universe.scores["cats"]["secure_prorated"])


def test_the_null_keeps_the_study_in_run_0_and_breaks_it_in_the_others(universe):
    """Run 0 has the curve of the study; permuted residuals leave P around 0; shards change nothing."""
    small = StudyInputs(universe.run.model_copy(update={"robustness": Robustness(
        kinds=["multiverse_null"], replicates=Replicates(multiverse=4))}), universe.scores, universe.people,
        OCCASIONS)  # fmt: skip
    strata = pd.Series("all", index=sorted(universe.people["therapists"]["therapist"]))
    whole = multiverse_null(small, strata, 0, 7)
    curves = multiverse(small, 0, 4)
    assert whole["P_median"][0] == pytest.approx(curves["P"].median(), abs=1e-6)
    assert whole["T_median"][0] == pytest.approx(curves["T"].median(), abs=1e-6)
    assert whole["C2_permuted"][0] == pytest.approx((curves["C2"] == "supported").mean())
    assert whole["drawn_median"][0] == pytest.approx(curves["P-|T|"].median(), abs=1e-6)
    assert whole["P_median"][1:].abs().max() < 0.5 * whole["P_median"][0]
    parts = pd.concat([multiverse_null(small, strata, 0, 3), multiverse_null(small, strata, 3, 7)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)


def test_permuted_style_goes_without_what_other_predictors_of_therapists_account_for(universe):
    """The residual of style on baseline and perceived attachment between therapists changes hands, nothing else."""
    made = prepare_specification(universe, replace(Specification(), between="in", switching="first"))
    strata = pd.Series("all", index=sorted(universe.people["therapists"]["therapist"]))
    weights = _membership(made)
    level = (
        made.fitter.data.groupby("therapist")[["therapist_style", "baseline_between", "perceived_between"]]
        .mean()
        .loc[weights.columns]
    )
    known = np.column_stack([np.ones(len(level)), level[["baseline_between", "perceived_between"]]])
    residual = level["therapist_style"] - known @ np.linalg.lstsq(known, level["therapist_style"], rcond=None)[0]
    draws = Draws.of([Address(11, "multiverse_null", 3)], strata, pd.Index(universe.people["patients"]["patient"]))
    seen = pd.Series(_permuted_styles(made, weights, draws)[0])
    own = seen.groupby(made.fitter.data["therapist"]).mean()
    own += residual.mean() - own.mean()
    assert sorted(own) == pytest.approx(sorted(residual))
    assert np.abs(own - residual).max() > 0.1


def curve_table():
    """Ten specifications, the registered one first; three with the other sign of P-|T|, one of them not fitted."""
    table = pd.DataFrame({"status": "ok", "P": 0.3, "T": [0.0] * 7 + [0.5] * 3})
    for node in Specification.__dataclass_fields__:
        table[node] = getattr(Specification(), node)
    table["P-|T|"], table["P-T"], table["P+T"] = table["P"] - table["T"].abs(), table["P"] - table["T"], table["P"]
    table[[f"{name}_{k}" for name in ("P", "P-T", "P+T") for k in ("se", "df")]] = [0.1, 50.0] * 3
    table[["C1", "C2", "C3"]] = "supported"
    table.loc[9, "status"] = "failed"
    return table


def test_a_sign_that_turns_in_a_fifth_of_specifications_is_a_reason():
    """Two of nine fitted specifications: 22 % for C2 and C3, none for C1."""
    claim = {"verdict": "supported"}
    assert elsewhere("C2", claim, curve_table(), 0.1) == [{"code": "sign_elsewhere", "of": "P-|T|", "share": 2 / 9}]
    assert elsewhere("C3", claim, curve_table(), 0.1) == [{"code": "beyond_elsewhere", "share": 2 / 9}]
    assert elsewhere("C1", claim, curve_table(), 0.1) == []
    found = curve(curve_table(), 0.1)
    assert found["other_sign"] == pytest.approx({"P": 0.0, "P-|T|": 2 / 9})
    assert found["verdicts"]["C1"] == {"supported": 1.0}


def test_support_is_expected_where_standard_errors_allow_it():
    """By hand: at 4 SE nearly all, at the critical value half; two half chances are a quarter to a half."""
    names = ("P", "P-T", "P+T")
    fitted = pd.DataFrame([{f"{n}_{k}": v for n in names for k, v in (("se", se), ("df", 1e9))} for se in (0.1, 0.2)])
    registered = pd.Series(dict.fromkeys(names, 0.2 * 1.959963985))
    found = expected_support(fitted, registered)
    near = 0.97500  # at SE .1 the estimate is twice the critical value
    assert found["C1"] == pytest.approx([(near + 0.5) / 2] * 2, abs=1e-4)
    assert found["C2"] == pytest.approx([(near**2 + 0.25) / 2, (near + 0.5) / 2], abs=1e-4)
