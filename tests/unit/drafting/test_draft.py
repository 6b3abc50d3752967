"""`bowlby init`: what is guessed from small files, what is marked, and that the draft loads."""

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml

from bowlby.config import Run, Study, load
from bowlby.config.base import parse
from bowlby.config.guesses import MARK
from bowlby.config.yamlfile import read_yaml
from bowlby.drafting import write_draft
from bowlby.errors import UserError
from bowlby.ingest import check, ingest

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared/data"
EXAMPLE = ROOT / "data/raw/example"


GAD = [f"gad_{n}" for n in range(1, 8)]


def made(tmp_path, *paths) -> Study:
    write_draft(list(paths), tmp_path / "draft")
    parse(read_yaml(tmp_path / "draft/config.yaml"), Run)
    return parse(read_yaml(tmp_path / "draft/study.yaml"), Study)


def answers(n, low, high, rows=40, seed=1):
    return np.random.default_rng(seed).integers(low, high + 1, (rows, n))


def frame(prefix, n, low, high, rows=40):
    return pd.DataFrame(answers(n, low, high, rows), columns=[f"{prefix}{i}" for i in range(1, n + 1)])


def test_the_example_is_read_right_but_for_one_choice(tmp_path):
    study = made(tmp_path, *(EXAMPLE / n for n in ("patients.csv", "therapists.xlsx", "demographics.sav")))
    patients, therapists, people = study.files
    assert [o.id for o in study.occasions] == ["T0", "S5", "T2"]
    assert (patients.who.person, patients.who.therapist, patients.when.column) == (
        "patient_id",
        "therapist_id",
        "timepoint",
    )
    assert [(m.instrument, m.items, m.about) for m in patients.measures] == [
        ("phq9", "phq9_{n}", "self"),
        ("cats", "cats_{n}", "therapist"),
        ("wai_sr", "wai_{n}", "therapist"),
        ("ecr_12", "ecr_{n}", "self"),
    ]
    assert (therapists.who.role, therapists.who.person) == ("therapist", "therapist_id")
    assert [(e.therapist, e.sessions) for e in people.episodes] == [
        ("therapist_1", "sessions_1"),
        ("therapist_2", "sessions_2"),
    ]
    kinds = {"age": "number", "gender": "category", "diagnosis": "category"}
    assert {k: c.kind for k, c in people.covariates.items()} == kinds
    text = (tmp_path / "draft/study.yaml").read_text("utf-8")
    assert "could be ecr_s as well" in next(line for line in text.splitlines() if "ecr_12" in line)
    loaded = load(tmp_path / "draft/config.yaml")
    assert loaded.run.comparison.perceived.instrument == "cats"
    assert not (check(loaded)["severity"] == "error").any()


def test_a_faulty_answer_does_not_change_the_range(tmp_path):
    table = frame("phq_", 9, 0, 3).assign(id=range(40))
    table.loc[3, "phq_2"] = 7
    table.to_csv(tmp_path / "a.csv", index=False)
    (measure,) = made(tmp_path, tmp_path / "a.csv").files[0].measures
    assert measure.response is None
    assert "1 answer outside 0 to 3" in (tmp_path / "draft/study.yaml").read_text("utf-8")


def test_another_range_and_codes_for_missing_are_marked(tmp_path):
    table = pd.concat([frame("phq_", 9, 1, 4), frame("gad_", 7, 0, 3)], axis=1).assign(id=range(40))
    table.loc[:3, "gad_2"] = -99
    table.to_csv(tmp_path / "a.csv", index=False)
    phq, gad = made(tmp_path, tmp_path / "a.csv").files[0].measures
    assert (phq.response, gad.response, gad.missing) == ((1, 4), None, ["-99"])
    lines = (tmp_path / "draft/study.yaml").read_text("utf-8").splitlines()
    assert any(MARK in line and "is it another version?" in line for line in lines)
    assert any(MARK in line and "-99 taken as codes for missing" in line for line in lines)


def test_columns_without_a_telling_name_are_only_suggested(tmp_path):
    frame("D", 9, 0, 3).to_csv(tmp_path / "a.csv", index=False)
    file = made(tmp_path, tmp_path / "a.csv").files[0]
    assert file.measures == [] and file.who.person == "{row}"
    assert '# - {instrument: phq9, items: "D{n}"}' in (tmp_path / "draft/study.yaml").read_text("utf-8")


def test_same_instrument_about_two_people(tmp_path):
    table = pd.concat([frame("ecr_mother_", 12, 1, 7), frame("ecr_b_", 12, 1, 7)], axis=1).assign(id=range(40))
    table.to_csv(tmp_path / "a.csv", index=False)
    assert [m.about for m in made(tmp_path, tmp_path / "a.csv").files[0].measures] == ["mother", "b"]


def roles_of(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    file = made(tmp_path, tmp_path / "a.csv").files[0]
    return file, (tmp_path / "draft/study.yaml").read_text("utf-8")


def test_a_name_that_holds_more_than_an_id_is_none(tmp_path):
    rows = "".join(f"{i % 5},{i % 3},{i}\n" for i in range(60))
    file, _ = roles_of(tmp_path, "Year_of_Study,study,BMI\n" + rows)
    assert file.who.person == "{row}"
    assert {"Year_of_Study", "study"} <= set(file.covariates)


@pytest.mark.parametrize(
    ("head", "row", "session", "told"),
    [
        ("id,time", lambda i: f"{i // 40},{i}", "time", "many different values; taken as the number"),
        ("id,time", lambda i: f"{i // 40},{i * 3 // 5}", "{count}", "numbered, in the order of the file"),
        ("id,date", lambda i: f"{i // 40},2024-01-{1 + i % 28:02}", "{count}", "numbered, by date"),
        (
            "id,x",
            lambda i: f"{i // 40},{i % 3}",
            None,
            "ids appear in several rows, and no column distinguishes these rows",
        ),
        ("id,session", lambda i: f"{i // 40},{i % 20}", "session", "the same number appears in several rows"),
    ],
)
def test_rows_of_a_person_without_an_occasion(tmp_path, head, row, session, told):
    text = head + ",gad_total\n" + "".join(f"{row(i)},{i % 22}\n" for i in range(80))
    file, draft = roles_of(tmp_path, text)
    assert file.session == session and told in draft


def test_the_same_occasion_twice_is_marked(tmp_path):
    text = "id,wave\n" + "".join(f"{i // 4},{i % 2}\n" for i in range(40))
    assert "# ? the same occasion appears in several rows of a person" in roles_of(tmp_path, text)[1]


def test_dates_of_birth_comments_and_addresses_are_not_used(tmp_path):
    text = "id,birth_date,comments,IPAddress,pick___1\n" + "".join(
        f"{i},19{i}-01-01,x,1.1.1.{i % 2},{i % 2}\n" for i in range(10, 30)
    )
    file, draft = roles_of(tmp_path, text)
    assert (file.date, list(file.covariates)) == (None, ["pick___1"])
    assert file.covariates["pick___1"].kind == "checkbox"
    assert "# not used: comments, IPAddress" in draft and "may show who someone is: birth_date\n" in draft


def test_one_occasion_in_a_column_name(tmp_path):
    rows = "".join(f"{i // 2},{'m2' if i % 2 else 'm5'},{i // 2},{i % 30}\n" for i in range(60))
    file, _ = roles_of(tmp_path, "id,time,bdi.pre,bdi\n" + rows)
    first, second = file.measures
    assert (first.when.occasion, first.about, second.when) == ("pre", "self", None)
    found = ingest(load(tmp_path / "draft/config.yaml"))
    assert found.measures["bdi_ii"]["occasion"].value_counts().to_dict() == {"pre": 30, "m2": 30, "m5": 30}
    assert len(found.issues) == 0


def test_columns_of_one_scale_that_nothing_tells_apart_are_only_suggested(tmp_path):
    file, draft = roles_of(tmp_path, "id,bdi_one,bdi_two\n" + "".join(f"{i},{i % 20},{i % 9}\n" for i in range(30)))
    assert file.measures == []
    assert draft.count("several columns of one scale: which occasion, or whom is it about?") == 2


def lines_of(tmp_path, name, word):
    return [line.strip() for line in (tmp_path / f"draft/{name}.yaml").read_text("utf-8").splitlines() if word in line]


@pytest.mark.parametrize("number", [12, 5])
def test_a_misspelt_item_is_asked_about_and_not_taken_for_a_score(tmp_path, number):
    table = pd.concat([frame("ecr_s_", 12, 1, 7), frame("phq9_", 9, 0, 3)], axis=1).assign(id=range(40))
    table.rename(columns={f"ecr_s_{number}": f"ecr_s_{number}x"}).to_csv(tmp_path / "a.csv", index=False)
    file = made(tmp_path, tmp_path / "a.csv").files[0]
    assert [m.instrument for m in file.measures] == ["phq9"] and not file.covariates
    (line,) = lines_of(tmp_path, "study", "ecr_s")
    items = ", ".join(f"ecr_s_{k}{'x' if k == number else ''}" for k in range(1, 13))
    asked = f"{MARK} ecr_s_{number}x in the place of ecr_s_{number}, which is not there: misspelt?"
    assert line == f"# - {{instrument: ecr_s, items: [{items}]}}  {asked}"
    text = (tmp_path / "draft/study.yaml").read_text("utf-8").replace("# - {instrument: ecr_s", "- {instrument: ecr_s")
    (tmp_path / "draft/study.yaml").write_text(text)
    assert [m.instrument for m in load(tmp_path / "draft/config.yaml").study.files[0].measures] == ["phq9", "ecr_s"]


def test_a_further_column_with_a_number_is_asked_about_and_scores_are_not(tmp_path):
    table = pd.concat([frame("phq9_", 9, 0, 3), frame("bdi2_", 21, 0, 3)], axis=1).assign(id=range(40))
    table = table.assign(phq9_3b=1, bdi2_sum=table.filter(like="bdi2").sum(axis=1))
    table.to_csv(tmp_path / "a.csv", index=False)
    made(tmp_path, tmp_path / "a.csv")
    assert lines_of(tmp_path, "study", "phq9_3b") == [
        f"{MARK} phq9_3b has an item's number and belongs to no questionnaire: misspelt?; the nearest item is phq9_3"
    ]
    assert "misspelt" not in str(lines_of(tmp_path, "study", "bdi2_sum"))


def test_whom_it_is_about_and_who_answered_are_marked_as_guesses(tmp_path):
    table = pd.concat([frame("wai_sr_", 12, 1, 5), frame("ecr_mother_", 12, 1, 7)], axis=1).assign(patient_id=range(40))
    table.to_csv(tmp_path / "a.csv", index=False)
    made(tmp_path, tmp_path / "a.csv")
    assert "about: therapist, as patients usually answer it" in lines_of(tmp_path, "study", "wai_sr")[0]
    assert "about: mother, by the columns' name" in lines_of(tmp_path, "study", "ecr_mother")[0]
    assert f"{MARK} role: patient, as nothing indicates" in lines_of(tmp_path, "study", "who:")[0]


def test_the_comparison_is_drafted_as_a_comment_from_what_was_found(tmp_path):
    frame("ecr_s_", 12, 1, 7).assign(therapist_id=range(40)).to_csv(tmp_path / "a.csv", index=False)
    frame("phq9_", 9, 0, 3).assign(id=range(40)).to_csv(tmp_path / "b.csv", index=False)
    write_draft([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "draft")
    path = tmp_path / "draft/config.yaml"
    text = path.read_text("utf-8")
    skeleton = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# comp", "#   "))]
    read = yaml.safe_load("\n".join(skeleton))["comparison"]
    assert read["perceived"]["instrument"] == "FILL_IN" and read["perceived"]["about"] == "therapist"
    assert read["therapist_style"] == {"instrument": "ecr_s", "about": "self",
                                       "weights": {"anxiety": -1, "avoidance": -1}}  # fmt: skip
    assert load(path).run.comparison is None and load(path).run.title


def test_workbook_with_a_title_and_two_sheets(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Patients"
    for row in (["Our study 2023"], [], ["Code", "Therapist", *(f"GAD{i}" for i in range(1, 8))]):
        book.active.append(row)
    for i, row in enumerate(answers(7, 0, 3)):
        book.active.append([f"{i:02}", f"T{i % 4}", *map(int, row)])
    other = book.create_sheet("Therapists")
    for row in (["Therapist", "age"], ["T0", 40], ["T1", 50], ["T2", 60]):
        other.append(row)
    book.save(tmp_path / "a.xlsx")
    first, second = made(tmp_path, tmp_path / "a.xlsx").files
    assert (first.sheet, first.header_row, first.who.person, first.who.therapist) == (
        "Patients",
        3,
        "Code",
        "Therapist",
    )
    assert (second.sheet, second.header_row, second.who.role) == ("Therapists", 1, "therapist")
    table = ingest(load(tmp_path / "draft/config.yaml")).measures["gad7"]
    assert len(table) == 40 and table["source_row"].min() == 4


def test_qualtrics_rows_and_decimal_comma(tmp_path):
    rows = [
        "ResponseId;score;Therapist",
        "Response ID;How much?;Who?",
        '{"ImportId":"_recordId"};{"ImportId":"Q"};{"ImportId":"R"}',
    ]
    rows += [f"R_{i};{i},5;T{i % 3}" for i in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(rows), encoding="utf-8")
    file = made(tmp_path, tmp_path / "a.csv").files[0]
    assert (file.skip_rows, file.decimal, file.who.person) == (2, ",", "ResponseId")


DICTIONARY = """Variable / Field Name,Form Name,Field Type,Field Label,"Choices, Calculations, OR Slider Labels"
record_id,f,text,Record ID,
""" + "".join(f'gad_{n},f,radio,"Question {n}","0, Never | 1, Some days | 2, Often | 3, Daily"\n' for n in range(1, 8))


@pytest.mark.parametrize("labelled", [False, True])
def test_a_redcap_dictionary_beside_the_export(tmp_path, labelled):
    words = ["Never", "Some days", "Often", "Daily"] if labelled else ["0", "1", "2", "3"]
    head = ["Record ID", *(f"Question {n}" for n in range(1, 8))] if labelled else ["record_id", *GAD]
    rows = [[str(i), *(words[a] for a in row)] for i, row in enumerate(answers(7, 0, 3))]
    (tmp_path / "data.csv").write_text("\n".join(map(",".join, [head, *rows])) + "\n")
    (tmp_path / "dictionary.csv").write_text(DICTIONARY)
    (file,) = made(tmp_path, tmp_path / "data.csv", tmp_path / "dictionary.csv").files
    assert (file.dictionary, file.who.person) == ("../dictionary.csv", "record_id")
    assert [(m.instrument, m.items) for m in file.measures] == [("gad7", "gad_{n}")]
    found = ingest(load(tmp_path / "draft/config.yaml")).measures["gad7"].sort_values("source_row")
    assert (found[[f"i{n:02}" for n in range(1, 8)]].to_numpy() == answers(7, 0, 3)).all()


def test_what_may_show_who_someone_is_stays_out(tmp_path):
    table = pd.DataFrame({"id": range(30), "LastName": ["x"] * 30, "e-mail": ["y"] * 30, "sex": ["f", "m"] * 15})
    table.to_csv(tmp_path / "a.csv", index=False)
    assert list(made(tmp_path, tmp_path / "a.csv").files[0].covariates) == ["sex"]


@pytest.mark.parametrize("name", ["study.yaml", "config.yaml"])
def test_nothing_is_written_over(tmp_path, name):
    frame("gad", 7, 0, 3).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError) as caught:
        write_draft([tmp_path / "a.csv"], tmp_path)
    (line,) = caught.value.problems
    assert line.place.file == str(tmp_path / name)
    assert line.endswith(f"{name}: is there already; name another folder with --into, or move it")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["a.csv", name])


def test_unreadable_files_are_one_line_each(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.xlsx").write_bytes(b"no workbook")
    with pytest.raises(UserError) as caught:
        write_draft([tmp_path / n for n in ("a.csv", "b.xlsx", "c.csv", "d.doc")], tmp_path)
    assert [line.split(":")[0] for line in caught.value.problems][:2] == ["a.csv", "b.xlsx"]
    assert caught.value.problems[2] == "c.csv: no such file; check the path"
    assert len(caught.value.problems) == 4 and "study file" not in "".join(caught.value.problems)
    assert not (tmp_path / "study.yaml").exists()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not beside the checkout")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("reframed_dbt_rct/reframed.csv", [("phq9", {"total": "phq9"})]),
        ("suddengains/sgdata.csv", [("bdi_ii", {"total": "bdi_{t}"})]),
        ("btheb/BtheB_wide.csv", [("bdi_ii", {"total": "bdi.{t}"})]),
        pytest.param(
            "ecr_mother_father_italian/data_ECR.csv", [("ecr_12", None), ("ecr_12", None)], marks=pytest.mark.slow
        ),
        ("messy_redcap/tidyREDCap/nacho_anxiety_RAW_headers_and_codes.csv", [("gad7", None)]),
        ("phq_gad_pss_ukm/Psychological_aspects.csv", []),
    ],
)
def test_shared_files(tmp_path, path, expected):
    file = made(tmp_path, SHARED / path).files[0]
    assert [(m.instrument, m.scored) for m in file.measures] == expected


def test_rows_that_are_nobodys_answers_are_left_out_by_a_marked_line(tmp_path):
    """Statistics and a note below the table, previews of Qualtrics: one line each, and what is left is read."""
    data = frame("gad_", 7, 0, 3)
    data.insert(0, "patient_id", [f"p{i}" for i in range(40)])
    data["th"] = [f"T{i % 5}" for i in range(40)]
    data["ResponseId"], data["Status"] = [f"R_{i}" for i in range(40)], ["IP Address"] * 38 + ["Spam", "Survey Preview"]
    mean = pd.DataFrame([{"patient_id": "Mean"} | data.loc[:, GAD].mean().round(2).to_dict()])
    note = "Note: exported by the study office" + "," * 10 + "\n"
    (tmp_path / "a.csv").write_text(pd.concat([data, mean]).to_csv(index=False) + note)
    write_draft([tmp_path / "a.csv"], tmp_path / "draft")
    (line,) = [t for t in (tmp_path / "draft/study.yaml").read_text().splitlines() if t.startswith("    rows:")]
    rule, _, why = line.partition(MARK)
    assert yaml.safe_load(rule)["rows"] == {
        "Status": {"leave_out": ["Spam", "Survey Preview"]},
        "patient_id": {"leave_out": ["Mean"]},
        "{row}": {"leave_out": ["43"]},
    }
    assert "2 rows are previews, tests or spam" in why and "1 row holds a statistic" in why
    study = parse(read_yaml(tmp_path / "draft/study.yaml"), Study)
    assert study.files[0].rows["Status"].leave_out == ["Spam", "Survey Preview"]


def study_of(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    study = made(tmp_path, tmp_path / "a.csv")
    return study, (tmp_path / "draft/study.yaml").read_text()


def test_long_and_alike_column_names_give_a_draft_that_check_reads(tmp_path):
    head = ["patient_id", "th", "a b", "a-b", "q" * 1080, "t" * 1080 + "_pre", "t" * 1080 + "_post", *GAD]
    rows = "".join(f"p{i},T{i % 3},{i % 2},{i % 3},{i},{i},{i}{',1' * 7}\n" for i in range(12))
    study, _ = study_of(tmp_path, ",".join(head) + "\n" + rows)
    covariates = {name: c.column for name, c in study.files[0].covariates.items()}
    assert covariates == {"a_b": "a b", "a_b_2": "a-b", "q" * 40: "q" * 1080}
    assert not [line for line in check(load(tmp_path / "draft/config.yaml"))["what"] if "YAML" in line]


def test_names_and_dates_of_birth_stay_out(tmp_path):
    rows = "".join(f"p{i},Anna{i} Muster,T{i % 3},{1940 + 3 * i}-02-03,Ott{i},2020-01-1{i % 9}\n" for i in range(12))
    study, text = study_of(tmp_path, "patient_id,V2,th,V3,surname,V5\n" + rows)
    assert not study.files[0].covariates and "# ? not used: [V2, V5]\n" in text
    assert "may show who someone is: V3, surname" in text
    assert "Muster" not in text and "Ott" not in text


def test_column_names_below_a_line_of_data(tmp_path):
    rows = "".join(f"p{i},Anna{i},T{i % 3},{1940 + i}-02-03\n" for i in range(12))
    study, text = study_of(tmp_path, "Anna Muster,Dr. X,female,urban\npatient_id,name,th,dob\n" + rows)
    assert study.files[0].header_row == 2 and study.files[0].who.person == "patient_id" and "Muster" not in text


def test_a_file_without_column_names_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("".join(f"{i},Anna{i},1960-02-0{i},1,1,2\n" for i in range(1, 9)))
    with pytest.raises(UserError) as caught:
        write_draft([tmp_path / "a.csv"], tmp_path / "draft")
    assert caught.value.lines() == [
        "error: a.csv: no row contains column names; write them into the first row, and export the file again"
    ]


def test_every_guess_is_marked(tmp_path):
    rows = "".join(f"p{i // 2},T{i % 3},{i % 2},2020-01-0{1 + i % 2},{30 + i // 2}{',1' * 7}\n" for i in range(24))
    _, text = study_of(tmp_path, "patient_id,th,wave,date,age," + ",".join(GAD) + "\n" + rows)
    sure = ("#", "name:", "files:", "- path:", "measures:", "covariates:", "- {id:", "- {instrument: gad7", "age:")
    lines = [line.strip() for line in text.splitlines()]
    assert [line for line in lines if MARK not in line and not line.startswith(sure)] == []
