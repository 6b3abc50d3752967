"""What is said of interactions, in their section and with C3."""

from types import SimpleNamespace

import pytest

from bowlby.report.sections.moderation import _warnings, with_c3
from bowlby.tables.moderation import moderation_sheet, moderation_table

TEST = {"estimate": 0.13, "se": 0.04, "df": 60.0, "p": 0.003, "ci": [0.05, 0.21], "p_fdr": 0.01}
LINE = {
    "text": "therapist_style by pretest", "predictor": "the therapist's own style",
    "moderator": "severity before treatment", "tested": "within", "n_obs": 500, "n_therapists": 45,
    "reference": "reference", "zero_slopes": [],
    "interaction": TEST,
    "slopes": [{"at": 0.0, "observed": True, **TEST}, {"at": 1.0, "observed": False, **TEST}], "range": [-2.2, 2.0],
    "regions": {"simultaneous": [{"low": 1.5, "high": 2.0, "sign": 1}], "pointwise": []},
}  # fmt: skip
CATEGORY = {
    key: LINE[key] for key in ("predictor", "tested", "n_obs", "n_therapists", "reference", "zero_slopes")
} | {
    "text": "therapist_style by format", "moderator": "format",
    "interaction": {"f": 0.5, "df_num": 1.0, "df_den": 40.2, "p": 0.48, "p_fdr": 0.48},
    "levels": [{"level": "group", "patients": 120, "therapists": 14, **TEST}],
}  # fmt: skip


def said(*interactions):
    return with_c3(SimpleNamespace(json=lambda _: {"interactions": list(interactions)}))


def test_what_was_found_of_style_and_severity_is_said_with_c3():
    first, pattern = said(LINE, CATEGORY)
    assert first == (
        "Exploratory analysis: The slope of the therapist's own style depends on severity before treatment: "
        "interaction 0.13 SD of outcome per SD of both, 95% CI [0.05, 0.21], p = .003, adjusted p = .010. By the "
        "simultaneous band, the slope is above 0 from 1.50 to 2.00 SD (severity before treatment, from the therapist's "
        "mean). C3 concerns the average slope."
    )
    assert "associated with a better outcome in more severely impaired patients" in pattern


@pytest.mark.parametrize(
    "other", [LINE | {"interaction": TEST | {"p_fdr": 0.06}}, LINE | {"text": "perceived by pretest"}, CATEGORY]
)
def test_nothing_is_said_with_c3_of_what_was_not_found_or_is_not_of_style(other):
    assert said(other) == []


def test_the_table_has_slopes_regions_and_counts():
    record = {"interactions": [LINE, CATEGORY]}
    (_, line), (_, category) = moderation_sheet("Table 2", record).parts
    assert [row[0] for row in line] == [
        "Interaction", "Slope at the mean", "Slope at +1 SD (outside the observed range)",
        "Johnson-Neyman region: above 0 from 1.50 to 2.00 SD", "Observed range: [−2.20, 2.00] SD",
    ]  # fmt: skip
    assert category[0] == ["Joint test that the slopes are equal: F(1, 40.2) = 0.50", "", "", ".480", ".480"]
    assert category[1][:3] == ["Slope, group (120 patients, 14 therapists)", "0.13", "[0.05, 0.21]"]
    raw = moderation_table(record)
    assert raw["quantity"].tolist() == [
        "interaction", "slope", "slope", "slope above 0, simultaneous", "joint test", "slope"]  # fmt: skip


def test_a_test_on_few_degrees_of_freedom_is_said_to_be_approximate():
    few = CATEGORY | {"interaction": CATEGORY["interaction"] | {"df_den": 3.9}}
    assert not [line for line in _warnings({"interactions": [LINE, CATEGORY]}) if "fewer than 4" in line]
    (line,) = (line for line in _warnings({"interactions": [LINE, few]}) if "fewer than 4" in line)
    assert line.endswith("approximate, for therapist's own style × format.")
