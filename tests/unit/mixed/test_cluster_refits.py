"""Refits to clusters drawn anew are fits of models built from those rows."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import CAR1, MixedModel, cluster_refits

FIELDS = ("params", "se", "df", "variances", "llf", "singular")
SLOPE = "y ~ a_w + s + (1 + a_w || therapist)"


def drawn(data, group, counts):
    """The rows of each cluster as often as it counts, levels and patients of copies renamed."""
    parts = []
    for levels, count in counts:
        rows = data[data[group].isin(levels)]
        for k in range(int(count)):
            parts.append(rows.assign(**{g: rows[g].astype(str) + f"/{k}" for g in (group, "patient") if g in rows}))
    return pd.concat(parts, ignore_index=True)


def agrees(batch, k, result):
    """Replicate k is this fit."""
    table = result.tidy()
    assert batch.llf[k] == pytest.approx(result.llf, abs=1e-8)
    assert np.abs((batch.params[k] - result.params) / result.bse).max() < 1e-8
    assert np.allclose(batch.se[k], table.se, rtol=1e-8) and np.allclose(batch.df[k], table.df, rtol=1e-7)
    variances = [result.covariances[t.factor][t.a, t.b] for t in result.model.parameters.items]
    assert np.allclose(batch.variances[k], [*variances, result.scale], rtol=1e-7, atol=1e-8 * result.scale)
    assert batch.singular[k] == result.singular and batch.converged[k]


@pytest.mark.parametrize("formula", [SLOPE, "y ~ a_w + s + (1 | therapist)", "y ~ a_w + s + (1 + a_w | therapist)"])
def test_a_bootstrap_over_therapists_is_a_fit_to_the_relabelled_rows(pre_post, formula):
    result = MixedModel.from_formula(formula, pre_post).fit()
    groups = result.model.clusters()
    assert [g[0] for g in groups] == [f"T{k:02d}" for k in range(24)]
    counts = np.random.default_rng(1).multinomial(24, np.full(24, 1 / 24), size=30)
    batch = result.refit_clusters(counts, kenward_roger=True)
    part = result.refit_clusters(counts[[17]], kenward_roger=True)
    for field in FIELDS:
        assert np.array_equal(getattr(batch, field)[[17]], getattr(part, field)), field
    for k in (0, 11, 17):
        rows = drawn(pre_post, "therapist", zip(groups, counts[k], strict=True))
        agrees(batch, k, MixedModel.from_formula(formula, rows).fit())


def test_weights_offset_and_other_factors_are_drawn_with_their_rows(nested):
    rng = np.random.default_rng(3)
    data = nested.assign(w=rng.uniform(0.5, 2, len(nested)), o=rng.normal(size=len(nested)))
    counts = rng.multinomial(9, np.full(9, 1 / 9), size=2)
    for formula in ("y ~ time + (1 + time | patient) + (1 | therapist)", "y ~ time + (1 + time || therapist)"):
        result = MixedModel.from_formula(formula, data, weights="w", offset="o").fit()
        groups = result.model.clusters("therapist")
        batch = result.refit_clusters(counts, "therapist", kenward_roger=True)
        for k in range(2):
            rows = drawn(data, "therapist", zip(groups, counts[k], strict=True))
            agrees(batch, k, MixedModel.from_formula(formula, rows, weights="w", offset="o").fit())


def test_levels_that_reach_beyond_a_cluster_stay_one(pre_post):
    data = pre_post.assign(site=np.random.default_rng(5).integers(0, 6, len(pre_post)))
    formula = "y ~ a_w + s + (1 | therapist) + (1 | site)"
    result = MixedModel.from_formula(formula, data).fit()
    counts = np.ones((1, 24), int)
    counts[0, [0, 3, 5]] = 0, 2, 3
    batch = result.refit_clusters(counts, "therapist", kenward_roger=True)
    rows = drawn(data, "therapist", zip(result.model.clusters("therapist"), counts[0], strict=True))
    agrees(batch, 0, MixedModel.from_formula(formula, rows).fit())
    with pytest.raises(UserError, match="several groups"):
        result.refit_clusters(counts)


def test_therapists_who_share_patients_are_drawn_together(shared, monkeypatch):
    data, w = shared
    result = MixedModel.from_formula(SLOPE, data, {"therapist": w}).fit()
    groups = result.model.clusters()
    assert len(groups) == 21 and groups[0] == ["T00", "T05", "T11"] and groups[2] == ["T02", "T09"]
    counts = np.random.default_rng(2).multinomial(21, np.full(21, 1 / 21), size=12)
    batch = result.refit_clusters(counts, kenward_roger=True)
    monkeypatch.setattr(cluster_refits, "independent_units", lambda model: None)
    slow = result.refit_clusters(counts, kenward_roger=True)
    for k in range(12):
        assert np.allclose(batch.params[k], slow.params[k], atol=1e-8) and np.allclose(batch.df[k], slow.df[k])
        assert batch.llf[k] == pytest.approx(slow.llf[k], abs=1e-8)
    k = int(np.argmax(counts[:, 0]))
    assert counts[k, 0] >= 2
    rows, weights = [], []
    for levels, count in zip(groups, counts[k], strict=True):
        mine = w[levels].sum(axis=1) > 0
        for copy in range(count):
            rows.append(data[mine])
            weights.append(w.loc[mine, levels].add_suffix(f"/{copy}"))
    whole = pd.concat(weights, ignore_index=True).fillna(0.0)
    agrees(batch, k, MixedModel.from_formula(SLOPE, pd.concat(rows, ignore_index=True), {"therapist": whole}).fit())


def test_leaving_out_each_therapist(shared):
    data, w = shared
    plain = MixedModel.from_formula(SLOPE, data).fit().leave_out(kenward_roger=True, contrasts=[{"a_w": 1, "s": -1}])
    assert plain.labels == [f"T{k:02d}" for k in range(24)]
    for k in (0, 7):
        one = MixedModel.from_formula(SLOPE, data[data.therapist != plain.labels[k]]).fit()
        agrees(plain, k, one)
        expected = one.contrast({"a_w": 1, "s": -1}).iloc[0]
        assert np.allclose(plain.contrasts[k, 0], [expected.estimate, expected.se, expected.df])
    member = MixedModel.from_formula(SLOPE, data, {"therapist": w}).fit().leave_out(kenward_roger=True)
    for k in (5, 6):
        kept = w.iloc[:, k] == 0
        agrees(
            member,
            k,
            MixedModel.from_formula(SLOPE, data[kept], {"therapist": w[kept].drop(columns=w.columns[k])}).fit(),
        )
    assert member.converged.all() and not np.allclose(member.llf[5], member.llf[6])


def test_leaving_out_patients_and_rows_without_a_therapist(nested):
    treated = nested.patient.str[1:].astype(int) % 2 == 0
    data = nested.assign(tx=treated.astype(float), therapist=nested.therapist.where(treated))
    formula = "y ~ time * tx + (1 | patient) + (0 + tx | therapist)"
    result = MixedModel.from_formula(formula, data).fit()
    batch = result.leave_out("therapist", kenward_roger=True)
    assert len(batch.labels) == result.model.n_levels["therapist"]
    agrees(batch, 2, MixedModel.from_formula(formula, data[data.therapist != batch.labels[2]]).fit())
    few = MixedModel.from_formula("y ~ time + (1 | patient)", nested).fit().leave_out(kenward_roger=True)
    agrees(few, 9, MixedModel.from_formula("y ~ time + (1 | patient)", nested[nested.patient != few.labels[9]]).fit())


def test_draws_that_cannot_be_fitted_are_missing(pre_post):
    result = MixedModel.from_formula("y ~ s + (1 | therapist)", pre_post).fit()
    counts = np.zeros((4, 24), int)
    counts[0] = 1
    counts[1, 3] = 1  # one therapist: no variance between any
    counts[2, 3] = 5  # copies of one: the style of therapists does not vary
    got = result.refit_clusters(counts, kenward_roger=True)
    assert got.converged.tolist() == [True, False, False, False]
    assert np.isnan(got.params[1:]).all() and np.isnan(got.df[1:]).all() and np.isnan(got.llf[1:]).all()
    assert np.abs((got.params[0] - result.params) / result.bse).max() < 1e-8


@pytest.mark.parametrize("values", ["uuv", "uuuvw", "uuvv", "uvuvu"])
def test_a_refit_is_missing_exactly_where_the_fit_to_these_rows_is_refused(values):
    """Without one group of `uuv` the factor is the group itself, or one level of it is gone."""
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(np.arange(len(values)), 8), "f": np.repeat(list(values), 8)})
    data["y"] = rng.normal(size=len(data)) + (data["f"] == "v")
    left = MixedModel.from_formula("y ~ f + (1 | g)", data).fit().leave_out(kenward_roger=True)
    refused = []
    for k in range(len(values)):
        rest = data[data.g != k]
        try:
            one = MixedModel.from_formula("y ~ f + (1 | g)", rest).fit()
            one.tidy()
        except UserError:
            one = None
        if one is None or len(one.params) < len(left.names):
            refused.append(k)
            assert not left.converged[k] and np.isnan(left.se[k]).all() and np.isnan(left.params[k]).all()
        else:
            assert left.params[k] == pytest.approx(one.params.to_numpy(), abs=1e-7)
            assert left.se[k] == pytest.approx(one.tidy()["se"].to_numpy(), rel=1e-6)
    assert refused == {"uuv": [0, 1, 2], "uuuvw": [3, 4], "uuvv": [], "uvuvu": []}[values]


def test_bad_counts(pre_post, nested):
    result = MixedModel.from_formula(SLOPE, pre_post).fit()
    with pytest.raises(UserError, match="one row of 24"):
        result.refit_clusters(np.ones((2, 3)))
    with pytest.raises(UserError, match="whole numbers"):
        result.refit_clusters(np.full((1, 24), 0.5))
    with pytest.raises(UserError, match="no group 'ward'"):
        result.leave_out("ward")
    chained = MixedModel.from_formula("y ~ time + (1 | patient)", nested, residual=CAR1("time", "patient")).fit()
    with pytest.raises(UserError, match="residual structure"):
        chained.leave_out()
