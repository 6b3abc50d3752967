"""Scores and reliabilities of real public data against R psych (tests/golden/r/scales.R) and the data's own scores."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bowlby.instruments.audit import audit
from bowlby.instruments.catalogue import load_instrument
from bowlby.instruments.clinical_significance import severity
from bowlby.instruments.item_agreement import alphas, item_rest
from bowlby.instruments.model import Instrument, Scale
from bowlby.instruments.reliability import one_way, reliability
from bowlby.instruments.scoring import item_name, keyed, score

HERE = Path(__file__).parent
SHARED = HERE.parents[3] / "shared" / "data"
EXPECTED = json.loads((HERE / "real_scales.expected.json").read_text("utf-8"))
BFI = {"agree": [1], "conscientious": [9, 10], "extraversion": [11, 12], "neuroticism": [], "openness": [22, 25]}
ECR = {"avoidance": [2, 3, 4, 6, 10, 11], "anxiety": [1, 5, 7, 8, 9, 12]}


def read(path):
    file = SHARED / path
    if not file.is_file():
        pytest.skip(f"{file.name} is not beside the checkout")
    return pd.read_csv(file, encoding="utf-8-sig")


def forms(answers):
    items = {item_name(n + 1): answers[c].to_numpy(float) for n, c in enumerate(answers)}
    head = {
        "person": [f"p{n}" for n in range(len(answers))],
        "role": "patient",
        "about": "self",
        "occasion": "intake",
        "session": pd.array([pd.NA] * len(answers), dtype="Int64"),
    }
    return pd.DataFrame(head | items)


def key(scales, **form):
    return Instrument(id="x", name="x", aggregate="mean", confidence="verified-1", scales=scales, **form)


@pytest.fixture(scope="module")
def bfi():
    data = forms(read("rdatasets_subset/psychTools_bfi.csv").iloc[:, :25])
    scales = {
        name: Scale(items=range(5 * k + 1, 5 * k + 6), reverse=turned, min_answered=1)
        for k, (name, turned) in enumerate(BFI.items())
    }
    return data, key(scales, n_items=25, response=(1, 6))


@pytest.fixture(scope="module")
def students():
    return read("phq_gad_pss_ukm/Psychological_aspects.csv")


def agrees(measures, instrument, scale, wanted):
    """Alpha with Feldt's limits, omega, N, and each item's part in them."""
    table = reliability(measures, instrument)
    rows = table[table["scale"].eq(scale)].set_index("coefficient")
    assert rows.loc["alpha", ["value", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [wanted["alpha"], *wanted["feldt"]], abs=1e-10
    )
    # The criterion of R's search ends at 1e-4 or so of a loading.
    assert rows.loc["omega_total", "value"] == pytest.approx(wanted["omega"], abs=1e-5)
    assert (rows["n"] == wanted["n"]).all()
    assert (rows["n_items"] == wanted["k"]).all()
    items = keyed(measures, instrument, scale).dropna().to_numpy(float)
    np.testing.assert_allclose(item_rest(items), wanted["item_rest"], atol=1e-12)
    np.testing.assert_allclose(alphas(items)[1], wanted["alpha_if_dropped"], atol=1e-12)


@pytest.mark.parametrize("scale", BFI)
def test_bfi_scales_with_their_reversed_items_are_those_of_score_items(bfi, scale):
    measures, instrument = bfi
    found, wanted = score(measures, instrument)[scale], EXPECTED[scale]
    assert (found.mean(), found.std()) == pytest.approx((wanted["mean"], wanted["sd"]), abs=1e-12)
    np.testing.assert_allclose(found[:25], wanted["first"], atol=1e-12)
    agrees(measures, instrument, scale, wanted)


def test_the_audit_finds_each_bfi_item_that_is_not_reversed_and_no_other(bfi):
    measures, instrument = bfi
    measures = measures.head(200)
    for turned in (None, *(i for items in BFI.values() for i in items)):
        column = [] if turned is None else [item_name(turned)]
        table = audit(measures.assign(**{c: 7 - measures[c] for c in column}), instrument)
        alarms = table[table["verdict"].isin(["suspicious", "wrong"]) & table["check"].ne("already_reversed")]
        assert set(alarms["item"].dropna()) == ({turned} if turned else set())
        assert turned or alarms.empty


@pytest.mark.parametrize("name, letter, n", [("phq9", "D", 9), ("gad7", "A", 7)])
def test_totals_bands_and_cases_of_students(students, name, letter, n):
    instrument, wanted = load_instrument(name), EXPECTED[name]
    measures = forms(students[[f"{letter}{i}" for i in range(1, n + 1)]])
    scores = score(measures, instrument)
    assert (scores["total"].mean(), scores["total"].std()) == pytest.approx((wanted["mean"], wanted["sd"]), abs=1e-12)
    table = severity(scores, measures, instrument, shareable=False)
    assert table.loc[table["kind"].eq("band"), "count"].tolist() == wanted["bands"]
    cases = table[table["kind"].eq("caseness")].set_index("lowest")["count"]
    assert cases[10.0] == wanted["cases"]
    if name == "phq9":
        assert table.loc[table["kind"].eq("flag"), "count"].tolist() == [wanted["item9"]]
    agrees(measures, instrument, "total", wanted)


@pytest.mark.parametrize("parent", ["m", "p"])
def test_the_ecr_files_own_scores_with_missing_items(parent):
    data = read("ecr_mother_father_italian/data_ECR.csv")
    instrument = key({n: Scale(items=i, min_answered=1) for n, i in ECR.items()}, n_items=12, response=(1, 5))
    measures = forms(data[[f"o_ecr{n}{parent}" for n in range(1, 13)]])
    assert measures.filter(regex=r"^i\d").isna().any(axis=None)
    scores = score(measures, instrument)
    for name, short in (("avoidance", "Av"), ("anxiety", "Anx")):
        np.testing.assert_allclose(scores[name], data[f"{short}{parent}"], atol=1e-12)
        wanted = EXPECTED[f"{parent}_{name}"]
        agrees(measures, instrument, name, wanted)
        between = one_way(scores[name], data["id_classe"])
        assert between.icc[0] == pytest.approx(wanted["icc"], abs=1e-10)
        assert len(between.sizes) == wanted["classes"]
