"""The errors-in-variables estimator against its own definition, written out without blocks."""

from dataclasses import asdict

import numpy as np
import pytest

from bowlby.estimands.errors_in_variables import Alone, Measured, Part, corrected, moments

NAMES = ["Intercept", "baseline_within", "baseline_between", "perceived_within", "therapist_style"]


@pytest.fixture(scope="module")
def study():
    """Seventy patients of ten therapists; two patients belong to two of them."""
    rng = np.random.default_rng(4)
    first = np.repeat(np.arange(10), [4, 9, 6, 5, 6, 8, 10, 7, 7, 8])
    w = np.eye(10)[first]
    w[3, :2], w[20, 2:4] = [0.5, 0.5], [0.25, 0.75]
    hat = w @ np.linalg.pinv(w)
    pre, a, style = rng.normal(size=70), rng.normal(size=70), rng.normal(size=10)
    x = np.column_stack([np.ones(70), pre - hat @ pre, hat @ pre, a - hat @ a, w @ style])
    y = x @ [0, 0.5, 0.4, 0.3, 0.2] + w @ rng.normal(size=10) * 0.3 + rng.normal(size=70)
    v = np.eye(70) + 0.2 * w @ w.T + 0.1 * (w @ w.T) * np.outer(x[:, 3], x[:, 3])
    return x, y, v, w, hat


def parts(study):
    """The study cut into the parts that switching joins: therapists 0 and 1, 2 and 3, and single ones."""
    x, y, v, w, _ = study
    columns = ([0, 1], [2, 3], *([j] for j in range(4, 10)))
    rows = [np.flatnonzero(w[:, of].any(axis=1)) for of in columns]
    return [Part(x[r], y[r], v[np.ix_(r, r)], w[np.ix_(r, c)], np.array(c)) for r, c in zip(rows, columns, strict=True)]


def plainly(study, errors: dict[str, float], keep=None):
    """beta = (X' V^-1 X - M)^-1 X' V^-1 y on the rows kept, with whole matrices; the intercept is taken out of M."""
    x, y, v, w, hat = study
    keep = np.arange(70) if keep is None else keep
    q = np.linalg.inv(v[np.ix_(keep, keep)])
    r = q - np.outer(q.sum(axis=1), q.sum(axis=1)) / q.sum()
    maps = {1: np.eye(70) - hat, 2: hat, 3: np.eye(70) - hat, 4: w}
    m = np.zeros((5, 5))
    for columns, of in (((1, 2), "pre"), ((3,), "a"), ((4,), "s")):
        for i in columns:
            for j in columns:
                m[i, j] = errors[of] * np.trace(maps[i][keep].T @ r @ maps[j][keep])
    return np.linalg.solve(x[keep].T @ q @ x[keep] - m, x[keep].T @ q @ y[keep])


def without(study, variables: dict[str, Measured]):
    """The study without the errors of some variables."""
    return corrected(moments(NAMES, parts(study), {name: m.columns for name, m in variables.items()}), variables)


def measured(errors: dict[str, float], sizes=None, unequal=None) -> dict[str, Measured]:
    """Errors of the same variance with every therapist, or ``unequal`` for the baseline."""
    sizes = np.ones(10) if sizes is None else sizes
    own = errors["pre"] if unequal is None else unequal
    return {
        "pre": Measured({"baseline_within": "within", "baseline_between": "between"}, own * sizes, sizes),
        "a": Measured({"perceived_within": "within"}, errors["a"] * sizes, sizes),
        "s": Measured({"therapist_style": "shared"}, np.full(10, errors["s"]), np.ones(10)),
    }


def test_without_error_it_is_generalised_least_squares(study):
    x, y, v, *_ = study
    q = np.linalg.inv(v)
    none = without(study, measured({"pre": 0.0, "a": 0.0, "s": 0.0}))
    assert none.beta == pytest.approx(np.linalg.solve(x.T @ q @ x, x.T @ q @ y), abs=1e-12)


def test_the_errors_leave_the_cross_products(study):
    errors = {"pre": 0.1, "a": 0.1, "s": 0.02}
    assert without(study, measured(errors)).beta == pytest.approx(plainly(study, errors), abs=1e-12)


def test_the_jackknife_leaves_out_each_main_therapist(study):
    errors, w = {"pre": 0.1, "a": 0.1, "s": 0.02}, study[3]
    found, group = without(study, measured(errors)), w.argmax(axis=1)
    left = np.array([plainly(study, errors, np.flatnonzero(group != j)) for j in range(10)]) - plainly(study, errors)
    assert found.cov == pytest.approx(9 / 10 * left.T @ left, rel=1e-9)
    assert found.df == 9
    estimate, se, df = found.contrast({"perceived_within": 1.0, "therapist_style": -1.0})
    assert estimate == pytest.approx(found.beta[3] - found.beta[4])
    assert se == pytest.approx(np.sqrt(9 / 10 * ((left[:, 3] - left[:, 4]) ** 2).sum()), rel=1e-9)
    assert df == 9


def test_the_jackknife_leaves_the_therapist_out_of_the_errors_too(study):
    unequal, sizes = np.linspace(0.05, 0.2, 10), np.array([4, 9, 6, 5, 6, 8, 10, 7, 7, 8.0])
    found = without(study, measured({"a": 0.1, "s": 0.02}, sizes, unequal))
    own, group = (unequal @ sizes) / sizes.sum(), study[3].argmax(axis=1)
    whole = plainly(study, {"pre": own, "a": 0.1, "s": 0.02})
    left = []
    for j in range(10):
        others = np.arange(10) != j
        own = (unequal[others] @ sizes[others]) / sizes[others].sum()
        left.append(plainly(study, {"pre": own, "a": 0.1, "s": 0.02}, np.flatnonzero(group != j)) - whole)
    assert found.beta == pytest.approx(whole, abs=1e-12)
    assert found.cov == pytest.approx(9 / 10 * np.array(left).T @ np.array(left), rel=1e-9)


def test_errors_of_columns_that_are_not_named_stay(study):
    """The moments are those of both columns; only the one within therapists is corrected."""
    variables = measured({"pre": 0.1, "a": 0.1, "s": 0.02})
    of = moments(NAMES, parts(study), {name: m.columns for name, m in variables.items()})
    within = Measured({"baseline_within": "within"}, variables["pre"].sums, variables["pre"].counts)
    alone = moments(NAMES, parts(study), {"pre": within.columns})
    assert corrected(of, {"pre": within}).beta == pytest.approx(corrected(alone, {"pre": within}).beta, abs=1e-13)


def test_therapists_whose_patients_had_no_other_one_give_the_same_by_sums(study):
    """Ten therapists of whom four share patients; the rows come in any order."""
    x, y, _, w, _ = study
    columns = {name: m.columns for name, m in measured({"pre": 0.1, "a": 0.1, "s": 0.02}).items()}
    own = np.random.default_rng(1).permutation(np.flatnonzero(w[:, 4:].any(axis=1)))
    basis = np.column_stack([np.ones(len(own)), x[own, 3]])
    alone = Alone(x[own], y[own], basis, np.diag([0.2, 0.1]), 1.0, w[own].argmax(axis=1))
    by_parts, by_sums = moments(NAMES, parts(study), columns), moments(NAMES, parts(study)[:2], columns, alone)
    for name, value in asdict(by_parts).items():
        assert getattr(by_sums, name) == (pytest.approx(value, abs=1e-12) if hasattr(value, "shape") else value), name


def test_errors_as_large_as_what_varies_give_no_number(study):
    assert without(study, measured({"pre": 0.0, "a": 0.0, "s": 50.0})) is None


def test_it_finds_the_slope_that_an_unreliable_baseline_hides():
    """P is 0; with a baseline of reliability .70 that goes with perceived attachment the naive slope is .04."""
    rng, therapists, patients = np.random.default_rng(8), 2000, 12
    n = therapists * patients
    pre = rng.standard_normal(n)
    a = 0.25 * pre + np.sqrt(1 - 0.25**2) * rng.standard_normal(n)
    y = 0.5 * pre + 0.3 * rng.standard_normal(n)
    seen = pre + np.sqrt(0.3 / 0.7) * rng.standard_normal(n)
    group = np.repeat(np.arange(therapists), patients)

    def levels(values):
        mean = values.reshape(therapists, patients).mean(axis=1)[group]
        return values - mean, mean

    (baseline_within, baseline_between), (a_w, _) = levels(seen), levels(a)
    x = np.column_stack([np.ones(n), baseline_within, baseline_between, a_w])
    parts = [
        Part(x[c], y[c], np.eye(patients), np.ones((patients, 1)), np.array([j]))
        for j, c in enumerate(np.split(np.arange(n), therapists))
    ]
    sizes = np.full(therapists, float(patients))
    own = {"pre": Measured({"baseline_within": "within", "baseline_between": "between"}, 0.3 / 0.7 * sizes, sizes)}
    of = moments(NAMES[:4], parts, {"pre": own["pre"].columns})
    naive, found = (corrected(of, errors) for errors in ({}, own))
    assert naive.beta[3] == pytest.approx(0.0392, abs=0.006)  # .25 * .5 * .3 / (1 - .7 * .0625)
    assert found.beta[3] == pytest.approx(0.0, abs=3 * found.contrast({"perceived_within": 1.0})[1])
    assert found.beta[1] == pytest.approx(0.5, abs=0.02)
