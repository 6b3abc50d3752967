"""Fits as files: the contract, and contrasts that are what they say."""

import numpy as np
import pandas as pd
import pytest

from bowlby.fit.models import Fitter, fit_set, second_of
from bowlby.fit.record import constant_outcome
from bowlby.mixed import MixedModel
from bowlby.terms import INTERCEPT, M1, M1_RANDOM, P


@pytest.fixture(scope="module")
def analysis():
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(24), 10)
    a = rng.normal(size=240)
    a -= pd.Series(a).groupby(group).transform("mean").to_numpy()
    s = rng.normal(size=24)[group]
    y = 2 * a + (0.6 * rng.normal(size=24))[group] * a + 0.5 * s + rng.normal(size=24)[group] + 3 * rng.normal(size=240)
    names = [f"T{g:02}" for g in group]
    data = pd.DataFrame(
        {"patient": [f"P{i:03}" for i in range(240)], "therapist": names, "y": y, "perceived_within": a}
    )
    data["therapist_style"] = data["therapist_style_x"] = s - s.mean()
    data["perceived_x_within"], data["perceived_between"] = a, rng.normal(size=24)[group]
    pre = rng.normal(size=240)
    data["baseline_between"] = pd.Series(pre).groupby(group).transform("mean").to_numpy()
    data["baseline_within"] = pre - data["baseline_between"]
    one = {"scales": ["x"], "sd": [1.0], "correlation": [[1.0]], "weights": {"x": 1.0}}
    scaling = {"perceived": one, "therapist_style": one}
    design = {"sd_outcome": 4.0, "sd_error": {}, "n_dropped": {"no outcome": 3}, "covariates": [], "scaling": scaling}
    return data, data[["patient", "therapist"]].assign(weight=1.0), design


def fit_primary(data, membership, design):
    fits = fit_set("primary", data, membership, design)
    second = second_of("primary", data, fits)
    return fits["primary"].record, fits["primary"].effects, second


def test_one_scale_makes_the_blocks_the_primary_model(analysis):
    fits = fit_set("primary", *analysis)
    single = {c["name"]: c for c in fits["primary"].record["contrasts"]}
    joint = {c["name"]: c for c in fits["m1b"].record["contrasts"]}
    for own, other in (("P", "P_u"), ("T", "T_u")):
        for key in ("estimate", "se", "df"):
            assert joint[other][key] == pytest.approx(single[own][key], rel=1e-6)
    test = fits["m1b"].record["blocks"][1]
    assert (test["f"], test["df_den"]) == pytest.approx((single["T"]["t"] ** 2, single["T"]["df"]), rel=1e-6)


def test_the_slope_of_a_registered_direction_varies_between_therapists(analysis):
    """SD .8 between therapists: a standard error that held the slope constant would be less than half of it."""
    data, membership, design = analysis
    rng = np.random.default_rng(7)
    slope = pd.Series(0.8 * design["sd_outcome"] * rng.normal(size=24), sorted(data["therapist"].unique()))
    varied = data.assign(y=data["y"] + data["therapist"].map(slope).to_numpy(float) * data["perceived_within"])
    fitter = Fitter(varied, membership, design)
    record = fitter.primary()["m1b"].record
    joint = next(c for c in record["contrasts"] if c["name"] == "P_u")
    assert P in [r["term"] for r in record["random"]]
    constant = fitter.fit(["perceived_x_within", "therapist_style_x"], INTERCEPT)
    assert joint["se"] * design["sd_outcome"] > 2 * constant.bse["perceived_x_within"]
    assert joint["df"] < 40, "therapists are counted, not patients"


def test_ml_refits_are_nested_and_on_the_same_rows(analysis):
    fits = fit_set("primary", *analysis)
    llf = {name: fits[f"{name}_ml"].record["llf"] for name in ("m0", "m_p", "m_t", "primary")}
    assert llf["m0"] < llf["m_p"] < llf["primary"] and llf["m0"] <= llf["m_t"] <= llf["primary"]
    assert {f.record["n_obs"] for f in fits.values()} == {240}


def test_contrasts_are_the_standardised_coefficients(analysis):
    fit, _, _ = fit_primary(*analysis)
    fixed = {f["term"]: f for f in fit["fixed"]}
    contrasts = {c["name"]: c for c in fit["contrasts"]}
    p, t = fixed["perceived_within"], fixed["therapist_style"]
    assert contrasts["P"]["estimate"] == pytest.approx(p["estimate"] / 4)
    assert (contrasts["T"]["se"], contrasts["T"]["df"]) == pytest.approx((t["se"] / 4, t["df"]))
    cov = np.array(fit["vcov_adjusted"]["values"])
    i, j = (fit["vcov_adjusted"]["terms"].index(n) for n in ("perceived_within", "therapist_style"))
    variance = (cov[i, i] + cov[j, j] - 2 * cov[i, j]) / 16
    assert contrasts["P-T"]["estimate"] == pytest.approx((p["estimate"] - t["estimate"]) / 4)
    assert contrasts["P-T"]["se"] == pytest.approx(np.sqrt(variance))


def test_slope_of_perceived_attachment_has_therapist_degrees_of_freedom(analysis):
    """Slopes that differ between therapists leave P with about as many df as therapists, not as patients."""
    fit, _, _ = fit_primary(*analysis)
    assert {f["term"]: f["df"] for f in fit["fixed"]}["perceived_within"] < 40
    assert fit["n_dropped"] == {"no outcome": 3}


def test_membership_is_used_where_patients_switch(analysis):
    data, membership, design = analysis
    shared = pd.concat(
        [
            membership.assign(weight=np.where(membership.index == 0, 0.5, 1.0)),
            pd.DataFrame({"patient": ["P000"], "therapist": ["T23"], "weight": [0.5]}),
        ]
    )
    one, effects, _ = fit_primary(data, membership, design)
    other, _, _ = fit_primary(data, shared, design)
    assert one["llf"] != pytest.approx(other["llf"], abs=1e-6)
    weights = shared.pivot_table(index="patient", columns="therapist", values="weight", fill_value=0.0)
    model = MixedModel.from_terms(
        "y",
        ["baseline_within", "baseline_between", "perceived_within", "therapist_style"],
        [{"group": "therapist", "terms": ["1", "perceived_within"], "correlated": False}],
        data,
        membership={"therapist": weights.loc[data["patient"]]},
    )
    assert other["llf"] == pytest.approx(model.fit().llf, abs=1e-8)
    assert list(effects.columns) == ["group", "level", "term", "value", "variance"]
    assert len(effects) == 48 and (effects["variance"] > 0).all()


@pytest.fixture
def many_switch(analysis):
    """Thirty patients with a second therapist; rows and people in no order; therapists' names are no numbers."""
    data, membership, design = analysis
    rng = np.random.default_rng(17)
    own, first = membership["weight"].to_numpy().copy(), membership["therapist"].to_numpy()
    moved = rng.choice(len(own), 30, replace=False)
    own[moved] = rng.uniform(0.3, 0.9, 30)
    other = [f"T{(int(first[k][1:]) + 1 + k % 7) % 24:02}" for k in moved]
    more = pd.DataFrame({"patient": membership["patient"].iloc[moved], "therapist": other, "weight": 1 - own[moved]})
    shared = pd.concat([membership.assign(weight=own), more]).sample(frac=1, random_state=2)
    return data.sample(frac=1, random_state=5).reset_index(drop=True), shared, design


def test_sparse_membership_gives_what_a_full_table_gives(many_switch):
    """Estimates, Kenward-Roger and each therapist's effects under their names: 1e-10."""
    data, shared, design = many_switch
    sparse = Fitter(data, shared, design).fit(M1, M1_RANDOM)
    table = shared.pivot_table(index="patient", columns="therapist", values="weight", fill_value=0.0)
    full = Fitter(data, shared, design)
    full.membership = {"therapist": table.loc[data["patient"]]}
    full = full.fit(M1, M1_RANDOM)
    assert sparse.llf == pytest.approx(full.llf, abs=1e-10)
    one, other = sparse.tidy().set_index("term"), full.tidy().set_index("term")
    assert np.allclose(one, other, rtol=1e-10, atol=1e-10)
    for name in ("random_effects", "random_effects_pev"):
        mine, theirs = (getattr(result, name)["therapist"] for result in (sparse, full))
        assert list(mine) == list(theirs) if isinstance(mine, dict) else mine.index.equals(theirs.index)
        mine, theirs = (np.array(list(x.values())) if isinstance(x, dict) else x.to_numpy() for x in (mine, theirs))
        assert np.allclose(mine, theirs, rtol=1e-10, atol=1e-10)
    assert sorted(sparse.random_effects["therapist"].index) == sorted(set(shared["therapist"]))
    assert sparse.predict(data.iloc[::-1], membership={"therapist": Fitter(data.iloc[::-1], shared, design)
                          .membership["therapist"]}) == pytest.approx(full.fittedvalues[::-1], abs=1e-10)  # fmt: skip


def test_rows_of_a_patient_share_the_patients_membership(many_switch):
    data, shared, design = many_switch
    twice = pd.concat([data, data.iloc[::3]], ignore_index=True)
    weights = Fitter(twice, shared, design).membership["therapist"]
    table = shared.pivot_table(index="patient", columns="therapist", values="weight", fill_value=0.0)
    assert weights.columns.tolist() == table.columns.tolist()
    assert np.array_equal(weights.to_numpy(), table.loc[twice["patient"]].to_numpy())


def test_reference_ratio_is_where_c2_falls(analysis):
    fit, _, _ = fit_primary(*analysis)
    ratio = fit["c2_lines"]["reference_ratio_limit"]
    data, membership, design = analysis
    assert 1 < ratio < 1000
    for factor, supported in ((0.99, True), (1.01, False)):
        stretched = data.assign(therapist_style=data["therapist_style"] / (ratio * factor))
        found, _, _ = fit_primary(stretched, membership, design)
        low = [c["ci_low"] for c in found["contrasts"] if c["name"] in ("P-T", "P+T")]
        assert bool(min(low) > 0) is supported


def test_largest_slope_of_any_therapist_variable(analysis):
    """By hand: the upper limit of the SD between therapists over outcome SD and SD of style."""
    data, membership, design = analysis
    fits = fit_set("primary", data, membership, design)
    random = [{"group": "therapist"}]
    m0 = MixedModel.from_terms("y", ["baseline_within", "baseline_between"], random, data).fit()
    limit = m0.profile(parameters=["therapist"], level=0.90)["ci_high"][0]
    style = data.groupby("therapist")["therapist_style"].first().std()
    assert fits["primary"].record["c2_lines"]["therapist_slope_limit"] == pytest.approx(limit / 4.0 / style)


@pytest.fixture
def grouped(analysis):
    """Half of each therapist's patients in groups of five that share an effect; the others are treated alone."""
    data, membership, design = analysis
    unit = pd.Series([f"{t}-G" if i % 10 < 5 else None for i, t in enumerate(data["therapist"])], dtype="string")
    rng = np.random.default_rng(3)
    shift = unit.map({name: 2 * rng.normal() for name in unit.dropna().unique()}).fillna(0.0).astype(float)
    treated = data.assign(y=data["y"] + shift, unit=unit.to_numpy(object), in_unit=unit.notna().astype(float))
    return treated, membership, design


def test_groups_of_patients_are_a_level_of_their_own(grouped):
    """lme4, ``(1 + perceived_within || therapist) + (0 + in_unit | unit)``, REML: log-likelihood -624.9491832."""
    data, membership, design = grouped
    fitted = Fitter(data, membership, design).fit(M1, M1_RANDOM)
    assert fitted.llf == pytest.approx(-624.9491831972396, abs=1e-6)
    alone = Fitter(data.drop(columns=["unit", "in_unit"]), membership, design).fit(M1, M1_RANDOM)
    assert alone.llf < fitted.llf - 2


def test_an_outcome_that_does_not_vary_is_named(analysis):
    data, *_ = analysis
    assert constant_outcome("phq9 total", "primary", data) is None
    line = constant_outcome("phq9 total", "primary", data.assign(y=1.0))
    assert line.startswith("analysis set primary: phq9 total is the same in all 240 rows")
    assert "perceived attachment is the same" in constant_outcome("phq9 total", "perceived", data.assign(y=1.0))
