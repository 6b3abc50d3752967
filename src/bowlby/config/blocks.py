"""A side of a comparison, and the norms it is measured by."""

from __future__ import annotations

from pydantic import Field, model_validator

from bowlby.config.base import Model


class Block(Model):
    """One side of the comparison: scales and the weights of their registered composite."""

    instrument: str
    """Instrument."""
    about: str = "self"
    """Whom it is about (`therapist` for perceived attachment)."""
    occasion: str | None = None
    """Occasion; empty where it was answered once, as by therapists."""
    sessions: int | None = Field(None, ge=1)
    """Where it was answered session by session: each person's mean of the sessions up to this one."""
    weights: dict[str, float] = Field(min_length=1)
    """Scale: weight in the composite, set before seeing outcomes (example: secure +1, avoidant_fearful -1). A style
    (`secure`, `preoccupied`, `dismissing`, `fearful/disorganized`) stands for having it, 1, or not, 0: so
    `{secure: 1}` compares secure therapists of a coded interview, or of the questionnaire's rule, with all others."""

    reliability: float | None = Field(None, gt=0, le=1)
    """Reliability of the composite in this study (of a coded interview, the agreement of two coders); by default it
    comes from the items, and is unknown where scores are given."""

    @model_validator(mode="after")
    def _not_all_zero(self):
        if not any(self.weights.values()):
            raise ValueError("all weights are 0; give at least one scale a weight")
        return self

    @property
    def scales(self) -> list[str]:
        """All scales that it asks for."""
        return list(self.weights)


class Rating(Block):
    """Another rating by the patient, weighed beside perceived attachment."""

    subscales: list[str] = Field(default_factory=list)
    """Scales that stand together in a model of their own in place of the composite (example: goal, task, bond beside
    the total); by default those with weights, where there are several."""

    @property
    def scales(self) -> list[str]:
        return list(dict.fromkeys([*self.weights, *self.subscales]))

    @property
    def apart(self) -> list[str]:
        """The subscales that are modelled together; none where there is one scale only."""
        return self.subscales or (list(self.weights) if len(self.weights) > 1 else [])


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
            raise ValueError("a reference SD must be above 0; correct it")
        return self
