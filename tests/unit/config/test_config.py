"""Configuration: one line for each mistake, and files generated from the models do not drift."""

import importlib.util
from pathlib import Path

import pytest

from bowlby.config import Run, Study, load, read_config
from bowlby.config.base import parse
from bowlby.config.yamlfile import read_yaml
from bowlby.errors import UserError

ROOT = Path(__file__).parents[3]
specification = importlib.util.spec_from_file_location("configuration", ROOT / "docs/configuration.py")
configuration = importlib.util.module_from_spec(specification)
specification.loader.exec_module(configuration)
GENERATED = configuration.generated()
RUN = """run: x
study: study.yaml
outcome: {instrument: phq9, pre: intake, post: end}
comparison:
  perceived: {instrument: cats, about: therapist, occasion: intake, weights: {secure: 1}}
  therapist_style: {instrument: ecr_s, weights: {anxiety: -1}}
"""


def problems(tmp_path, text, model=Run, name="run.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        parse(read_yaml(path), model)
    return caught.value.problems


def test_misspelt_key_is_one_clear_line(tmp_path):
    assert problems(tmp_path, RUN.replace("outcome:", "outcom:")) == [
        "run.yaml:3: unknown key 'outcom'; did you mean 'outcome'?"
    ]


def test_a_study_file_in_place_of_the_runs_is_one_clear_line(tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    said = "study.yaml: is a study file: it has `files:`; name the run's file, whose `study:` is the path of this one"
    assert read_config(tmp_path / "study.yaml") == (None, [said])


STUDY = """name: s
occasions: [pre, post]
files:
  - path: a.csv
    who: {person: id}
    when: {occasion: pre}
    measures: [{instrument: gad7, items: "g{n}"}]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"g{n}"', "{first: g1}", "7: key 'files.0.measures.0.items.last' is missing"),
        ('"g{n}"', "{first: g1, lst: g7}", "7: unknown key 'files.0.measures.0.items.lst'; did you mean 'last'?"),
        ('"g{n}"', "[{n: 1}]", "7: files.0.measures.0.items.0: is not one word or text; correct the value"),
        ('"g{n}"}', '"g{n}", response: [0]}', "7: files.0.measures.0.response: has too few values"),
        ("{occasion: pre}", "pre", "6: files.0.when: is not a block; write `{key: value}`; keys here: column, names,"),
        ("[pre, post]", "pre", "2: occasions: is not a list; write it as a list: [a, b]"),
        ("instrument: gad7", "instrument:", "7: files.0.measures.0.instrument: is empty; fill it in, or delete"),
        ("path: a.csv", "path: a.csv\n    skip_rows: two", "5: files.0.skip_rows: is not a whole number; correct"),
        ("path: a.csv", "path: a.csv\n    format: xls", "5: files.0.format: 'xls' should be 'csv', 'excel', 'spss',"),
    ],
)
def test_one_mistake_is_one_line(tmp_path, old, new, expected):
    (line,) = problems(tmp_path, STUDY.replace(old, new), Study, "study.yaml")
    assert line.startswith(f"study.yaml:{expected}")


def test_problems_of_both_files_are_told_in_the_order_of_their_lines(tmp_path):
    (tmp_path / "run.yaml").write_text(RUN.replace("run: x", "rum: x").replace("cats", "cats, abuot: x"))
    (tmp_path / "study.yaml").write_text(STUDY.replace("name: s\n", "").replace("path:", "pth:"))
    with pytest.raises(UserError) as caught:
        load(tmp_path / "run.yaml")
    assert [line.partition(";")[0] for line in caught.value.problems] == [
        "run.yaml:1: unknown key 'rum'",
        "run.yaml:5: unknown key 'comparison.perceived.abuot'",
        "study.yaml:1: key 'name' is missing",
        "study.yaml:3: unknown key 'files.0.pth'",
    ]


def test_nested_key_names_its_line(tmp_path):
    assert problems(tmp_path, RUN.replace("weights: {secure: 1}", "wieghts: {secure: 1}, weights: {secure: 1}")) == [
        "run.yaml:5: unknown key 'comparison.perceived.wieghts'; did you mean 'weights'?"
    ]


def test_all_problems_at_once(tmp_path):
    text = RUN.replace("run: x", "run: X Y").replace("secure: 1", "secure: much")
    lines = problems(tmp_path, text)
    assert [line.split(":")[1] for line in lines] == ["1", "5"]


def test_duplicate_key(tmp_path):
    assert problems(tmp_path, RUN + "run: y\n") == ["run.yaml:7: key 'run' occurs twice; keep one of them"]


def test_names_stay_as_typed(tmp_path):
    text = (
        "name: no\noccasions: [01, 12:30, off]\nfiles:\n  - path: a.csv\n    who: {person: id}\n"
        "    when: {column: t, values: {1: 01, y: off}}\n"
    )
    (tmp_path / "s.yaml").write_text(text)
    study = parse(read_yaml(tmp_path / "s.yaml"), Study)
    assert study.name == "no"
    assert [o.id for o in study.occasions] == ["01", "12:30", "off"]
    assert study.files[0].when.values == {"1": "01", "y": "off"}


def test_nothing_is_executed(tmp_path):
    text = "run: !!python/object/apply:os.system ['touch executed']\nstudy: s.yaml\n"
    assert problems(tmp_path, text)
    assert not (tmp_path / "executed").exists() and not Path("executed").exists()


def test_comparison_needs_pre_and_post(tmp_path):
    assert problems(tmp_path, RUN.replace(", pre: intake, post: end", "")) == [
        "run.yaml:1: the comparison needs outcome.pre and outcome.post; add both, or outcome.after for session data"
    ]


def test_mediation_needs_a_comparison_that_has_the_mediator(tmp_path):
    asked = RUN + "mediation: {mediators: [perceived, alliance]}\n"
    assert problems(tmp_path, asked) == [
        "run.yaml:7: mediation.mediators: the comparison has no alliance; add `comparison.alliance`"
    ]
    alone = "run: x\nstudy: study.yaml\noutcome: {instrument: phq9}\ngrowth: {}\nmediation: {}\n"
    assert problems(tmp_path, alone) == [
        "run.yaml:5: mediation has no comparison; add `comparison:` or leave `mediation:` out"
    ]


def test_clinical_change_needs_a_comparison_with_pre_and_post(tmp_path):
    alone = "run: x\nstudy: study.yaml\noutcome: {instrument: phq9}\ngrowth: {}\nclinical_change: {}\n"
    assert problems(tmp_path, alone) == [
        "run.yaml:5: clinical_change needs the comparison, with outcome.pre and outcome.post; add them, or leave "
        "`clinical_change:` out"
    ]


def test_two_series_of_sessions_are_two_scales(tmp_path):
    series = "{label: symptoms, instrument: phq9, higher_is_better: false}"
    run = f"run: x\nstudy: study.yaml\nsession_to_session: {{predictor: {series}, outcome: {series}}}\n"
    assert problems(tmp_path, run) == [
        "run.yaml:3: session_to_session: predictor and outcome are the same scale; correct one of them"
    ]


@pytest.mark.parametrize(
    ("run", "title", "expected"),
    [
        ("trial", None, "The Bern trial"),
        ("bern-trial", None, "The Bern trial"),
        ("no-dropouts", None, "The Bern trial (no-dropouts)"),
        ("trial", "Attachment in Bern", "Attachment in Bern"),
    ],
)
def test_a_report_has_a_title_that_tells_runs_of_one_study_apart(tmp_path, run, title, expected):
    written = RUN.replace(RUN.splitlines()[0], f"run: {run}" + (f"\ntitle: {title}" if title else ""))
    (tmp_path / "run.yaml").write_text(written)
    (tmp_path / "study.yaml").write_text("name: The Bern trial\noccasions: [a]\nfiles: [{path: a, who: {person: i}}]\n")
    assert load(tmp_path / "run.yaml").title == expected


def test_missing_file_is_said(tmp_path):
    with pytest.raises(UserError, match=r"run\.yaml: no such file"):
        load(tmp_path / "run.yaml")


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_files_are_current(name):
    assert (ROOT / "config" / name).read_text("utf-8") == GENERATED[name], "run `make docs`"


@pytest.mark.parametrize(
    "path", [ROOT / "config/config.yaml", *sorted((ROOT / "config/examples").glob("*.yaml"))], ids=lambda p: p.name
)
def test_shipped_configurations_are_valid(path):
    model = Study if path.stem.endswith("study") else Run
    assert parse(read_yaml(path), model)


@pytest.mark.parametrize("name", ["my_study", "Study", "-a", "a b"])
def test_a_runs_name_is_a_folders_and_the_line_says_how(name):
    with pytest.raises(ValueError, match="small letters, digits and hyphens only"):
        Run.model_validate({"run": name, "study": "s.yaml", "outcome": {"instrument": "phq9"}, "growth": {}})


def test_the_nearest_value_is_suggested(tmp_path):
    (line,) = problems(tmp_path, STUDY.replace("path: a.csv", "path: a.csv\n    format: exel"), Study, "study.yaml")
    assert line.endswith("; did you mean 'excel'?")
