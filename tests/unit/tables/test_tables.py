"""Tables: numbers as the APA prints them, full precision in CSV, and cells that nothing runs."""

import time

import pandas as pd
import pytest

from bowlby import tables
from bowlby.files import harmless, write_json, write_text
from bowlby.reasons import say
from bowlby.tables.estimands import estimands_sheet, estimands_table
from bowlby.tables.fits import fit_sheet
from bowlby.tables.layout import Sheet
from bowlby.tables.words import term

ROW = {"se": 0.1, "df": 31.05, "t": 2.0, "p": 0.00001, "ci_low": -0.5, "ci_high": 1 / 3}
FIT = {
    "schema": 1,
    "model": "primary",
    "engine": "bowlby.mixed",
    "reml": True,
    "llf": -10.0,
    "n_obs": 505,
    "n_dropped": {},
    "groups": {"therapist": 48},
    "fixed": [
        {"term": "perceived_within", "estimate": 1 / 7, **ROW},
        {"term": "=1+1_within", "estimate": -0.001, **ROW, "p": None},
    ],
    "vcov": {"terms": [], "values": []},
    "vcov_adjusted": None,
    "contrasts": [{"name": "P-T", "weights": {}, "estimate": 0.3, **ROW}],
    "blocks": [],
    "random": [
        {"group": "therapist", "term": "Intercept", "term2": None, "variance_or_cov": 4.0, "sd_or_corr": 2.0},
    ],
    "scale": 9.0,
    "singular": False,
    "converged": True,
    "df_method": "kenward-roger",
    "warnings": [],
}
GROWTH = {**FIT, "model": "growth", "groups": {"patient": 160, "therapist": 22}, "contrasts": []}


@pytest.mark.parametrize(
    ("value", "text"), [(-0.004, "0.00"), (-1.25, "−1.25"), (1480.17, "1,480.17"), (None, "not available")]
)
def test_numbers(value, text):
    assert tables.number(value) == text


def test_numbers_bounded_by_one_have_no_leading_zero():
    assert tables.number(0.834, bounded=True) == ".83"
    assert tables.interval(-0.05, 0.9, bounded=True) == "[−.05, .90]"
    assert tables.number(1.0, bounded=True) == "1.00"


def test_p_values_that_do_not_exist():
    assert [tables.p_value(p) for p in (None, float("nan"), 0.00099, 0.05)] == ["not available"] * 2 + [
        "< .001",
        ".050",
    ]


def test_formulas_get_an_apostrophe_and_numbers_do_not():
    table = pd.DataFrame({"=head": ["=1+1", "+2", "-x", "@cmd", "fine"], "n": [-1.5, 0, 1, 2, 3]})
    safe = harmless(table)
    assert safe["'=head"].tolist() == ["'=1+1", "'+2", "'-x", "'@cmd", "fine"]
    assert safe["n"].tolist() == [-1.5, 0, 1, 2, 3]


def test_table_one_is_written_raw_and_rounded(tmp_path):
    write_json(tmp_path / "fits/primary.json", FIT)
    written = tables.build(tmp_path)
    assert [p.name for p in written] == ["table1.csv", "table1.html", "table1.docx"]
    raw = pd.read_csv(tmp_path / "tables/table1.csv")
    assert raw.loc[0, "estimate"] == 1 / 7 and raw.loc[0, "ci_high"] == 1 / 3
    assert raw.loc[1, "term"] == "'=1+1_within"
    assert raw["kind"].tolist() == ["coefficient"] * 2 + ["standardised"] + ["variance"] * 2
    page = (tmp_path / "tables/table1.html").read_text("utf-8")
    assert page.startswith("<!doctype html>") and '<meta charset="utf-8">' in page
    assert '<td class="number">[−0.50, 0.33]</td>' in page and "&lt; .001" in page and "not available" in page
    assert "<i>N</i> = 505 patients, <i>J</i> = 48 therapists" in page and "residual 3.00" in page


def test_word_table_prints_statistics_in_italics(tmp_path):
    from docx import Document

    write_json(tmp_path / "fits/primary.json", FIT)
    tables.build(tmp_path)
    document = Document(str(tmp_path / "tables/table1.docx"))
    heads = {c.text: c.paragraphs[0].runs[0].italic for c in document.tables[0].rows[0].cells}
    assert heads == {"Term": False, "b": True, "95% CI": False, "p": True, "SE": True, "df": True, "t": True}
    note = document.paragraphs[-1]
    assert [r.text for r in note.runs if r.italic] == ["Note. ", "N", "J", "SD"]


def test_word_tables_are_the_same_bytes_whenever_they_are_made(tmp_path, monkeypatch):
    write_json(tmp_path / "fits/primary.json", FIT)
    tables.build(tmp_path)
    path = tmp_path / "tables/table1.docx"
    first = path.read_bytes()
    later = time.time() + 86400
    monkeypatch.setattr(time, "time", lambda: later)
    tables.build(tmp_path)
    assert path.read_bytes() == first


def test_growth_table_alone_is_table_one_with_its_unit(tmp_path):
    fixed = [{"term": "Intercept", "estimate": 16.8, **ROW}, {"term": "time", "estimate": -0.3, **ROW}]
    write_json(tmp_path / "fits/growth.json", {**GROWTH, "fixed": fixed})
    write_text(tmp_path / "study.yaml", "time_unit: months\n")
    assert [p.name for p in tables.build(tmp_path)] == ["growth.csv", "growth.html", "growth.docx"]
    page = (tmp_path / "tables/growth.html").read_text("utf-8")
    assert "<b>Table 1</b>" in page and "Time (months)" in page and "505 observations of 160 patients" in page


def test_html_is_escaped_in_cells_titles_and_notes():
    sheet = Sheet("Table <1>", "<b>", ["<i>"], [("<u>", [["<script>"]])], "<note> *N*")
    page = tables.sheet_html(sheet)
    for tag in ("<script>", "<u>", "<note>", "<1>"):
        assert tag not in page
    assert "<i>N</i>" in page


def test_words():
    assert term("therapist_style_anxiety") == "Therapist's own style: anxiety"
    assert term("perceived_avoidant_fearful_within") == "Perceived attachment: avoidant fearful, within therapist"
    assert term("age_within") == "age, within therapist" and term("time", "weeks") == "Time (weeks)"
    assert say("same_rater") == "the patient rated both attachment and outcome"
    assert say("loto_flips", {"loto_flips": {"changed": 3, "therapists": 48}}).endswith("for 3 of 48 therapists")
    assert say("new_flag") == "new flag"


def test_outputs_are_what_a_run_asks_for():
    from bowlby.config.run import Growth, Outcome, Run

    run = Run(run="a", study="s.yaml", outcome=Outcome(instrument="phq9"), growth=Growth())
    kinds = ("csv", "html", "docx")
    assert tables.outputs(run) == [f"tables/{name}.{kind}" for name in ("growth", "sample") for kind in kinds]


def estimand_records() -> dict:
    """Records of all estimands with numbers that tell the rows apart."""
    share = {"share": 0.1, "ci": [0.0, 0.2]}
    block = {"corrected": 0.30, "ci": [0.2, 0.4]}
    equal = {"estimate": 0.01, "ci90": [-0.1, 0.1], "p": {"0.1": 0.04}, "smallest_bound": 0.1}
    return {
        "e1": {"contrasts": [{"name": "P", "estimate": 0.25, "ci_low": 0.2, "ci_high": 0.3, "p": 0.001}],
               "blocks": {"perceived attachment": block, "therapist style": block | {"corrected": 0.08}},
               "difference": 0.22, "difference_ci": [0.1, 0.3]},
        "e2": {"perceived": share, "style": share},
        "e3": {"perceived": share, "style": share, "difference": share},
        "e4": {"estimable": False, "reason": "few"},
        "e5": {"q2": {"perceived": 0.1, "style": 0.0}, "difference": 0.1, "difference_ci": [0.0, 0.2]},
        "e6": {"outcome": equal, "perceived attachment": equal,
               "bound": {"points": 0.5, "share_of_therapist_variance": 0.2}},
        "dominance": {"general": {"perceived_secure_within": 0.05, "therapist style": 0.01}},
        "suppression": {},
        "likelihood": {"tests": []},
        "variance": {"statistic": 3.2, "p": 0.03, "icc": 0.062, "icc_ci": [0.011, 0.154]},
        "sensitivity": {"robustness_values": {"P": {"value": 0.28, "limit": 0.21, "df": 500.0}}, "yardsticks": {},
                        "slope_sd": {"estimate": 0.02, "upper": 0.19}, "p_estimated": None,
                        "caseload": {"test": {"p": 0.4}}, "curved_baseline": {"matters": False}},
        "measurement": {"rows": {"baseline": {"P": {"estimate": 0.3, "ci": [0.2, 0.4]}}, "all": None}},
    }  # fmt: skip


def test_slopes_of_directions_and_indices_of_blocks_have_one_name_each():
    raw, sheet = estimands_table(estimand_records()), estimands_sheet("Table 2", estimand_records())
    e1 = raw[raw["estimand"] == "e1"].set_index("quantity")["value"]
    assert e1.to_dict() == {
        "P": 0.25, "block index of perceived attachment": 0.30, "block index of therapist style": 0.08,
        "difference of the block indices": 0.22,
    }  # fmt: skip
    assert "Block index: SD of outcome that all scales of a predictor predict together" in sheet.note
    assert "its rows sum to this variance" in sheet.note
    joint = fit_sheet("", FIT | {"model": "m1b", "contrasts": [{"name": "P_u", "weights": {}, "estimate": 0.2, **ROW}]})
    assert joint.parts[-1][1][0][0] == "Direction slope of perceived attachment"
    assert "Direction slope: the slope along the weights of the configuration" in joint.note
    assert "Direction slope" not in fit_sheet("", FIT).note


def test_the_share_between_therapists_stands_beside_its_test():
    rows = dict(estimands_sheet("Table 2", estimand_records()).parts)["Do therapists differ, before either predictor?"]
    assert rows[0] == ["share of the variance left by the covariates (ICC)", ".06", "[.01, .15]", "–", "exact CI"]


def test_the_comparison_without_errors_of_measurement_has_a_row_in_the_file_and_none_in_the_table():
    table = estimands_table(estimand_records()).set_index("quantity")
    assert table.loc["P, corrected for error of baseline", "value"] == 0.30
    assert "corrected for error" not in str(estimands_sheet("Table 2", estimand_records()).parts)


def test_imputed_slopes_stand_beside_those_of_complete_rows():
    imputed = {name: {"estimate": 0.25, "ci": [0.1, 0.4], "p": 0.01} for name in ("P", "T")}
    table = estimands_table(estimand_records(), imputed).set_index("quantity")
    assert table.loc["P, missing values imputed", "value"] == 0.25
    assert "P, missing values imputed" not in estimands_table(estimand_records())["quantity"].tolist()


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< .001"), (0.0311, ".031"), (1.0, "1.000")])
def test_p_values(p, text):
    assert tables.p_value(p) == text


def test_cells_are_escaped():
    assert "<b>" not in tables.to_html(pd.DataFrame({"a": ["<b>x</b>"]}), "<i>")
