"""The finding in words, by cases."""

from __future__ import annotations

import scipy  # its parts are imported where they are used

from bowlby.effect import Effect
from bowlby.reasons import REASONS, decimals

MIN_THERAPISTS = 12
"""Therapists below whom a study cannot answer the question on style."""
MAX_HALF_WIDTH = 0.5
"""Half-width, in SD, that the 95% interval of T must not exceed for that."""
MAX_RESERVATIONS = 2
"""Reservations that the headline names."""


def cannot_answer(t: Effect, therapists: int) -> str | None:
    """Why the study says nothing on the therapist's style, or None where it does."""
    low, high = t.limits(0.975)
    if therapists < MIN_THERAPISTS:
        return f"With {therapists} therapists this study cannot answer the question on the therapist's own style."
    if (high - low) / 2 > MAX_HALF_WIDTH:
        return (
            "This study cannot answer the question on the therapist's own style, whose slope could be "
            f"anything from {_limit(low)} to {_limit(high)}."
        )
    return None


def headline(
    effects: dict[str, Effect], claims: dict[str, dict], delta: float, therapists: int
) -> tuple[str, str | None, str]:
    """What the study found: the verdict in a line, and in a few sentences what it rests on and how firm it is.

    Parameters
    ----------
    effects : dict of Effect
        P, T and, where style depends on severity, T_severe.
    claims : dict of dict
        As in ``verdict.json``, with what is fragile.
    delta : float
        Equivalence bound.
    therapists : int
        In the analysis.

    Returns
    -------
    finding : str
    unable : str or None
        That the study cannot answer the question on style, and why; T is then left out of the grounds.
    grounds : str
    """
    p, t = effects["P"], effects["T"]
    unable = cannot_answer(t, therapists)
    sessions = "after_landmark" in claims["C2"].get("reasons", ())
    baseline = "mean outcome up to the landmark session" if sessions else "outcome before treatment"
    ended = "had a later outcome that was" if sessions else "ended treatment"
    parts = [
        f"At equal {baseline}, patients who felt 1 SD more securely attached to their therapist than other patients of "
        f"the same therapist {ended} {difference(p)}."
    ]
    if unable is None:
        ended = ended.removesuffix(" treatment")
        parts.append(f"Patients of therapists whose own attachment was 1 SD more secure {ended} {difference(t)}.")
    if "T_severe" in effects and unable is None:
        severe = difference(effects["T_severe"])
        parts.append(f"This holds at average severity; among the most severely ill tenth, patients ended {severe}.")
    if reservations := _reservations(claims)[: MAX_RESERVATIONS - (unable is not None)]:
        said = "; ".join(reservations)
        parts.append(f"{said[0].upper()}{said[1:]}.")
    if unable is None:
        parts.append(
            "Given the standard error of T, the smallest effect of the therapist's attachment style detectable with "
            f"80% power is {detectable(t):.2f} SD."
        )
    finding = _finding(effects, claims, delta) if unable is None else _of_patients(p, claims["C1"], delta)
    return finding, unable, " ".join(parts)


def detectable(effect: Effect) -> float:
    """The true size that a two-sided test at .05 finds with 80% power, at the effect's standard error and df."""
    return float(scipy.special.stdtrit(effect.df, 0.975) + scipy.special.stdtrit(effect.df, 0.8)) * effect.se


def both_negligible(effects: dict[str, Effect], claims: dict[str, dict], delta: float) -> bool:
    """Whether P and T are both shown to be smaller than the bound."""
    refuted, supported = claims["C1"]["verdict"] == "refuted", claims["C3"]["verdict"] == "supported"
    return refuted and supported and effects["P"].within(delta)


def _of_patients(p: Effect, claim: dict, delta: float) -> str:
    """The finding on perceived attachment alone, if that on style cannot be answered."""
    low, high = p.limits(0.975)
    if low > 0 or high < 0:
        return f"more secure perceived attachment was associated with a {'better' if low > 0 else 'worse'} outcome."
    if claim["verdict"] == "refuted":
        return (
            f"the association of perceived attachment with outcome is negligible, that is, smaller than {delta:g} SD."
        )
    return "the data do not show whether perceived attachment is associated with outcome."


def difference(effect: Effect) -> str:
    """How much better or worse, each number with its own direction."""
    low, high = effect.limits(0.975)
    places = decimals((high - low) / 2)
    estimate = _limit(effect.estimate, places)
    if round(low, places) > 0 or round(high, places) < 0:
        small, large = sorted((abs(low), abs(high)))
        return f"{estimate} (95% CI {small:.{places}f} to {large:.{places}f})"
    limits = f"95% CI {_limit(low, places)} to {_limit(high, places)}"
    if round(effect.estimate, places):
        return f"{estimate} ({limits})"
    return f"on average neither better nor worse (estimate {0:.{places}f} SD; {limits})"


def _limit(value: float, places: int = 2) -> str:
    """A size in SD with its direction; a size that rounds to 0 has none."""
    if round(value, places) == 0:
        return f"{0:.{places}f} SD"
    return f"{abs(value):.{places}f} SD {'better' if value > 0 else 'worse'}"


def _finding(effects: dict[str, Effect], claims: dict[str, dict], delta: float) -> str:
    """What C2's verdict says, with what C1 and C3 add."""
    verdict, p, parts = claims["C2"]["verdict"], effects["P"], claims["C2"]["parts"]
    if both_negligible(effects, claims, delta):
        return f"both associations with outcome are negligible, that is, smaller than {delta:g} SD."
    if verdict == "supported":
        return (
            "the data support the claim that perceived attachment is more strongly associated with outcome than the "
            "therapist's own attachment style."
        )
    if verdict == "inconclusive":
        return (
            "the data do not show whether perceived attachment or the therapist's own attachment style is more "
            "strongly associated with outcome."
        )
    if p.limits(0.975)[1] < 0:
        other = (
            " This association was stronger than that of the therapist's own attachment style, but in the opposite "
            "direction to the claim."
            if all(part["ci"][1] < 0 for part in parts.values())  # -P > |T|, tested as C2 is
            else ""
        )
        return f"more secure perceived attachment was associated with a worse outcome.{other}"
    return (
        "the data refute the claim that perceived attachment is more strongly associated with outcome than the "
        "therapist's own attachment style."
    )


def _reservations(claims: dict[str, dict]) -> list[str]:
    """What limits the verdict, the gravest first."""
    more, supported = claims["C2"], claims["C2"]["verdict"] == "supported"
    reasons = {*more["reasons"], *more["flags"]}
    limits = ["the verdict changes in a robustness check (see Robustness)"] if more["fragile"] else []
    if supported:
        said = {
            "baseline_error": "the verdict does not hold after correction for measurement error in the baseline",
            "baseline_error_not_examined": REASONS["baseline_error_not_examined"],
            "permuted_style": REASONS["permuted_style"],
            "any_therapist_variable": REASONS["any_therapist_variable"],
            "after_landmark": "the slope of style is its association with outcome after the landmark session only",
        }
        limits += [words for code, words in said.items() if code in reasons]
    if "below_delta" in claims["C1"]["flags"]:
        limits.append("the association of perceived attachment is itself smaller than the equivalence bound")
    if supported:
        if "same_rater" in reasons:
            limits.append("the patient rated both perceived attachment and outcome")
        if "reverse_causation_open" in reasons:
            limits.append(REASONS["reverse_causation_open"])
    if "therapist_rated" in reasons:
        limits.append(REASONS["therapist_rated"])
    return limits
