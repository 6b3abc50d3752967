"""Variables of the comparison: their columns by scale and level, their labels, and the terms of the models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WITHIN, BETWEEN, WITHIN_PATIENT = "within", "between", "within_patient"
LEVELS = {WITHIN: "within therapist", BETWEEN: "between therapists", WITHIN_PATIENT: "within patient"}
PREDICTORS = {
    "perceived": "Perceived attachment",
    "therapist_style": "Therapist's own style",
    "patient_style": "Patient's own style",
    "alliance": "Alliance",
    "mentalizing": "Mentalizing",
}
"""Composites with scales, named as in the configuration: what they are called on paper."""
ROLES = dict.fromkeys(PREDICTORS, "patient") | {"therapist_style": "therapist"}
"""Who answers."""
OTHER_RATINGS = ("alliance", "mentalizing")
"""Ratings by the patient that are adjusted for, or put in the place of perceived attachment."""
IN_SENTENCES = {
    "perceived": "perceived attachment",
    "therapist_style": "the therapist's own style",
    "patient_style": "the patient's own style",
    "alliance": "the alliance",
    "mentalizing": "mentalizing",
}
VARIABLES = PREDICTORS | {"baseline": "Baseline outcome", "change": "Early change of outcome"}
TIMES = {"log_time": "ln(1 + time)", "time_squared": "Time squared"}
"""Time in other forms, as columns of the growth model."""
SURFACE = {"surface_x": "X", "surface_w": "W", "surface_xx": "X²", "surface_xw": "X × W", "surface_ww": "W²"}
"""Columns of a response surface: the scores of two sides on one scale, their squares and their product."""
FIXED_NAMES = ("patient", "therapist", "unit", "in_unit", "y", "session", "time", *TIMES, *SURFACE)
"""Columns of analysis sets that are no variables of the comparison."""
COURSE = ("perceived", "therapist_style")
"""Predictors of the course."""
SIDES = ("first", "second")
"""The two predictors of ``pair``."""
MEDIATION = {f"mediation_{name}": name for name in ("perceived", *OTHER_RATINGS)}
"""Analysis sets of mediation, and the mediator of each."""
EVENTS = {
    "unchanged": "not deteriorated",
    "improved": "improved or recovered",
    "recovered": "recovered",
}
"""Events of change, each the lowest of its classes: the event in words."""
MODERATION = "moderation_"
"""Beginning of the names of analysis sets of interactions; each has one model of its name."""
RESPONSE_SURFACE = "response_surface_"
"""Beginning of the analysis sets of response surfaces; the scale follows. Each has one model, of the same name."""
SERIES = ("predictor", "outcome")
"""The two series of ``session_to_session``."""
STYLES = ("secure", "preoccupied", "dismissing", "fearful/disorganized")
"""The styles of attachment."""
SCHEMA = 2
"""Version of the files that hold names of terms: 1 has the names that :mod:`bowlby.schema` reads."""


@dataclass(frozen=True)
class Term:
    """A column of the models: variable (or covariate), scale (None for the composite), level (None where not split)."""

    variable: str
    scale: str | None = None
    level: str | None = None


def column(variable: str, scale: str | None = None, level: str | None = None) -> str:
    """The column of a variable, or of one of its scales.

    Parameters
    ----------
    variable : str
        One of :data:`VARIABLES`, or a covariate.
    scale : str, optional
        Default: the composite.
    level : {"within", "between", "within_patient"}, optional
        Default: not split, as in the patients' table and for what therapists say of themselves.

    Examples
    --------
    >>> column("perceived", "secure", "within")
    'perceived_secure_within'
    >>> column("therapist_style")
    'therapist_style'
    """
    return "_".join(part for part in (variable, scale, level) if part is not None)


def parse(name: str) -> Term:
    """Variable, scale and level of a column of an analysis set.

    Examples
    --------
    >>> parse("alliance_goal_within")
    Term(variable='alliance', scale='goal', level='within')
    >>> parse("therapist_style_anxiety")
    Term(variable='therapist_style', scale='anxiety', level=None)
    >>> parse("hours_between")
    Term(variable='hours', scale=None, level='between')
    """
    if _of(name, "therapist_style"):  # therapists' own answers are not split
        return Term("therapist_style", name.removeprefix("therapist_style").removeprefix("_") or None)
    level = next((level for level in LEVELS if name.endswith(f"_{level}")), None)
    base = name.removesuffix(f"_{level}")
    known = (*PREDICTORS, *(() if level else SIDES))
    variable = next((variable for variable in known if _of(base, variable)), base)
    return Term(variable, base.removeprefix(variable).removeprefix("_") or None, level)


def _of(name: str, variable: str) -> bool:
    return name == variable or name.startswith(f"{variable}_")


def at_level(names: Iterable[str], level: str) -> list[str]:
    """Those columns that are of a level."""
    return [name for name in names if parse(name).level == level]


def between_of(name: str) -> str:
    """The column between therapists that belongs to one within them."""
    term = parse(name)
    return column(term.variable, term.scale, BETWEEN)


def both_levels(name: str) -> list[str]:
    """The columns within and between therapists of a column that is not split yet."""
    return [column(name, level=WITHIN), column(name, level=BETWEEN)]


def scales_of(names: Iterable[str], variable: str) -> list[str]:
    """Columns of a variable's scales, the composite left out; of columns that are not split."""
    return [name for name in names if name.startswith(f"{variable}_") and name != error_of(variable)]


def columns_of(names: Iterable[str], variable: str) -> list[str]:
    """The columns of a variable's composite and scales, in their order; of columns that are not split."""
    names = list(names)
    scales = {variable, *scales_of(names, variable)}
    return [name for name in names if name in scales]


def error_of(variable: str) -> str:
    """The column that estimates from each row the variance of a variable's error of measurement."""
    return f"{variable}_error"


def reserved(covariate: str, analysis: str) -> bool:
    """Whether a covariate would be taken for a column of the models' own.

    ``analysis`` is the configuration's part that names it: ``comparison``, ``robustness``, ``pair`` or ``growth``.
    """
    if analysis == "growth":
        own = any(_of(covariate, name) for name in ("baseline", *COURSE))
        return own or covariate in FIXED_NAMES or covariate.endswith(BY_TIME)
    variables = (*PREDICTORS, *SIDES) if analysis == "pair" else PREDICTORS
    return covariate in {*FIXED_NAMES, *VARIABLES} or any(_of(covariate, variable) for variable in variables)


BY_TIME = "_by_time"


def by_time(name: str) -> str:
    """The column of a predictor's product with time, whose coefficient is its effect on the slope of the course."""
    return name + BY_TIME


def in_words(name: str) -> str:
    """What the slope of a column is a slope of, within a sentence."""
    variable = parse(name).variable
    return IN_SENTENCES.get(variable, name.replace("_", " "))


def scale_label(name: str) -> str:
    """A scale as printed, from the name of its column."""
    return (parse(name).scale or "composite").replace("_", " ")


def label(name: str) -> str:
    """A column as printed.

    Examples
    --------
    >>> label("perceived_within")
    'Perceived attachment, within therapist'
    >>> label("therapist_style_anxiety")
    "Therapist's own style: anxiety"
    >>> label("gender_M_between")
    'gender M, between therapists'
    """
    if name.endswith(BY_TIME):
        return f"{label(name.removesuffix(BY_TIME))} × time"
    term = parse(name)
    known = VARIABLES | SURFACE
    text = TIMES.get(name) or known.get(term.variable, term.variable.replace("_", " "))
    if term.scale:
        text += f": {term.scale.replace('_', ' ')}"
    return f"{text}, {LEVELS[term.level]}" if term.level else text


BASELINE = both_levels("baseline")
"""Terms that every model has where there is an earlier outcome."""
P = column("perceived", level=WITHIN)
"""The term whose slope is P."""
T = column("therapist_style")
"""The term whose slope is T."""
P_BETWEEN = between_of(P)
P_WITHIN_PATIENT = column("perceived", level=WITHIN_PATIENT)
Z = column("patient_style", level=WITHIN)
"""The term whose slope on perceived attachment is Z."""
INTERCEPT = [{"group": "therapist", "terms": ["1"], "correlated": False}]


def sloped(*terms: str) -> list[dict]:
    """Random part of therapists: an intercept and uncorrelated slopes of what is tested within therapists.

    A slope variance estimated as 0 counts as known. Kenward-Roger's allowance for its uncertainty, made on top of an
    estimate that cannot fall below 0, would hold the rate of error of C1 far below the nominal one and cost power;
    simulation has the rate at its nominal value or below wherever slopes differ (``docs/validation.md``).
    """
    return [{"group": "therapist", "terms": ["1", *terms], "correlated": False, "known_zero": [*terms]}]


M1 = [P, T]
"""The main model's terms besides the baseline and covariates."""
M1_RANDOM = sloped(P)
"""The main model's random part."""
P_SLOPE, T_SLOPE = "P_slope", "T_slope"
"""Contrasts of the growth model: what P and T are of the outcome, of its change."""
C5 = [Z, between_of(Z), T]
"""Terms of the model of perceived attachment in which the patient's own style is tested."""


def c4(scales: Iterable[str]) -> list[str]:
    """Terms of the model of perceived attachment in which the therapist's style is tested.

    ``scales`` of the patient's style stand at both levels.
    """
    return [*(name for scale in scales for name in both_levels(column("patient_style", scale))), T]


def slope_weights(
    first: str, second: str, unit: float, names: tuple[str, str] = ("P", "T")
) -> dict[str, dict[str, float]]:
    """Weights of two terms' slopes, their difference and their sum, each times ``unit``; by contrast."""
    one, other = names
    return {
        one: {first: unit},
        other: {second: unit},
        f"{one}-{other}": {first: unit, second: -unit},
        f"{one}+{other}": {first: unit, second: unit},
    }
