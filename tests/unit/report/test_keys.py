"""Findings about a key that have the same remedy are one row."""

import io
import json

import pandas as pd
import pytest

from bowlby.files import harmless, write_csv, write_json
from bowlby.instruments.audit_words import alarms
from bowlby.instruments.item_agreement import COLUMNS
from bowlby.report import build_report
from bowlby.report.methods import methods_text
from bowlby.report.sections.keys import keys
from bowlby.report.summary import summary
from bowlby.results import Results

TURN, LOOK = "compare the reversal with your form", "compare the response range"

ROWS = [
    ("ecr_s", "", "anxiety", "", "key_confidence", "verified-1", "verified", "ok", ""),
    ("ecr_s", "", "anxiety", 2, "item_rest", "-0.512", "> 0", "wrong", TURN),
    ("ecr_s", "", "anxiety", 8, "item_rest", "-0.301", "> 0", "suspicious", TURN),
    ("ecr_s", "", "anxiety", 8, "first_loading", "-0.6", "> 0", "suspicious", TURN),
    ("ecr_s", "", "anxiety", 4, "item_rest", "0.6", "> 0", "ok", ""),
    ("ecr_s", "patient, intake", "avoidance", "", "norm_mean", "mean 40", "15 (SD 6)", "suspicious", LOOK),
    ("ecr_s", "therapist", "avoidance", "", "norm_mean", "mean 41", "15 (SD 6)", "suspicious", LOOK),
    ("ecr_s", "", "", "", "out_of_range", "3", "0 outside 1 to 7", "wrong", LOOK),
    ("ecr_s", "", "", "", "straight_lining", "1 of 20", "", "not_testable", ""),
]


@pytest.fixture
def page(tmp_path):
    write_csv(tmp_path / "keying_audit.csv", pd.DataFrame(ROWS, columns=COLUMNS))
    write_json(tmp_path / "manifest.json", {"privacy": "shareable", "config": {}})
    return str(keys(Results(tmp_path)).html)


def test_what_has_the_same_remedy_is_one_row(page):
    table = pd.read_html(io.StringIO(page), keep_default_na=False)[1].iloc[1:].to_numpy().tolist()
    assert table == [
        [
            "",
            "wrong",
            "anxiety: correlation with the rest of the scale (items 2, 8): −0.51 to −0.30, expected > 0; loading on "
            "the first component (item 8): −0.60, expected > 0.",
            TURN,
        ],
        [
            "patient, intake",
            "suspicious",
            "avoidance: mean, compared with published means: mean 40, expected 15 (SD 6).",
            LOOK,
        ],
        [
            "therapist",
            "suspicious",
            "avoidance: mean, compared with published means: mean 41, expected 15 (SD 6).",
            LOOK,
        ],
        ["", "wrong", "out of range: 3, expected 0 outside 1 to 7.", LOOK],
    ]


def test_what_passed_and_what_could_not_be_told_is_counted(page):
    assert "1 check passed. These did not:" in page
    assert "1 check could not be computed" in page


def test_what_did_not_pass_is_a_line_for_each_remedy_with_the_part():
    lines = alarms(pd.DataFrame(ROWS, columns=COLUMNS))
    assert lines[1:3] == [
        f"ecr_s (patient, intake): avoidance: mean, compared with published means: mean 40, expected 15 (SD 6); {LOOK}",
        f"ecr_s (therapist): avoidance: mean, compared with published means: mean 41, expected 15 (SD 6); {LOOK}",
    ]
    assert len(lines) == 4
    assert lines[0].startswith("ecr_s: anxiety: correlation with the rest of the scale (items 2, 8): ")


def test_the_report_begins_with_the_instruments_and_parts_in_doubt(tmp_path):
    write_csv(tmp_path / "keying_audit.csv", pd.DataFrame(ROWS, columns=COLUMNS))
    assert Results(tmp_path).doubted == [("ecr_s", "")]


def test_a_direction_that_contradicts_a_key_is_said_above_the_verdict_and_at_the_end_of_a_run(comparison_run):
    line = "config.yaml:15: outcome.higher_is_better is true, but a higher phq9 total is worse; correct it"
    folder = comparison_run()
    said = f"A direction in it contradicts the scoring key: {line}."
    assert said not in build_report(folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    write_json(folder / "manifest.json", manifest | {"contrary_directions": [line]})
    assert said in build_report(folder).partition("</header>")[0]
    assert f"warning: {line}" in summary(Results(folder))
    assert f"[Resolve this and repeat the run before using this text: {line}.]" in methods_text(Results(folder))


def test_what_a_spreadsheet_must_not_run_is_read_as_it_was(tmp_path):
    """The file has an apostrophe before a minus; what is printed has a minus."""
    row = {
        "check": "other_instruments",
        "verdict": "wrong",
        "observed": "-0.86 with wai_sr total",
        "expected": ">= -0.3",
    }
    write_csv(tmp_path / "keying_audit.csv", harmless(pd.DataFrame([dict(zip(COLUMNS, ROWS[0], strict=True)) | row])))
    (line,) = alarms(Results(tmp_path).text_table("keying_audit.csv"))
    assert "'" not in line and "−0.86 with wai_sr total, expected ≥ −0.3" in line
