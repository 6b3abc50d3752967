"""Therapists left out one by one."""

import numpy as np
import pytest

from bowlby.robustness.leave_one_therapist_out import influence, recentred, without
from bowlby.robustness.refit_claims import Basis, Rows, answer
from bowlby.robustness.summary import summarise
from bowlby.robustness.verdict_changes import record_verdict_changes


def test_the_lean_fits_are_those_of_the_run(basis):
    """Contrasts are the same numbers that the run keeps."""
    found = answer(basis.primary, basis.perceived)
    kept = basis.perceived.fitter.perceived()
    contrasts = {c["name"]: c for m in ("c4", "c5") for c in kept[m].record["contrasts"]}
    for name in ("T_A", "Z"):
        assert found.effects[name].estimate == pytest.approx(contrasts[name]["estimate"], rel=1e-9)
        assert found.effects[name].df == pytest.approx(contrasts[name]["df"], rel=1e-6)


def test_every_therapist_is_left_out_once(basis):
    found = influence(basis)
    assert found["therapist"].tolist() == sorted(basis.primary.data["therapist"].unique())
    assert found["patients"].sum() == len(basis.primary.data)
    assert set(found["C1"]) <= {"supported", "refuted", "inconclusive"}
    assert (found["cooks"] > 0).all() and found["cooks"].mean() < 1


@pytest.mark.parametrize("which", ["basis", "few_switch"])
def test_leaving_out_is_fitting_what_is_left(which, request):
    """Side by side or one by one: the numbers of rows taken out, centred again and fitted; 1e-6."""
    basis = request.getfixturevalue(which)
    found, whole = influence(basis), answer(basis.primary, basis.perceived)
    for k in (0, 3, 7):
        therapist = found["therapist"][k]
        one = answer(without(basis.primary, therapist), without(basis.perceived, therapist))
        for name, effect in one.effects.items():
            assert found[name][k] == pytest.approx(effect.estimate, abs=1e-6), name
            assert found[f"{name}_se"][k] == pytest.approx(effect.se, rel=1e-5), name
            assert found[f"{name}_df"][k] == pytest.approx(effect.df, rel=1e-4), name
        moved, cov = (whole.fixed - one.fixed).to_numpy()[1:], one.cov[1:, 1:]
        assert found["mdffits"][k] == pytest.approx(moved @ np.linalg.solve(cov, moved) / len(moved), rel=1e-4)
        assert found["covratio"][k] == pytest.approx(np.linalg.det(cov) / np.linalg.det(whole.cov[1:, 1:]), rel=1e-4)


def test_a_strange_therapist_stands_out(basis):
    """One therapist's patients 3 SD better: without that one the coefficients are known best by far."""
    data, odd = basis.primary.data.copy(), basis.primary.data["therapist"].iloc[0]
    data.loc[data["therapist"] == odd, "y"] += 3 * basis.primary.design["sd_outcome"]
    found = influence(Basis(Rows(data, basis.primary.membership, basis.primary.design), basis.perceived, 0.1, 7,
                            basis.strata))  # fmt: skip
    assert found.loc[found["covratio"].idxmin(), "therapist"] == odd
    assert found["covratio"].min() < 0.5 * found["covratio"].nsmallest(2).iloc[1]


def test_centring_again_is_what_the_design_stage_does(basis, switching):
    """Recentring complete rows changes nothing, also where patients switch."""
    for rows in (basis.primary, switching.primary, switching.perceived):
        again = recentred(rows)
        for column in [c for c in rows.data if c[:2] in ("a_", "s_", "z_") or c.startswith("pre_")]:
            assert np.abs(again.data[column] - rows.data[column]).max() < 1e-9, column


def test_therapists_joined_by_the_thousand_are_not_left_out_one_by_one(switching, monkeypatch):
    monkeypatch.setattr("bowlby.robustness.leave_one_therapist_out.MOST", 40)
    found = influence(switching)
    assert len(found) == 48 and (found["status"] == "failed").all() and "P" not in found
    record = summarise({"influence": found}, {}, 0.1, {"C1": "supported"})["influence"]
    assert record["not_computed"].startswith("patients who switched join all therapists")
    claims = {"C1": {"verdict": "supported", "flags": [], "fragile": None, "not_tested": False}}
    record_verdict_changes(claims, {"influence": found}, {}, 0.1)
    assert claims["C1"]["fragile"] is None and not claims["C1"]["flags"]
    assert claims["C1"]["fragile_not_tried"] == [
        {"code": "not_computed", "check": "influence", "reason": record["not_computed"]}]  # fmt: skip


def test_patients_who_switched_leave_with_either_therapist(switching):
    membership = switching.primary.membership
    therapist = membership["therapist"].iloc[0]
    left = without(switching.primary, therapist)
    assert therapist not in set(left.membership["therapist"])
    assert len(switching.primary.data) - len(left.data) == (membership["therapist"] == therapist).sum()
    assert (left.membership.groupby("patient")["weight"].sum() - 1).abs().max() < 1e-9
