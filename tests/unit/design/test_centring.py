"""Centring: dummies give the therapist mean, switching patients stay orthogonal to every therapist variable."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bowlby.config.blocks import Block, Correlation, ReferenceBlock
from bowlby.design.centring import membership, within_between
from bowlby.design.composite import composite, reference_scaling
from bowlby.design.frame import chosen_episodes


def test_dummies_give_the_deviation_from_the_mean():
    values = np.array([1.0, 3.0, 10.0, 20.0, 30.0])
    weights = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], float)
    within, between = within_between(values, weights)
    assert within.tolist() == [-1, 1, -10, 0, 10]
    assert between == pytest.approx(np.array([2, 2, 20, 20, 20]) - 12.8)


def test_switching_patients_stay_orthogonal():
    rng = np.random.default_rng(3)
    weights = np.eye(8)[rng.integers(0, 8, 60)]
    weights[:6] = rng.dirichlet(np.ones(8), 6)
    within, between = within_between(rng.normal(size=60), weights)
    assert np.abs(weights.T @ within).max() < 1e-12
    assert abs(between.sum()) < 1e-10


def test_a_part_that_does_not_vary_is_exactly_0():
    """Of what only therapists have, nothing is within them (here 2e-16 was, as good a predictor as any); nor is
    anything between them of what is the same on average for all."""
    rng = np.random.default_rng(3)
    weights = np.eye(8)[np.arange(60) % 8]
    weights[:6] = rng.dirichlet(np.ones(8), 6)
    site = weights @ (np.arange(8) < 3)
    for given in (weights, sparse.csr_array(weights)):
        within, between = within_between(np.column_stack([site, 1e9 + site]), given)
        assert (within == 0).all() and between.std(axis=0) == pytest.approx(site.std(), abs=1e-6)
    halves = np.tile([0.1, 0.3], 8)
    assert (within_between(halves, np.repeat(np.eye(8), 2, axis=0))[1] == 0).all()


def test_membership_keeps_the_order_of_patients():
    episodes = pd.DataFrame({"patient": ["b", "a", "b"], "therapist": ["T2", "T1", "T1"], "weight": [0.25, 1.0, 0.75]})
    table = membership(episodes, pd.Index(["b", "a"]))
    assert table.to_numpy().tolist() == [[0.75, 0.25], [1.0, 0.0]]
    assert list(table.columns) == ["T1", "T2"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("share", [0.75, 0.25, 1.0]), ("equal", [0.5, 0.5, 1.0]), ("first", [1.0, 1.0]), ("last", [1.0, 1.0])],
)
def test_switching_rules(rule, expected):
    episodes = pd.DataFrame({"patient": ["b", "b", "a"], "therapist": ["T2", "T1", "T1"], "weight": [0.75, 0.25, 1.0]})
    chosen = chosen_episodes(episodes, rule)
    assert chosen["weight"].tolist() == expected
    if rule in ("first", "last"):
        assert chosen["therapist"].tolist()[0] == {"first": "T2", "last": "T1"}[rule]


def test_composite_has_unit_sd_in_the_reference_population():
    block = Block(instrument="x", weights={"a": 1, "b": -1})
    norms = ReferenceBlock(sd={"a": 2.0, "b": 5.0}, correlations=[Correlation(scales=("a", "b"), r=-0.5)])
    rng = np.random.default_rng(4)
    z = rng.multivariate_normal([0, 0], [[1, -0.5], [-0.5, 1]], 200_000) * [2.0, 5.0]
    value = composite(pd.DataFrame(z, columns=["a", "b"]), block, reference_scaling(block, norms))
    assert value.std() == pytest.approx(1.0, abs=0.01)
    # by hand: (2/2 + 5/5) / sqrt(1 + 1 + 2 * .5) = 2 / sqrt(3)
    one = composite(pd.DataFrame({"a": [2.0], "b": [-5.0]}), block, reference_scaling(block, norms))
    assert one[0] == pytest.approx(2 / np.sqrt(3))


@pytest.mark.parametrize("switching", [0, 12])
def test_a_platforms_sparse_weights_give_what_full_ones_give(switching):
    """Means and the projection of patients who switch, from either kind of matrix."""
    rng = np.random.default_rng(8)
    first = rng.integers(0, 9, 80)
    rows = [(f"P{i:02}", f"T{j}", 1.0) for i, j in enumerate(first)]
    rows[:switching] = [(f"P{i:02}", f"T{j}", 0.75) for i, j in enumerate(first[:switching])]
    rows += [(f"P{i:02}", f"T{(j + 1 + i) % 9}", 0.25) for i, j in enumerate(first[:switching])]
    episodes = pd.DataFrame(rows, columns=["patient", "therapist", "weight"])
    weights = membership(episodes, pd.Index([f"P{i:02}" for i in range(80)]))
    values = rng.normal(size=80)
    full, sparse = within_between(values, weights.to_numpy()), within_between(values, weights.weights)
    assert np.allclose(full, sparse, rtol=0, atol=1e-12)
    assert weights.main().tolist() == weights.to_numpy().argmax(axis=1).tolist()
    assert weights.switching() == np.sum((weights.to_numpy() > 0).sum(axis=1) > 1)
