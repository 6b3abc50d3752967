"""`bowlby init` on kinds of layouts: what each column is taken for, and that the draft is read."""

import numpy as np
import openpyxl
import pytest

from bowlby.config import Study, load
from bowlby.config.base import parse
from bowlby.config.guesses import MARK, marks
from bowlby.config.yamlfile import read_yaml
from bowlby.drafting import write_draft
from bowlby.drafting.matching import library, meaning, sizes
from bowlby.drafting.naming import blocks
from bowlby.drafting.occasions import occasion_in
from bowlby.drafting.own_key import new_instrument, try_key
from bowlby.errors import UserError
from bowlby.ingest import ingest

ROWS = 24


def draft(tmp_path, *names) -> Study:
    write_draft([tmp_path / name for name in names], tmp_path / "draft")
    return parse(read_yaml(tmp_path / "draft/study.yaml"), Study)


def answers(n, low, high, rows=ROWS, seed=1):
    return [[str(v) for v in row] for row in np.random.default_rng(seed).integers(low, high + 1, (rows, n))]


def csv_of(path, head, *columns, sep=","):
    rows = [[cell for part in parts for cell in part] for parts in zip(*columns, strict=True)]
    path.write_text("\n".join(sep.join(row) for row in [*head, *rows]) + "\n", "utf-8")


def persons(rows=ROWS, step=1):
    return [[f"p{i // step:02}"] for i in range(rows)]


@pytest.mark.parametrize(
    ("columns", "pattern", "n", "times"),
    [
        ([f"BDI{t}.{n}" for t in (1, 2) for n in range(1, 22)], "BDI{t}.{n}", 21, ["1", "2"]),
        ([f"BDI {n} {t}" for t in "AE" for n in range(1, 22)], "BDI {n} {t}", 21, ["A", "E"]),
        ([f"phq_{n}_{t}" for t in ("prae", "nachher") for n in range(1, 10)], "phq_{n}_{t}", 9, ["prae", "nachher"]),
        ([f"phq9_{n}_pre" for n in range(1, 11)], "phq9_{n}_pre", 9, []),
        (["phq9_1_post", "PHQ9_2_Post", "phq9-3_post", *(f"phq9_{n}_post" for n in range(4, 10))], None, 9, []),
        ([f"gad{n}_{word}" for n, word in enumerate("edge stop worry relax still cross fear".split(), 1)], None, 7, []),
        (["dassStressPre", "dassStressPost"], "dassStress{t}", 0, ["Pre", "Post"]),
        (["PHQTotalPre", "PHQTotalPost"], "PHQTotal{t}", 0, ["Pre", "Post"]),
        (["rq_a", "rq_b", "rq_c", "rq_d", "rq_best"], None, 4, []),
    ],
)
def test_names_to_blocks(columns, pattern, n, times):
    block = max(blocks(columns, sizes=sizes(library())), key=lambda b: b.n)
    assert (block.n, block.times, block.regular) == (n, times, pattern is not None)
    assert pattern is None or block.pattern == pattern


@pytest.mark.parametrize(
    ("label", "occasion"),
    [("PHQ-9 item 3 (end of treatment)", "post"), ("GAD-7, before therapy", "pre"), ("BDI vor der Behandlung", "pre"),
     ("WAI Therapieende", "post"), ("feeling at the end of the day", None)],
)  # fmt: skip
def test_times_of_the_treatment_in_several_words(label, occasion):
    assert occasion_in(label) == occasion


def test_the_comparison_is_drafted_at_the_occasions_that_hold_it(tmp_path):
    """Attachment at session 3, where it was rated; the outcome after treatment, and not at the follow-up."""
    times = ("pre", "post", "fu3")
    head = [["id", "therapist", *(f"phq9_{n}_{t}" for t in times for n in range(1, 10))]]
    head[0] += [*(f"cats_{n}_s3" for n in range(1, 37)), *(f"T_ECRS{n}" for n in range(1, 13))]
    own = answers(12, 1, 7, 4)
    csv_of(tmp_path / "a.csv", head, persons(), [[f"T{i % 4}"] for i in range(ROWS)], answers(27, 0, 3),
           answers(36, 1, 6), [own[i % 4] for i in range(ROWS)])  # fmt: skip
    draft(tmp_path, "a.csv")
    run = load(tmp_path / "draft/config.yaml").run
    assert (run.outcome.pre, run.outcome.post, run.comparison.perceived.occasion) == ("pre", "post", "s3")


def test_both_partners_in_one_row(tmp_path):
    """The couple is the person, which shows its waves; each partner's form is kept apart."""
    head = [["Couple", "Therapist", "Wave", *(f"{g}_ECRS_{n}" for g in "MF" for n in range(1, 13))]]
    ids = [[str(100 + i // 2), f"T{i % 8 // 2}", ("pre", "post")[i % 2]] for i in range(ROWS)]
    csv_of(tmp_path / "a.csv", head, ids, answers(12, 1, 7), answers(12, 1, 7, seed=2))
    (file,) = draft(tmp_path, "a.csv").files
    assert (file.who.person, file.when.column, [m.about for m in file.measures]) == ("Couple", "Wave", ["m", "f"])
    assert len(ingest(load(tmp_path / "draft/config.yaml")).measures["ecr_s"]) == 2 * ROWS


def test_labels_of_a_survey_and_codes_outside_the_range(tmp_path):
    """Questions below the codes name the instrument; 0 outside 1 to 7 is missing; display orders are left out."""
    head = ["ResponseId,Q2,Q3,wave," + ",".join(f"Q8_{n}" for n in range(1, 10)) + ",Q8_DO_1,Q8_DO_2,Q8_DO_3",
            "Response ID,Your participant code,Code of your therapist,,"
            + ",".join(f"ECR-RS your therapist - thing {'abcdefghi'[n]}" for n in range(9)) + ",Order,Order,Order",
            ",".join(['"{""ImportId"":""x""}"'] * 16)]  # fmt: skip
    items = answers(9, 1, 7)
    items[3][2] = items[5][1] = items[6][1] = "0"
    ids = [[f"R{i}", f"c{i // 2:02}", f"T{i % 4 // 2}", f"T{1 + i % 2}"] for i in range(ROWS)]
    csv_of(tmp_path / "a.csv", [[line] for line in head], ids, items, answers(3, 1, 9))
    (file,) = draft(tmp_path, "a.csv").files
    assert (file.who.person, file.who.therapist, file.when.column, file.skip_rows) == ("Q2", "Q3", "wave", 2)
    (measure,) = file.measures
    assert (measure.instrument, measure.items, measure.about) == ("ecr_rs", "Q8_{n}", "therapist")
    assert measure.missing == ["0"]
    assert not file.covariates


def test_two_rows_of_names_and_answers_in_words(tmp_path):
    words = "Strongly disagree,Disagree,Slightly disagree,Neither,Slightly agree,Agree,Strongly agree".split(",")
    head = [["Respondent ID", "What is your client number?", "ECR-S: in relationships", *[""] * 11, "How old are you?"],
            ["", "Open-Ended Response", *(f"{n}. thing" for n in range(1, 13)), "Open-Ended Response"]]  # fmt: skip
    items = [[words[int(a) - 1] for a in row] for row in answers(12, 1, 7)]
    csv_of(tmp_path / "a.csv", head, [[str(9000 + i), f"c{i}"] for i in range(ROWS)], items, answers(1, 20, 60))
    study = draft(tmp_path, "a.csv")
    (file,) = study.files
    assert (file.header_rows, file.who.person) == (2, "What is your client number? / Open-Ended Response")
    (measure,) = file.measures
    assert measure.instrument == "ecr_s" and measure.answers == {w: k for k, w in enumerate(words, 1)}
    table = ingest(load(tmp_path / "draft/config.yaml")).measures["ecr_s"]
    assert table["i12"].sum() == sum(words.index(row[11]) + 1 for row in items)


@pytest.mark.parametrize(
    ("texts", "low", "high", "expected"),
    [
        (["Never", "Sometimes", "Almost always"], 0, 4, {"Never": 0, "Sometimes": 2, "Almost always": 4}),
        (["1 - never", "4 - daily"], 1, 4, {"1 - never": 1, "4 - daily": 4}),
        (["stimmt gar nicht", "stimmt genau"], 1, 5, {"stimmt gar nicht": 1, "stimmt genau": 5}),
        (["red", "green"], 0, 3, None),
    ],
)
def test_answers_in_words_have_an_order_only_if_it_is_known(texts, low, high, expected):
    assert meaning(texts, low, high) == expected


def test_therapists_forms_in_the_rows_of_their_patients(tmp_path):
    """Items that are the same in all rows of a therapist are the therapist's own."""
    head = [["patient_id", "Clinician", *(f"phq9_{n}" for n in range(1, 10)), "phq_total"]]
    head[0] += [f"T_ECRS{n}" for n in range(1, 13)]
    items, own = answers(9, 0, 3), answers(12, 1, 7, 4)
    total = [[str(sum(map(int, row)))] for row in items]
    therapist = [[f"T{i % 4}"] for i in range(ROWS)]
    csv_of(tmp_path / "a.csv", head, persons(), therapist, items, total, [own[i % 4] for i in range(ROWS)])
    patients, therapists = draft(tmp_path, "a.csv").files
    assert [(m.items, m.scored) for m in patients.measures] == [("phq9_{n}", {"total": "phq_total"})]
    assert (therapists.who.role, therapists.who.person) == ("therapist", "Clinician")
    assert [m.items for m in therapists.measures] == ["T_ECRS{n}"]
    result = ingest(load(tmp_path / "draft/config.yaml"))
    assert len(result.measures["ecr_s"]) == 4 and set(result.measures["ecr_s"]["role"]) == {"therapist"}


def test_a_file_whose_ids_are_therapists_of_another_is_theirs(tmp_path):
    csv_of(tmp_path / "a.csv", [["record_id", "therapist", *(f"gad_{n}" for n in range(1, 8))]], persons(),
           [[str(201 + i % 6)] for i in range(ROWS)], answers(7, 0, 3))  # fmt: skip
    csv_of(tmp_path / "b.csv", [["record_id", "yrs", *(f"aas{n}" for n in range(1, 19))]],
           [[str(201 + i)] for i in range(6)], answers(1, 2, 30, 6), answers(18, 1, 5, 6))  # fmt: skip
    patients, therapists = draft(tmp_path, "a.csv", "b.csv").files
    assert (patients.who.person, patients.who.therapist) == ("record_id", "therapist")
    assert (therapists.who.role, therapists.who.person) == ("therapist", "record_id")
    assert list(therapists.covariates) == ["yrs"]


def test_sessions_in_rows_and_two_raters_of_one_form(tmp_path):
    head = [["client", "ther", "sess", *(f"srs{n}" for n in range(1, 5)), *(f"tsrs{n}" for n in range(1, 5)), "remark"]]
    ids = [[f"c{i // 4}", f"T{i // 8}", str(1 + i % 4)] for i in range(ROWS)]
    csv_of(tmp_path / "a.tab", head, ids, answers(4, 0, 10), answers(4, 0, 10, seed=2), [["late"]] * ROWS, sep="\t")
    (file,) = draft(tmp_path, "a.tab").files
    assert (file.session, file.when.session, file.when.occasion) == ("sess", "sess", "sessions")
    assert [(m.items, m.role, m.about) for m in file.measures] == [
        ("srs{n}", None, "therapist"), ("tsrs{n}", "therapist", "patient")]  # fmt: skip


def test_columns_that_blanks_separate_below_a_comment(tmp_path):
    head = [["# typed in by hand, . = missing"], ["ther", "yrs", *(f"ecrs{n:02}" for n in range(1, 13))]]
    rows = [[f"T{i}"] for i in range(8)]
    csv_of(tmp_path / "a.dat", head, rows, answers(1, 2, 30, 8), answers(12, 1, 7, 8), sep="   ")
    (file,) = draft(tmp_path, "a.dat").files
    assert (file.header_row, file.who.role, [m.items for m in file.measures]) == (2, "therapist", ["ecrs{n:02}"])
    assert len(ingest(load(tmp_path / "draft/config.yaml")).measures["ecr_s"]) == 8


def test_headings_above_columns_a_code_book_and_notes(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Patienten"
    begin, end = ([*(f"BDI {n} {t}" for n in range(1, 22)), f"BDI Summe {t}"] for t in "AE")
    names = ["Nr.", "Chiffre", "Ther.", *begin, *(f"HAQ{n}" for n in range(1, 20)), *end, "Bem."]
    top = [None] * len(names)
    top[3], top[25], top[44] = "Anfang", "Mitte", "Ende"
    for row in (["Unsere Studie"], [], top, names):
        sheet.append(row)
    first, middle, last = answers(21, 0, 3), answers(19, 1, 6), answers(21, 0, 3, seed=3)
    for i, (a, b, c) in enumerate(zip(first, middle, last, strict=True)):
        a, b, c = list(map(int, a)), list(map(int, b)), list(map(int, c))
        sheet.append([i + 1, f"X{i:02}", f"T{i % 4}", *a, sum(a), *b, *c, sum(c), None])
    sheet.append([])
    sheet.append(["Stand: Mai"])
    codes = book.create_sheet("Codebuch")
    for row in (["Kürzel", "Bedeutung"], ["HAQ", "HAQ-II, Patient (1-6)"], ["99", "keine Angabe"]):
        codes.append(row)
    book.save(tmp_path / "a.xlsx")
    study = draft(tmp_path, "a.xlsx")
    (file,) = study.files
    assert [o.id for o in study.occasions] == ["Anfang", "Mitte", "Ende"]
    assert (file.header_row, file.who.person, file.who.therapist) == (4, "Chiffre", "Ther.")
    bdi, haq = file.measures
    assert (bdi.items, bdi.scored, bdi.when.names) == (
        "BDI {n} {t}", {"total": "BDI Summe {t}"}, {"A": "Anfang", "E": "Ende"})  # fmt: skip
    assert (haq.instrument, haq.when.occasion, haq.about) == ("haq_ii", "Mitte", "therapist")
    table = ingest(load(tmp_path / "draft/config.yaml")).measures["bdi_ii"]
    assert table["occasion"].value_counts().to_dict() == {"Anfang": ROWS, "Ende": ROWS}


def test_what_rests_on_little_is_marked_as_uncertain(tmp_path):
    csv_of(tmp_path / "a.csv", [["id", *(f"D{n}" for n in range(1, 10))]], persons(), answers(9, 0, 3))
    draft(tmp_path, "a.csv")
    lines = (tmp_path / "draft/study.yaml").read_text("utf-8").splitlines()
    (line,) = [line for line in lines if "D{n}" in line and "instrument" in line]
    assert line.strip().startswith("# - ") and f"{MARK} uncertain: inferred only from the number of items" in line
    guesses = marks(tmp_path / "draft/config.yaml")
    assert (guesses[0][0], guesses[0][1]) == ("study.yaml", lines.index(line) + 1)
    texts = [*lines, *(tmp_path / "draft/config.yaml").read_text("utf-8").splitlines()]
    assert len(guesses) == sum(f"{MARK} " in text for text in texts)


def test_a_new_questionnaire_is_tried_on_data(tmp_path):
    path = new_instrument(tmp_path / "own", "mine", 6, 0, 3)
    items = answers(6, 0, 3)
    items[2][4] = "9"
    csv_of(tmp_path / "a.csv", [["id", *(f"mine_{n}" for n in range(1, 7))]], persons(), items)
    lines = try_key(path, tmp_path / "a.csv")
    totals = [sum(map(int, row)) for k, row in enumerate(items) if k != 2]
    assert lines[0] == f"items: mine_1 to mine_6, {ROWS} forms" and "1 answer outside 0 to 3" in lines[1]
    assert lines[2].startswith(f"total: n {ROWS}, mean ") and f"range {min(totals)} to {max(totals)}, alpha" in lines[2]
    for name, low, high, said in (("My scale", 0, 3, "'My scale' is no id"), ("mine_2", 3, 0, "answers from 3 to 0")):
        with pytest.raises(UserError, match=said):
            new_instrument(tmp_path / "own", name, 6, low, high)
    with pytest.raises(UserError, match="exists already"):
        new_instrument(tmp_path / "own", "mine", 6, 0, 3)
    csv_of(tmp_path / "b.csv", [["id", "x"]], persons(), answers(1, 0, 3))
    with pytest.raises(UserError, match=r"b\.csv: no set of 6 numbered columns for mine"):
        try_key(path, tmp_path / "b.csv")
