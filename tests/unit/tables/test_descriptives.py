"""Descriptive statistics and correlations by hand: within therapists from deviations, between from means."""

import numpy as np
import pandas as pd
import pingouin
import pytest

from bowlby.tables.descriptives import _correlations, descriptives_sheet, repeated_measures_correlation

RNG = np.random.default_rng(2)
THERAPIST = pd.Series(np.repeat([f"t{i}" for i in range(8)], 10), index=[f"p{i}" for i in range(80)])
VALUES = pd.DataFrame({"A": RNG.normal(size=80), "B": RNG.normal(size=80)}, index=THERAPIST.index)
VALUES["B"] += 0.5 * VALUES["A"] + THERAPIST.map(dict(zip(THERAPIST.unique(), RNG.normal(size=8), strict=True)))
VALUES["S"] = THERAPIST.map(dict(zip(THERAPIST.unique(), RNG.normal(size=8), strict=True)))


def correlations():
    table = pd.DataFrame(
        _correlations(VALUES, THERAPIST, {"A", "B"}),
        columns=["variable", "quantity", "other", "value", "ci_low", "ci_high", "p", "n"],
    )
    return table, table.set_index(["variable", "quantity", "other"])


def test_correlations_are_those_of_deviations_and_of_means():
    """1e-9; Fisher's interval with N - J + 1 in the place of N within therapists."""
    _, found = correlations()
    deviations = VALUES - VALUES.groupby(THERAPIST).transform("mean")
    within = found.loc[("B", "within", "A")]
    r = np.corrcoef(deviations["A"], deviations["B"])[0, 1]
    assert within["value"] == pytest.approx(r, abs=1e-9) and within["n"] == 80
    by_ancova = pingouin.rm_corr(VALUES.assign(therapist=THERAPIST), "A", "B", "therapist").iloc[0]
    assert [within["value"], within["p"]] == pytest.approx([by_ancova["r"], by_ancova["pval"]], rel=1e-9)
    half = 1.959963985 / np.sqrt((80 - 8 + 1) - 3)
    limits = np.tanh([np.arctanh(r) - half, np.arctanh(r) + half])
    assert [within["ci_low"], within["ci_high"]] == pytest.approx(limits, abs=1e-6)
    means = VALUES.groupby(THERAPIST).mean()
    between = found.loc[("B", "between", "A")]
    assert between["value"] == pytest.approx(np.corrcoef(means["A"], means["B"])[0, 1], abs=1e-9) and between["n"] == 8


def test_rows_without_a_group_are_left_out_and_collinear_variables_have_a_correlation_of_one():
    groups = np.repeat(np.arange(8), 10)
    some = np.where(np.arange(80) % 9, groups, -1)
    found = repeated_measures_correlation(VALUES[["A", "B"]], some)
    assert found == repeated_measures_correlation(VALUES.loc[some >= 0, ["A", "B"]], groups[some >= 0])
    exact = RNG.normal(size=(200, 80)).round(1)
    pairs = [pd.DataFrame({"x": x, "y": 0.3 * x}) for x in exact]
    assert max(repeated_measures_correlation(pair, groups)[0] for pair in pairs) <= 1


def test_what_therapists_say_of_themselves_has_no_correlation_within():
    _, found = correlations()
    assert not any(quantity == "within" for variable, quantity, _ in found.index if variable == "S")
    assert ("S", "between", "A") in found.index


def test_within_is_printed_below_the_diagonal_and_between_above():
    table, found = correlations()
    means = pd.DataFrame([(v, "mean", None, 1.0, None, None, None, 80) for v in "ABS"], columns=table.columns)
    ((_, rows),) = descriptives_sheet("Table 4", pd.concat([means, table])).parts
    assert [row[0] for row in rows] == ["1. A", "2. B", "3. S"]
    below, above = found.loc[("B", "within", "A"), "value"], found.loc[("B", "between", "A"), "value"]
    assert rows[1][6] == f"{below:.2f}".replace("0.", ".").replace("-", "−") and rows[0][7] == f"{above:.2f}".replace(
        "0.", "."
    ).replace("-", "−")
    assert rows[2][6] == "–" and rows[2][8] == ""
