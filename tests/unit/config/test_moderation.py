"""What `moderation:` may name."""

import pytest

from bowlby.config.base import parse
from bowlby.config.moderation import Interaction, unmet_interactions
from bowlby.config.run import Run
from bowlby.config.yamlfile import read_yaml
from bowlby.errors import UserError

RUN = """run: t
study: study.yaml
outcome: {instrument: phq9, pre: a, post: b}
comparison:
  perceived: {instrument: cats, about: therapist, weights: {secure: 1}}
  therapist_style: {instrument: ecr_s, weights: {anxiety: -1}}
moderation: [INTERACTION]
"""


def said(folder, *lines):
    (folder / "run.yaml").write_text(RUN.replace("INTERACTION", ", ".join(f"'{line}'" for line in lines)))
    return unmet_interactions(parse(read_yaml(folder / "run.yaml"), Run), ["age", "format"])


def test_a_line_is_read_as_predictor_and_moderator():
    one = Interaction.read("therapist_style.anxiety by patient_style.avoidance")
    assert (one.predictor, one.scale, one.moderator, one.moderator_scale) == (
        "therapist_style", "anxiety", "patient_style", "avoidance")  # fmt: skip
    assert one.name == "moderation_therapist_style_anxiety_by_patient_style_avoidance"
    assert Interaction.read("first by gender").analysis == "pair"


def test_what_there_is_may_be_named(tmp_path):
    assert (
        said(tmp_path, "therapist_style by pretest", "perceived by therapist_style.anxiety", "perceived by format")
        == []
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["perceived by patient_style"], "the comparison has no patient_style; add `comparison.patient_style:`"),
        (["perceived by severity"], "the study has no patient variable 'severity'; add it to `covariates:` of a file, "
         "or choose one of pretest, perceived, therapist_style, age, format"),
        (["perceived.safe by age"], "'safe' is not among the weights of comparison.perceived; use one of secure"),
        (["perceived by perceived"], "predictor and moderator are the same; name another moderator"),
        (["first by age"], "needs `pair:`; add it, or delete this interaction"),
        (["perceived by age", "perceived by age"], "is listed twice; delete one of the two"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_one_line(tmp_path, lines, expected):
    found = said(tmp_path, *lines)
    assert len(found) == 1 and found[0].startswith(f"moderation: '{lines[0]}'") and expected in found[0]


def test_another_form_is_refused_where_it_stands(tmp_path):
    with pytest.raises(UserError) as refused:
        said(tmp_path, "style x severity")
    line = "moderation: 'style x severity' is not an interaction; write it as `therapist_style by pretest`; predictors"
    (problem,) = refused.value.problems
    assert problem.startswith(f"run.yaml:7: {line}")
