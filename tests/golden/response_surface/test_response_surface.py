"""Response surface against lme4 and pbkrtest (``Rscript tests/golden/r/response_surface.R``), and its rules."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.response_surface import area_of, decide_match
from bowlby.design.centring import membership, within_between
from bowlby.effect import effects_of
from bowlby.fit.response_surface import fit_response_surface

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))


def rows() -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    table = pd.read_csv(HERE / "patients.csv")
    members = pd.DataFrame({"patient": [f"P{k}" for k in table.index], "weight": 1.0})
    members.insert(1, "therapist", table["therapist"].map("T{:02d}".format))
    x, w = table["x"], table["w"]
    data = members[["patient", "therapist"]].assign(
        y=table["y"], surface_x=x, surface_w=w, surface_xx=x**2, surface_xw=x * w, surface_ww=w**2
    )
    matrix = membership(members, members["patient"]).matrix()
    for name, column in (("baseline", "pre"), ("surface_x", "x")):
        data[[f"{name}_within", f"{name}_between"]] = np.column_stack(within_between(table[column].to_numpy(), matrix))
    surface = {
        "scale": "anxiety",
        "labels": ["patient's anxiety", "therapist's anxiety"],
        "persons": ["the patient", "the therapist"],
        "standardised": False,
        "therapists": {"surface_w": table.groupby("therapist")["w"].first().tolist()},
    }
    design = {"covariates": [], "sd_outcome": 1.0, "n_dropped": {}, "reference": "reference", "surface": surface}
    return data, members, design


@pytest.fixture(scope="module")
def fitted():
    data, members, design = rows()
    return fit_response_surface("response_surface_anxiety", data, members, design)["response_surface_anxiety"].record


def test_coefficients_and_features_are_those_of_lme4_and_pbkrtest(fitted):
    """Estimates and standard errors within 1e-6, Kenward-Roger df within 1e-4 of their size."""
    found = effects_of(fitted["contrasts"])
    assert set(found) == set(EXPECTED["contrasts"])
    for name, expected in EXPECTED["contrasts"].items():
        assert found[name].estimate == pytest.approx(expected["estimate"], abs=1e-6)
        assert found[name].se == pytest.approx(expected["se"], abs=1e-6)
        assert found[name].df == pytest.approx(expected["df"], rel=1e-4)
    variances = {r["term"]: r["variance_or_cov"] for r in fitted["random"]} | {"residual": fitted["scale"]}
    named = {"Intercept": "intercept", "surface_x_within": "slope", "residual": "residual"}
    for term, name in named.items():
        assert variances[term] == pytest.approx(EXPECTED["variances"][name], abs=1e-5)


def test_ridge_is_the_first_principal_axis_with_fieller_sets(fitted):
    data, _, design = rows()
    ridge = decide_match(fitted, data, design, (0.1, 0.05))["ridge"]
    for name in ("slope", "crossing"):
        assert ridge[name]["estimate"] == pytest.approx(EXPECTED[name]["estimate"], abs=1e-6)
        assert ridge[name]["ci"] == pytest.approx(EXPECTED[name]["ci"], abs=1e-5)


def test_congruence_needs_all_conditions(fitted):
    """The drawn surface has its ridge on the line of congruence: wide bounds support it, narrow ones do not."""
    data, _, design = rows()
    wide, narrow = (decide_match(fitted, data, design, bounds) for bounds in ((0.5, 0.5), (0.05, 0.02)))
    assert wide["verdict"] == "supported" and [c["shown"] for c in wide["conditions"]] == [True] * 6
    assert narrow["verdict"] == "inconclusive" and narrow["conditions"][0]["shown"] is None
    assert "Undecided conditions of congruence: the slope across the line of congruence is" in narrow["sentence"]
    turned = [
        c | {"estimate": -c["estimate"]} if c["name"] in ("a4", "b3+b5", "b4") else c for c in fitted["contrasts"]
    ]
    against = decide_match(fitted | {"contrasts": turned}, data, design, (0.5, 0.5))
    assert against["verdict"] == "refuted" and [c["shown"] for c in against["conditions"]][2:5] == [False] * 3
    assert against["ridge"]["slope"] == {"estimate": None, "ci": None}


def test_no_patient_is_a_corner_of_the_shared_area():
    points = rows()[0][["surface_x", "surface_w"]].to_numpy()
    pooled, own = np.array(area_of(points)), np.array(area_of(points, shareable=False))
    assert not (pooled[:, None] == points[None]).all(axis=2).any()
    assert (own[:, None] == points[None]).all(axis=2).any(axis=1).all()
    assert area_of(points[:8]) is None  # one group of five
