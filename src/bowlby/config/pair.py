"""Two predictors of any level, weighed against each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bowlby.config.base import Model
from bowlby.config.blocks import Block, ReferenceBlock


class Side(Block):
    """One of two predictors: scales and the weights of their registered composite."""

    label: str = Field(min_length=1, max_length=60)
    """What it is called in the report (example: attachment to mother)."""
    role: Literal["patient", "therapist"] = "patient"
    """Who answered. What patients answer is compared within therapists, what therapists answer between them."""


class PairReference(Model):
    """Fixed SDs by which both slopes are standardised; all given here, or none."""

    outcome_sd: float = Field(gt=0)
    """SD of the outcome in the norm sample."""
    first: ReferenceBlock
    """Norms of the first predictor."""
    second: ReferenceBlock
    """Norms of the second predictor."""


class Pair(Model):
    """Which of two predictors is associated more with outcome?"""

    first: Side
    """The predictor said to matter more, set before seeing outcomes."""
    second: Side
    """The other predictor."""
    covariates: list[str] = Field(default_factory=list)
    """Patient covariates; each is split into within and between therapists."""
    unit: str | None = None
    """Patient variable that names the group, couple or family treated together; empty for patients treated alone."""
    reference: PairReference | None = None
    """Reference SDs; without it the sample's own SDs are used and the report says so."""
    delta: float = Field(0.10, gt=0)
    """Equivalence bound for "negligible", in SDs of outcome per SD of the predictor."""
    switching: Literal["share", "first", "last", "equal"] = "share"
    """How patients who switch therapist count: by share of sessions, first or last therapist, equally."""
