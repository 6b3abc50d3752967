"""What the methods text says of a fit."""

from bowlby.report.methods_models import counted, fitted


def fit(**other):
    return {"reml": True, "engine": "bowlby.mixed", "df_method": "kenward-roger", "fixed": [], **other}


def test_a_slope_variance_of_0_is_said_to_count_as_known():
    said = fitted(fit(known_zero=["perceived_within"]))
    assert said.endswith("estimated as 0 (boundary); it counts as known in standard errors and degrees of freedom.")
    assert "they count" in counted(fit(known_zero=["first", "second"]))


def test_nothing_is_said_where_none_is_known():
    for other in ({}, {"known_zero": []}, {"known_zero": ["perceived_within"], "df_method": "satterthwaite"}):
        assert counted(fit(**other)) == ""
