"""The growth model: the course of the outcome over time."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from bowlby.config.base import Model

Effect = Literal["intercept", "time"]
OWN = ("patient", "therapist", "occasion", "time", "y", "unit")


class RandomEffects(Model):
    """Which effects differ between patients, and between therapists."""

    patient: list[Effect] = Field(["intercept", "time"], min_length=1)
    """Of patients: where they start (`intercept`), how fast they change (`time`)."""
    therapist: list[Effect] = Field(["intercept", "time"])
    """Of therapists; `[]` leaves them out of the model."""
    correlated: list[Literal["patient", "therapist"]] = Field(["patient"])
    """Whose intercepts and slopes may be correlated."""

    @field_validator("patient", "therapist", "correlated")
    @classmethod
    def _once(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("names one thing twice; keep each once")
        return names


class Growth(Model):
    """Course of the outcome over the occasions that have a time, a straight line."""

    reml: bool = True
    """REML (default) or ML."""
    covariates: list[str] = Field(default_factory=list)
    """Patient covariates, each centred at the mean of the patients; they shift the level of the course, not its
    slope."""
    random: RandomEffects = Field(default_factory=RandomEffects)
    """Random effects. By default `(time | patient) + (1 + time || therapist)`, in the notation of lme4. A variance
    that is estimated as 0 stays and is reported; only an effect that the design cannot show is left out, and the
    report says why: slopes of patients need a patient with three or more occasions, effects of therapists need two
    therapists, one of whom has two patients."""

    @field_validator("covariates")
    @classmethod
    def _not_a_column_of_its_own(cls, names: list[str]) -> list[str]:
        if taken := sorted(set(names) & set(OWN)):
            raise ValueError(f"'{taken[0]}' is a column of the model itself; name the covariate otherwise")
        return names
