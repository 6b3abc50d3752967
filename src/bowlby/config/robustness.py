"""Which robustness checks are computed, and with how many replicates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from bowlby.config.base import Invalid, Model


class Replicates(Model):
    """Number of replicates of each kind that is listed."""

    parametric: int = Field(1000, ge=1)
    """Parametric bootstrap: new outcomes from the fitted models."""
    cluster: int = Field(500, ge=1)
    """Bootstrap over therapists."""
    permutation: int = Field(1000, ge=1)
    """Permutations of therapists' style; the first is the study itself."""
    wild: int = Field(1000, ge=1)
    """Wild cluster bootstrap; the first is the study itself."""
    assumptions: int = Field(200, ge=20)
    """Studies simulated from the model to judge residuals and therapists' effects by; the first is the study itself."""
    multiverse: int = Field(512, ge=2)
    """Most specifications of the multiverse; if there are more, a seeded sample that includes the main analysis."""
    multiverse_null: int = Field(50, ge=2)
    """Runs of the whole multiverse under the null hypothesis; the first is the study itself."""
    imputation: int = Field(50, ge=2)
    """Imputations of missing values; at least 20, and at least the percentage of patients with a missing value."""


class Imputation(Model):
    """How missing values are imputed, and how much outcomes may be missing not at random."""

    iterations: int = Field(500, ge=20)
    """Length of the chain of each imputation."""
    deltas: list[float] = Field([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], min_length=1)
    """For `tipping`: by how much the slopes of patients whose outcome is missing differ from those of the others, in SD
    of outcome per SD of perceived attachment, and of style. Each is tried in both directions."""

    @field_validator("deltas")
    @classmethod
    def _once(cls, deltas):
        if len(set(deltas)) < len(deltas):
            raise Invalid("a value is given twice", "keep one")
        return deltas


def _whole(value: object) -> object:
    """A number as it is written in YAML, where every scalar is text."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


class Multiverse(Model):
    """Alternative choices. Every combination is a specification; the main analysis is always included."""

    outcome: list[Literal["ancova", "change"]] = Field(["ancova", "change"], min_length=1)
    """Outcome adjusted for baseline, or change from baseline."""
    answers: list[Literal["prorated", "complete"]] = Field(["prorated", "complete"], min_length=1)
    """Scale scores with missing items prorated, or only those with every item answered."""
    perceived: list[Literal["composite", "joint", "single"]] = Field(["composite", "joint", "single"], min_length=1)
    """The composite of the comparison, its scales in one model, or each scale alone."""
    style: list[Literal["composite", "single"]] = Field(["composite", "single"], min_length=1)
    """The composite of therapists' style, or each scale alone."""
    occasion: list[Literal["registered", "other"]] = Field(["registered", "other"], min_length=1)
    """When perceived attachment was measured: as in the main analysis (`registered`), or at any other occasion."""
    covariates: list[Literal["registered", "none", "more"]] = Field(["registered", "none", "more"], min_length=1)
    """Covariates of the comparison, none, or those and `more_covariates`."""
    more_covariates: list[str] = Field(default_factory=list)
    """Patient covariates that one could have added."""
    between: list[Literal["out", "in"]] = Field(["out", "in"], min_length=1)
    """Whether the part of perceived attachment between therapists is in the model."""
    switching: list[Literal["share", "first", "last", "equal"]] = Field(
        ["share", "first", "last", "equal"], min_length=1
    )
    """How patients who switch therapist count."""
    slope: list[Literal["uncorrelated", "none", "correlated"]] = Field(
        ["uncorrelated", "none", "correlated"], min_length=1
    )
    """Therapists' own slopes of perceived attachment."""
    caseload: list[Annotated[Literal[1, 5], BeforeValidator(_whole)]] = Field([1, 5], min_length=1)
    """Fewest patients of a therapist who is kept."""
    outliers: list[Literal["keep", "drop_3", "drop_2", "winsorise_3", "winsorise_2"]] = Field(
        ["keep", "drop_3", "drop_2", "winsorise_3", "winsorise_2"], min_length=1
    )
    """Patients whose outcome given baseline, or whose perceived attachment, lies 3 or 2 SD from the mean."""


class Robustness(Model):
    """Robustness checks of the run; only those listed are computed."""

    kinds: list[
        Literal[
            "parametric",
            "cluster",
            "permutation",
            "influence",
            "sandwich",
            "wild",
            "assumptions",
            "multiverse",
            "multiverse_null",
            "imputation",
            "tipping",
        ]
    ] = Field(min_length=1)
    """Kinds of checks; `influence` omits each therapist in turn, and `cluster` includes it for its intervals."""
    replicates: Replicates = Field(default_factory=Replicates)
    """Replicates of each kind."""
    multiverse: Multiverse = Field(default_factory=Multiverse)
    """Choices that the multiverse combines."""
    imputation: Imputation = Field(default_factory=Imputation)
    """How missing values are imputed."""
    strata: list[str] = Field(default_factory=list)
    """Patient variables (site, format) within whose combinations therapists are exchangeable in permutations."""
    shards: int | None = Field(None, ge=1, le=1000)
    """Jobs of each kind; by default one, and more only if one would take over two minutes."""

    @field_validator("kinds")
    @classmethod
    def _once(cls, kinds):
        twice = sorted({k for k in kinds if kinds.count(k) > 1})
        if twice:
            raise Invalid(f"{', '.join(twice)} is given twice", "keep one")
        return kinds
