"""Change of attachment style."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import t

from bowlby.config.clinical_change import StyleTransitions
from bowlby.config.run import Run
from bowlby.design.style_transitions import transition_set
from bowlby.errors import UserError
from bowlby.estimands.style_transitions import examine, share
from bowlby.figures.style_transitions import gather
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.scoring import given
from bowlby.instruments.style_change import reliable_shifts
from bowlby.instruments.styles import STYLES, add_derived
from bowlby.report.sections.style_transitions import _said
from bowlby.tables.style_transitions import transitions_sheet, transitions_table

ECR = load_instrument("ecr_s")
PLACES = {"secure": (14.0, 14.0), "preoccupied": (34.0, 14.0), "dismissing": (14.0, 34.0), "fearful": (34.0, 34.0)}
SETTINGS = {"instrument": "ecr_s", "about": "self", "role": "patient", "pre": "a", "post": "b", "n_dropped": {},
            "errors": {}, "styles": list(STYLES)}  # fmt: skip


def scored(before, after):
    """Scores of patients, each a pair of anxiety and avoidance before and after."""
    rows = [{"person": f"p{k:03d}", "role": "patient", "about": "self", "occasion": o, "session": pd.NA,
             "anxiety": x, "avoidance": y} for o, values in (("a", before), ("b", after))
            for k, (x, y) in enumerate(values)]  # fmt: skip
    return add_derived(given(pd.DataFrame(rows), ECR), ECR)


def built(before, after, therapists=8):
    people = [f"p{k:03d}" for k in range(len(before))]
    own = {"patients": pd.DataFrame({"patient": people}), "therapists": pd.DataFrame({"therapist": []}),
           "episodes": pd.DataFrame({"patient": people, "therapist": [f"t{k % therapists}" for k in range(len(people))],
                                     "weight": 1.0})}  # fmt: skip
    run = Run(run="x", study="s", outcome={"instrument": "phq9"}, growth={},
              style_transitions=StyleTransitions(instrument="ecr_s", pre="a", post="b"))  # fmt: skip
    return transition_set(run, {"ecr_s": scored(before, after)}, own, lambda _: (ECR, None))


def rows(cells, reliable=True, therapists=6):
    """An analysis set with so many patients in each cell (before, after)."""
    pairs = [pair for pair, n in cells.items() for _ in range(n)]
    data = pd.DataFrame(pairs, columns=["before", "after"])
    data["patient"], data["therapist"] = (
        [f"p{k}" for k in range(len(data))],
        [f"t{k % therapists}" for k in range(len(data))],
    )
    data["reliable"] = pd.array([reliable] * len(data), dtype="boolean") if reliable is not None else pd.NA
    return data, data[["patient", "therapist"]].assign(weight=1.0)


def test_a_shift_is_reliable_if_every_dimension_that_changed_side_changed_by_more_than_error():
    """SD 8, alpha .75: the error of a difference is 8 sqrt(2 * .25) = 5.66 points, 1.96 of it 11.09."""
    rng = np.random.default_rng(1)
    ends = rng.normal(size=(60, 2))
    ends = 24 + 8 * (ends - ends.mean(axis=0)) / ends.std(axis=0, ddof=1)
    pre = pd.DataFrame({"anxiety": ends[:, 0], "avoidance": ends[:, 1]})
    post = pre.copy()
    post.loc[0], pre.loc[0] = (18.5, 30), (29.5, 30)  # 11.0 points: within error
    post.loc[1], pre.loc[1] = (18.4, 30), (29.6, 30)  # 11.2 points: reliable
    post.loc[2], pre.loc[2] = (18.4, 23), (29.6, 25)  # reliable on anxiety, not on avoidance
    post.loc[3], pre.loc[3] = (25, 40), (45, 40)  # the same side
    norm = ECR.norm_table[0].model_copy(update={"population": "clinical", "alpha": 0.75})
    norms = [norm.model_copy(update={"scale": scale, "sd": 8.0}) for scale in ("anxiety", "avoidance")]
    key = ECR.model_copy(update={"norm_table": norms})
    reliable, sources = reliable_shifts(pre[:4], post[:4], key, None, "a")
    assert sources["anxiety"]["sd_source"] == "published clinical norm"
    size = 1.96 * np.sqrt(2) * sources["anxiety"]["sd"] * np.sqrt(0.25)
    assert (11.0 < size < 11.2) and reliable.tolist() == [False, True, False, False]


def test_styles_without_dimensions_or_reliability_have_no_reliable_shift():
    pre = pd.DataFrame({"anxiety": [30.0], "avoidance": [30.0]})
    assert reliable_shifts(pre, pre, ECR.model_copy(update={"norm_table": []}), None, "a") == (None, {})


def test_rows_are_patients_with_a_style_at_both_occasions():
    before = [PLACES["fearful"], PLACES["secure"], PLACES["preoccupied"], (24.0, 14.0)]
    set_ = built(before, [PLACES["secure"]] * 4)
    assert set_.data["before"].tolist() == ["fearful/disorganized", "secure", "preoccupied"]
    assert set_.data["after"].tolist() == ["secure"] * 3
    assert set_.design["n_dropped"] == {"style not classified": 1} and set_.data["reliable"].isna().all()
    with pytest.raises(UserError, match="no patient has a style of ecr_s at a and at b; correct the occasions"):
        built([(24.0, 24.0)], [(24.0, 24.0)])


def test_the_interval_of_equal_therapists_is_that_of_their_shares():
    """Equal caseloads: CR2 of a mean is the variance of the means of J therapists over J, on J - 1 df; in log odds."""
    y = np.array([k < n for n in (2, 5, 3, 6, 1, 4) for k in range(8)])
    found, mean = share(y, np.repeat(np.arange(6), 8), shareable=True), y.mean()
    means = y.reshape(6, 8).mean(axis=1)
    half = t.ppf(0.975, 5) * means.std(ddof=1) / np.sqrt(6) / (mean * (1 - mean))
    assert found["estimate"] == pytest.approx(mean, abs=1e-9) and found["df"] == pytest.approx(5, abs=1e-6)
    assert found["ci"] == pytest.approx(expit([logit(mean) - half, logit(mean) + half]), abs=1e-6)


def test_a_share_is_that_of_the_patients_if_a_large_caseload_differs():
    who = np.repeat(np.arange(10), [60] + [10] * 9)
    y = np.arange(len(who)) % 10 < np.where(who == 0, 2, 6)
    assert share(y, who, shareable=True)["estimate"] == pytest.approx(66 / 150, abs=1e-9)


def test_shares_are_of_those_who_could_change():
    data, members = rows({("secure", "secure"): 20, ("secure", "preoccupied"): 10, ("preoccupied", "secure"): 15,
                          ("preoccupied", "preoccupied"): 25})  # fmt: skip
    record = examine(data, members, SETTINGS, shareable=True)
    names = ("became_secure", "became_insecure", "shifted", "shifted_reliably")
    found = [(record["shares"][name]["n"], record["shares"][name]["of"]) for name in names]
    assert found == [(15, 40), (10, 30), (25, 70), (25, 70)]
    assert record["table"]["preoccupied"] == {
        "secure": 15,
        "preoccupied": 25,
        "dismissing": 0,
        "fearful/disorganized": 0,
    }
    assert record["reliable"] == record["table"]


def test_unreliable_shifts_count_as_no_change():
    data, members = rows(
        {("secure", "secure"): 20, ("preoccupied", "secure"): 15, ("preoccupied", "preoccupied"): 25}, False
    )
    record = examine(data, members, SETTINGS, shareable=False)
    assert record["reliable"]["preoccupied"]["secure"] == 0 and record["reliable"]["preoccupied"]["preoccupied"] == 40
    assert record["shares"]["became_secure_reliably"]["n"] == 0
    assert record["shares"]["became_secure_reliably"]["reason"] == "fewer than 5 patients with the change"


def test_small_cells_and_what_follows_from_them_are_hidden():
    cells = {
        ("secure", "secure"): 3,
        ("secure", "preoccupied"): 20,
        ("preoccupied", "secure"): 12,
        ("preoccupied", "preoccupied"): 30,
    }
    data, members = rows(cells, reliable=None)
    record = examine(data, members, SETTINGS, shareable=True)
    assert record["table"]["secure"]["secure"] is None and record["reliable"] is None
    assert record["shares"]["became_secure"]["n"] is None is record["shares"]["became_insecure"]["estimate"]
    assert examine(data, members, SETTINGS, shareable=False)["table"]["secure"]["secure"] == 3


def test_report_table_and_figure_say_the_same():
    data, members = rows({("secure", "secure"): 20, ("preoccupied", "secure"): 15, ("preoccupied", "preoccupied"): 25})
    record = examine(data, members, SETTINGS, shareable=True)
    assert _said(record)[0].startswith(
        "Patients insecure before treatment who were secure after it: 38% (15 of 40), 95% CI ["
    )
    sheet, raw = transitions_sheet("Table 1", record), transitions_table(record)
    assert sheet.parts[0][1][1] == ["Preoccupied", "15", "25", "0", "0"]
    assert raw.loc[raw["name"] == "became_secure", "estimate"].iloc[0] == pytest.approx(0.375)

    class Results:
        def json(self, name):
            return record

    drawn = gather(Results())
    assert drawn.loc[(drawn["before"] == "preoccupied") & (drawn["after"] == "secure"), "share"].iloc[
        0
    ] == pytest.approx(0.375)
