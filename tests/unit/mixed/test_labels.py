"""Tables and series that callers give beside the data go by their row labels; arrays by their order."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import MixedModel

FORMULA = "y ~ a_w + s + (1 | therapist)"
SHARED = "y ~ a_w + s + (1 | m)"


def shuffled(table):
    return table.sample(frac=1, random_state=3)


def member(data, weights):
    return MixedModel.from_formula(SHARED, data, membership={"m": weights})


def test_membership_is_aligned_by_row_labels(shared):
    data, w = shared
    asked = member(data, w).fit()
    assert member(data, shuffled(w)).fit().llf == pytest.approx(asked.llf, abs=1e-10)
    named = data.set_index(pd.Index([f"row {k}" for k in range(len(data))]))
    assert member(named, shuffled(w.set_axis(named.index))).fit().llf == pytest.approx(asked.llf, abs=1e-10)
    assert member(named, w.to_numpy()).fit().llf == pytest.approx(asked.llf, abs=1e-10)
    assert asked.predict(data, membership={"m": shuffled(w)}) == pytest.approx(asked.fittedvalues)
    with pytest.raises(UserError, match="row labels of membership of 'm' are not those of the data"):
        member(named, w)


def test_membership_by_patient_serves_all_rows_of_a_patient(shared):
    data, w = shared
    data = data.assign(patient=[f"P{k}" for k in range(len(data))])
    weights = w.set_axis(pd.Index(data.patient, name="patient"))
    long = pd.concat([data, data.assign(y=data.y + np.sin(np.arange(len(data))))], ignore_index=True)
    by_row = member(long, np.vstack([w, w])).fit()
    assert member(long, shuffled(weights)).fit().llf == pytest.approx(by_row.llf, abs=1e-10)
    assert member(long, weights.loc[long.patient]).fit().llf == pytest.approx(by_row.llf, abs=1e-10)
    numbered = long.assign(patient=long.patient.str[1:].astype(int)[::-1].to_numpy())
    own = w.set_axis(pd.RangeIndex(len(data), name="patient"))
    assert member(numbered, own).fit().llf == pytest.approx(
        member(numbered, np.vstack([w, w])[::-1]).fit().llf, abs=1e-10
    )
    with pytest.raises(UserError, match="not one row for each 'patient'"):
        member(long, weights.iloc[1:])


@pytest.mark.parametrize("what", ["weights", "offset"])
def test_weights_and_offsets_are_aligned_by_row_labels(pre_post, what):
    known = pd.Series(np.random.default_rng(4).uniform(0.5, 2, len(pre_post)))
    by_name = MixedModel.from_formula(FORMULA, pre_post.assign(w=known), **{what: "w"}).fit()
    by_label = MixedModel.from_formula(FORMULA, pre_post, **{what: shuffled(known)}).fit()
    assert by_label.llf == pytest.approx(by_name.llf, abs=1e-10)
    with pytest.raises(UserError, match=f"row labels of {what}"):
        MixedModel.from_formula(FORMULA, pre_post, **{what: known.add_prefix("r")})
    twice = pre_post.set_index(np.arange(len(pre_post)) // 2)
    with pytest.raises(UserError, match=f"row labels of {what}"):
        MixedModel.from_formula(FORMULA, twice, **{what: known})
    assert MixedModel.from_formula(FORMULA, twice, **{what: known.to_numpy()}).fit().llf == pytest.approx(by_name.llf)


def test_new_outcomes_are_aligned_by_row_labels(pre_post):
    pre_post.loc[[3, 9], "s"] = np.nan
    y = pd.Series(np.random.default_rng(5).normal(size=len(pre_post)))
    result = MixedModel.from_formula(FORMULA, pre_post).fit()
    asked = MixedModel.from_formula(FORMULA, pre_post.assign(y=y)).fit()
    for new in (shuffled(y), y.drop([3, 9]), shuffled(y.drop([3, 9])), y.drop([3, 9]).to_numpy()):
        assert result.refit(new).llf == pytest.approx(asked.llf, abs=1e-9)
    with pytest.raises(UserError, match="row labels of the new outcome"):
        result.refit(y.drop([3, 9]).reset_index(drop=True))
    s = shuffled(pre_post.s + y)
    assert result.model.with_columns({"s": s}).fit().llf == pytest.approx(
        MixedModel.from_formula(FORMULA, pre_post.assign(s=pre_post.s + y)).fit().llf, abs=1e-9
    )


def test_predictions_keep_the_offset(pre_post):
    data = pre_post.assign(known=3 * np.cos(np.arange(len(pre_post))))
    result = MixedModel.from_formula(FORMULA, data, offset="known").fit()
    assert result.predict(data) == pytest.approx(result.fittedvalues)
    assert result.predict(data, offset=0) == pytest.approx(result.fittedvalues - data.known)
    assert result.predict(data, offset=shuffled(data.known)) == pytest.approx(result.fittedvalues)
    assert result.refit(data.y + 1).predict(data) == pytest.approx(result.fittedvalues + 1)
    with pytest.raises(UserError, match="no offset column 'known'"):
        result.predict(pre_post)
    unnamed = MixedModel.from_formula(FORMULA, data, offset=data.known.to_numpy()).fit()
    assert unnamed.predict(data, offset="known") == pytest.approx(result.fittedvalues)
    with pytest.raises(UserError, match="the model has an offset"):
        unnamed.predict(data)
