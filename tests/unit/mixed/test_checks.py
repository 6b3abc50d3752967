"""Each mistake of a caller is one UserError that says what is wrong, never another exception."""

import datetime

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.mixed import CAR1, MixedModel, VarianceByGroup

FORMULA = "y ~ a_w + s + (1 | therapist)"


def one_line(work) -> str:
    with pytest.raises(UserError) as caught:
        work()
    assert len(caught.value.problems) == 1 and "\n" not in caught.value.problems[0]
    return caught.value.problems[0]


def shares(data) -> pd.DataFrame:
    return pd.get_dummies(data.therapist).astype(float)


MODELS = {
    "formula no text": (dict(formula=3), "the formula is of type int"),
    "weights text": (dict(weights="arm"), "weights column 'arm' is not numeric"),
    "weights list of text": (dict(weights=["1"] * 8), "weights is not numeric"),
    "offset text": (dict(offset="arm"), "offset column 'arm' is not numeric"),
    "offset is the outcome": (dict(offset="y"), "'y' less its offset is constant"),
    "residual text": (dict(residual="car1"), "residual structure is 'car1'"),
    "residual of other data": (dict(residual=CAR1("day", "patient"), data={"y": [1.0]}), "the data are a dict"),
    "time text": (dict(residual=CAR1("arm", "therapist")), "times in 'arm' are neither numbers nor dates"),
    "one row a unit": (dict(residual=CAR1("s", "row")), "no 'row' has two rows"),
    "variance of every row": (dict(residual=VarianceByGroup("row")), "levels, a residual variance each"),
    "variance of one row": (dict(residual=VarianceByGroup("first")), "level 'yes' of 'first' has one row"),
    "membership no dict": (dict(membership=[1]), "membership is of type list"),
    "slope of one text": (dict(formula="y ~ s + (1 + same | therapist)"), "slope 'same' of 'therapist' has one value"),
    "slopes of one text": (dict(formula="y ~ s + (1 + same || therapist)"), "slope 'same' of"),
    "durations": (dict(formula="y ~ span + (1 | therapist)"), "'span' holds spans of time"),
    "periods": (dict(formula="y ~ month + (1 | therapist)"), "'month' holds spans of time"),
    "lists": (dict(formula="y ~ lists + (1 | therapist)"), "'lists' holds values of type list"),
    "a word among numbers": (dict(formula="y ~ wordy + (1 | therapist)"), "'wordy' is text or a category with"),
    "tiny outcome": (dict(formula="tiny ~ s + (1 | therapist)"), "'tiny' has no value beyond 1e-100"),
    "a column named Intercept": (dict(formula="y ~ Intercept + (1 | therapist)"), "two fixed effects are named"),
}


@pytest.mark.parametrize("case", MODELS)
def test_models(pre_post, case):
    n = len(pre_post)
    data = pre_post.assign(
        row=np.arange(n),
        first=np.where(np.arange(n) == 4, "yes", "no"),
        same="treated",
        tiny=pre_post.y * 1e-200,
        span=pd.to_timedelta(np.arange(n), unit="D"),
        month=pd.period_range("2020-01", periods=n, freq="M"),
        lists=[[k] for k in range(n)],
        wordy=["n/a", *map(str, pre_post.a[1:])],
        Intercept=pre_post.s,
    )
    given, said = MODELS[case]
    given = {"formula": FORMULA, "data": data} | given
    assert said in one_line(lambda: MixedModel.from_formula(**given))


TERMS = {
    "no list": (dict(fixed=None), "the fixed terms are of type NoneType"),
    "typo": (dict(random=[{"group": "therapist", "corr": False}]), "key of a random term 'corr' is not known"),
    "no group": (dict(random=[{}]), "has no group"),
    "text": (dict(random=["therapist"]), "a random term is of type str"),
    "flag": (dict(random=[{"group": "therapist", "correlated": "no"}]), "correlated is 'no'"),
    "random": (dict(random=None), "the random terms are of type NoneType"),
}


@pytest.mark.parametrize("case", TERMS)
def test_terms(pre_post, case):
    given, said = TERMS[case]
    given = {"outcome": "y", "fixed": ["s"], "random": [{"group": "therapist"}], "data": pre_post} | given
    assert said in one_line(lambda: MixedModel.from_terms(**given))


def test_one_name_is_a_list_of_it(pre_post):
    one = MixedModel.from_terms("y", "a_w", {"group": "therapist", "terms": "a_w"}, pre_post)
    assert one.names == ["Intercept", "a_w"] and one.frame.factors[0].labels == ["a_w"]


CALLS = {
    "reml": (lambda r, d: r.model.fit(reml="ML"), "reml is 'ML'"),
    "starts text": (lambda r, d: r.model.fit(starts="abc"), "starts of the optimiser"),
    "no starts": (lambda r, d: r.model.fit(starts=[]), "starts of the optimiser"),
    "starts missing": (lambda r, d: r.model.fit(starts=[np.nan]), "starts of the optimiser"),
    "starts too long": (lambda r, d: r.model.fit(starts=[np.ones(9)]), "starts of the optimiser"),
    "predict dict": (lambda r, d: r.predict({"s": [1.0]}), "the new data are a dict"),
    "predict array": (lambda r, d: r.predict(np.ones((3, 3))), "the new data are a ndarray"),
    "predict text": (lambda r, d: r.predict(d.assign(s="x")), "'s' is not numeric in the new data"),
    "predict offset": (lambda r, d: r.predict(d, offset=[1.0, 2.0]), "the offset has shape (2,)"),
    "predict membership": (lambda r, d: r.predict(d, membership={"q": d}), "membership group 'q' is not known"),
    "profile": (lambda r, d: r.profile(["nope"]), "parameter 'nope' is not known"),
    "profile level": (lambda r, d: r.profile("s", level=95), "confidence level is 95"),
    "profile level 0": (lambda r, d: r.profile("s", level=0), "confidence level is 0"),
    "tidy level text": (lambda r, d: r.tidy(level="95"), "confidence level is '95'"),
    "tidy level": (lambda r, d: r.tidy(level=95), "confidence level is 95"),
    "tidy level missing": (lambda r, d: r.tidy(level=np.nan), "confidence level is nan"),
    "contrast level": (lambda r, d: r.contrast({"s": 1}, level=1.5), "confidence level is 1.5"),
    "contrast": (lambda r, d: r.contrast("x"), "no fixed effect 'x'"),
    "contrast text": (lambda r, d: r.contrast({"s": "one"}), "the weight of 's' is not numeric"),
    "f_test": (lambda r, d: r.f_test([]), "nothing to test"),
    "f_test number": (lambda r, d: r.f_test(2), "nothing to test"),
    "simulate": (lambda r, d: r.simulate(-1, 1), "number of replicates is -1"),
    "simulate parts": (lambda r, d: r.simulate(2.5, 1), "number of replicates is 2.5"),
    "seed": (lambda r, d: r.simulate(1, "seed"), "the seed is 'seed'"),
    "negative seed": (lambda r, d: r.simulate(1, -3), "the seed is -3"),
    "refit": (lambda r, d: r.refit(["a"] * len(d)), "the new outcome is not numeric"),
    "refit_many": (lambda r, d: r.refit_many([["a"] * len(d)]), "Y is not numeric"),
    "with_columns": (lambda r, d: r.model.with_columns({"q": d.s}), "fixed effect 'q' is not known"),
}


@pytest.mark.parametrize("case", CALLS)
def test_calls(pre_post, case):
    work, said = CALLS[case]
    result = MixedModel.from_formula(FORMULA, pre_post).fit()
    assert said in one_line(lambda: work(result, pre_post))


def test_one_name_is_enough_for_profile_contrast_and_f_test(pre_post):
    result = MixedModel.from_formula(FORMULA, pre_post).fit()
    assert result.profile("s").term.tolist() == ["s"]
    assert result.contrast("s").t.iloc[0] == result.tidy().t.iloc[2]
    assert result.f_test("s").F.iloc[0] == pytest.approx(result.tidy().t.iloc[2] ** 2)
    frame = pd.DataFrame([[0, 1, 0], [0, 0, 1]], columns=list(result.params.index))
    assert result.f_test(frame).F.iloc[0] == pytest.approx(result.f_test(["a_w", "s"]).F.iloc[0])


WEIGHTS = {
    "text": (lambda w: w.assign(T00="yes"), "membership of 'm' is not numeric"),
    "zeros": (lambda w: w * 0, "membership of 'm' is 0 in every row"),
    "a level a row": (lambda w: np.eye(len(w)), "each level of 'm' has weight in one row only"),
    "a column twice": (lambda w: w.rename(columns={"T01": "T00"}), "two columns 'T00'"),
    "too short": (lambda w: w.to_numpy()[:3], "has 3 rows"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_membership(pre_post, case):
    change, said = WEIGHTS[case]
    w = change(shares(pre_post))
    assert said in one_line(lambda: MixedModel.from_formula("y ~ s + (1 | m)", pre_post, membership={"m": w}))


NEW = {
    "none": (lambda w: {}, "'m' has multiple membership"),
    "rows": (lambda w: {"membership": {"m": w.to_numpy()[:5]}}, "has 5 rows"),
    "columns": (lambda w: {"membership": {"m": w.to_numpy()[:, :3]}}, "has 3 columns, the model 24 levels"),
    "missing": (lambda w: {"membership": {"m": w.to_numpy() * np.nan}}, "weights that are not finite"),
    "strangers": (lambda w: {"membership": {"m": w.add_prefix("x")}}, "no column that is a level"),
}


@pytest.mark.parametrize("case", NEW)
def test_membership_of_new_rows(pre_post, case):
    more, said = NEW[case]
    w = shares(pre_post)
    result = MixedModel.from_formula("y ~ s + (1 | m)", pre_post, membership={"m": w}).fit()
    assert said in one_line(lambda: result.predict(pre_post, **more(w)))
    assert result.predict(pre_post, membership={"m": w}) == pytest.approx(result.fittedvalues)


def test_levels_of_another_type_are_an_error_and_new_ones_are_not(nested):
    data = nested.assign(therapist=nested.therapist.str[1:].astype(int))
    result = MixedModel.from_formula("y ~ time + (1 | therapist)", data).fit()
    said = one_line(lambda: result.predict(data.assign(therapist=data.therapist.astype(str))))
    assert "are text in the new data but numbers" in said
    assert result.predict(data.assign(therapist=data.therapist.astype(float))) == pytest.approx(result.fittedvalues)
    assert result.predict(data.assign(therapist=1000)) == pytest.approx(result.predict(data, random=False))


def test_an_outcome_of_rounding_is_flagged(pre_post):
    result = MixedModel.from_formula(FORMULA, pre_post.assign(y=3 + 1e-13 * pre_post.y)).fit()
    assert any("last digits only" in w for w in result.warnings)


@pytest.mark.parametrize("kind", ["timestamp", "zoned", "date", "duration"])
def test_dates_count_in_days(nested, kind):
    span = pd.to_timedelta(nested.time.round(), unit="D")
    when = {
        "timestamp": pd.Timestamp("2021-03-01") + span,
        "duration": span,
        "zoned": pd.Timestamp("2021-03-01", tz="Europe/Berlin") + span,
        "date": [datetime.date(2021, 3, 1) + datetime.timedelta(days=int(t)) for t in nested.time.round()],
    }[kind]
    data = nested.assign(days=nested.time.round(), when=when)
    data = data.drop_duplicates(["patient", "days"])
    formula = "y ~ time + (1 | patient)"
    days, dates = (MixedModel.from_formula(formula, data, residual=CAR1(t, "patient")).fit() for t in ("days", "when"))
    assert dates.llf == pytest.approx(days.llf, abs=1e-9)
    assert dates.residual_parameters["phi"] == pytest.approx(days.residual_parameters["phi"], rel=1e-6)
    assert "phi per day" in dates.summary()
