"""Planning a study."""

import pytest

from bowlby.design.adequacy import planned_standard_error, row
from bowlby.simulate.planning import closed_form, power


def test_closed_form_is_the_adequacy_of_the_design():
    found = closed_form(31, 45, 0.10).set_index("icc")
    assert found.loc[0.05, "se"] == pytest.approx(planned_standard_error(31, 45, 0.05))
    assert found.loc[0.05, "half_width_90"] == pytest.approx(row(found.loc[0.05, "se"], 28, 0.05, 0.1)["half_width_90"])


def test_shares_sum_to_one_and_repeat():
    one, other = (power(10, 6, 0.05, 0.1, 0.10, 3, 4) for _ in range(2))
    assert one.equals(other)
    assert one[["supported", "refuted", "inconclusive"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert len(one) == 20
