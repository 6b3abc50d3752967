"""Growth: the course of the outcome and its predictors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from bowlby.config.base import Invalid, Model
from bowlby.config.blocks import Block, ReferenceBlock

Effect = Literal["intercept", "time"]
OWN = ("patient", "therapist", "occasion", "time", "y", "unit")


class RandomEffects(Model):
    """Which effects differ between patients, and between therapists."""

    patient: list[Effect] = Field(["intercept", "time"], min_length=1)
    """Of patients: their level at the start (`intercept`) and their rate of change (`time`)."""
    therapist: list[Effect] = Field(["intercept", "time"])
    """Of therapists; `[]` leaves them out of the model."""
    correlated: list[Literal["patient", "therapist"]] = Field(["patient"])
    """Whose intercepts and slopes may be correlated."""

    @field_validator("patient", "therapist", "correlated")
    @classmethod
    def _once(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise Invalid("lists one name twice", "keep each once")
        return names


class GrowthReference(Model):
    """Fixed SDs by which slopes are standardised; all given here, or none."""

    outcome_sd: float = Field(gt=0)
    """SD of the outcome in the clinical norm sample."""
    perceived: ReferenceBlock | None = None
    """Norms of perceived attachment."""
    therapist_style: ReferenceBlock | None = None
    """Norms of the therapists' style."""


class Growth(Model):
    """Change of the outcome over time, and whether perceived attachment and the therapist's style predict it."""

    reml: bool = True
    """REML (default) or ML."""
    time: Literal["occasions", "sessions", "dates"] = "occasions"
    """What counts as time: the `time` of the study file's occasions; the number of the session (0 = before the first);
    or the dates of the answers, from each patient's first one, in the study file's `time_unit`."""
    shape: Literal["linear", "log", "quadratic", "choose"] = "linear"
    """Form of the mean course: a straight line, ln(1 + time), or a parabola. `choose` takes the one with the smallest
    AIC (maximum likelihood, before predictors are added); the report states which. Slopes are those of time, or of
    ln(1 + time) in the second form."""
    end: float | None = None
    """Time at which treatment ends, in the unit of time; by default the median of the patients' last times.
    Standardised slopes are expressed as the difference in outcome between the landmark (without one, the median of the
    patients' first times) and this time."""
    landmark: float | None = None
    """Time at which perceived attachment was rated. Only later outcomes are analysed, time begins here, and level and
    slope are adjusted for the patient's mean outcome up to this time."""
    perceived: Block | None = None
    """Perceived attachment to the therapist: does it predict improvement (claim G1)?"""
    within_patient: bool = False
    """Whether a further model includes the patient's ratings of `perceived` at the occasions of the outcome, as
    deviations from the patient's mean, with a coefficient that varies between patients and between therapists. It
    needs `perceived` at two occasions of the outcome or more; no claim is tested on it."""
    therapist_style: Block | None = None
    """The therapist's own attachment style: does it predict improvement less than `perceived` does (claim G2)?"""
    reference: GrowthReference | None = None
    """Reference SDs; without it the sample's own SDs are used and the report says so."""
    delta: float = Field(0.10, gt=0)
    """Equivalence bound for "negligible", in SDs of outcome at `end` per SD of the predictor."""
    covariates: list[str] = Field(default_factory=list)
    """Patient covariates, each centred at the mean of the patients. They affect the level of the course, not its
    slope."""
    slopes: list[str] = Field(default_factory=list)
    """Patient covariates, such as the arm of a trial, that affect both the level of the course and its slope."""
    residual: Literal["independent", "car1"] = "independent"
    """Residuals of one patient: independent, or with a correlation that decreases with the time between them (CAR1)."""
    random: RandomEffects = Field(default_factory=RandomEffects)
    """Random effects. By default `(time | patient) + (1 + time || therapist)`, in the notation of lme4. A variance
    that is estimated as 0 remains in the model and is reported. Only an effect that the design cannot identify is left
    out, and the report gives the reason: slopes of patients need a patient with three or more occasions, effects of
    therapists need two therapists, one of whom has two patients. With `perceived`, its effects on level and slope also
    vary between therapists."""

    @field_validator("covariates", "slopes")
    @classmethod
    def _not_a_column_of_its_own(cls, names: list[str]) -> list[str]:
        if taken := sorted(set(names) & set(OWN)):
            raise Invalid(f"'{taken[0]}' is a column of the model itself", "name the covariate otherwise")
        return names

    @model_validator(mode="after")
    def _complete(self):
        if self.landmark is not None and self.perceived is None:
            raise Invalid("landmark is given without perceived", "add `perceived:`, or leave the landmark out")
        if self.within_patient and self.perceived is None:
            raise Invalid("within_patient is given without perceived", "add `perceived:`, or leave within_patient out")
        if self.end is not None and self.end <= (self.landmark or 0):
            raise Invalid("end does not lie after the start of the course", "give a later time")
        if both := sorted({*self.covariates} & {*self.slopes}):
            raise Invalid(
                f"'{both[0]}' is in covariates and in slopes", "keep it in slopes, which also affect the level"
            )
        if self.predictors and not (
            "time" in self.random.patient and {"intercept", "time"} <= {*self.random.therapist}
        ):
            raise Invalid("slopes of predictors need random slopes of time of patients and of therapists",
                          "leave `random:` out, or add `time` to both")  # fmt: skip
        if self.perceived and "therapist" in self.random.correlated:
            what = "random.correlated names therapist, whose effects are uncorrelated if `perceived` is given"
            raise Invalid(what, "leave therapist out of it")
        return self

    @property
    def predictors(self) -> dict[str, Block]:
        """Those that are given, by name."""
        given = {"perceived": self.perceived, "therapist_style": self.therapist_style}
        return {name: block for name, block in given.items() if block is not None}
