"""Exports of REDCap, Qualtrics, forms and statistics programs, with the faults that they have."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from bowlby.errors import UserError
from bowlby.ingest import check, ingest

SHARED = Path(__file__).parents[4] / "shared/data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not beside the checkout")

HEADER = ["Variable / Field Name", "Form Name", "Field Type", "Field Label", "Choices, Calculations, OR Slider Labels"]
FIELDS = """record_id,people,text,"Record ID",
sex,people,radio,"Sex","1, woman | 2, man"
race,people,checkbox,"Which <b>groups</b>?","a, Group A | b, Group B"
"""
GAD = "".join(
    f'gad{n},gad7,radio,"{n}. How often?","0, Not at all | 1, Several days | 2, Often | 3, Daily"\n'
    for n in range(1, 8)
)
DICTIONARY = ",".join(f'"{name}"' for name in HEADER) + "\n" + FIELDS + GAD
ITEMS = ",".join(f"gad{n}" for n in range(1, 8))
ROW = (
    "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sex,race___a,race___b,people_complete"
)
RAW = f"""{ROW},{ITEMS},gad7_complete
01,base_arm_1,,,1,1,0,2,,,,,,,,
01,therapy_arm_1,gad7,1,,0,0,,1,2,3,0,1,2,3,2
01,therapy_arm_1,gad7,2,,0,0,,0,0,0,0,0,0,0,2
02,base_arm_1,,,2,0,0,0,,,,,,,,
02,therapy_arm_1,gad7,1,,0,0,,1,,,,,,,0
03,base_arm_1,,,,0,0,2,,,,,,,,
"""
LABELS = {
    "redcap_event_name": "Event Name",
    "redcap_repeat_instrument": "Repeat Instrument",
    "redcap_repeat_instance": "Repeat Instance",
    "record_id": "Record ID",
    "sex": "Sex",
    "race___a": "Which groups? (choice=Group A)",
    "race___b": "Which groups? (choice=Group B)",
    "people_complete": "Complete?",
    "gad7_complete": "Complete?",
} | {f"gad{n}": f"{n}. How often?" for n in range(1, 8)}
REDCAP = """name: s
occasions: [base, therapy]
files:
  - path: a.csv
    dictionary: dictionary.csv
    who: {person: record_id}
    when: {column: redcap_event_name, values: {base_arm_1: base, therapy_arm_1: therapy}}
    session: redcap_repeat_instance
    measures: [{instrument: gad7, items: "gad{n}"}]
    covariates:
      sex: {column: sex, kind: category}
      a: {column: race___a, kind: checkbox}
      b: {column: race___b, kind: checkbox}
"""


def labelled():
    """The same export with labels in header and cells."""
    words = {"0": "Not at all", "1": "Several days", "2": "Often", "3": "Daily"}
    table = pd.DataFrame([line.split(",") for line in RAW.splitlines()[1:]], columns=RAW.splitlines()[0].split(","))
    for name in table.columns:
        if name.startswith("gad") and name != "gad7_complete":
            table[name] = table[name].replace(words)
        if "___" in name:
            table[name] = table[name].replace({"0": "Unchecked", "1": "Checked"})
        if name.endswith("_complete"):
            table[name] = table[name].replace({"0": "Incomplete", "2": "Complete"})
    table["sex"] = table["sex"].replace({"1": "woman", "2": "man"})
    return table.rename(columns=LABELS).to_csv(index=False)


@pytest.mark.parametrize("data", [RAW, labelled()], ids=["raw", "labels"])
def test_redcap_events_repeats_checkboxes_and_dictionary(made, data):
    result = ingest(made(REDCAP, a__csv=data, dictionary__csv=DICTIONARY))
    table = result.measures["gad7"]
    assert table[["person", "occasion", "session"]].to_numpy().tolist() == [
        ["01", "therapy", 1],
        ["01", "therapy", 2],
        ["02", "therapy", 1],
    ]
    assert table["i02"].fillna(-1).tolist() == [2, 0, -1]
    patients = result.people["patients"].set_index("patient")
    assert patients["sex"].fillna("").to_dict() == {"01": "woman", "02": "man", "03": ""}
    # 01 ticked a box, 02 never saw the form, 03 saw it and ticked nothing
    assert patients["a"].fillna(-1).to_dict() == {"01": 1, "02": -1, "03": 0}
    assert patients["b"].fillna(-1).to_dict() == {"01": 0, "02": -1, "03": 0}
    assert result.people["sessions"]["session"].tolist() == [1, 2, 1]


def test_a_checkbox_without_a_status_is_missing_where_nothing_is_ticked(made):
    both = "{people_complete: {leave_out: []}, gad7_complete: {leave_out: []}}"
    study = REDCAP.replace("    dictionary: dictionary.csv\n", f"    rows: {both}\n")
    loaded = made(study, a__csv=RAW)
    patients = ingest(loaded).people["patients"].set_index("patient")
    assert patients["a"].fillna(-1).to_dict() == {"01": 1, "02": -1, "03": -1}
    assert "name the form's status column with `seen:`" in check(loaded)["action"][0]


def test_a_form_of_zeros_that_nobody_saw_is_not_an_answer(made):
    study = REDCAP.replace('items: "gad{n}"', 'items: "gad{n}", seen: gad7_complete')
    unseen = RAW.replace("0,0,0,0,0,0,0,2\n", "0,0,0,0,0,0,0,0\n")
    assert len(ingest(made(study, a__csv=RAW, dictionary__csv=DICTIONARY)).measures["gad7"]) == 3
    assert len(ingest(made(study, a__csv=unseen, dictionary__csv=DICTIONARY)).measures["gad7"]) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a,b\n1,2\n",
            "error: dictionary.csv: is no REDCap data dictionary; export it from the project's Data Dictionary page",
        ),
        ("", "error: dictionary.csv: is no REDCap data dictionary; export it from the project's Data Dictionary page"),
    ],
)
def test_a_file_that_is_no_dictionary(made, error_lines, text, expected):
    assert error_lines(made(REDCAP, a__csv=RAW, dictionary__csv=text))[0] == expected


def test_a_dictionary_that_is_not_there(made):
    with pytest.raises(UserError) as caught:
        made(REDCAP, a__csv=RAW)
    assert caught.value.problems == ["dictionary.csv: no such file; correct `dictionary:` in the study file"]


SIMPLE = """name: s
occasions: [pre]
files:
  - path: %s
    who: {person: id, therapist: th}
    when: {occasion: pre}%s
    measures: [{instrument: gad7, items: %s}]
"""


def test_questions_as_column_names(made):
    questions = ["Nervous?", "Worry, a lot?", "Same", "Same", 'With "quotes"', "Zwei\nZeilen", "Last one"]
    rows = pd.DataFrame(
        [["1", "A", *"0123012", "free text"], ["2", "B", *"1111111", ""]], columns=["id", "th", *questions, "more"]
    )
    study = SIMPLE % ("a.csv", "", "{first: 'Nervous?', last: Last one}")
    table = ingest(made(study, a__csv=rows.to_csv(index=False))).measures["gad7"]
    assert table.loc[0, [f"i{n:02}" for n in range(1, 8)]].tolist() == [0, 1, 2, 3, 0, 1, 2]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("{first: g1, last: g6}", "error: a.csv: 6 item columns are listed for gad7; list its 7 items in order"),
        ("{first: g7, last: g1}", "error: a.csv: the last item is before the first; exchange `first` and `last`"),
        ("{first: g1, last: h}", "error: a.csv:1:h: column 'h' is missing; did you mean 'th'?"),
    ],
)
def test_mistakes_in_a_span(made, error_lines, items, expected):
    text = "id,th,g1,g2,g3,g4,g5,g6,g7\n1,A,1,1,1,1,1,1,1\n2,B,1,1,1,1,1,1,1\n"
    assert error_lines(made(SIMPLE % ("a.csv", "", items), a__csv=text)) == [expected]


def test_qualtrics_headers_and_codes(made):
    lines = [
        "ResponseId,th,Q1_1,Q1_2,Q1_3,Q1_4,Q1_5,Q1_6,Q1_7,Q2,Q2",
        'Response ID,Who?,"A, b",c,d,e,f,g,h,x,y',
        *['"{""ImportId"":""QID1""}"' + ',"{""ImportId"":""QID2""}"' * 10],
        "R_1,A,0,1,2,3,-99,1,0,a,b",
        "R_2,B,1,1,1,1,1,1,1,a,b",
    ]
    keys = "\n    skip_rows: 2\n    missing: ['-99']"
    study = (SIMPLE % ("a.csv", keys, '"Q1_{n}"')).replace("person: id", "person: ResponseId")
    result = ingest(made(study, a__csv="\ufeff" + "\n".join(lines)))
    table = result.measures["gad7"]
    assert table["person"].tolist() == ["R_1", "R_2"] and table["source_row"].tolist() == [4, 5]
    assert table["i05"].isna().tolist() == [True, False]
    assert result.issues["code"].tolist() == ["encoding"]


def sav_frame():
    return pd.DataFrame(
        {"id": ["1", "2", "3", "4"], "th": list("ABAB")} | {f"g{n}": [0.0, 1, 3, 9] for n in range(1, 8)}
    )


def test_spss_declared_codes_ranges_and_labels(made, tmp_path):
    table = sav_frame().assign(sex=[1.0, 2, -1, 99], city=["Köln", "Z", "Z", "Bern"])
    pyreadstat.write_sav(
        table,
        tmp_path / "a.sav",
        missing_ranges={"g1": [9], "sex": [{"lo": -5, "hi": 0}, 99], "city": ["Z"]}
        | {f"g{n}": [{"lo": 8, "hi": 9}] for n in range(2, 8)},
        variable_value_labels={"sex": {1: "Frau", 2: "Mann"}},
    )
    study = (
        SIMPLE % ("a.sav", "", '"g{n}"')
        + "    covariates: {sex: {column: sex, kind: category}, city: {column: city, kind: category}}\n"
    )
    result = ingest(made(study))
    assert result.measures["gad7"]["person"].tolist() == ["1", "2", "3"]
    patients = result.people["patients"]
    assert patients["sex"].fillna("").tolist() == ["Frau", "Mann", "", ""]
    assert patients["city"].fillna("").tolist() == ["Köln", "", "", "Bern"]
    assert set(result.issues["code"]) == {"user_missing"} and result.issues["n"].sum() == 11


def test_an_impossible_date_is_told_and_the_others_stay(made, tmp_path):
    table = sav_frame().assign(day=[1.35e10, 6.3e12, 1.36e10, None])
    pyreadstat.write_sav(table, tmp_path / "a.sav", variable_format={"day": "DATE11"})
    result = ingest(made(SIMPLE % ("a.sav", "\n    date: day", '"g{n}"')))
    days = [None if pd.isna(d) else d.isoformat() for d in result.measures["gad7"].sort_values("source_row")["date"]]
    assert days[:3] == ["2010-08-01", None, "2013-10-01"]
    told = result.issues[result.issues["code"] == "not_a_date"]
    assert told[["row", "column", "n"]].to_numpy().tolist() == [[2, "day", 1]]
    assert told["what"].tolist() == ["1 cell is no date before the year 10000 (row 2)"]


def test_stata_tagged_missing_values(made, tmp_path):
    table = sav_frame().astype({f"g{n}": object for n in range(1, 8)})
    table.loc[3, [f"g{n}" for n in range(1, 8)]] = "a"
    pyreadstat.write_dta(table, tmp_path / "a.dta", missing_user_values={f"g{n}": ["a"] for n in range(1, 8)})
    result = ingest(made(SIMPLE % ("a.dta", "", '"g{n}"')))
    assert result.measures["gad7"]["i01"].tolist() == [0, 1, 3]
    assert result.issues["what"].tolist() == ["1 cell with a tagged missing value"] * 7


def test_a_code_with_a_label_that_is_not_declared_missing_is_told(made, tmp_path):
    pyreadstat.write_sav(sav_frame(), tmp_path / "a.sav", variable_value_labels={"g1": {0: "nie", 9: "anderes"}})
    issues = check(made(SIMPLE % ("a.sav", "", '"g{n}"')))
    assert issues["column"].tolist() == [f"g{n}" for n in range(1, 8)]
    assert "the file labels" in issues["action"][0] and "the file labels" not in issues["action"][1]


@pytest.mark.parametrize("who", ["site: clinic", "site_name: Bern"])
def test_ids_that_clash_between_sites(made, who):
    rows = "id,th,clinic,g1,g2,g3,g4,g5,g6,g7\n"
    files = {"a__csv": rows + "1,A,Bern,1,1,1,1,1,1,1\n", "b__csv": rows + "1,A,Köln,2,2,2,2,2,2,2\n"}
    study = SIMPLE % ("a.csv", "", '"g{n}"')
    one = study[study.index("  - path") :].replace("th}", f"th, {who}}}")
    study = study[: study.index("  - path")] + one + one.replace("a.csv", "b.csv").replace("Bern", "Köln")
    result = ingest(made(study, **files))
    assert result.measures["gad7"][["person", "therapist", "i01"]].to_numpy().tolist() == [
        ["Bern:1", "Bern:A", 1],
        ["Köln:1", "Köln:A", 2],
    ]
    assert result.people["patients"][["patient", "site"]].to_numpy().tolist() == [
        ["Bern:1", "Bern"],
        ["Köln:1", "Köln"],
    ]


@shared
def test_real_redcap_export_raw_and_labelled(made):
    folder = SHARED / "messy_redcap/tidyREDCap"
    study = """name: s
occasions: [base, d1, d2, d3, end]
files:
  - path: a.csv
    who: {person: %s}
    when:
      column: redcap_event_name
      values: {baseline_arm_1: base, day_1_arm_1: d1, day_2_arm_1: d2, day_3_arm_1: d3, end_arm_1: end}
    measures: [{instrument: gad7, items: %s}]
"""
    raw = ingest(
        made(
            study % ("record_id", '"gad{n}"'), a__csv=(folder / "nacho_anxiety_RAW_headers_and_codes.csv").read_bytes()
        )
    )
    data = (folder / "nacho_anxiety_LABEL_headers_and_labels.csv").read_bytes()
    first, last = "1.  Feeling nervous, anxious, or on edge", "7.  Feeling afraid as if something awful might happen"
    spans = f"{{first: '{first}', last: '{last}'}}"
    words = "    answers: {Not at all sure: 0, Several days: 1, Over half the days: 2, Nearly every day: 3}\n"
    labelled = ingest(made((study % ("Record ID", spans)) + words, a__csv=data))
    drop = ["source_row"]
    pd.testing.assert_frame_equal(raw.measures["gad7"].drop(columns=drop), labelled.measures["gad7"].drop(columns=drop))
    assert raw.measures["gad7"]["i01"].tolist() == [3, 0]


@shared
@pytest.mark.parametrize(
    ("name", "column", "expected"),
    [
        ("haven/labelled-num-na.sav", "VAR00002", None),
        ("pyreadstat/sample_missing.sav", "mynum", [1.1, 1.2, -1000.3, -1.4, 1000.3]),
        ("pyreadstat/hebrews.sav", None, None),
        ("pyreadstat/tegulu.sav", None, None),
        ("haven/umlauts.sav", None, None),
        ("haven/datetime.sav", "time", None),
        ("haven/tagged-na-double.dta", "x", [1, 2, 3, 4, 5]),
        ("pyreadstat/sample.por", "MYNUM", [1.1, 1.2, -1000.3, -1.4, 1000.3]),
        ("pyreadstat/sample.zsav", "mynum", [1.1, 1.2, -1000.3, -1.4, 1000.3]),
        ("medication_pp.sas7bdat", "ID", None),
    ],
)
def test_real_statistics_files(name, column, expected):
    from bowlby.config.study import DataFile, Who
    from bowlby.ingest.issues import Issues
    from bowlby.ingest.readers import Selection, read

    issues = Issues()
    selection = Selection(DataFile(path=name, who=Who(person="x")), everything=True)
    raw = read(SHARED / "messy_spss" / name, selection, issues)
    assert raw is not None and issues.errors == []
    if expected:
        assert np.allclose(raw.frame[column].dropna().astype(float), expected)
