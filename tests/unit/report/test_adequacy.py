"""What the sample could have shown, planned and after the fact: two statements, each labelled."""

import numpy as np
import pytest

from bowlby import figures
from bowlby.design.adequacy import adequacy, adequacy_at_icc
from bowlby.files import write_json
from bowlby.report.sections.adequacy import adequacy as section
from bowlby.report.sections.participants import answers_table
from bowlby.report.sections.verdict import _rated, verdict
from bowlby.results import Results


@pytest.fixture
def observed(comparison_run):
    """Text of both places for an ICC found, with its interval."""
    folder = comparison_run()
    planned = adequacy(np.linspace(-1.6, 1.6, 80), np.full(80, 40.0), 2, 0.15)
    write_json(folder / "adequacy.json", planned)
    figures.build(folder)

    def text(icc: float, ci: list[float] | None):
        record = {"icc": icc, "icc_ci": ci, "adequacy": adequacy_at_icc(planned, icc)}
        write_json(folder / "estimands/variance.json", record)
        results = Results(folder)
        return planned, str(section(results).html), str(verdict(results).html)

    return text


def test_what_was_found_stands_beside_what_was_planned(observed):
    planned, shown, card = observed(0.01, [0.0, 0.034])
    found = adequacy_at_icc(planned, 0.01)["minimum_detectable"]
    said = f"the smallest effect of style detectable with 80% power is {found:.2f} SD"
    assert "The observed share of variance between therapists was 1.0% (95% CI 0.0% to 3.4%)" in shown
    assert said in shown and said not in card
    assert "a therapist share of 5% of the outcome variance" in card and "The observed share was 1.0% (95% CI" in card


def test_a_larger_difference_between_therapists_turns_the_statement(observed):
    planned, shown, card = observed(0.30, None)
    least = f"{adequacy_at_icc(planned, 0.30)['minimum_detectable']:.2f} SD"
    assert f"power is {least}" in shown
    assert "was 30.0%, in" in shown and "style can be shown to be negligible" in shown
    _, shown, card = observed(0.62, [0.5, 0.7])
    assert "more than the calculation covers" in shown and "power" not in card.partition("The observed share")[2][:300]


def test_when_attachment_was_rated_is_said_of_this_study():
    for occasion, said in (("pre", "same occasion as the outcome before treatment"), ("s5", "after treatment began")):
        assert said in _rated({"outcome": {"pre": "pre"}, "comparison": {"perceived": {"occasion": occasion}}})


def test_a_questionnaire_of_therapists_alone_is_not_counted_among_patients_answers():
    read = {"step": "rows read", "instrument": None, "occasion": "", "patients": 30}
    steps = [read, *({"step": "answers", "instrument": name, "occasion": "", "patients": n}
                     for name, n in (("phq9", 20), ("ecr_s", 0)))]  # fmt: skip
    assert list(answers_table(steps, False)["Questionnaire"]) == ["phq9"]
