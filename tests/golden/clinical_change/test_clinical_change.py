"""Marginal logistic models against geepack and clubSandwich (``Rscript tests/golden/r/clinical_change.R``)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.fit.marginal import fit_marginal

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))


def fitted(name: str):
    rows = pd.read_csv(HERE / "patients.csv")
    own, therapist, level = rows[["felt", "style", "pre"]], rows["therapist"].to_numpy(), rows["class"].to_numpy()
    if name == "exchangeable":
        return fit_marginal(level >= 3, own.assign(one=1.0)[["one", *own]], therapist)
    heads = pd.DataFrame(np.kron(np.eye(3), np.ones((len(rows), 1))), columns=["c2", "c3", "c4"])
    x = heads.join(pd.concat([own] * 3, ignore_index=True))
    y = np.concatenate([level >= k for k in (2, 3, 4)])
    return fit_marginal(y, x, np.tile(therapist, 3), exchangeable=False)


@pytest.mark.parametrize("name", ["exchangeable", "ordinal"])
def test_coefficients_standard_errors_and_df_are_those_of_r(name):
    fit, expected = fitted(name), EXPECTED[name]
    effects = [fit.effect(term) for term in fit.robust.names]
    assert [e.estimate for e in effects] == pytest.approx(expected["estimate"], abs=1e-8)
    assert [e.se for e in effects] == pytest.approx(expected["se"], abs=1e-8)
    assert [e.df for e in effects] == pytest.approx(expected["df"], rel=1e-6)


def test_working_correlation_is_that_of_geepack():
    assert fitted("exchangeable").correlation == pytest.approx(EXPECTED["exchangeable"]["alpha"], abs=1e-8)


@pytest.mark.parametrize("name", ["exchangeable", "ordinal"])
def test_the_sandwich_without_correction_is_that_of_geepack(name):
    parts = fitted(name).parts
    scores = np.array([x.T @ np.linalg.solve(v, e) for x, v, e in zip(parts.x, parts.v, parts.e, strict=True)])
    plain = parts.bread @ scores.T @ scores @ parts.bread
    assert np.sqrt(np.diag(plain)) == pytest.approx(EXPECTED[name]["sandwich"], abs=1e-8)
