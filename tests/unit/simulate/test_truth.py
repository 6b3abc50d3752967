"""What the scenarios' models aim at, and the oracle that knows it."""

import numpy as np
import pandas as pd
import pytest

from bowlby.design.frame import AnalysisSet
from bowlby.design.primary import analysis_set
from bowlby.simulate import latent as model
from bowlby.simulate.latent import references
from bowlby.simulate.scenarios import SCENARIOS
from bowlby.simulate.study_analysis import run_config, simulated_patients
from validation.oracle import OracleValidator, membership_matrix, of_set, random_columns
from validation.scenario_truth import Variances, outcome_variances, perceived_variances, slopes


def population(name, therapists, patients, seed=9):
    """Slopes of outcome on the observed composites, and the variances left: P, T, residual, therapist."""
    found, first = SCENARIOS[name], np.repeat(np.arange(therapists), patients)
    drawn = model.latent_study(found, seed, first, first, np.ones(len(first)))
    known = references(found)
    a = model.composite(drawn.perceived, model.W_PERCEIVED, known["perceived"])
    s = model.composite(drawn.style, model.W_STYLE, known["therapist_style"])[first]

    def mean(x):
        return x.reshape(therapists, patients).mean(axis=1)[first]

    x = np.column_stack([np.ones(len(first)), a - mean(a), s, drawn.pre - mean(drawn.pre), mean(drawn.pre)])
    b = np.linalg.lstsq(x, drawn.outcome, rcond=None)[0]
    left = drawn.outcome - x @ b
    within = ((left - mean(left)) ** 2).sum() / (therapists * (patients - 1))
    return b[1], b[2], within, mean(left)[::patients].var() - within / patients


@pytest.mark.parametrize("name", [s for s in SCENARIOS if s not in ("S17a", "S17b", "S11")])
def test_closed_form_is_what_a_large_population_shows(name):
    """100,000 patients: slopes within 4 standard errors (about .003 and .004), variances within 4 too."""
    truth, variances = slopes(SCENARIOS[name]), outcome_variances(SCENARIOS[name])
    p, t, residual, therapist = population(name, 4000, 25)
    assert p == pytest.approx(truth["P"], abs=4 * 0.0029)
    assert t == pytest.approx(truth["T"], abs=4 * 0.0048)
    assert residual == pytest.approx(variances.residual, abs=4 * 0.0033)
    assert therapist == pytest.approx(variances.therapist + variances.mean / 25, abs=4 * 0.0018)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S12", "S18"])
def test_observed_slopes_in_a_million_patients(name):
    p, t, *_ = population(name, 40_000, 25)
    assert p == pytest.approx(slopes(SCENARIOS[name])["P"], abs=4 * 0.001)
    assert t == pytest.approx(0, abs=4 * 0.0016)


def test_perfect_scales_show_the_slopes_of_the_scenario():
    assert slopes(SCENARIOS["S5"]) == pytest.approx({"P": 0.25, "T": 0.0375, "P-T": 0.2125, "P+T": 0.2875, "T_A": 0.15})
    assert slopes(SCENARIOS["S6"])["P"] == pytest.approx(0.25) and SCENARIOS["S6"].p == 0
    assert slopes(SCENARIOS["S7"])["P"] == pytest.approx(0.25) and SCENARIOS["S7"].p == 0


def test_error_attenuates():
    """By hand: reliability .65 with unequal correlations gives the composite 2.6 / 3.65 of its variance."""
    weights = model.W_PERCEIVED
    seen = references(SCENARIOS["S12"])["perceived"]
    assert weights @ seen @ weights == pytest.approx(0.65 * 4.0 + 0.35 * 3)
    assert 0.38 * np.sqrt(2.6 / 3.65) * 0.95 < slopes(SCENARIOS["S12"])["P"] < 0.38 * np.sqrt(2.6 / 3.65)


def test_groups_are_of_six_and_of_one_therapist():
    first = np.array([1, 0, 1, 1, 1, 1, 0, 1, 1])
    unit = model.groups(first)
    assert sorted(np.bincount(unit).tolist()) == [1, 2, 6]
    assert pd.Series(first).groupby(unit).nunique().eq(1).all()


def test_groups_share_outcome_and_perceived_attachment():
    first = np.repeat(np.arange(2000), 12)
    drawn = model.latent_study(SCENARIOS["S11"], 4, first, first, np.ones(len(first)))
    for values, expected in ((drawn.outcome, 0.05 + 0.38**2 * 0.05), (drawn.perceived[:, 0], 0.05)):
        by_unit = values.reshape(2000, 2, 6)
        between_units = by_unit.mean(axis=2).var(axis=1, ddof=1).mean() - by_unit.var(axis=2, ddof=1).mean() / 6
        assert between_units == pytest.approx(expected, abs=0.012)


def test_confounded_therapists():
    """Therapists' part of perceived attachment goes with their part of outcome at the correlation stated."""
    first = np.repeat(np.arange(3000), 40)
    drawn = model.latent_study(SCENARIOS["S8"], 4, first, first, np.ones(len(first)))
    a = model.composite(drawn.perceived, model.W_PERCEIVED, references(SCENARIOS["S8"])["perceived"])
    halves = {n: v.reshape(3000, 2, 20).mean(axis=2) for n, v in (("a", a), ("y", drawn.outcome))}
    shared = np.cov(halves["a"][:, 0], halves["y"][:, 1])[0, 1]  # other patients' answers: no patient in common
    assert shared / 0.05 == pytest.approx(0.7, abs=0.08)


def test_skew_and_floor():
    first = np.repeat(np.arange(2000), 20)
    drawn = model.latent_study(SCENARIOS["S18"], 4, first, first, np.ones(len(first)))
    assert drawn.outcome.max() == 1.2 and 0.06 < (drawn.outcome == 1.2).mean() < 0.14
    residual = model._skewed(1.0, np.random.default_rng(1), 200_000)
    assert residual.mean() == pytest.approx(0, abs=0.01) and residual.var() == pytest.approx(1, abs=0.02)
    assert (residual**3).mean() == pytest.approx(-1, abs=0.05)


@pytest.fixture(scope="module", params=["S10", "S11", "S17b"])
def sets(request):
    case = SCENARIOS[request.param]
    found = simulated_patients(case, "16x6", 3)
    people = {"therapists": pd.DataFrame({"therapist": found.style.index})}
    run = run_config(0.1)
    return case, *(analysis_set(run, found, people, name) for name in ("primary", "perceived"))


def test_oracle_is_least_squares_in_the_true_covariance(sets):
    """Against the textbook form with the whole covariance matrix: slope, standard error, joint F test."""
    case, primary, perceived = sets
    for rows, names, variances in (
        (
            primary,
            ["perceived_within", "therapist_style", "baseline_within", "baseline_between"],
            outcome_variances(case),
        ),
        (
            perceived,
            ["patient_style_anxiety_within", "patient_style_avoidance_within", "therapist_style"],
            perceived_variances(case),
        ),
    ):
        data, shares = rows.data, membership_matrix(rows)
        assert shares.sum(axis=1) == pytest.approx(1.0)
        v = variances.residual * np.eye(len(data))
        v += shares @ np.diag(variances.therapist + variances.mean / (shares**2).sum(axis=0)) @ shares.T
        if variances.slope:
            s = shares * data["perceived_within"].to_numpy()[:, None]
            v += variances.slope * s @ s.T
        if variances.unit and "unit" in data:
            v += variances.unit * (data["unit"].to_numpy()[:, None] == data["unit"].to_numpy()[None, :])
        x, y = np.column_stack([data[names], np.ones(len(data))]), data["y"].to_numpy()
        inverse = np.linalg.inv(x.T @ np.linalg.solve(v, x))
        b = inverse @ x.T @ np.linalg.solve(v, y)
        scale = (y - x @ b) @ np.linalg.solve(v, y - x @ b) / (len(y) - x.shape[1])
        c = np.zeros(x.shape[1])
        c[:2] = 1, -1
        (estimate,), (se,) = of_set(rows, names, variances).effect(c[None])
        assert estimate == pytest.approx(c @ b, abs=1e-10)
        assert se == pytest.approx(np.sqrt(scale * c @ inverse @ c), rel=1e-9)


def test_oracle_answers_every_claim(sets):
    case, primary, perceived = sets
    oracle = OracleValidator((outcome_variances(case), perceived_variances(case)))
    found = oracle.single(primary, perceived, {})
    assert set(found) == {f"oracle_C{k}" for k in range(1, 6)}


def test_variance_ratios():
    shares = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    members = pd.DataFrame([("P1", "T1", 1.0), ("P2", "T1", 1.0), ("P3", "T1", 0.5), ("P3", "T2", 0.5)],
                           columns=["patient", "therapist", "weight"])  # fmt: skip
    rows = AnalysisSet(pd.DataFrame({"patient": ["P1", "P2", "P3"]}), members, pd.DataFrame(), {}, [])
    z, ratio = random_columns(rows, Variances(0.5, 0.05, mean=0.09))
    assert np.array_equal(z, shares)
    assert ratio == pytest.approx([(0.05 + 0.09 / 2.25) / 0.5, (0.05 + 0.09 / 0.25) / 0.5])
