"""What the sample could have shown, planned and after the fact: two statements, each labelled."""

import numpy as np
import pytest

from bowlby import figures
from bowlby.design.adequacy import adequacy, reading
from bowlby.files import write_json
from bowlby.report.sections.adequacy import adequacy as section
from bowlby.report.sections.verdict import verdict
from bowlby.results import Results


@pytest.fixture
def observed(comparison_run):
    """Text of both places for an ICC found, with its interval."""
    folder = comparison_run()
    planned = adequacy(np.linspace(-1.6, 1.6, 80), np.full(80, 40.0), 2, 0.15)
    write_json(folder / "adequacy.json", planned)
    figures.build(folder)

    def text(icc: float, ci: list[float] | None):
        record = {"icc": icc, "icc_ci": ci, "adequacy": reading(planned, icc)}
        write_json(folder / "estimands/variance.json", record)
        results = Results(folder)
        return planned, str(section(results).html), str(verdict(results).html)

    return text


def test_what_was_found_stands_beside_what_was_planned(observed):
    planned, shown, card = observed(0.01, [0.0, 0.034])
    found = reading(planned, 0.01)["minimum_detectable"]
    said = f"could have shown an effect of 0.15 SD (with 80% power, one of {found:.2f} SD or more)"
    assert "<b>After the fact:</b>" in shown and "1.0% (95% CI 0.0% to 3.4%) lay between therapists" in shown
    assert said in shown and said in card
    assert "computed beforehand for 5% of outcome variance" in card and "After the fact, 1.0% (95% CI" in card


def test_a_larger_difference_between_therapists_turns_the_statement(observed):
    _, shown, card = observed(0.30, None)
    assert "could not have shown an effect of 0.15 SD" in shown and "could not have shown an effect" in card
    assert "30.0% lay between" in shown and "style could have been shown to be negligible" in shown
    _, shown, card = observed(0.62, [0.5, 0.7])
    assert "more than the calculation covers" in shown and "power" not in card.partition("computed beforehand")[2][:300]
