"""Which doubts are tried, and how often."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from bowlby.config.base import Model


class Replicates(Model):
    """How many replicates of each kind, where it is asked for."""

    parametric: int = Field(1000, ge=1)
    """Parametric bootstrap: new outcomes from the fitted models."""
    cluster: int = Field(500, ge=1)
    """Bootstrap over therapists."""
    permutation: int = Field(1000, ge=1)
    """Permutations of therapists' style; the first is the study itself."""
    wild: int = Field(1000, ge=1)
    """Wild cluster bootstrap; the first is the study itself."""


class Robustness(Model):
    """Doubts that the run tries; what is not asked for is absent."""

    kinds: list[Literal["parametric", "cluster", "permutation", "influence", "sandwich", "wild"]] = Field(min_length=1)
    """Kinds of robustness; `influence` leaves one therapist out, `cluster` brings it along for its intervals."""
    replicates: Replicates = Field(default_factory=Replicates)
    """Replicates of each kind."""
    strata: list[str] = Field(default_factory=list)
    """Patient variables (site, format) within whose combinations therapists are exchangeable in permutations."""
    shards: int | None = Field(None, ge=1, le=1000)
    """Jobs of each kind; by default one, and more only where one would take over two minutes."""

    @field_validator("kinds")
    @classmethod
    def _once(cls, kinds):
        twice = sorted({k for k in kinds if kinds.count(k) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is given twice; keep one")
        return kinds
