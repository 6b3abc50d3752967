"""The sentence of the verdict over a grid of effects, verdicts and flags."""

import itertools
import re

import pytest

from bowlby.compare.claims import claim_more, claim_negligible, claim_slope
from bowlby.compare.verdict_text import cannot_answer, detectable, difference, headline
from bowlby.effect import Effect

DELTA = 0.1


def claims_of(p: Effect, t: Effect, **more) -> dict:
    se = (p.se**2 + t.se**2) ** 0.5
    minus, plus = Effect(p.estimate - t.estimate, se, 30), Effect(p.estimate + t.estimate, se, 30)
    claims = {"C1": claim_slope(p, DELTA, "P"), "C2": claim_more(minus, plus), "C3": claim_negligible(t, DELTA)}
    claims["C2"] |= more
    return claims


def said(p, t, se_p=0.04, se_t=0.06, therapists=48, reasons=(), flags=(), **more) -> str:
    effects = {"P": Effect(p, se_p, 60), "T": Effect(t, se_t, 30)}
    claims = claims_of(effects["P"], effects["T"], **more)
    claims["C2"]["reasons"] += reasons
    claims["C2"]["flags"] += flags
    return " ".join(part for part in headline(effects, claims, DELTA, therapists) if part)


@pytest.mark.parametrize(("estimate", "se", "words"), [
    (0.34, 0.05, "0.34 SD better (95% CI 0.24 to 0.44)"),
    (-0.25, 0.05, "0.25 SD worse (95% CI 0.15 to 0.35)"),
    (-0.03, 0.075, "0.03 SD worse (95% CI 0.18 SD worse to 0.12 SD better)"),
    (-0.001, 0.05, "on average neither better nor worse (estimate 0.00 SD; 95% CI 0.10 SD worse to 0.10 SD better)"),
])  # fmt: skip
def test_each_number_has_one_direction(estimate, se, words):
    assert difference(Effect(estimate, se, 1e6)) == words


def test_a_clear_support():
    text = said(0.34, -0.03)
    claim = "perceived attachment is more strongly associated with outcome than the therapist's own attachment style"
    assert text.startswith(f"the data support the claim that {claim}. ")
    assert "the smallest effect of the therapist's attachment style detectable with 80% power is 0.17 SD." in text


def test_with_session_data_the_baseline_and_the_outcome_are_means_of_sessions():
    text = said(0.34, -0.03, reasons=["after_landmark"])
    assert "At equal mean outcome up to the landmark session, patients who felt 1 SD more securely" in text
    assert "had a later outcome that was 0.34 SD better" in text and "before treatment" not in text


def test_twelve_times_as_much_in_the_other_direction_is_not_that_it_matters_less():
    text = said(-0.25, 0.02)
    assert text.startswith("more secure perceived attachment was associated with a worse outcome. ")
    assert "stronger than that of the therapist's own attachment style, but in the opposite direction" in text
    assert "refute the claim that perceived attachment is more" not in text


def test_an_association_is_called_stronger_only_where_it_is_tested_to_be():
    """-.12 and -.10: both point the other way, and the data do not show which is larger."""
    text = said(-0.12, -0.10, 0.02, 0.03)
    assert text.startswith("more secure perceived attachment was associated with a worse outcome. At equal outcome")


def test_a_negligible_association_is_said_where_style_cannot_be_answered():
    text = said(0.0, 0.1, 0.02, therapists=9)
    assert text.startswith("the association of perceived attachment with outcome is negligible, that is, smaller than")


def test_style_that_counts_more_refutes():
    assert "the data refute the claim that perceived attachment is more strongly associated" in said(0.02, 0.5)


def test_both_negligible_is_a_finding():
    text = said(0.005, 0.005, 0.02, 0.03)
    assert "both associations with outcome are negligible, that is, smaller than 0.1 SD" in text


def test_a_support_smaller_than_the_bound_is_said():
    for se in (0.01, 0.03):  # C2 supported, and inconclusive
        text = said(0.06, 0.0, 0.02, se)
        assert "the association of perceived attachment is itself smaller than the equivalence bound" in text.lower()


@pytest.mark.parametrize(("therapists", "se", "why"), [
    (9, 0.05, "With 9 therapists this study cannot answer"),
    (20, 0.4, "This study cannot answer the question on the therapist's own style, whose slope could be"),
])  # fmt: skip
def test_where_style_cannot_be_answered_it_leaves_the_headline(therapists, se, why):
    text = said(0.34, 0.1, se_t=se, therapists=therapists)
    assert why in text and "Patients of therapists whose" not in text and "80% power" not in text
    assert cannot_answer(Effect(0.1, 0.05, 30), 12) is None


def test_a_large_slope_that_is_known_well_is_an_answer():
    """The half-width of the interval decides, not how far it lies from 0."""
    assert cannot_answer(Effect(0.8, 0.05, 30), 48) is None
    assert "Patients of therapists whose own attachment" in said(0.02, 0.8)


def test_at_most_two_reservations_the_gravest_first():
    text = said(0.34, -0.03, fragile=True, reasons=["same_rater", "baseline_error", "after_landmark"],
                flags=["any_therapist_variable"])  # fmt: skip
    assert ("The verdict changes in a robustness check (see Robustness); the verdict does not hold after correction "
            "for measurement error in the baseline.") in text  # fmt: skip
    assert "rated both" not in text and "after the landmark" not in text and "any characteristic" not in text


def test_every_sentence_of_the_grid_is_whole():
    grid = itertools.product((-0.4, -0.02, 0.0, 0.06, 0.3), (-0.4, -0.02, 0.0, 0.2), (0.02, 0.15), (0.03, 0.3), (8, 40))
    for p, t, se_p, se_t, therapists in grid:
        for flags in ((), ("any_therapist_variable",)):
            text = said(p, t, se_p, se_t, therapists, flags=flags, reasons=["same_rater"])
            assert re.fullmatch(r"([a-zA-Z][^.]*(\.\d+[^.]*)*\. ?)+", text), text
            assert "0.00 SD better" not in text and "0.00 SD worse" not in text and "-0" not in text
            assert "therapist effect" not in text and "  " not in text


def test_a_question_that_cannot_be_answered_is_no_verdict_on_style():
    """With 9 therapists the finding is that of perceived attachment alone."""
    finding, unable, grounds = headline({"P": Effect(0.34, 0.04, 60), "T": Effect(0.1, 0.06, 7)},
                                        claims_of(Effect(0.34, 0.04, 60), Effect(0.1, 0.06, 7)), DELTA, 9)  # fmt: skip
    assert finding == "more secure perceived attachment was associated with a better outcome."
    assert unable.startswith("With 9 therapists") and "therapist's attachment" not in grounds


def test_the_size_that_would_be_detected_is_that_of_the_standard_error():
    """(t.975 + t.80) SE: 2.0423 + 0.8538 at 30 df."""
    assert detectable(Effect(0.0, 0.1, 30)) == pytest.approx(0.28961, abs=1e-4)


def test_style_that_supports_as_often_when_permuted_is_named_before_the_rater():
    text = said(0.34, -0.03, flags=["permuted_style"], reasons=["same_rater", "reverse_causation_open"])
    permuted = "Most random permutations of style also support the claim"
    assert text.index(permuted) < text.index("the patient rated both")
    assert "preceded" not in text
