"""Worlds in which a claim could err: what is drawn, and how rates and bars are counted."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew

from bowlby.simulate.batched_analysis import analysed
from bowlby.simulate.latent import STYLE, W_PERCEIVED, W_STYLE, composite, references, residual_variance
from bowlby.simulate.study_analysis import StudyAddress, drawn
from validation.runs import KINDS
from validation.world_rates import world_characteristics
from validation.worlds import WORLDS, World, WorldStudies, WorldValidator, altered


def draws(name, design="300x30"):
    world = WORLDS[name]
    before = drawn(world, design, 3)
    after = altered(world, before, 3)
    felt = [composite(d.latent.perceived, W_PERCEIVED, references(world)["perceived"]) for d in (before, after)]
    return world, before, after, felt


def test_baseline_with_error_correlates_with_attachment():
    """9,000 patients: reliability .85, and r = .25 of the baseline without error with attachment within therapists."""
    _, before, after, (_, felt) = draws("baseline85")
    assert np.corrcoef(before.latent.pre, after.latent.pre)[0, 1] ** 2 == pytest.approx(0.85, abs=0.01)
    within = felt - pd.Series(felt).groupby(after.first).transform("mean").to_numpy()
    assert np.corrcoef(before.latent.pre, within)[0, 1] == pytest.approx(0.25, abs=0.03)


def test_errors_of_composites_have_the_stated_reliability():
    _, before, after, felt = draws("style50")
    assert np.corrcoef(*felt)[0, 1] ** 2 == pytest.approx(0.95, abs=0.01)
    style = [composite(d.latent.style, W_STYLE, STYLE) for d in (before, after)]
    assert np.corrcoef(*style)[0, 1] ** 2 == pytest.approx(0.50, abs=0.12)  # 300 therapists


def test_slopes_of_the_direction_vary_and_have_mean_zero():
    world, before, _, felt = draws("direction")
    own = before.latent.patient_style @ [1.0, -1.0] / np.sqrt(1.6)
    slopes = [np.polyfit(own[before.first == j], (felt[1] - felt[0])[before.first == j], 1)[0] for j in range(300)]
    assert np.std(slopes) == pytest.approx(world.direction, abs=0.03) and abs(np.mean(slopes)) < 0.04


def test_who_leaves_does_badly_with_an_insecure_therapist():
    _, before, after, _ = draws("leaving")
    gone, insecure = np.isnan(after.outcome), composite(before.latent.style, W_STYLE, STYLE)[before.first] < 0
    assert not gone[~insecure].any() and (before.outcome[gone] < 0).all()
    assert gone[insecure & (before.outcome < 0)].mean() == pytest.approx(0.22, abs=0.03)


def test_a_world_that_adds_nothing_leaves_the_study_as_it_was():
    _, before, after, felt = draws("clean", "16x12")
    assert np.array_equal(before.outcome, after.outcome) and np.array_equal(*felt)


@pytest.mark.parametrize(("name", "column"), [("baseline85", "baseline_C1"), ("attachment64", "all_C2"),
                                              ("no-norms", "sample_C2"), ("leaving", "warned_leaving")])  # fmt: skip
def test_the_first_studies_have_the_corrected_row_or_the_warning(name, column):
    rows = KINDS["claims"].studies(name, "48x12", 1, range(3), 2)
    assert rows[column].notna().tolist()[:2] == [True, True]
    assert rows["sampled"].tolist() == [True, True, False]
    assert {f"warned_{one}" for one in ("caseload", "curve", "spread")}.isdisjoint(rows)


@pytest.mark.parametrize("name", ["baseline70-equal", "style50", "no-norms"])
def test_corrected_rows_of_many_studies_are_those_of_a_run(name):
    """Limits within 1e-10, verdicts alike, and the same studies without a corrected row."""
    addresses, rows = [StudyAddress(WORLDS[name], "16x36", 1, number) for number in range(4)], []
    for together in (True, False):
        source = WorldStudies(WORLDS[name])
        source.together = together
        rows.append(analysed(source, addresses, validator=WorldValidator(source, 4)))
    one, other = rows[0], rows[1][rows[0].columns]
    numbers = [column for column in one if column.endswith(("_low", "_high"))]
    assert {"P_low"} < set(numbers) and one[numbers].notna().any().all()
    np.testing.assert_allclose(one[numbers], other[numbers], rtol=0, atol=1e-10)
    verdicts = [column for column in one if column.endswith(("C1", "C2", "C3"))]
    assert one[verdicts].fillna("").equals(other[verdicts].fillna(""))


def test_the_slope_without_errors_of_attachment_is_the_true_one():
    """60 studies of 16 therapists, P = .2, reliability .64: a mean within 3 standard errors (.006) of it. With the
    random slope in V, which depends on the errors, it was .24."""
    rows = KINDS["claims"].studies("attachment64", "16x36", 1, range(60), 0)
    slope = (rows["all_P_low"] + rows["all_P_high"]) / 2
    assert slope.mean() == pytest.approx(0.2, abs=0.02)


def test_hostile_worlds_are_what_they_say():
    """9,000 patients of 300 therapists."""
    _, before, after, felt = draws("baseline-curve")
    square = (before.latent.pre**2 - 1) / np.sqrt(2)
    for added in (after.outcome - before.outcome, felt[1] - felt[0]):
        np.testing.assert_allclose(added, 0.2 * square)
    _, before, after, felt = draws("attachment-spread")
    within = felt[0] - pd.Series(felt[0]).groupby(before.first).transform("mean").to_numpy()
    factor = 1 + (after.outcome - before.outcome) / (
        np.sqrt(residual_variance(WORLDS["clean"])) * before.latent.residual
    )
    assert np.polyfit(within, np.log(factor), 1)[0] == pytest.approx(0.3)
    _, before, after, _ = draws("skewed")
    style = composite(after.latent.style, W_STYLE, STYLE)
    assert [style.mean(), style.std(), skew(style)] == pytest.approx([0, 1, 2], abs=0.35)
    _, before, after, _ = draws("clinics")
    by = composite(after.latent.style, W_STYLE, STYLE).reshape(50, 6)
    assert 6 * by.mean(axis=1).var() == pytest.approx(1 + 5 * 0.3, abs=0.7)  # variance of a clinic's mean


def made(n, **columns):
    row = {"scenario": "curve", "design": "48x12", "sampled": True, "wrong": False, "warned_curve": False}
    row |= dict.fromkeys(("C1", "C2", "C3", "C4", "C5"), "inconclusive")
    row |= {"P_low": -1.0, "P_high": 1.0, "T_low": -1.0, "T_high": 1.0}
    return pd.DataFrame([row | columns] * n)


def test_a_warning_is_judged_in_wrong_decisions_and_in_clean_studies():
    def judged(scope, *parts):
        table = world_characteristics(pd.concat(parts, ignore_index=True)).set_index("quantity")
        return table.loc[f"warning, {scope}: outcome depends on style in a curve", ["rate", "bar", "verdict"]].tolist()

    seen = made(100), made(40, wrong=True, warned_curve=True)
    assert judged("wrong decisions", *seen) == [1.0, 0.8, "ok"]
    assert judged("wrong decisions", made(100), made(40, wrong=True)) == [0.0, 0.8, "fails"]
    clean = made(60, scenario="clean"), made(40, scenario="clean", warned_curve=True)
    assert judged("all studies", *clean) == [0.4, 0.1, "fails"]


def test_a_corrected_row_has_a_bar_and_the_claim_as_decided_none():
    rows = made(200, scenario="baseline85", C1="supported", baseline_C1="supported", baseline_C2="inconclusive",
                baseline_C3="inconclusive", baseline_P_low=0.1, baseline_P_high=1.0, baseline_T_low=-1.0,
                baseline_T_high=1.0)  # fmt: skip
    table = world_characteristics(rows).set_index("quantity")
    assert table.loc["as decided: C1 falsely supported", "verdict"] == "reported"
    assert table.loc["corrected for error of the baseline: C1 falsely supported", "verdict"] == "fails"
    assert table.loc["corrected for error of the baseline: coverage P", "verdict"] == "fails"
    assert isinstance(WORLDS["baseline85"], World)
