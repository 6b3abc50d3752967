"""Studies with sessions: what is drawn, and the truth of patients' means around the landmark."""

import numpy as np
import pandas as pd
import pytest

from bowlby.design.frame import patients
from bowlby.design.primary import analysis_set
from bowlby.simulate.latent import latent_study
from bowlby.simulate.scenarios import SCENARIOS
from validation import session_studies as bed
from validation import session_truth as truth
from validation.scenario_truth import slopes


def primary(name, design, seed):
    """Rows of M1 of a study, as a run makes them."""
    run, (scores, people) = bed.session_config(), bed.session_study(bed.CASES[name], design, seed)
    return analysis_set(run, patients(run, scores, people), people, "primary").data


def population(data):
    """Slopes P and T, covariance within therapists of the three means, variances left within and between therapists."""
    x = np.column_stack(
        [np.ones(len(data)), data[["perceived_within", "therapist_style", "baseline_within", "baseline_between"]]]
    )
    b = np.linalg.lstsq(x, data["y"], rcond=None)[0]
    left, group = data["y"] - x @ b, data["therapist"].to_numpy()
    freedom = len(data) - data["therapist"].nunique()

    def within(v):
        return v - v.groupby(group).transform("mean")

    three = np.column_stack([data["perceived_within"], data["baseline_within"], within(data["y"])])
    residual = (within(left) ** 2).sum() / freedom
    between = (left.groupby(group).mean()).var() - residual * (1 / data.groupby("therapist").size()).mean()
    return b[1:3], three.T @ three / freedom, residual, between


def test_one_over_the_answered_sessions():
    """By hand for two sessions answered at .9: (2 x .9 x .1 + .81 / 2) / .99; shares of a mean's weights sum to 1."""
    assert truth.one_over(1) == 1
    assert truth.one_over(2) == pytest.approx((0.18 + 0.405) / 0.99)
    for k in (1, 2, 5):
        assert truth.shares(k).sum() == pytest.approx(1)
    assert np.trace(truth.shares(5)) == pytest.approx(truth.one_over(5))


def test_who_has_an_outcome_after_the_landmark():
    """By hand: of 17 numbers of sessions 15 go beyond the fifth; of one later session a tenth is not answered."""
    chance, mean, variance = truth.stays()
    assert chance[0] / chance[-1] == pytest.approx(0.9 / (1 - 0.1**15))
    uniform = np.full(15, 1 / 15)
    whole = uniform @ (variance + mean**2)  # of a standard normal without its lowest 2/17: 1 + c phi(c) / (15/17)
    c = -1.186831
    assert whole == pytest.approx(1 + c * np.exp(-(c**2) / 2) / np.sqrt(2 * np.pi) / (15 / 17), abs=1e-5)


@pytest.mark.parametrize("name", ["S0", "S1", "S17b"])
def test_the_true_level_makes_up_for_errors_of_measurement(name):
    case = SCENARIOS[name]
    assert truth.observed_slope(truth.effective(case)) == pytest.approx(slopes(case)["P"], abs=1e-12)
    if case.p:
        assert 1.05 * case.p < truth.effective(case).p < case.p / np.sqrt(truth.measured())


def test_closed_form_is_what_studies_show():
    """25,000 patients: slopes within 4 of their standard errors (.006, .010), covariances within 4 of theirs (.01)."""
    slope, within, residual, _ = population(primary("S2", "500x50", 3))
    case = truth.effective(SCENARIOS["S2"])
    assert slope == pytest.approx([0.2, 0.2], abs=4 * 0.008)
    assert within == pytest.approx(truth.moments(case).covariance, abs=4 * 0.01)
    assert residual == pytest.approx(truth.session_variances(case)[0].residual, abs=4 * 0.008)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S1", "S4", "S10", "S17b", "S0-raw", "S3-switch"])
def test_closed_form_in_half_a_million_patients(name):
    """P within .006 and T within .009 (4 standard errors), covariances and variances left within .012."""
    found = [population(primary(name, "2000x50", seed)) for seed in range(6)]
    slope, within, residual, between = (np.mean([f[k] for f in found], axis=0) for k in range(4))
    case = bed.CASES[name]
    drawn = truth.effective(case.scenario) if case.compensated else case.scenario
    assert slope[0] == pytest.approx(truth.observed_slope(drawn), abs=0.006 if not case.scenario.slope_sd else 0.014)
    assert slope[1] == pytest.approx(case.scenario.t, abs=0.009)
    # who switches brings a second therapist's part into his means, which the closed form leaves out: under .006
    assert within == pytest.approx(truth.moments(drawn).covariance, abs=0.012)
    expected = truth.session_variances(drawn)[0]
    spread = expected.slope * within[0, 0]
    assert residual == pytest.approx(expected.residual + spread, abs=0.012)
    assert between == pytest.approx(expected.therapist, abs=0.006 if not case.scenario.switching else 0.02)


@pytest.fixture(scope="module")
def study():
    return bed.session_study(bed.CASES["S10"], "31x45", 4)


def test_sessions_and_who_gave_them(study):
    scores, people = study
    core, felt, weights = scores["core"], scores["felt"], people["episodes"]
    assert core["session"].between(1, 20).all() and not core.duplicated(["person", "session"]).any()
    assert felt["session"].max() == 5
    assert weights.groupby("patient")["weight"].sum().to_numpy() == pytest.approx(1.0)
    switched = weights["patient"][weights["patient"].duplicated()]
    n = len(people["patients"])
    assert len(switched) / n == pytest.approx(0.30, abs=0.05)
    turns = core.sort_values(["person", "session"]).groupby("person")["therapist"]
    assert turns.agg(lambda t: (t != t.shift()).sum() - 1).max() == 1  # a therapist takes over once
    assert set(core["person"][core["person"].isin(switched)].unique()) <= set(switched)
    longest = core.groupby("person")["session"].max()
    assert (longest <= 5).mean() == pytest.approx(2 / 17 + 0.1 / 17, abs=0.035)
    assert len(core) / (12 * n) == pytest.approx(0.9, abs=0.02)  # 12 sessions on average, a tenth not answered


def test_the_landmark_leaves_out_who_ended_before_it(study):
    scores, people = study
    rows = analysis_set(bed.session_config(), patients(bed.session_config(), scores, people), people, "primary")
    later = scores["core"].loc[scores["core"]["session"] > 5, "person"].nunique()
    assert rows.design["n_dropped"]["no outcome after treatment"] == len(people["patients"]) - later


def test_therapists_parts_are_those_of_the_latent_study():
    case, n = SCENARIOS["S3"], 60
    first, second = np.repeat(np.arange(6), 10), np.repeat(np.arange(6)[::-1], 10)
    one, other = (latent_study(case, 9, t, t, np.ones(n)) for t in (first, second))
    part = bed._therapists(case, 9, one.style)
    assert other.outcome - one.outcome == pytest.approx(part[second] - part[first], abs=1e-12)


def test_variation_is_carried_over():
    noise = bed._carried(np.random.default_rng(1), 100_000)
    assert noise.var(axis=0) == pytest.approx(np.full(20, 0.4), abs=0.01)
    assert np.corrcoef(noise[:, 4], noise[:, 6])[0, 1] == pytest.approx(0.16, abs=0.012)


def test_therapists_who_are_there_from_the_start_are_in_the_outcome_before():
    """The same draws but for the sessions up to the landmark, which gain the therapist's part."""
    late, early = (bed.session_study(bed.CASES[name], "16x36", 5)[0]["core"] for name in ("S3", "S3-start"))
    gain = early["total"] - late["total"]
    assert gain[early["session"] > 5].abs().max() == 0
    by_therapist = gain[early["session"] <= 5].groupby(early["therapist"])
    assert by_therapist.std().max() < 1e-12 and by_therapist.mean().std() > 0.1


def test_tables_are_those_of_a_run():
    scores, _ = bed.session_study(bed.CASES["S0"], "16x36", 5)
    for table in scores.values():
        assert ["person", "role", "about", "occasion", "session"] == list(table.columns[:5])
        assert table["session"].dtype == pd.Int64Dtype()
