"""Permutation of therapists' style, bootstrap over therapists, wild cluster bootstrap."""

import numpy as np
import pandas as pd
import pytest

from bowlby.design.primary import analysis_set
from bowlby.effect import effects_of
from bowlby.fit.models import standardised
from bowlby.report.robustness_tables import left_undone
from bowlby.robustness.cluster_robust import cluster, drawn_counts, joined, sandwich, webb, wild
from bowlby.robustness.leave_one_therapist_out import recentred
from bowlby.robustness.refit_claims import M1, SLOPES, Basis, Rows, answer, fit_m1
from bowlby.robustness.replicates import HEAD, Address
from bowlby.robustness.resampling import permutation, permuted, style_residual
from bowlby.robustness.summary import summarise
from bowlby.simulate.scenarios import scenario
from bowlby.simulate.study_analysis import run_config, simulated_patients
from bowlby.terms import M1_RANDOM


def with_style(basis, values):
    data = basis.primary.data.copy()
    data["therapist_style"] = values - values.mean()
    return Rows(data, basis.primary.membership, basis.primary.design)


@pytest.mark.parametrize("which", ["basis", "switching"])
def test_permutations_are_refits_with_another_style(which, request):
    """Estimates, Kenward-Roger errors and df of each permutation are those of a fit of its own; 1e-7."""
    basis = request.getfixturevalue(which)
    found = permutation(basis, 0, 4)
    residual, weights = style_residual(basis.primary)
    for k in range(4):
        order = permuted(np.zeros(weights.shape[1], int), Address(7, "permutation", k).generator())
        values = weights.to_numpy() @ (residual[order] if k else residual)
        fit = with_style(basis, values).fitter.fit(M1, M1_RANDOM)
        for name, effect in effects_of(standardised(fit, basis.primary.design)).items():
            assert found[name][k] == pytest.approx(effect.estimate, abs=1e-7)
            assert found[f"{name}_se"][k] == pytest.approx(effect.se, rel=1e-6)
            assert found[f"{name}_df"][k] == pytest.approx(effect.df, rel=1e-5)


def test_permutation_0_is_the_study(basis):
    found, whole = permutation(basis, 0, 1), answer(basis.primary, None).effects
    assert found["T_t"][0] == pytest.approx(whole["T"].estimate / whole["T"].se, rel=1e-6)
    assert found["C2"][0] == answer(basis.primary, None).verdicts(0.1)["C2"]["verdict"]


def test_permutations_stay_within_strata():
    strata = np.array([0, 1, 0, 1, 1, 0])
    for number in range(20):
        order = permuted(strata, Address(1, "permutation", number).generator())
        assert sorted(order) == list(range(6)) and (strata[order] == strata).all()


def test_permutations_do_not_depend_on_shards(basis):
    whole = permutation(basis, 0, 9)
    parts = pd.concat([permutation(basis, at, at + 3) for at in (0, 3, 6)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)


def relabelled(rows, part, counts):
    """Therapists drawn several times as therapists of their own, centred again."""
    data, membership = [], []
    for unit, times in enumerate(counts):
        own = rows.data[part == unit]
        theirs = rows.membership[rows.membership["patient"].isin(own["patient"])]
        for copy in range(times):
            data.append(own.assign(patient=own["patient"] + f"#{copy}", therapist=own["therapist"] + f"#{copy}"))
            membership.append(theirs.assign(**{c: theirs[c] + f"#{copy}" for c in ("patient", "therapist")}))
    return recentred(Rows(pd.concat(data, ignore_index=True), pd.concat(membership, ignore_index=True), rows.design))


def test_cluster_replicates_are_fits_of_relabelled_copies(basis):
    """Counting therapists gives the numbers of copying, relabelling and centring them again; 1e-7."""
    found, parts = cluster(basis, 0, 3), fit_m1(basis.primary).model.clusters("therapist")
    part = basis.primary.data["therapist"].map({c[0]: k for k, c in enumerate(parts)}).to_numpy()
    for k in range(3):
        counts = drawn_counts(Address(7, "cluster", k).generator(0), len(parts))
        assert counts.sum() == len(parts) == 16
        fit = relabelled(basis.primary, part, counts).fitter.fit(M1, M1_RANDOM)
        for name, effect in effects_of(standardised(fit, basis.primary.design)).items():
            assert found[name][k] == pytest.approx(effect.estimate, abs=1e-7)
            assert found[f"{name}_se"][k] == pytest.approx(effect.se, rel=1e-6)


def test_cluster_replicates_do_not_depend_on_shards(basis):
    whole = cluster(basis, 0, 9)
    parts = pd.concat([cluster(basis, 0, 4), cluster(basis, 4, 9)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)


def test_therapists_joined_by_switching_cannot_be_drawn(switching):
    """With 30 % of patients switching nearly all therapists are one part: failed, and no number."""
    found = cluster(switching, 0, 3)
    assert (found["status"] == "failed").all() and "P" not in found


def test_over_one_part_no_error_can_be_summed(switching):
    """Scores of a fitted model sum to 0: CR2 gave P an error of 0.000 here, and the wild bootstrap a t of 2e15."""
    for found in (sandwich(switching), wild(switching, 0, 3)):
        assert (found["status"] == "failed").all() and list(found) == HEAD
        assert found.attrs["not_computed"].startswith("patients who switched join all therapists to one group")
    assert joined(switching.primary) == 1.0


def test_share_of_therapists_who_are_joined_by_hand():
    """Ten therapists; A-B and B-C share a patient, D-E one."""
    pairs = [("1", "A"), ("1", "B"), ("2", "B"), ("2", "C"), ("3", "D"), ("3", "E")]
    rows = pd.DataFrame([*pairs, *((f"p{t}", t) for t in "FGHIJ")], columns=["patient", "therapist"])
    assert joined(Rows(None, rows.assign(weight=1.0), {})) == 0.3


def test_what_could_not_be_computed_is_said_and_nothing_else(switching):
    tables = {"sandwich": sandwich(switching), "wild": wild(switching, 0, 3), "cluster": cluster(switching, 0, 3)}
    found = summarise(tables, {}, 0.1, {})
    assert all(set(record) == {"replicates", "singular", "failed", "not_computed"} for record in found.values())
    said = left_undone(found)
    assert said.startswith("The bootstrap over therapists, cluster-robust standard errors and the wild cluster")
    assert "were not computed: patients who switched join all therapists to one group" in said
    assert said.endswith("request `parametric` instead.")
    assert "`parametric`" not in left_undone(found | {"parametric": {"replicates": 9}})
    assert left_undone({"sandwich": {"replicates": 1}}) == ""


def test_wild_replicate_0_is_the_study_and_weights_are_webbs(basis):
    """t of replicate 0 is the estimate over its cluster-robust error; six weights of mean 0 and variance 1."""
    found, robust = wild(basis, 0, 400), sandwich(basis)
    assert found["T_t"][0] * robust["T"][0] > 0
    weights = webb(Address(1, "wild", 1), 0, 60_000)
    assert len(set(weights)) == 6
    assert abs(weights.mean()) < 0.02 and weights.var() == pytest.approx(1.0, abs=0.02)
    for name in SLOPES:
        assert abs(found[f"{name}_t"][1:].mean()) < 0.25
    assert (found["P_t"].abs() >= abs(found["P_t"][0]) - 1e-9).mean() < 0.02  # S1: P = .38


def test_style_without_effect_is_seldom_found(basis):
    """Permutation p of T, over 12 studies in which T = 0, is below .05 in at most 3."""
    low = 0
    for seed in range(12):
        patients = simulated_patients(scenario("S1"), "16x36", 100 + seed)
        people = {"therapists": pd.DataFrame({"therapist": patients.style.index})}
        built = analysis_set(run_config(), patients, people, "primary")
        rows = Rows(built.data, built.membership, built.design)
        strata = pd.Series("all", index=sorted(rows.membership["therapist"].unique()))
        found = permutation(Basis(rows, basis.perceived, 0.1, seed, strata), 0, 100)
        low += (found["T_t"].abs() >= abs(found["T_t"][0]) - 1e-9).mean() < 0.05
    assert low <= 3
