"""A run's own words for patients and therapists: wherever they are read, and nowhere else."""

import pandas as pd
import pytest
import yaml

from bowlby import figures, report, tables
from bowlby.config.base import parse
from bowlby.config.labels import Wording
from bowlby.config.run import Run
from bowlby.config.yamlfile import read_yaml
from bowlby.errors import UserError
from bowlby.figures.canvas import save
from bowlby.files import write_json
from bowlby.results import Results

CLASSES = {"patient": ["child", "children"], "therapist": ["adult", "adults"]}
CI = {"ci": [-0.1, 0.3], "ci90": [0.0, 0.2]}
CLAIM = {"verdict": "inconclusive", "qualified": False, "estimate": 0.1, "df": 40.0, "p": 0.2, "ci": [0.0, 0.2],
         "rule": {"code": "undecided", "of": "first"}, "reasons": []}  # fmt: skip
PAIR = {
    "labels": {"first": "trust in the therapist", "second": "warmth"},
    "delta": 0.1, "n_obs": 300, "n_therapists": 30, "sentence": "Verdict: inconclusive.", "qualifiers": ["same_rater"],
    "contrasts": {n: {"estimate": 0.1, "se": 0.05, "df": 40.0, **CI}
                  for n in ("first", "second", "first-second", "first+second")},
    "claims": dict.fromkeys(("first", "second", "more", "negligible"), CLAIM),
    "unfair": [{"code": "both_within"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patients of a therapist; the patient's own", "Children of an adult; the child's own"),
        ("A therapist, psychotherapist, therapist_icc", "An adult, psychotherapist, therapist_icc"),
        ("Patient Health Questionnaire (PHQ-9) of patients", "Patient Health Questionnaire (PHQ-9) of children"),
    ],
)  # fmt: skip
def test_words_with_plural_article_and_capital(text, expected):
    wording = Wording(CLASSES, ("Patient Health Questionnaire",))
    assert wording(text) == expected and Wording()(text) == text


def test_a_page_keeps_its_parts_code_and_names():
    page = (
        '<style>.patient{}</style><p id="patient" aria-label="a patient">No patient&#39;s <code>patient</code> of '
        "A &amp; B's Patient Form</p>"
    )
    assert Wording(CLASSES, ("A & B's Patient Form",)).page(page.replace("B's", "B&#x27;s")) == (
        '<style>.patient{}</style><p id="patient" aria-label="a child">No child&#39;s <code>patient</code> of '
        "A &amp; B&#x27;s Patient Form</p>"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("{patient: child}", "words.patient: is not a list; write it as a list: [a, b]"),
        ("{patient: [child]}", "words.patient: has too few values; give all of them"),
        ("{patient: [child, '']}", "words.patient.1: "),
        ("{patient: [child, 'chil<b>']}", "words.patient.1: "),
        ("{client: [a, b]}", "unknown key 'words.client'; "),
    ],
)
def test_words_are_checked(tmp_path, words, expected):
    (tmp_path / "run.yaml").write_text(
        f"run: t\nstudy: s.yaml\noutcome: {{instrument: phq9}}\ngrowth: {{}}\nwords: {words}\n"
    )
    with pytest.raises(UserError) as caught:
        parse(read_yaml(tmp_path / "run.yaml"), Run)
    (line,) = caught.value.problems
    assert line.partition(" ")[2].startswith(expected)


def test_figures_say_them_on_their_axes_too(tmp_path):
    seen = {}

    def draw(ax, data):
        ax.set_yticks([0, 1], ["patients", "=therapists"])
        ax.set_title("therapist's patients")
        ax.plot([0, 1], [0, 1], label="a patient")
        ax.legend()
        seen["ax"] = ax

    save(tmp_path, "x", pd.DataFrame({"role": ["patient"]}), draw, Wording(CLASSES))
    ax = seen["ax"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["children", "=adults"]
    assert [t.get_text() for t in (ax.title, *ax.get_legend().get_texts())] == ["adult's children", "a child"]
    assert pd.read_csv(tmp_path / "figures/data/x.csv")["role"].tolist() == ["patient"], "codes stay"


def test_page_methods_and_tables_of_a_run_say_them(tmp_path):
    write_json(tmp_path / "pair.json", PAIR)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"words": CLASSES, "pair": {"delta": 0.1}}))
    figures.build(tmp_path)
    tables.build(tmp_path)
    page = report.build_report(tmp_path)
    assert "Both predictors vary between children of one adult, so that neither" in page and "300 children" in page
    assert "If the child also rated the outcome" in page and "trust in the therapist" in page
    sheet = tables.sheets(Results(tmp_path))["pair"][1]
    assert "= 300 children, *J* = 30 adults" in sheet.note and sheet.parts[0][1][0][0] == "trust in the therapist"
    (tmp_path / "config.yaml").write_text("pair: {delta: 0.1}\n")
    assert "patients of one therapist" in report.build_report(tmp_path)
