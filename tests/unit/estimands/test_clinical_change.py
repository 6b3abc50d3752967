"""Models of reliable and clinically significant change."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from bowlby.estimands.clinical_change import ORDER, examine
from bowlby.figures.clinical_change import gather
from bowlby.fit.marginal import fit_marginal, separated
from bowlby.report.methods_sessions import clinical_change as methods
from bowlby.report.sections.clinical_change import _limits, _said
from bowlby.tables.clinical_change import clinical_change_sheet, clinical_change_table
from bowlby.terms import BASELINE, P_BETWEEN, P, T

CHANGE = {"event": "improved", "method": "jacobson_truax", "criterion": "norms", "cut": -1.0,
          "cut_source": "published: caseness"}  # fmt: skip


def study(therapists=16, patients=30, seed=3):
    """Analysis set, membership and latent change: P raises it, style does not."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(therapists), patients)
    values = rng.normal(size=(len(who), 2))
    mean = np.array([[column[who == j].mean() for column in values.T] for j in range(therapists)])[who]
    data = pd.DataFrame({"patient": [f"p{k}" for k in range(len(who))], "therapist": [f"t{j:02d}" for j in who],
                         P: (values - mean)[:, 0], P_BETWEEN: mean[:, 0] - mean[:, 0].mean(),
                         T: rng.normal(size=therapists)[who],
                         BASELINE[0]: (values - mean)[:, 1], BASELINE[1]: mean[:, 1] - mean[:, 1].mean()})  # fmt: skip
    latent = 0.7 * data[P] + rng.normal(size=therapists)[who] * 0.3 + rng.logistic(size=len(who))
    data["class"] = pd.cut(latent, [-np.inf, -2.2, 0, 1, np.inf], labels=ORDER).astype(str)
    data["began_functional"] = rng.random(len(who)) < 0.15
    data.loc[data["began_functional"] & (data["class"] == "recovered"), "class"] = "improved"
    return data, data[["patient", "therapist"]].assign(weight=1.0)


def examined(data, members, shareable=True, **change):
    design = {"covariates": [], "n_dropped": {}, "change": CHANGE | change}
    return examine(data, members, design, shareable)


@pytest.fixture(scope="module")
def record():
    return examined(*study())


def test_events_are_classes_or_better_and_those_who_cannot_recover_are_left_out(record):
    data, _ = study()
    models, able = record["models"], ~data["began_functional"]
    assert models["improved"]["n_events"] == data["class"].isin(["improved", "recovered"]).sum()
    assert models["unchanged"]["n_events"] == (data["class"] != "deteriorated").sum()
    assert models["recovered"]["n_events"] == (data["class"] == "recovered").sum()
    assert models["recovered"]["n_obs"] == models["ordinal"]["n_obs"] == able.sum() < models["improved"]["n_obs"]
    assert any("were not included in the models of recovery" in line for line in _limits(record))


def test_probabilities_are_means_over_the_patients(record):
    data, _ = study()
    own = {f["term"]: f["estimate"] for f in record["models"]["improved"]["fixed"]}
    x = data[[P, T, *BASELINE]].assign(Intercept=1.0, **{P: 1.0})
    expected = expit(sum(x[name] * b for name, b in own.items())).mean()
    found = next(
        p for p in record["models"]["improved"]["probabilities"] if (p["predictor"], p["at"]) == ("perceived", 1)
    )
    assert found["estimate"] == pytest.approx(expected, abs=1e-12)
    assert found["ci"][0] < expected < found["ci"][1]


def test_probabilities_of_all_classes_add_up_to_one(record):
    for predictor in ("perceived", "therapist_style"):
        for at in (-1, 1):
            own = [p["estimate"] for p in record["models"]["ordinal"]["probabilities"]
                   if (p["predictor"], p["at"]) == (predictor, at)]  # fmt: skip
            assert len(own) == 4 and sum(own) == pytest.approx(1.0, abs=1e-12)


def test_rare_classes_are_joined_in_the_ordinal_model_and_said():
    data, members = study()
    rare = data.index[data["class"] == "deteriorated"][6:]
    record = examined(data.assign(**{"class": data["class"].mask(data.index.isin(rare), "unchanged")}), members)
    assert record["models"]["ordinal"]["classes"][0] == "deteriorated or unchanged"
    assert record["models"]["unchanged"]["reason"] == "fewer than 10 patients did not have the event"
    assert any("treats “deteriorated or unchanged” as one class" in line for line in _limits(record))


def test_nobody_improved_and_separation_are_said():
    data, members = study()
    record = examined(data.assign(**{"class": "unchanged"}), members)
    assert _said(record) == ["The probability of the event “improved or recovered” was not modelled: fewer than 10 "
                             "patients had the event."]  # fmt: skip
    record = examined(data.assign(**{"class": np.where(data[P] > 0, "improved", "unchanged")}), members)
    assert record["models"]["improved"]["reason"].startswith("the predictors separate patients")
    assert "not estimable" in clinical_change_sheet("Table 1", record).parts[0][0]


def test_few_therapists_are_said():
    record = examined(*study(therapists=4, patients=60))
    assert record["models"]["improved"]["reason"].startswith("there are too few therapists (4")


def test_numbers_that_give_away_a_small_class_are_hidden():
    data, members = study()
    few = data.index[data["class"] == "improved"][3:]
    data = data.assign(**{"class": data["class"].mask(data.index.isin(few), "unchanged")})
    assert examined(data, members, shareable=False)["counts"]["improved"] == 3
    record = examined(data, members)
    assert record["counts"]["improved"] is None
    assert all(model.get("n_events") is None for model in record["models"].values())
    data["began_functional"] = data.index < 3
    hidden = examined(data, members)
    assert hidden["began_functional"] is None and hidden["models"]["recovered"]["n_obs"] is None
    assert "3" not in " ".join(_limits(hidden)).split()


def test_without_a_cut_off_nobody_can_recover():
    data, members = study()
    data = data.assign(**{"class": data["class"].replace("recovered", "improved"), "began_functional": False})
    record = examined(data, members, cut=None)
    assert "recovered" not in record["models"] and len(record["models"]["ordinal"]["classes"]) == 3
    assert _limits(record)[0] == "No cut-off is known for this scale, so that recovery could not be examined."
    assert "no cut-off was known" in methods(record)


def test_the_direction_of_a_linear_programme_finds_separation_only_where_it_is():
    x = np.column_stack([np.ones(6), [0, 1, 2, 3, 4, 5]])
    assert separated(np.array([0, 0, 0, 1, 1, 1], bool), x)  # complete
    assert separated(np.array([0, 0, 0, 1, 1, 1], bool), np.column_stack([np.ones(6), [0, 0, 1, 1, 1, 1]]))  # quasi
    assert not separated(np.array([0, 0, 1, 0, 1, 1], bool), x)


def test_row_order_changes_nothing():
    rng = np.random.default_rng(1)
    x = pd.DataFrame({"one": 1.0, "x": rng.normal(size=200)})
    y, who = rng.random(200) < expit(x["x"].to_numpy()), rng.integers(0, 12, 200)
    order = rng.permutation(200)
    first, other = fit_marginal(y, x, who), fit_marginal(y[order], x.iloc[order], who[order])
    assert other.effect("x").se == pytest.approx(first.effect("x").se, rel=1e-8)


class Run:
    """As much of a run as the figure reads."""

    def __init__(self, record):
        self.record = record

    def json(self, name):
        return self.record if name == "clinical_change.json" else None


def test_figure_and_tables_have_the_event_first(record):
    drawn = gather(Run(record))
    assert drawn["event"].iloc[0] == "improved" and len(drawn) == 12
    sheet, raw = clinical_change_sheet("Table 1", record), clinical_change_table(record)
    assert sheet.parts[0][0].startswith("Improved or recovered (")
    ratio = raw[(raw["model"] == "improved") & (raw["predictor"] == P)]["estimate"].iloc[0]
    assert sheet.parts[0][1][0][1] == f"{np.exp(ratio):.2f}"
    assert "95% CI" in _said(record)[1] and _said(record)[1].startswith(
        "If perceived attachment was 1 SD below the mean"
    )
