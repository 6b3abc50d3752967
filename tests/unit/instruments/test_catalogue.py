import pytest
from typer.testing import CliRunner

from bowlby.errors import UserError
from bowlby.instruments.catalogue import describe, find, list_instruments, load_instrument
from bowlby.instruments.model import read_instrument

OWN = """
id: mine
name: My scale
n_items: 4
response: [1, 5]
confidence: verified-1
scales:
  a: {items: [1, 2], reverse: [2], min_answered: 1}
  b: {items: [3, 4], min_answered: 2}
"""


def write(folder, text, name="mine"):
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def faults(folder, *changes):
    text = OWN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(UserError) as caught:
        read_instrument(write(folder, text))
    return caught.value.problems


def test_the_library_holds_53_questionnaires_and_the_aai_that_load_without_fault():
    assert len(list_instruments()) == 53 + 1
    assert [load_instrument(name).id for name in list_instruments()] == list_instruments()


@pytest.mark.parametrize(
    "name, scales, confidence",
    [
        ("cats", {"secure": 14, "avoidant_fearful": 12, "preoccupied_merger": 10}, "unverified"),
        ("ecr_s", {"anxiety": 6, "avoidance": 6}, "verified-1"),
        ("wai_sr", {"task": 4, "bond": 4, "goal": 4, "total": 12}, "verified-2"),
        ("phq9", {"total": 9}, "verified-2"),
        ("gad7", {"total": 7}, "verified-2"),
        (
            "core_om",
            {
                "wellbeing": 4,
                "problems": 12,
                "functioning": 12,
                "risk": 6,
                "non_risk": 28,
                "risk_to_self": 4,
                "risk_to_others": 2,
                "total": 34,
            },
            "verified-2",
        ),
    ],
)
def test_scales_have_their_published_numbers_of_items(name, scales, confidence):
    instrument = load_instrument(name)
    assert {k: len(s.items) for k, s in instrument.all_scales().items()} == scales
    assert instrument.confidence == confidence


def test_missing_rules_are_each_ones_own():
    def needs(name):
        return {k: s.min_answered for k, s in load_instrument(name).all_scales().items()}

    assert needs("cats") == {"secure": 12, "avoidant_fearful": 10, "preoccupied_merger": 8}
    assert needs("ecr_s") == {"anxiety": 5, "avoidance": 5}
    assert needs("wai_sr") == {"task": 3, "bond": 3, "goal": 3, "total": 10}
    assert needs("phq9") == {"total": 7}
    assert needs("srs") == {"total": 4}


def test_reverse_keys_known_to_be_confused():
    assert load_instrument("ecr").scales["anxiety"].reverse == [22]
    assert load_instrument("ecr_s").scales["anxiety"].reverse == [8]
    assert load_instrument("wai_s").scales["goal"].reverse == [4, 10]
    assert load_instrument("wai_sr").all_scales()["total"].reverse == []
    assert load_instrument("core_om").all_scales()["total"].reverse == [3, 4, 7, 12, 19, 21, 31, 32]
    assert load_instrument("wai_36").all_scales()["total"].reverse == [
        1,
        3,
        7,
        9,
        10,
        11,
        12,
        15,
        20,
        27,
        29,
        31,
        33,
        34,
    ]


def test_what_has_no_key_says_so():
    assert "10-item" in load_instrument("wai_srt").cannot_score[0]
    assert len(load_instrument("mzq").cannot_score) == 4
    assert "cannot be scored: psychic equivalence" in describe("mzq")


def test_unknown_instrument_names_close_ones():
    with pytest.raises(UserError, match=r"unknown instrument 'wai-sr'; did you mean 'wai_sr'"):
        load_instrument("wai-sr")
    with pytest.raises(UserError, match=r"unknown instrument '../cats'"):
        load_instrument("../cats")


def test_own_file_wins_over_the_library(tmp_path):
    write(tmp_path, OWN.replace("id: mine", "id: cats"), "cats")
    assert load_instrument("cats", tmp_path).name == "My scale"
    assert load_instrument("cats", tmp_path / "absent").n_items == 36
    assert "your own file" in describe("cats", tmp_path)


def test_own_file_with_another_id_is_refused(tmp_path):
    write(tmp_path, OWN, "other")
    with pytest.raises(UserError, match="the id is 'mine', the file's name 'other'"):
        load_instrument("other", tmp_path)


@pytest.mark.parametrize(
    "change, line",
    [
        (("items: [3, 4]", "items: [2, 3, 4]"), "mine.yaml:9: items 2 are in a and in b; "),
        (("items: [3, 4]", "items: [3, 4, 5]"), "mine.yaml:9: scale b has items 5 outside 1 to 4; "),
        (("reverse: [2]", "reverse: [3]"), "mine.yaml:8: scale a reverses items 3 that are not its own; "),
        (("n_items: 4", "n_items: 5"), "mine.yaml:7: items 5 belong to no scale; "),
        (("min_answered: 2", "min_answered: 3"), "mine.yaml:9: scale b: min_answered 3 is not from 1 to 2; "),
        (("response: [1, 5]", "response: [5, 1]"), "mine.yaml:5: response 5 to 1 is no range; "),
        (
            ("reverse: [2]", "revers: [2]"),
            "mine.yaml:8: unknown key 'scales.a.revers'; did you mean 'reverse'?",
        ),
    ],
)
def test_each_fault_of_a_key_is_one_line_with_file_and_row(tmp_path, change, line):
    problems = faults(tmp_path, change)
    assert len(problems) == 1
    assert problems[0].startswith(line)


def test_all_faults_at_once(tmp_path):
    assert len(faults(tmp_path, ("items: [3, 4]", "items: [2, 3, 9]"), ("reverse: [2]", "reverse: [4]"))) == 4


def test_table_lists_range_confidence_and_whose_it_is(tmp_path):
    write(tmp_path, OWN)
    write(tmp_path, OWN.replace("id: mine", "id: gad7"), "gad7")
    rows, faults = find([], tmp_path)
    found = {row[0]: row for row in rows}
    assert not faults
    assert found["phq9"][1:6] == ("PHQ-9", "9", "0-3", "verified-2", "library")
    assert found["mine"][1:6] == ("My scale", "4", "1-5", "verified-1", "yours")
    assert found["gad7"][1] == "My scale"
    assert len(rows) == 53 + 1 + 1


def test_a_wrong_file_of_the_user_is_told_beside_the_list(tmp_path):
    write(tmp_path, OWN.replace("items: [3, 4]", "items: [2, 3, 4]").replace("reverse: [2]", "reverse: [9]"))
    rows, faults = find([], tmp_path)
    assert len(rows) == 53 + 1
    assert [line.split(";")[0] for line in faults] == [
        "mine.yaml:8: scale a reverses items 9 that are not its own",
        "mine.yaml:9: items 2 are in a and in b",
    ]


def test_the_command_lists_and_shows_the_instruments_beside_a_study(tmp_path):
    from bowlby.cli.commands import instruments as app

    (tmp_path / "instruments").mkdir()
    write(tmp_path / "instruments", OWN)
    (tmp_path / "run.yaml").write_text("run: t\nstudy: study.yaml\noutcome: {instrument: gad7}\ngrowth: {reml: true}\n")
    (tmp_path / "study.yaml").write_text(
        "name: s\noccasions: [pre]\nfiles:\n  - path: a.csv\n    who: {person: id}\n    when: {occasion: pre}\n"
        "    measures: [{instrument: gad7, items: 'g{n}'}]\n"
    )
    config = ["--config", str(tmp_path / "run.yaml")]
    run = CliRunner().invoke
    listed = run(app, config).output.splitlines()
    assert listed[0].split() == ["id", "name", "items", "answers", "key", "from"]
    assert max(map(len, listed)) <= 80
    assert [line.split()[0] for line in run(app, ["anger"]).output.splitlines()[1:5:2]] == ["dar5", "promis_anger"]
    assert run(app, [*config, "my", "4 items"]).output.splitlines()[1].split()[0] == "mine"
    assert run(app, ["zebra"]).exception.problems == ["no questionnaire has 'zebra'; `bowlby instruments` lists all"]
    assert [line.split()[0] for line in listed if " yours" in line] == ["mine"]
    assert " yours" not in run(app, []).output
    for order in (["show", "mine", *config], [*config, "show", "mine"]):
        assert "key: verified-1, your own file" in run(app, order).output
    assert isinstance(run(app, ["show", "mine"]).exception, UserError)
    write(tmp_path / "instruments", OWN.replace("n_items: 4", "n_items: 6"))
    broken = run(app, config)
    assert "phq9" in broken.output
    assert broken.exception.problems[0].startswith("mine.yaml:7: items 5, 6 belong to no scale")


def test_instruments_are_found_by_words_and_number_of_items():
    assert [row[0] for row in find(["6", "items"])[0]] == ["sai6"]
    assert {row[0] for row in find(["avoidance", "12 items"])[0]} == {"ecr_12", "ecr_s"}


def test_description_gives_key_and_rule():
    text = " ".join(describe("wai_sr").split())
    assert "task: sum of items 1, 2, 10, 12; reversed none; needs 3 of 4 answered; from 4 to 20" in text
    assert "total: sum of items 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12; reversed none; needs 10 of 12 answered" in text
