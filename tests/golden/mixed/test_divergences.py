"""The register of known differences: tests/golden/divergences.yaml.

That a difference which is not registered fails, and a registered one that does not occur, is asserted wherever checks
are (`surprises`); here, that the register speaks of checks that exist, and that `surprises` sees both.
"""

from differences import Check, registered, surprises
from mixed_checks import ARMS, DESIGNS, SUITE, checks_of, limit_checks, reference, whole_term_checks


def test_every_registered_difference_is_a_check_and_says_why():
    checks = [check for name in reference(ARMS)["fits"] for check in whole_term_checks(name)] + limit_checks()
    for design in {design for design, _, _ in registered()} & DESIGNS.keys():
        checks += [check for suite in SUITE for check in checks_of(design, suite)]
    of_r = {key for key in registered() if not key[0].startswith(("glmm: ", "kamino: "))}  # those: test_python_engines
    assert of_r <= {(check.design, check.quantity, check.item) for check in checks}
    assert all(len(why) > 40 for why in registered().values())


def test_designs_at_the_limit_differ_as_registered():
    assert surprises(limit_checks()) == []


def test_what_is_not_registered_and_what_no_longer_occurs_are_surprises():
    design, quantity, item = next(iter(registered()))
    occurs, gone = Check(design, quantity, item, 2.0, 1.0), Check(design, quantity, item, 0.5, 1.0)
    other, fine = Check(design, quantity, "another", 2.0, 1.0), Check(design, quantity, "another", 0.5, 1.0)
    assert surprises([occurs, gone, other, fine]) == [gone, other]
