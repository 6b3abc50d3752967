"""Session data: means up to a landmark for the claims, and the model of single sessions beside them."""

import numpy as np
import pandas as pd
import pytest

from bowlby.compare import compare
from bowlby.config.run import Block, Comparison, Outcome, Run
from bowlby.design.frame import patients
from bowlby.design.primary import comparison_set
from bowlby.design.sessions import session_set
from bowlby.errors import UserError
from bowlby.fit.models import fit_set
from bowlby.reasons import say_rule

AFTER = 3
NO_ERRORS = {
    "measurement": {"rows": {"baseline": None, "all": None}},
    "sensitivity": {
        "caseload": {"test": None},
        "curved_style": {"p": None},
        "curved_baseline": {"matters": False},
        "unequal_spread": {"p": 0.01},
    },
}
"""Nothing is known of errors of measurement."""


@pytest.fixture(scope="module")
def study():
    """20 therapists of 6 patients with 8 sessions; P000 has sessions 7 and 8 with another therapist."""
    rng = np.random.default_rng(5)
    therapist = [f"T{j:02}" for j in range(20)]
    style, level = rng.normal(size=20), 0.4 * rng.normal(size=20)
    rows = []
    for i in range(120):
        a, own = rng.normal(), 0.5 * rng.normal()
        for t in range(1, 9):
            j = i // 6 if i or t < 7 else 1
            felt = a + 0.5 * rng.normal()
            y = 0.05 * t + (0.4 * a if t > AFTER else 0.0) + level[j] + own + 0.6 * rng.normal()
            rows.append((f"P{i:03}", therapist[j], t, y, felt))
    table = pd.DataFrame(rows, columns=["person", "therapist", "session", "total", "secure"])
    table = table.assign(role="patient", about="self", occasion="", session=table["session"].astype("Int64"))
    own = pd.DataFrame({"person": therapist, "role": "therapist", "about": "self", "occasion": "", "secure": style})
    share = table.groupby(["person", "therapist"]).size().rename("n").reset_index()
    weights = share.rename(columns={"person": "patient"}).assign(weight=share["n"] / 8).drop(columns="n")
    people = {
        "patients": pd.DataFrame({"patient": sorted(set(table["person"]))}),
        "therapists": pd.DataFrame({"therapist": therapist}),
        "episodes": weights,
    }
    scores = {"core": table.drop(columns="secure"), "felt": table.drop(columns="total"), "style": own}
    return scores, people


def run(**perceived):
    block = Block(instrument="felt", about="self", weights={"secure": 1.0}, **{"sessions": AFTER, **perceived})
    outcome = Outcome(instrument="core", after=AFTER, higher_is_better=True)
    comparison = Comparison(perceived=block, therapist_style=Block(instrument="style", weights={"secure": 1.0}))
    return Run(run="s", study="none", outcome=outcome, comparison=comparison)


def test_baseline_and_outcome_are_means_on_both_sides_of_the_landmark(study):
    frame = patients(run(), *study).frame
    own = study[0]["core"].set_index("person").loc["P001"]
    assert frame.loc["P001", "baseline"] == pytest.approx(own["total"].iloc[:AFTER].mean())
    assert frame.loc["P001", "y"] == pytest.approx(own["total"].iloc[AFTER:].mean())


def test_a_session_counts_with_the_therapist_who_gave_it(study):
    built = session_set(run(), *study, [""])
    rows = built.data[built.data["patient"] == "P000"]
    assert rows["therapist"].tolist() == ["T00"] * 3 + ["T01"] * 2
    assert built.data.groupby("patient")["perceived_within_patient"].mean().abs().max() < 1e-12
    assert len(built.data) == 120 * 5


def test_the_session_model_is_that_of_lme4(study):
    """lme4, ``(1 | patient) + (1 + perceived_within || therapist)``, REML: log-likelihood and slopes."""
    built = session_set(run(), *study, [""])
    fits = fit_set("sessions", built.data, built.membership, built.design)
    record = fits["sessions"].record
    fixed = {f["term"]: f["estimate"] for f in record["fixed"]}
    assert record["llf"] == pytest.approx(-598.6834680713, abs=1e-6)
    assert fixed["perceived_within"] == pytest.approx(0.320313590, abs=1e-6)
    main = comparison_set(run(), *study, [""], "primary")
    p = fit_set("primary", main.data, main.membership, main.design)["primary"].record["contrasts"][0]
    beside = record["contrasts"][0]
    assert abs(p["estimate"] - beside["estimate"]) < 0.5 * p["se"]


def test_what_style_did_before_the_landmark_is_not_in_t_and_the_claims_say_so(study):
    sets = {name: comparison_set(run(), *study, [""], name) for name in ("primary", "perceived")}
    fits = {model: fitted.record for name, made in sets.items()
            for model, fitted in fit_set(name, made.data, made.membership, made.design).items()}  # fmt: skip
    verdict = compare(run(), fits, sets["primary"].design, sets["perceived"].design["adequacy"], NO_ERRORS)[1]
    claims = verdict["claims"]
    assert "unequal_spread" in verdict["flags"] and not {"curved_style", "slopes_by_caseload"} & {*verdict["flags"]}
    assert [name for name, claim in claims.items() if "after_landmark" in claim["reasons"]] == ["C2", "C3"]
    assert [name for name, claim in claims.items() if "same_rater_style" in claim["reasons"]] == []
    for name in ("C2", "C3"):
        assert claims[name]["qualified"] == (claims[name]["verdict"] == "supported")


def test_a_bound_that_cannot_be_missed_decides_neither_c3_nor_c4(study):
    wide = run().model_copy(update={"comparison": run().comparison.model_copy(update={"delta": 3.0})})
    sets = {name: comparison_set(wide, *study, [""], name) for name in ("primary", "perceived")}
    fits = {model: fitted.record for name, made in sets.items()
            for model, fitted in fit_set(name, made.data, made.membership, made.design).items()}  # fmt: skip
    claims = compare(wide, fits, sets["primary"].design, sets["perceived"].design["adequacy"], NO_ERRORS)[1]["claims"]
    for name in ("C3", "C4"):
        assert claims[name]["verdict"] == "inconclusive" and "bound_too_wide" in claims[name]["flags"]
        assert "would be supported whatever the data" in say_rule(claims[name]["rule"])


def test_perceived_attachment_must_not_know_the_sessions_of_the_outcome(study):
    with pytest.raises(UserError, match="may include ratings after session"):
        comparison_set(run(sessions=None), *study, [""], "primary")
