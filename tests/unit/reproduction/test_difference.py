"""`bowlby diff`: the verdicts of several runs."""

from types import SimpleNamespace

from bowlby.reproduction.difference import _verdict


def test_a_claim_that_was_not_tested_is_not_inconclusive():
    c5 = SimpleNamespace(verdict="inconclusive", tested=False)
    run = SimpleNamespace(claims={"C5": c5})
    assert _verdict(run, "C5") == "not tested" and _verdict(run, "C1") != "inconclusive"
