"""Figures of scores and residuals: what their data hold, and that no single patient is among them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from bowlby import figures
from bowlby.figures import course, participants
from bowlby.figures.association import association_data
from bowlby.figures.canvas import save
from bowlby.figures.change import change_data, criterion
from bowlby.figures.course import prepost_data
from bowlby.figures.distributions import distribution_data
from bowlby.figures.outcome import fine_edges
from bowlby.figures.participants import missing_data
from bowlby.figures.residuals import conditional, residual_data
from bowlby.instruments.catalogue import load_instrument
from bowlby.terms import P

RNG = np.random.default_rng(20261125)
N = 60
SCORES = pd.DataFrame({"pre": RNG.integers(8, 28, N), "post": RNG.integers(0, 20, N)}, dtype=float)
FIT = {
    "fixed": [
        {"term": "Intercept", "estimate": -10.0, "df": 40.0},
        {"term": "perceived_within", "estimate": 1.7, "df": 30.0},
        {"term": "therapist_style", "estimate": -0.1, "df": 50.0},
    ],
    "vcov": {
        "terms": ["Intercept", "perceived_within", "therapist_style"],
        "values": np.diag([0.09, 0.04, 0.16]).tolist(),
    },
    "scale": 4.0,
}


def wide(occasions: dict[str, int], role: str = "patient") -> pd.DataFrame:
    """Scores of a questionnaire with one scale, so many persons at each occasion."""
    parts = [
        pd.DataFrame({"person": [f"P{i}" for i in range(n)], "occasion": occasion}) for occasion, n in occasions.items()
    ]
    table = pd.concat(parts, ignore_index=True).assign(role=role, about="self")
    return table.assign(total=np.arange(len(table)) % 28.0, total_n=9, total_prorated=False)


def test_expected_scores_are_the_models_in_the_outcomes_own_direction():
    data = prepost_data(FIT, SCORES, -1)
    post = data.query("kind == 'expected' and at == 'post'").set_index(["perceived", "style"])
    assert post.loc[(1, 1), "value"] == pytest.approx(-(-10 + 1.7 - 0.1))
    half = stats.t.ppf(0.975, 30) * np.sqrt(0.09 + 0.04 + 0.16)
    assert post.loc[(-1, 1), "ci_high"] - post.loc[(-1, 1), "value"] == pytest.approx(half)
    start = data.query("kind == 'expected' and at == 'pre'")["value"]
    assert start.tolist() == pytest.approx([SCORES["pre"].mean()] * 4)


def test_association_is_adjusted_and_its_line_has_the_models_slope():
    rows = pd.DataFrame({"perceived_within": RNG.normal(size=N), "therapist_style": RNG.normal(size=N)})
    rows["y"] = -10 + 1.7 * rows["perceived_within"] - 0.1 * rows["therapist_style"]
    data = association_data(FIT, rows, -1, shareable=False)
    line, points = (data[data["kind"] == kind] for kind in ("line", "point"))
    assert np.polyfit(line["x"], line["y"], 1)[0] == pytest.approx(-1.7)
    # without residuals every adjusted outcome lies on the line
    assert points["y"].to_numpy() == pytest.approx(np.polyval(np.polyfit(line["x"], line["y"], 1), points["x"]))
    mid = np.array([1.0, line["x"].iloc[0], rows["therapist_style"].mean()])
    half = stats.t.ppf(0.975, 30) * np.sqrt(mid**2 @ [0.09, 0.04, 0.16])
    assert line["high"].iloc[0] - line["y"].iloc[0] == pytest.approx(half)
    assert association_data(FIT, rows, -1).query("kind == 'point'")["n"].between(5, 9).all()


def test_patients_are_drawn_only_where_allowed():
    shared, internal = prepost_data(FIT, SCORES, -1), prepost_data(FIT, SCORES, -1, shareable=False)
    assert "patient" not in set(shared["kind"]) and (internal["kind"] == "patient").sum() == N
    assert shared["share"].dropna().min() >= 0.08, "five of sixty"
    assert set(change_data(SCORES, 6.0, 10.0)["n"]) <= set(range(5, 10))
    assert change_data(SCORES, 6.0, 10.0, shareable=False)["n"].min() == 1
    fitted = np.linspace(-3, 3, N)
    assert residual_data(fitted, fitted)["n"].min() >= 5
    assert (residual_data(fitted, fitted, shareable=False)["kind"] == "point").sum() == N


def test_bubbles_hold_every_patient():
    data = change_data(SCORES, 6.0, 10.0)
    assert data["n"].sum() == N
    assert np.average(data["pre"], weights=data["n"]) == pytest.approx(SCORES["pre"].mean())


def test_published_points_come_before_those_of_the_sample():
    own = {"method": "jacobson_truax", "threshold": 1.96, "sd": 5.0, "reliability": 0.875, "cut": 10.0}
    published = {"method": "published", "threshold": 6.0, "sd": None, "reliability": None, "cut": 9.0}
    assert criterion(pd.DataFrame([own, published])) == (6.0, 9.0)
    assert criterion(pd.DataFrame([own])) == (pytest.approx(4.9), 10.0)
    assert criterion(pd.DataFrame(columns=list(own))) == (None, None)


def test_missing_map_tells_no_few():
    data = missing_data({"phq9": wide({"intake": 60, "session_5": 3, "termination": 57})}, {"patient": 60}, ["intake"])
    said = data.set_index("occasion")["said"].to_dict()
    assert said == {"intake": "100%", "session_5": "few", "termination": "nearly all"}
    assert data.set_index("occasion")["scored"].isna().tolist() == [False, True, True]
    internal = missing_data({"phq9": wide({"termination": 57})}, {"patient": 60}, [], shareable=False)
    assert internal["said"].tolist() == ["95%"] and internal["scored"].tolist() == [57]


def test_missing_map_keeps_forms_about_several_persons_apart():
    mother, father = wide({"survey": 60}).assign(about="mother"), wide({"survey": 30}).assign(about="father")
    therapists = wide({"": 20}, "therapist")
    sizes = {"patient": 60, "therapist": 20}
    data = missing_data({"ecr": pd.concat([mother, father, therapists])}, sizes, ["survey"])
    assert data[["role", "about", "said"]].to_numpy().tolist() == [
        ["patient", "father", "50%"], ["patient", "mother", "100%"], ["therapist", "self", "100%"],
    ]  # fmt: skip
    figure = Figure()
    participants.draw_missing(figure.subplots(), data)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["ECR, father", "ECR, mother", "ECR, self"]
    sides = [text.get_text() for text in figure.axes[0].texts if text.get_rotation() == 270]
    assert sides == ["patients", "therapists"]
    alone = missing_data({"ecr": mother}, sizes, ["survey"])
    assert alone[["about", "said"]].to_numpy().tolist() == [["", "100%"]]


def test_distributions_have_means_bins_and_norms():
    data = distribution_data({"phq9": wide({"intake": 60, "end": 4})}, {"phq9": load_instrument("phq9")}, ["intake"])
    assert set(data["occasion"].dropna()) == {"intake"}, "four persons are not shown"
    bins = data[data["kind"] == "bin"]
    assert (bins["density"] * (bins["high"] - bins["low"])).sum() == pytest.approx(1)
    norms = data[data["kind"] == "norm"]
    assert (15.4, 5.5, "verified-1") in norms[["mean", "sd", "sure"]].itertuples(index=False, name=None)


def test_each_person_whom_an_instrument_is_about_has_a_panel():
    mother, father = (wide({"survey": 30}).assign(about=about) for about in ("mother", "father"))
    father["total"] += 100
    data = distribution_data({"ecr": pd.concat([mother, father])}, {}, ["survey"])
    means = data[data["kind"] == "mean"].set_index("about")["mean"]
    assert means.index.tolist() == ["father", "mother"] and means["father"] - means["mother"] == pytest.approx(100)
    one = distribution_data({"ecr": mother}, {}, ["survey"])
    assert set(one["about"]) == {""}, "nobody is named where there is one"


def test_norms_of_item_means_are_put_on_the_scales_sum():
    cats = wide({"session_5": 30}).rename(columns=lambda c: c.replace("total", "secure"))
    data = distribution_data({"cats": cats}, {"cats": load_instrument("cats")})
    # item mean 4.9 to 5.2, 14 items
    assert data.loc[data["kind"] == "norm", "mean"].tolist() == pytest.approx([14 * 5.05])


def test_whole_numbers_fall_equally_into_bins():
    edges = fine_edges(0, 27)
    assert np.diff(edges) == pytest.approx(2) and edges[0] == -0.5


@pytest.mark.parametrize("low", [0, 6])
@pytest.mark.parametrize("about", [16, 20])
def test_no_bin_holds_much_fewer_whole_numbers_than_the_others(low, about):
    for high in range(low + 21, low + 300):
        edges = fine_edges(low, high, about)
        held = np.histogram(np.arange(low, high + 1), edges)[0]
        assert held.sum() == high - low + 1 and 2 * held.min() >= held.max()
        assert about / 2 < len(held) <= 1.6 * about


def test_residuals_count_random_effects_by_share_of_sessions():
    rows = pd.DataFrame(
        {"patient": ["P1", "P2"], "y": [1.0, -3.0], "perceived_within": [1.0, 2.0], "therapist_style": [0.0, 0.0]}
    )
    members = pd.DataFrame({"patient": ["P1", "P2", "P2"], "therapist": ["A", "A", "B"], "weight": [1, 0.25, 0.75]})
    effects = pd.DataFrame({"group": "therapist", "level": ["A", "B", "A"],
                            "term": ["Intercept", "Intercept", "perceived_within"],
                            "value": [2.0, 4.0, 0.5]})  # fmt: skip
    fitted, residual = conditional(FIT, rows, effects, members)
    assert fitted == pytest.approx([-10 + 1.7 + 2 + 0.5, -10 + 3.4 + 0.5 + 3 + 0.25])
    assert residual == pytest.approx((rows["y"] - fitted) / 2)


def test_residuals_of_repeated_rows_count_the_therapist_of_the_row():
    rows = pd.DataFrame(
        {"patient": "P1", "therapist": ["A", "B"], "y": 0.0, "perceived_within": 0.0, "therapist_style": 0.0}
    )
    members = pd.DataFrame({"patient": "P1", "therapist": ["A", "B"], "weight": 0.5})
    effects = pd.DataFrame({"group": "therapist", "level": ["A", "B"], "term": "Intercept", "value": [2.0, 4.0]})
    assert conditional(FIT, rows, effects, members)[0] == pytest.approx([-10 + 2, -10 + 4])


def test_normal_residuals_lie_within_the_band_and_skewed_ones_do_not():
    normal = residual_data(np.arange(400.0), stats.norm.ppf((np.arange(400) + 0.5) / 400))
    quantiles = normal[normal["kind"] == "quantile"]
    assert ((quantiles["y"] > quantiles["low"]) & (quantiles["y"] < quantiles["high"])).all()
    skewed = residual_data(np.arange(400.0), stats.expon.ppf((np.arange(400) + 0.5) / 400) - 1)
    quantiles = skewed[skewed["kind"] == "quantile"]
    assert (quantiles["y"] > quantiles["high"]).mean() > 0.1


@pytest.mark.parametrize("name", figures.PLOTS)
def test_nothing_to_draw_is_said(name, tmp_path):
    written = save(tmp_path, name, pd.DataFrame(columns=["a"]), figures.PLOTS[name].draw)
    assert all(p.stat().st_size > 0 for p in written)


@pytest.mark.parametrize("shareable", [True, False])
def test_each_is_drawn(shareable, tmp_path):
    scores = {"phq9": wide({"intake": 60, "session_5": 40, "termination": 57})}
    made = {
        "prepost": prepost_data(FIT, SCORES, -1, shareable).assign(outcome="PHQ9"),
        "change": change_data(SCORES, 6.0, None, shareable).assign(direction=-1, outcome="PHQ9"),
        "missing": missing_data(scores, {"patient": 60}, ["intake", "termination"], shareable),
        "distributions": distribution_data(scores, {}, ["intake", "termination"], shareable=shareable),
        "residuals": residual_data(SCORES["pre"].to_numpy(), (SCORES["post"] - 10).to_numpy(), shareable),
    }
    for name, data in made.items():
        svg, *_ = figures.draw(name, data, tmp_path)
        assert svg.read_text("utf-8").count("<path") > 5, name


def test_recovered_share_by_hand_when_perceived_attachment_is_moved():
    """Ten patients begin at 20 points (lower is better) and end at 9 to 13.5; P is 2 points, cut-off 10."""
    people = [f"p{k}" for k in range(11)]
    rows = pd.DataFrame({"y": [*-np.arange(9, 14, 0.5), 0.0], P: 0.0}, index=people)
    pre = pd.Series([20.0] * 10 + [4.0], index=people)
    fit = {"fixed": [{"term": P, "estimate": 2.0, "ci_low": 1.0, "ci_high": 3.0}]}
    more, less = course.recovered_data(fit, rows, pre, -1, 6.0, 10.0).to_dict("records")
    assert (more["value"], more["ci_low"], more["ci_high"]) == (0.7, 0.5, 0.9), "ends of 12 or less; 11; 13"
    assert (less["value"], less["ci_low"], less["ci_high"]) == (0.0, 0.0, 0.1), "ends of 8 or less; 9; 7"
    assert course.recovered_data(fit, rows.iloc[:9], pre, -1, 6.0, 10.0).empty, "fewer than ten patients"
