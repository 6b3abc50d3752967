"""Interactions against lme4 and pbkrtest, regions against the formula (``Rscript tests/golden/r/moderation.R``)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.compare.moderation import moderation
from bowlby.design.centring import membership, within_between
from bowlby.fit.moderation import fit_moderation

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text("utf-8"))
BASELINE = {"within": ["baseline_within"], "between": ["baseline_between"]}
FORMATS = ["couple", "group", "individual"]


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.read_csv(HERE / "patients.csv")
    members = pd.DataFrame({"patient": [f"P{k}" for k in table.index], "weight": 1.0})
    members.insert(1, "therapist", table["therapist"].map("T{:02d}".format))
    data = members[["patient", "therapist"]].assign(
        y=table["y"], therapist_style=table["style"] - table["style"].mean()
    )
    w = membership(members, members["patient"]).matrix()
    split = {"baseline": table["pre"], "perceived": table["perceived"]}
    split |= {f"format_{name}": (table["format"] == name).astype(float) for name in FORMATS}
    for name, values in split.items():
        data[[f"{name}_within", f"{name}_between"]] = np.column_stack(within_between(values.to_numpy(), w))
    return data.drop(columns="perceived_between"), members


def examined(rows, predictor, tested, columns, step=1.0, levels=()):
    asked = {
        "text": "x by m", "analysis": "comparison", "predictor": predictor, "predictor_label": "x",
        "main": ["perceived_within", "therapist_style"], "slopes": ["perceived_within"], "moderator_label": "m",
        "step": step, "tested": tested, "columns": columns, "levels": list(levels), "range": [-2.0, 2.0], "rug": [],
    }  # fmt: skip
    design = {"covariates": [], "sd_outcome": 1.0, "n_dropped": {}, "reference": "reference", "moderation": asked}
    record = fit_moderation("moderation_x", *rows, design)["moderation_x"].record
    return record, moderation([record], [design])["interactions"][0]


def agrees(found, expected):
    assert found["estimate"] == pytest.approx(expected["estimate"], abs=1e-6)
    assert found["se"] == pytest.approx(expected["se"], abs=1e-6)
    assert found["df"] == pytest.approx(expected["df"], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("severity", ("therapist_style", "within", BASELINE, -1.0)),
        ("attachment", ("perceived_within", "therapist", {"therapist": ["therapist_style"]})),
    ],
)  # fmt: skip
def test_line_band_and_regions_are_those_of_lme4_and_the_formula(rows, name, asked):
    record, found = examined(rows, *asked)
    expected = EXPECTED[name]
    assert record["llf"] == pytest.approx(expected["llf"], abs=1e-6)
    agrees(found["interaction"], expected["interaction"])
    for slope, other in zip(found["slopes"], expected["slopes"], strict=True):
        agrees(slope, other)
    band = found["band"]
    assert band["critical"] == pytest.approx(expected["critical"], rel=1e-5)
    assert (band["df_den"], band["scale"]) == pytest.approx((expected["df_den"], expected["scale"]), rel=1e-4)
    for kind, cuts in (("simultaneous", expected["roots"]), ("pointwise", expected["pointwise"])):
        inside = [cut for cut in cuts if -2 < cut < 2]
        edges = [r[side] for r in found["regions"][kind] for side in ("low", "high") if abs(r[side]) < 2]
        assert sorted(edges) == pytest.approx(sorted(inside), abs=1e-4)


def test_slopes_by_category_and_their_joint_test_are_those_of_lme4(rows):
    columns = {level: [f"format_{name}_{level}" for name in FORMATS[1:]] for level in ("within", "between")}
    shares = pd.read_csv(HERE / "patients.csv")["format"].value_counts(normalize=True)
    levels = [{"level": name, "indicator": f"format_{name}_within", "share": shares[name], "patients": 0,
               "therapists": 0} for name in FORMATS]  # fmt: skip
    record, found = examined(rows, "therapist_style", "within", columns, levels=levels)
    expected, test = EXPECTED["format"], found["interaction"]
    assert record["llf"] == pytest.approx(expected["llf"], abs=1e-6)
    assert (test["f"], test["df_den"]) == pytest.approx((expected["f"], expected["df_den"]), rel=1e-4)
    for level in found["levels"]:
        agrees(level, expected["levels"][level["level"]])
