"""Scenarios with known truth: what is true in the population a study is drawn from."""

from __future__ import annotations

import difflib
import math
import textwrap
from dataclasses import dataclass

from bowlby.errors import UserError, problem

ICC_Y = 0.05
"""Share of the outcome's variance that lies between therapists, their style included."""


@dataclass(frozen=True)
class Scenario:
    """One row of the table.

    Attributes
    ----------
    id : str
    p, t : float
        Slopes of the registered composites of perceived attachment (within therapists) and of the therapist's
        style, in SDs of outcome per population SD.
    what : str
        In words.
    claims : tuple of bool or None
        Whether each of C1 to C5 is true in the population; None where the claim holds as an association and not as
        an effect, which these data cannot show.
    icc : float
        Variance between therapists, style included.
    gamma : float
        Slope of perceived attachment on the therapist's style (composites).
    between : float
        Slope of outcome on the therapist's part of perceived attachment.
    secure_avoidant : float
        Correlation of perceived security with perceived avoidance.
    own : float
        How much the patient's own style shapes perceived attachment: 1 as assumed, 0 not at all.
    slope_sd : float
        SD between therapists of the slope of perceived attachment.
    kappa : float
        Slope of style times severity: what a secure therapist adds for a patient 1 SD more severe.
    uneven : float
        SD of the log of therapists' residual SD.
    dropout : float
        Log-odds by which a patient 1 SD worse off at the end is likelier to give no outcome (0: nobody drops out).
    switching : float
        Share of patients who change therapist.
    improvement : float
        Slope of outcome on perceived attachment that comes from early improvement, on which perceived attachment
        follows; improvement so far is a quarter of the outcome's variance.
    mood : float
        Slope of outcome on perceived attachment that comes from a mood in which the patient rates both.
    confounder : float
        Correlation, through a common cause, of the therapist's part of perceived attachment with the therapist's
        part of outcome.
    unit : float
        Variance of outcome, and share of perceived attachment, between the groups that patients are treated in.
    reliability, style_reliability : float
        Of the scales of perceived attachment and of the therapist's style, whose SD stays 1.
    skew : float
        Skewness of the residuals, towards the worse.
    floor : float
        The best value that the outcome's scale can show, in SDs above the mean; infinity for none.
    floor_slope, floor_residual : float
        Slope of perceived attachment and residual variance as the scale with that floor shows them, from four million
        simulated patients.
    """

    id: str
    p: float
    t: float
    what: str
    claims: tuple[bool | None, bool | None, bool, bool, bool]
    icc: float = ICC_Y
    gamma: float = 0.0
    between: float = 0.0
    secure_avoidant: float = -0.55
    own: float = 1.0
    slope_sd: float = 0.0
    kappa: float = 0.0
    uneven: float = 0.0
    dropout: float = 0.0
    switching: float = 0.0
    improvement: float = 0.0
    mood: float = 0.0
    confounder: float = 0.0
    unit: float = 0.0
    reliability: float = 1.0
    style_reliability: float = 1.0
    skew: float = 0.0
    floor: float = math.inf
    floor_slope: float | None = None
    floor_residual: float | None = None

    def __post_init__(self):
        if self.t**2 > self.icc:
            raise UserError(
                problem(
                    f"scenario {self.id}: T = {self.t:g} needs more therapist variance than {self.icc:g}",
                    "choose a T nearer to 0, or a larger ICC",
                )
            )

    @property
    def tau2(self) -> float:
        """Variance between therapists that their style does not explain."""
        return self.icc - self.t**2

    @property
    def total_t(self) -> float:
        """Slope of outcome on style, through perceived attachment included."""
        return self.t + self.gamma * self.between


SCENARIOS = {
    s.id: s
    for s in (
        Scenario("S0", 0.0, 0.0, "neither predictor predicts outcome", (False, False, True, True, True)),
        Scenario("S1", 0.38, 0.0, "perceived attachment predicts, style does not", (True,) * 5),
        Scenario(
            "example",
            0.30,
            0.0,
            "perceived attachment predicts, style does not (as S1, with P = .30)",
            (True,) * 5,
            secure_avoidant=-0.75,
        ),
        Scenario("S2", 0.20, 0.20, "both predict equally", (True, False, False, True, True)),
        Scenario("S2b", 0.10, 0.10, "both predict equally, at the equivalence bound", (True, False, False, True, True)),
        Scenario("S3", 0.05, 0.20, "the therapist's style dominates", (True, False, False, True, True)),
        Scenario("S4", 0.20, -0.20, "equal in size, of opposite sign", (True, False, False, True, True)),
        Scenario(
            "S5",
            0.25,
            0.0,
            "style acts only through perceived attachment",
            (True, True, True, False, True),
            gamma=0.15,
            between=0.25,
        ),
        Scenario(
            "S6",
            0.0,
            0.0,
            "perceived attachment follows on improvement and has no effect",
            (None, None, True, True, True),
            improvement=0.25,
        ),
        Scenario(
            "S7",
            0.0,
            0.0,
            "one mood colours both of the patient's ratings; no effect",
            (None, None, True, True, True),
            mood=0.25,
        ),
        Scenario(
            "S8",
            0.25,
            0.0,
            "something about therapists shapes both perceived attachment and outcome",
            (True,) * 5,
            confounder=0.7,
        ),
        Scenario(
            "S9", 0.38, 0.0, "as S1; patients with a poorer outcome drop out more often", (True,) * 5, dropout=0.5
        ),
        Scenario("S10", 0.38, 0.0, "as S1; 30% of patients change therapist", (True,) * 5, switching=0.30),
        Scenario("S11", 0.38, 0.0, "as S1; patients are treated in groups of six", (True,) * 5, unit=0.05),
        Scenario(
            "S12", 0.38, 0.0, "as S1; scales measure with error", (True,) * 5, reliability=0.65, style_reliability=0.90
        ),
        Scenario(
            "S13", 0.25, 0.0, "T = 0 at average severity; style matters for severe patients", (True,) * 5, kappa=0.15
        ),
        Scenario("S14", 0.25, 0.10, "style at the equivalence bound", (True, True, False, True, True)),
        Scenario(
            "S15", 0.25, 0.0, "style on perceived attachment at the bound", (True, True, True, False, True), gamma=0.10
        ),
        Scenario("S16", 0.25, 0.0, "the patient's own style plays no part", (True, True, True, True, False), own=0.0),
        Scenario(
            "S17a",
            0.0,
            0.0,
            "slopes differ between therapists around 0",
            (False, False, True, True, True),
            slope_sd=0.15,
        ),
        Scenario(
            "S17b",
            0.20,
            0.20,
            "slopes differ between therapists, both predict equally",
            (True, False, False, True, True),
            slope_sd=0.15,
        ),
        Scenario(
            "S18",
            0.25,
            0.0,
            "skewed outcome with a floor, larger residual variance for some therapists",
            (True,) * 5,
            uneven=0.3,
            skew=1.0,
            floor=1.2,
            floor_slope=0.225,
            floor_residual=0.556,
        ),
    )
}


def explained() -> str:
    """All scenarios as text of at most 80 columns: id, P, T, true claims, and what is true in words."""
    lines = [
        "P and T: true slopes of perceived attachment and of the therapist's own style,",
        "in SD of outcome per SD. Claims: those of C1 to C5 that are true (δ = 0.10);",
        "? marks a claim that is true of an association but not of an effect.",
        "",
    ]
    for s in SCENARIOS.values():
        claims = (f"C{k}{'' if true else '?'}" for k, true in enumerate(s.claims, 1) if true is not False)
        lines.append(f"{s.id:<8} P = {s.p:<5g} T = {s.t:<5g} claims {' '.join(claims)}")
        lines += textwrap.wrap(s.what, 71, initial_indent=" " * 9, subsequent_indent=" " * 9)
    return "\n".join(lines)


def scenario(name: str | Scenario) -> Scenario:
    """Scenario of an id; a :class:`Scenario` of one's own passes through."""
    if isinstance(name, Scenario):
        return name
    if name not in SCENARIOS:
        near = difflib.get_close_matches(name.lower(), [s.lower() for s in SCENARIOS], n=1, cutoff=0.5)
        hint = next((s for s in SCENARIOS if near and s.lower() == near[0]), None)
        raise UserError(
            problem(
                f"scenario '{name}' does not exist",
                f"did you mean '{hint}'?" if hint else f"use one of {', '.join(SCENARIOS)}",
            )
        )
    return SCENARIOS[name]
