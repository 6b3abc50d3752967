"""Levels of grouping factors are ids, not their text: what type a column has, and what signs ids hold, is no matter."""

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import MixedModel
from bowlby.mixed.membership import Membership

NESTED = "y ~ 1 + (1 | site/pat)"


@pytest.fixture(scope="module")
def clinics():
    """Eight sites of three patients, who are 0, 1 and 2 in each, with four sessions."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"site": np.repeat(np.arange(8), 12), "pat": np.tile(np.repeat(np.arange(3), 4), 8)})
    return data.assign(y=2 * rng.normal(size=24)[data.site * 3 + data.pat] + 0.3 * rng.normal(size=96))


def test_a_missing_id_does_not_make_the_others_unseen(clinics):
    """A missing id makes pandas keep whole numbers as floats, 0 as 0.0: on the model's side, and in the new data."""
    gap = clinics.astype({"pat": float})
    gap.loc[95, "pat"] = np.nan
    clean, holed = (MixedModel.from_formula(NESTED, d).fit() for d in (clinics.iloc[:95], gap))
    new = clinics.iloc[[0, 4, 8]]
    known = clean.fittedvalues[[0, 4, 8]]
    assert np.ptp(known) > 1
    assert clean.predict(new) == pytest.approx(known)
    assert holed.predict(new) == pytest.approx(known)
    assert clean.predict(gap.iloc[[0, 4, 8, 95]])[:3] == pytest.approx(known)


@pytest.mark.parametrize("kind", ["int32", "float64", "Int64", "Float64", "uint8", "category", object])
@pytest.mark.parametrize("formula", [NESTED, "y ~ 1 + (1 | pat:site) + (0 + x | site)"])
def test_the_type_of_numbers_that_are_ids_does_not_matter(clinics, kind, formula):
    data = clinics.assign(x=np.cos(np.arange(96)))
    other = data.astype({"site": kind, "pat": kind})
    fitted = MixedModel.from_formula(formula, data).fit()
    assert fitted.predict(other) == pytest.approx(fitted.fittedvalues)
    assert MixedModel.from_formula(formula, other).fit().predict(data) == pytest.approx(fitted.fittedvalues)


def test_ids_of_the_other_type_are_refused_and_not_taken_for_unseen(clinics):
    fitted = MixedModel.from_formula(NESTED, clinics).fit()
    text = clinics.assign(pat=clinics.pat.astype(str))
    with pytest.raises(UserError, match="levels of 'pat' are text in the new data but numbers in the model's"):
        fitted.predict(text)
    some = clinics.astype({"pat": object})
    some.loc[:3, "pat"] = "0"
    with pytest.raises(UserError, match="column 'pat' holds the id 0 as a number and as text"):
        MixedModel.from_formula(NESTED, some)
    with pytest.raises(UserError, match="levels of 'pat' are text in the new data"):
        fitted.predict(some.iloc[:8].assign(pat=["0"] * 4 + ["new"] * 4))
    with pytest.raises(UserError, match="levels of 'pat' are numbers and text in the new data"):
        fitted.predict(some.iloc[[0, 4]])
    unseen = fitted.predict(clinics.iloc[:1].assign(pat=7, site=9))
    assert unseen == pytest.approx(fitted.params["Intercept"])


def test_membership_goes_by_ids_of_the_same_type(clinics):
    member = Membership.of(clinics.site.astype(str))
    fitted = MixedModel.from_terms("y", [], [{"group": "site"}], clinics, membership={"site": member}).fit()
    one = pd.DataFrame(np.eye(8), columns=["0", *range(1, 8)])
    with pytest.raises(UserError, match="levels of 'site' are numbers and text in the new data but text"):
        fitted.predict(clinics.iloc[:8].reset_index(drop=True), membership={"site": one})


@pytest.fixture(scope="module")
def colons():
    """Ids with a colon: "a:b" with "c" and "a" with "b:c" are two groups of one text."""
    rng = np.random.default_rng(1)
    first = ["a:b"] * 6 + ["a"] * 6 + ["c"] * 6 + ["d"] * 6
    second = ["c"] * 3 + ["e"] * 3 + ["b:c"] * 3 + ["e"] * 3 + (["p"] * 3 + ["q"] * 3) * 2
    data = pd.DataFrame({"g": first, "h": second})
    return data.assign(y=2 * rng.normal(size=8)[data.groupby(["g", "h"]).ngroup()] + 0.3 * rng.normal(size=24))


def test_combined_levels_are_pairs_of_ids(colons):
    fitted = MixedModel.from_formula("y ~ 1 + (1 | g:h)", colons).fit()
    effects = fitted.random_effects["g:h"]
    assert effects.index.is_unique and list(effects.index.names) == ["g", "h"]
    assert list(effects.index[:2]) == [("a", "b:c"), ("a", "e")]
    assert list(fitted.random_effects_cov["g:h"]) == list(effects.index)
    assert fitted.predict(colons) == pytest.approx(fitted.fittedvalues)
    left = fitted.leave_out("g:h")
    assert left.labels == list(effects.index)
    rest = MixedModel.from_formula("y ~ 1 + (1 | g:h)", colons[colons.g + colons.h != "ab:c"]).fit()
    assert left.params[0] == pytest.approx(rest.params.to_numpy(), abs=1e-8)


def test_an_unseen_pair_gets_no_effect_of_another(colons):
    fitted = MixedModel.from_formula("y ~ 1 + (1 | g:h)", colons[colons.g != "a"]).fit()
    new = pd.DataFrame({"g": ["a", "zz", "c"], "h": ["b:c", "zz", None]})
    assert fitted.predict(new) == pytest.approx(fitted.params["Intercept"])


def test_names_of_columns_may_hold_colons_too(colons):
    data = colons.assign(**{"g:h": colons.g})
    with pytest.raises(UserError, match="two groups are named 'g:h'"):
        MixedModel.from_formula("y ~ 1 + (1 | `g:h`) + (1 | g:h)", data)
    alone = MixedModel.from_formula("y ~ 1 + (1 | `g:h`)", data).fit()
    assert alone.model.n_levels == {"g:h": 4}


def test_three_columns_and_rows_without_a_level(clinics):
    data = clinics.assign(room=np.arange(96) % 2, inside=np.where(clinics.site < 6, 1.0, 0.0))
    data.loc[data.site >= 6, "pat"] = np.nan
    fitted = MixedModel.from_formula("y ~ 1 + (0 + inside | site:pat:room)", data).fit()
    assert fitted.nobs == 96 and fitted.model.n_levels == {"site:pat:room": 36}
    assert fitted.random_effects["site:pat:room"].index[1] == (0, 0, 1)
    assert fitted.predict(data.iloc[:72]) == pytest.approx(fitted.fittedvalues[:72])
