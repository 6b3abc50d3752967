"""Texts and codes that mean that nothing is known: therapists, covariates, answers; and ids that a program changed."""

import unicodedata

import pandas as pd
import pyreadstat
import pytest

from bowlby.ingest import check, ingest

ITEMS = ",".join(f"g{n}" for n in range(1, 8))
STUDY = """name: s
occasions: [pre]
files:
  - path: a.csv{more}
    who: {{person: id, therapist: th}}
    when: {{occasion: pre}}
    measures: [{{instrument: gad7, items: "g{{n}}"}}]
{rest}"""
THERAPISTS = """  - path: b.csv{more}
    who: {{person: th, role: therapist}}
    measures: [{{instrument: gad7, items: "g{{n}}"}}]
"""


def rows(therapists, ids=None):
    ids = ids or range(1, len(therapists) + 1)
    return f"id,th,{ITEMS}\n" + "".join(f"{i},{t},1,1,1,1,1,1,1\n" for i, t in zip(ids, therapists, strict=False))


def study(more="", rest=""):
    return STUDY.format(more="".join(f"\n    {line}" for line in more.split("|") if line), rest=rest)


def therapist_of(result):
    return result.people["patients"].set_index("patient")["therapist"].to_dict()


@pytest.mark.parametrize(
    "word", ["NA", "n/a", "#N/A", "-", "—", "unknown", "Unbekannt", "k.A.", "None", "TBA", "Warteliste"]
)
def test_words_for_no_therapist_are_no_therapist_and_reported(made, word):
    loaded = made(study(), a__csv=rows(["Ann", word, word, "NAomi", "Unknown-Smith"]))
    result = ingest(loaded)
    assert therapist_of(result) == {"1": "Ann", "2": None, "3": None, "4": "NAomi", "5": "Unknown-Smith"}
    assert result.people["episodes"]["therapist"].tolist() == ["Ann", "NAomi", "Unknown-Smith"]
    assert result.measures["gad7"]["therapist"].isna().tolist() == [False, True, True, False, False]
    (issue,) = result.issues[result.issues["code"] == "no_therapist"].to_dict("records")
    assert (issue["severity"], issue["row"], issue["column"], issue["n"]) == ("warning", 3, "th", 2)
    assert issue["what"].startswith("2 rows of 2 patients with a text that means no therapist")


def test_keep_ids_keeps_one_and_missing_counts_for_therapists(made):
    kept = ingest(made(study("keep_ids: [NA]|missing: ['-99']"), a__csv=rows(["NA", "-", "-99", "Ann"])))
    assert therapist_of(kept) == {"1": "NA", "2": None, "3": None, "4": "Ann"}


def test_patients_ids_stay_what_was_typed(made):
    result = ingest(made(study("missing: ['99']"), a__csv=rows(["Ann"] * 3, ids=["NA", "unknown", "99"])))
    assert sorted(therapist_of(result)) == ["99", "NA", "unknown"]


def test_episodes_and_logs_of_sessions_have_no_therapist_by_these_words(made):
    rest = """    episodes: [{therapist: th, sessions: n}, {therapist: th2, sessions: n2}]
  - path: log.csv
    who: {person: id, therapist: who}
    date: day
"""
    text = study(rest=rest).replace(", therapist: th}", "}")
    data = (
        f"id,th,n,th2,n2,{ITEMS}\n1,A,6,unknown,2,1,1,1,1,1,1,1\n2,A,6,B,ten,1,1,1,1,1,1,1\n3,A,3,B,-9,1,1,1,1,1,1,1\n"
    )
    result = ingest(made(text, a__csv=data, log__csv="id,who,day\n1,N/A,2020-01-01\n"))
    episodes = result.people["episodes"]
    assert episodes[["patient", "therapist", "weight"]].to_numpy().tolist() == [
        ["1", "A", 1.0],
        ["2", "A", 0.5],
        ["2", "B", 0.5],
        ["3", "A", 0.5],
        ["3", "B", 0.5],
    ]
    assert result.people["sessions"]["therapist"].isna().all()
    wrong = result.issues[result.issues["code"] == "not_a_number"]
    assert wrong["what"].tolist() == ["2 cells are not a number of sessions (rows 3, 4)"]


def test_a_labelled_code_for_no_therapist(made, tmp_path):
    table = pd.DataFrame({f"g{n}": [1.0] * 4 for n in range(1, 8)}).assign(id=[1, 2, 3, 4], th=[1, 2, 99, 2])
    pyreadstat.write_sav(table, tmp_path / "a.sav", variable_value_labels={"th": {99: "no therapist"}})
    result = ingest(made(study().replace("a.csv", "a.sav")))
    assert therapist_of(result) == {"1": "1", "2": "2", "3": None, "4": "2"}


def test_a_word_that_the_therapists_file_lists_is_asked_about(made, error_lines):
    data = {"a__csv": rows(["Ann", "NA", "Bo", "Bo"]), "b__csv": f"th,{ITEMS}\nAnn,1,1,1,1,1,1,1\nNA,2,2,2,2,2,2,2\n"}
    rest = THERAPISTS.format(more="")
    (line,) = error_lines(made(study(rest=rest), **data))
    assert line.startswith("error: a.csv:3:th: 1 cell holds a text that mean no therapist, but are ids")
    assert therapist_of(ingest(made(study("keep_ids: [NA]", rest), **data)))["2"] == "NA"


def test_a_code_for_missing_among_the_ids_is_asked_about(made, error_lines):
    """A file-wide `missing: [9]`, meant for items, must not take therapist 9 of 12 away."""
    data = rows(range(1, 13))
    (line,) = error_lines(made(study("missing: ['9']"), a__csv=data))
    assert line.startswith("error: a.csv:10:th: ") and "keep_ids" in line
    assert therapist_of(ingest(made(study("missing: ['9']|keep_ids: ['9']"), a__csv=data)))["9"] == "9"
    outside = ingest(made(study("missing: ['99']"), a__csv=rows([*range(1, 12), 99])))
    assert therapist_of(outside)["12"] is None


@pytest.mark.parametrize(
    ("ids", "code", "n"),
    [
        (["1-Feb", "2-3", "12-14"], "id_as_date", 1),
        (["2024-02-01", "1-41"], "id_as_date", 1),
        (["01.02.2024", "A7"], "id_as_date", 1),
        (["1E+05", "3A07"], "id_rounded", 1),
        (["3A07", "3B11", "3D02", "30000"], "id_as_number", 1),
        (["1.1", "1.2", "1.11", "2.1"], "id_without_zeros", 4),
        (["101--1", "101--2", "102--1", "103"], "double_entry", 2),
    ],
)
def test_ids_that_a_program_changed_are_reported(made, ids, code, n):
    issues = check(made(study(), a__csv=rows(["Ann", "Bo"] * len(ids), ids=ids)))
    found = issues[issues["code"] == code]
    assert found[["severity", "column", "n"]].to_numpy().tolist() == [["warning", "id", n]]


@pytest.mark.parametrize(
    "ids",
    [
        ["1", "2", "30"],
        ["A-1", "B-12"],
        ["12-3-45", "13-3-46"],
        ["1.10", "1.2", "1.11"],
        ["3E07", "3A08", "12"],
        ["a--b", "x--3", "101--1", "102--2"],
        ["Marko-4", "Sepp 3", "mai", "Junker-12"],
    ],
)
def test_other_ids_are_not_suspected(made, ids):
    codes = set(check(made(study(), a__csv=rows(["Ann", "Bo"] * len(ids), ids=ids)))["code"])
    assert not codes & {"id_as_date", "id_rounded", "id_as_number", "id_without_zeros", "double_entry"}


COVARIATES = """    covariates:
      age: {column: Age_years}
      dose: {column: dose}
      edu: {column: edu, kind: category}
"""


def test_codes_labelled_as_missing_are_missing_and_reported(made, tmp_path):
    table = pd.DataFrame({f"g{n}": [1.0, 2, 3, 0, 2] for n in range(1, 8)}).assign(id=[1, 2, 3, 4, 5], th=1)
    table["Age_years"] = [30.0, -5, 999, 41, 130]
    table["dose"] = [1.0, -5, 999, 88, 2]
    table["edu"] = [1.0, 2, 9, 8, 1]
    table["g1"] = [1.0, 3, 2, 0, 2]
    labels = {
        "Age_years": {-5: "Missing", 999: "refused"},
        "dose": {-5: "Missing", 999: "Refused to answer", 88: "don’t know"},
        "edu": {1: "school", 2: "university", 9: "[No answer]", 8: "don't know"},
        "g1": {0: "never", 1: "sometimes", 2: "often", 3: "keine Angabe"},
    }
    pyreadstat.write_sav(table, tmp_path / "a.sav", variable_value_labels=labels)
    result = ingest(made(study(rest=COVARIATES).replace("a.csv", "a.sav")))
    people = result.people["patients"].set_index("patient")
    assert people["age"].fillna(-1).tolist() == [30, -1, -1, 41, -1]
    assert people["dose"].fillna(-1).tolist() == [1, -1, -1, -1, 2]
    assert people["edu"].fillna("").tolist() == ["school", "university", "", "don't know", "school"]
    assert result.measures["gad7"]["i01"].fillna(-1).tolist() == [1, -1, 2, 0, 2]
    told = result.issues[result.issues["code"] == "labelled_missing"]
    assert told[["column", "n"]].to_numpy().tolist() == [["g1", 1], ["Age_years", 2], ["dose", 3], ["edu", 1]]


def test_labels_of_the_study_file_and_labels_in_the_cells(made):
    rest = COVARIATES.replace("{column: dose}", "{column: dose, labels: {'-5': Missing, '77': refused}}")
    data = f"id,th,Age_years,dose,edu,{ITEMS}\n1,A,30,-5,x,1,1,1,1,1,1,1\n2,A,40,Refused,x,1,1,1,1,1,1,1\n"
    data += "3,A,50,refused,y,1,1,1,1,1,1,1\n4,A,50,5,y,1,1,1,1,1,1,1\n"
    result = ingest(made(study(rest=rest), a__csv=data))
    assert result.people["patients"]["dose"].fillna(-1).tolist() == [-1, -1, -1, 5]


NO_ANSWERS = ["keine Antwort", "weiß nicht", "Don't know", "not applicable", "Prefer not to say", "keine Angabe",
              "no answer", "refused"]  # fmt: skip


@pytest.mark.parametrize("word", NO_ANSWERS)
def test_words_for_no_answer_as_labels_and_as_categories(made, word):
    rest = COVARIATES.replace("{column: dose}", f'{{column: dose, labels: {{"77": "{word}"}}}}')
    data = f"id,th,Age_years,dose,edu,{ITEMS}\n1,A,30,77,{word},1,1,1,1,1,1,1\n2,A,40,5,x,1,1,1,1,1,1,1\n"
    result = ingest(made(study(rest=rest), a__csv=data))
    assert result.people["patients"]["dose"].fillna(-1).tolist() == [-1, 5]
    assert result.people["patients"]["edu"].tolist() == [word, "x"]
    found = result.issues.set_index("code")
    assert found.loc["labelled_missing", "column"] == "dose"
    assert found.loc["missing_word", "column"] == "edu" and "under `missing:`" in found.loc["missing_word", "action"]
    text = study(f'missing: ["{word}"]', rest)
    assert ingest(made(text, a__csv=data)).people["patients"]["edu"].fillna("").tolist() == ["", "x"]


@pytest.mark.parametrize(
    ("column", "unit", "highest"),
    [("Age_years", "", 120), ("age", "", 120), ("Alter", "", 120), ("ageMonths", "", 1440)],
)
def test_impossible_ages_are_reported_and_missing(made, column, unit, highest):
    rest = f"    covariates: {{a: {column}}}\n"
    data = f"id,th,{column},{ITEMS}\n" + "".join(
        f"{i},A,{a},1,1,1,1,1,1,1\n" for i, a in enumerate([0, highest, highest + 1, -1, 999 * 12])
    )
    result = ingest(made(study(rest=rest), a__csv=data))
    assert result.people["patients"]["a"].fillna(-9).tolist() == [0, highest, -9, -9, -9]
    told = result.issues[result.issues["code"] == "impossible_age"]
    assert told["what"].tolist() == ["3 cells are not a possible age (below 0 or above 120 years) (rows 4, 5, 6)"]


def test_a_stage_is_no_age(made):
    data = f"id,th,stage_n,{ITEMS}\n1,A,500,1,1,1,1,1,1,1\n2,B,-4,1,1,1,1,1,1,1\n"
    result = ingest(made(study(rest="    covariates: [stage_n]\n"), a__csv=data))
    assert result.people["patients"]["stage_n"].tolist() == [500, -4]


def test_categories_are_reported_where_they_differ_in_capitals_or_read_like_missing(made):
    rest = "    covariates: {sex: {column: sex, kind: category}}\n"
    values = ["Male", "male", "NA", "café", unicodedata.normalize("NFD", "café"), "d'or", "d’or"]
    data = f"id,th,sex,{ITEMS}\n" + "".join(f"{i},A,{v},1,1,1,1,1,1,1\n" for i, v in enumerate(values))
    result = ingest(made(study(rest=rest), a__csv=data))
    assert result.people["patients"]["sex"].tolist() == ["Male", "male", "NA", "café", "café", "d'or", "d'or"]
    issues = result.issues[result.issues["column"] == "sex"]
    assert issues[["code", "n"]].to_numpy().tolist() == [["category_alike", 2], ["missing_word", 1]]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("quote", ["'", "’", "‘", "´"])
def test_answers_written_with_other_accents_quotes_and_dashes_are_the_same(made, form, quote):
    said = 'answers: {"jamais": 0, "d\'accord": 1, "à moitié": 2, \'très "vrai"\': 3}'
    texts = ["Jamais", f"d{quote}accord", unicodedata.normalize(form, "à moitié"), "très “vrai”", "très «vrai»"]
    cells = [f'"{t}"' for t in texts]
    data = f"id,th,{ITEMS}\n" + "".join(f"{i},A,{','.join([c] * 7)}\n" for i, c in enumerate(cells))
    result = ingest(made(study(said), a__csv=data))
    assert result.measures["gad7"]["i03"].tolist() == [0, 1, 2, 3, 3]
    assert "not_a_number" not in set(result.issues["code"])


def test_value_labels_occasions_and_codes_compare_the_same_way(made):
    text = (
        study("missing: ['keine Angabe – später']")
        .replace("[pre]", "[début]")
        .replace("{occasion: pre}", "{column: t}")
    )
    nfd = unicodedata.normalize("NFD", "début")
    data = f"id,th,t,{ITEMS}\n1,A,{nfd},keine Angabe - später,1,1,1,1,1,1\n2,B,début,2,1,1,1,1,1,1\n"
    result = ingest(made(text, a__csv=data))
    assert result.measures["gad7"]["occasion"].tolist() == ["début", "début"]
    assert result.measures["gad7"]["i01"].fillna(-1).tolist() == [-1, 2] and "not_a_number" not in set(
        result.issues["code"]
    )


def test_column_names_with_other_accents_are_the_same_column(made):
    text = study().replace("therapist: th", "therapist: Thérapeute")
    data = rows(["A", "B"]).replace("th,", unicodedata.normalize("NFD", "Thérapeute,"), 1)
    assert therapist_of(ingest(made(text, a__csv=data))) == {"1": "A", "2": "B"}
