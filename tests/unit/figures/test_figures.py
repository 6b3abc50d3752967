"""Figures: what their data hold, what they withhold, and the same bytes twice."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bowlby import figures
from bowlby.design.adequacy import adequacy, detection_power
from bowlby.disclosure import group_therapists
from bowlby.figures import PLOTS, course, draw, forest
from bowlby.figures.adequacy import adequacy_data
from bowlby.figures.forest import forest_data
from bowlby.figures.participants import flow_data
from bowlby.figures.partition import partition_data
from bowlby.figures.therapists import caterpillar_data
from bowlby.figures.trajectory import trajectory_data
from bowlby.files import write_json, write_parquet
from bowlby.results import Results

EFFECTS = pd.DataFrame(
    {
        "group": ["therapist"] * 3 + ["patient"],
        "level": ["T07", "T01", "T03", "P1"],
        "term": ["Intercept"] * 4,
        "value": [0.5, -0.5, 0.1, 9.0],
        "variance": [0.04, 0.04, 0.01, 1.0],
    }
)
COMPARISON = {
    "delta": 0.1,
    "P": {"estimate": 0.29, "ci": [0.21, 0.38], "ci90": [0.22, 0.37]},
    "T": {"estimate": -0.01, "ci": [-0.14, 0.12], "ci90": [-0.12, 0.09]},
    "P-T": {"estimate": 0.31, "ci": [0.16, 0.46], "ci90": [0.18, 0.43]},
    "P+T": {"estimate": None, "ci": [None, None], "ci90": [None, None]},
}
PARTITION = {
    "base": {"f1_corrected": 5.0, "f2_corrected": 0.5, "within": 30.0, "between": 3.0, "total": 33.0},
    "full": {"f1_corrected": 7.4, "f2_corrected": 0.35, "within": 30.5, "between": 3.5, "total": 34.0},
}
GROWTH = {
    "fixed": [{"term": "Intercept", "estimate": 16.0, "df": 20.0}, {"term": "time", "estimate": -0.5, "df": 400.0}],
    "vcov": {"terms": ["Intercept", "time"], "values": [[0.25, 0.0], [0.0, 0.01]]},
    "vcov_adjusted": None,
}
STEPS = [
    {"step": "patients in the study", "patients": 60, "therapists": 8, "rows": 60, "reason": None},
    {"step": "without: no outcome", "patients": 50, "therapists": 8, "rows": 50, "reason": "no outcome"},
    {"step": "without: no rating", "patients": 48, "therapists": 8, "rows": 48, "reason": "no rating"},
    {"step": "analysed", "patients": 48, "therapists": 8, "rows": 48, "reason": None},
]


def growth_rows() -> pd.DataFrame:
    rows = [(f"P{i}", "T1", t, 16 - 0.5 * t + i % 3) for t in (0.0, 1.0, 2.0) for i in range(9)]
    return pd.DataFrame([*rows, ("P1", "T1", 9.0, 3.0)], columns=["patient", "therapist", "time", "y"])


DRAWN = {
    "forest": lambda: forest_data(COMPARISON),
    "caterpillar": lambda: caterpillar_data(EFFECTS),
    "trajectory": lambda: trajectory_data(GROWTH, growth_rows()),
    "flow": lambda: flow_data(STEPS),
    "partition": lambda: partition_data(PARTITION),
}


@pytest.mark.parametrize("name", DRAWN)
def test_two_writings_are_the_same_bytes(name, tmp_path):
    one, two = (figures.draw(name, DRAWN[name](), tmp_path / folder) for folder in ("one", "two"))
    assert [p.relative_to(tmp_path / "one").as_posix() for p in one] == [
        f"figures/{name}.svg",
        f"figures/{name}.pdf",
        f"figures/{name}.png",
        f"figures/data/{name}.csv",
    ]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_a_users_matplotlib_settings_change_nothing(tmp_path):
    import matplotlib

    plain = figures.draw("forest", forest_data(COMPARISON), tmp_path / "one")[0].read_bytes()
    with matplotlib.rc_context({"font.size": 30, "lines.color": "red"}):
        set_otherwise = figures.draw("forest", forest_data(COMPARISON), tmp_path / "two")[0].read_bytes()
    assert plain == set_otherwise


def test_caterpillar_is_sorted_and_names_nobody():
    data = caterpillar_data(EFFECTS)
    assert list(data) == ["rank", "therapists", "effect", "ci_low", "ci_high"]
    assert data["effect"].tolist() == [-0.5, 0.1, 0.5]
    assert data["ci_high"].tolist() == pytest.approx([-0.108, 0.296, 0.892])


def test_therapists_of_few_patients_are_shown_group_therapists():
    """2 + 4 patients make a group of neighbours; the one with 3 left over joins the nearest therapist, at 0.9."""
    effects = pd.DataFrame({"group": "therapist", "term": "Intercept", "level": list("abcde"), "variance": 0.04,
                            "value": [-0.5, -0.3, 0.1, 0.9, 0.7]})  # fmt: skip
    data = caterpillar_data(effects, pd.Series({"a": 2, "b": 4, "c": 5, "d": 9, "e": 3}))
    assert data["therapists"].tolist() == [2, 1, 2] and data["effect"].tolist() == pytest.approx([-0.4, 0.1, 0.8])
    assert data["ci_high"].tolist() == pytest.approx([-0.4 + 0.392, 0.492, 1.192])
    alone = caterpillar_data(effects, pd.Series({"a": 1, "b": 1, "c": 1, "d": 0, "e": 1}))
    assert alone.empty


@pytest.mark.parametrize("seed", range(5))
def test_no_group_of_therapists_holds_fewer_than_five_patients(seed):
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, 9, 30)
    group = group_therapists(rng.normal(size=30), patients)
    assert (group >= 0).all() and np.bincount(group, weights=patients)[np.unique(group)].min() >= 5
    large = patients >= 5
    assert len(set(group[large])) == large.sum()


def test_caterpillar_of_a_platform_stays_small(tmp_path):
    n = 25_000
    table = {"group": "therapist", "level": range(n), "term": "Intercept", "value": np.linspace(-2, 2, n)}
    written = figures.draw("caterpillar", caterpillar_data(pd.DataFrame(table).assign(variance=0.2)), tmp_path)
    assert written[0].stat().st_size < 200_000


def test_adequacy_curve_has_its_power():
    planned = adequacy(np.linspace(-1.6, 1.6, 80), np.full(80, 40.0), 2, 0.15)
    data = adequacy_data(planned, 0.033)
    assert data.loc[data["observed"], "icc"].tolist() == [0.033] and data["icc"].is_monotonic_increasing
    assert data.loc[data["registered"], "icc"].tolist() == pytest.approx([0.02, 0.05, 0.08])
    made = pd.DataFrame(planned["grid"])
    for column in ("minimum_detectable", "largest_possible", "half_width_90"):
        assert data.loc[data["registered"], column].tolist() == pytest.approx(made[column].tolist())
    # at the smallest detectable slope the power is 80 % by definition
    assert detection_power(made["se"], made["df"], made["minimum_detectable"]).tolist() == pytest.approx([0.8] * 3)
    above = data["minimum_detectable"] <= 0.15
    assert (data.loc[above, "power_delta"] >= 0.8).all() and (data.loc[~above, "power_delta"] < 0.8).all()


@pytest.mark.parametrize(("therapists", "observed"), [(12, 0.05), (80, 0.033), (400, 0.022), (25_000, 0.15)])
def test_no_curve_of_adequacy_crosses_words(therapists, observed):
    planned = adequacy(np.linspace(-1.6, 1.6, therapists), np.full(therapists, 40.0), 2, 0.1)
    figure = Figure(layout="constrained")
    PLOTS["adequacy"].draw(figure.subplots(), adequacy_data(planned, observed))
    figure.draw_without_rendering()
    words = [(ax, text.get_window_extent()) for ax in figure.axes for text in ax.texts]
    curves = {ax: [line for line in ax.lines if not line.get_label().startswith("_")] for ax in figure.axes}
    assert words and all(curves.values())
    assert not any(
        line.get_path().transformed(ax.transData).intersects_bbox(box, filled=False)
        for ax, box in words
        for line in curves[ax]
    )


@pytest.mark.parametrize("name", ["prepost", "domains"])
def test_lines_differ_without_colour(name):
    how = course.LINES if name == "prepost" else {k: v for k, (_, _, v) in forest.SLOPES.items()}
    one, two = ({k: v for k, v in h.items() if k != "color"} for h in how.values())
    assert one["marker"] != two["marker"] and one.get("fill", True) != two.get("fill", True)
    assert name != "prepost" or one["dashes"] != two["dashes"]


def test_forest_data_keep_what_is_missing_missing():
    data = forest_data(COMPARISON).set_index("effect")
    assert data.loc["P", "ci90_high"] == 0.37
    assert data.loc["P+T", ["estimate", "ci_low", "ci_high"]].isna().all()


def test_trajectory_line_interval_and_small_cells():
    data = trajectory_data(GROWTH, growth_rows()).set_index("time")
    assert 9.0 not in data.index, "one patient alone is not shown"
    assert data.loc[2.0, "model"] == 15.0
    # t(.975, 20) = 2.085963; se at time 2 = sqrt(0.25 + 4 * 0.01)
    assert data.loc[2.0, "ci_high"] - 15.0 == pytest.approx(2.085963 * np.sqrt(0.29), abs=1e-5)


def test_partition_sums_to_one_and_agrees_with_the_shares_of_e2_and_e3():
    data = partition_data(PARTITION)
    assert data.groupby("level")["drawn"].sum().tolist() == pytest.approx([1, 1, 1])
    share = data.set_index(["level", "part"])["share"]
    assert share["total", "perceived"] == pytest.approx(2.4 / 33)
    assert share["within", "perceived"] == pytest.approx(2.4 / 30)
    # worth less than chance would give: said as estimated, drawn as nothing
    assert share["between", "style"] == pytest.approx(-0.05)
    assert data.query("part == 'style'")["drawn"].eq(0).all()


def test_flow_puts_small_exclusions_group_therapists():
    left = flow_data(STEPS).query("kind == 'left_out'")
    assert left[["patients", "reason"]].to_numpy().tolist() == [[12, "no outcome; no rating"]]
    internal = flow_data(STEPS, "internal").query("kind == 'left_out'")
    assert internal["patients"].tolist() == [10, 2]


def test_flow_withholds_a_small_exclusion_and_what_would_tell_it():
    data = flow_data([{**STEPS[0], "patients": 50, "rows": 50}, *STEPS[2:]])
    assert data["patients"].isna().tolist() == [True, True, False]
    assert data["reason"][1] == "fewer than 5 patients: no rating"


def test_outputs_are_what_a_run_asks_for():
    from bowlby.config.run import Growth, Outcome, Run

    run = Run(run="a", study="s.yaml", outcome=Outcome(instrument="phq9"), growth=Growth())
    asked = ["trajectory", "caterpillar", "flow", "missing", "distributions", "residuals"]
    assert figures.names(run) == asked
    assert "figures/data/trajectory.csv" in figures.outputs(run) and len(figures.outputs(run)) == 4 * len(asked)


def test_words_of_a_figures_data_are_no_formulas(tmp_path):
    steps = [{**step, "reason": "=HYPERLINK(1)"} if step["reason"] else step for step in STEPS]
    figures.draw("flow", flow_data(steps), tmp_path)
    reasons = pd.read_csv(tmp_path / "figures/data/flow.csv")["reason"].dropna()
    assert reasons.tolist() == ["'=HYPERLINK(1); =HYPERLINK(1)"]


def test_caterpillar_has_no_ids():
    effects = pd.DataFrame(
        {
            "group": "therapist",
            "level": ["T07", "T01"],
            "term": "Intercept",
            "value": [0.5, -0.5],
            "variance": [0.04, 0.04],
        }
    )
    data = caterpillar_data(effects)
    assert "level" not in data and data["effect"].tolist() == [-0.5, 0.5]
    assert data["ci_low"].tolist() == pytest.approx([-0.892, 0.108])


def test_panels_of_the_specification_curve_do_not_give_way_to_the_heads_of_its_choices():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from bowlby.figures import multiverse

    at = np.linspace(0.05, 0.4, 8)
    data = pd.DataFrame({"rank": range(1, 9), "P": at, "T": 0.0, "P-|T|": at, "ci_low": at - 0.2, "ci_high": at + 0.2,
                         "C2": "inconclusive", "registered": [True] + [False] * 7,
                         "switching": ["share", "equal"] * 4, "caseload": ["1"] * 4 + ["5"] * 4})  # fmt: skip
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    multiverse.draw(figure.subplots(), data)
    figure.draw_without_rendering()
    assert min(panel.get_position().width for panel in figure.axes) > 0.55
    heads = [text.get_window_extent() for text in (*figure.axes[-1].texts, figure.axes[-1].xaxis.label)]
    assert len(heads) == 3 and all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in heads)


@pytest.mark.parametrize("kind", ["multiverse", "influence"])
def test_a_check_none_of_whose_fits_succeeded_has_a_figure_that_says_so(tmp_path, kind):
    """Without its files the run would end without a report."""
    table = pd.DataFrame({"replicate": [0, 1], "status": "failed", "P": np.nan, "T": np.nan})
    write_parquet(tmp_path / f"robustness/{kind}.parquet", table)
    for name in ("comparison", "verdict"):
        write_json(tmp_path / f"{name}.json", {"claims": {}})
    data = PLOTS[kind].gather(Results(tmp_path))
    assert data is not None and data.empty
    assert all(path.is_file() for path in draw(kind, data, tmp_path))
