"""Parts of a run's file that name scales: blocks, their norms, and series of sessions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bowlby.config.base import Invalid, Model


class Block(Model):
    """One side of the comparison: scales and their weights in the composite."""

    instrument: str
    """Instrument."""
    about: str = "self"
    """Whom it is about (`therapist` for perceived attachment)."""
    occasion: str | None = None
    """Occasion; empty if it was answered once, as by therapists."""
    sessions: int | None = Field(None, ge=1)
    """If it was completed at every session: use each person's mean of the sessions up to this one."""
    weights: dict[str, float] = Field(min_length=1)
    """Scale: weight in the composite, set before seeing outcomes (example: secure +1, avoidant_fearful -1). A style
    (`secure`, `preoccupied`, `dismissing`, `fearful/disorganized`) is coded 1 if present and 0 if not:
    `{secure: 1}` compares secure therapists of a coded interview, or of the questionnaire's rule, with all others."""

    reliability: float | None = Field(None, gt=0, le=1)
    """Reliability of the composite in this study (of a coded interview, the agreement of two coders); by default it
    is computed from the items, and is unknown if only scores are given."""

    @model_validator(mode="after")
    def _not_all_zero(self):
        if not any(self.weights.values()):
            raise Invalid("all weights are 0", "give at least one scale a weight")
        return self

    @property
    def scales(self) -> list[str]:
        """All scales that it uses."""
        return list(self.weights)


class Correlation(Model):
    """A reference correlation between two scales."""

    scales: tuple[str, str]
    """The two scales."""
    r: float = Field(gt=-1, lt=1)
    """Their correlation in the reference population."""


class ReferenceBlock(Model):
    """Reference SDs and correlations of one block, in the scales' own units."""

    sd: dict[str, float]
    """Scale: SD in the norm sample."""
    correlations: list[Correlation] = Field(default_factory=list)
    """Correlations; pairs not listed are 0."""

    @model_validator(mode="after")
    def _positive(self):
        if any(v <= 0 for v in self.sd.values()):
            raise Invalid("a reference SD must be above 0", "correct it")
        return self


class Series(Model):
    """A scale that was completed at every session."""

    label: str = Field(min_length=1, max_length=60)
    """Its name in the report (example: alliance)."""
    instrument: str
    """Instrument."""
    scale: str = "total"
    """Its scale."""
    role: Literal["patient", "therapist", "observer"] = "patient"
    """Who answered."""
    about: str = "self"
    """Whom it is about (`therapist` for perceived attachment)."""
    higher_is_better: bool
    """Direction; scores of scales on which low is better (symptoms, avoidance) are multiplied by −1."""

    @property
    def whom(self) -> str:
        """Whom the ratings are about."""
        return self.about


class Mediation(Model):
    """Mediation of the associations of styles with outcome."""

    mediators: list[Literal["perceived", "alliance", "mentalizing"]] = Field(["perceived"], min_length=1)
    """Ratings of the comparison that may mediate the association of the patient's style (if in the comparison) and
    of the therapist's style with outcome."""


class Norm(Model):
    """Norms of a scale on one side of a match."""

    mean: float
    """Mean in the norm sample."""
    sd: float = Field(gt=0)
    """SD in the norm sample."""


class MatchNorms(Model):
    """Norms of a scale on both sides of a match."""

    first: Norm
    """Of the patients' scale, or of that of `pair.first`."""
    second: Norm
    """Of the therapists' scale, or of that of `pair.second`."""


class ResponseSurface(Model):
    """Match of patient and therapist: is outcome best if both have the same score on a scale of their style?"""

    scales: list[str] = Field(default_factory=list)
    """Scales that are matched, each with itself (example: anxiety, avoidance); by default all that both
    `comparison.patient_style` and `comparison.therapist_style` give a weight. In a run with `pair:` and without
    `comparison.patient_style`, those of `pair.first` and `pair.second`."""
    norms: dict[str, MatchNorms] = Field(default_factory=dict)
    """Scale: mean and SD of both sides in their norm samples. Needed only if the two sides completed different
    instruments; both scores are then standardised, and equal means equally far from the norm."""
    delta: float = Field(0.20, gt=0)
    """Equivalence bound of a3, the slope along the line of incongruence, in SD of outcome per SD of the scale. Both
    scores change by one SD in opposite directions; 0.20 is thus 0.10 per SD of the difference between the scores."""
    delta_a5: float = Field(0.10, gt=0)
    """Equivalence bound of a5, the rotation of the ridge, in SD of outcome per squared SD of the scale."""

    @model_validator(mode="after")
    def _once(self):
        if len(set(self.scales)) < len(self.scales):
            raise Invalid("scales lists one scale twice", "keep each once")
        return self


class SessionToSession(Model):
    """Temporal order from session to session: does the predictor precede the outcome, or the reverse?"""

    predictor: Series
    """Perceived attachment, alliance or another scale, measured at every session."""
    outcome: Series
    """The outcome, measured at every session."""
    interval: float | None = Field(None, gt=0)
    """Days between two sessions. If it is given, sessions are counted by date, as the number of intervals (rounded to a
    whole number) since the patient's first answer; of several answers in one interval the first is used. Otherwise the
    numbers of the sessions are used."""
    gap: int = Field(3, ge=1)
    """Longest gap, in sessions, over which paths are estimated. After a longer gap, or a change of therapist, a new
    process begins within the patient."""
    detrend: Literal["none", "mean", "patient"] = "mean"
    """Trend that is removed before the claims are decided: none; session means; or session means and each patient's
    straight line. All three are reported."""
    delta: float = Field(0.05, gt=0)
    """Equivalence bound for "negligible", in SD of one scale per SD of the other, both within patients."""

    @model_validator(mode="after")
    def _two(self):
        one, other = ((s.instrument, s.scale, s.role, s.about) for s in (self.predictor, self.outcome))
        if one == other:
            raise Invalid("predictor and outcome are the same scale", "correct one of them")
        return self
