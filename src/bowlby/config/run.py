"""The run's file: which study, which question."""

from __future__ import annotations

import datetime
import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bowlby.config.base import Invalid, Model
from bowlby.config.blocks import Block, Mediation, ReferenceBlock, ResponseSurface, SessionToSession
from bowlby.config.clinical_change import ClinicalChange, StyleTransitions
from bowlby.config.growth import Growth
from bowlby.config.labels import Words
from bowlby.config.moderation import PATTERN
from bowlby.config.robustness import Robustness
from bowlby.errors import existing


class Rating(Block):
    """Another rating by the patient, compared with perceived attachment."""

    subscales: list[str] = Field(default_factory=list)
    """Scales that enter a further model together instead of the composite (example: goal, task and bond instead of the
    total); by default those with weights, if there are several."""

    @property
    def scales(self) -> list[str]:
        return list(dict.fromkeys([*self.weights, *self.subscales]))

    @property
    def apart(self) -> list[str]:
        """The subscales that are modelled together; none if there is one scale only."""
        return self.subscales or (list(self.weights) if len(self.weights) > 1 else [])


class Side(Block):
    """One of two predictors: scales and their weights in the composite."""

    label: str = Field(min_length=1, max_length=60)
    """Its name in the report (example: attachment to mother)."""
    role: Literal["patient", "therapist", "observer"] = "patient"
    """Who answered. Ratings by patients, or of patients by observers, are compared within therapists; ratings by
    therapists are compared between them."""


class PairReference(Model):
    """Fixed SDs by which both slopes are standardised; all given here, or none."""

    outcome_sd: float = Field(gt=0)
    """SD of the outcome in the norm sample."""
    first: ReferenceBlock
    """Norms of the first predictor."""
    second: ReferenceBlock
    """Norms of the second predictor."""


class Pair(Model):
    """Which of two predictors is more strongly associated with outcome?"""

    first: Side
    """The predictor hypothesised to be the stronger one, set before seeing outcomes."""
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


NAME = "^[a-z0-9][a-z0-9-]*$"
IDEATION = "suicidal ideation"
"""The domain of which a mean is not reported without counts."""


class Outcome(Model):
    """The outcome of treatment."""

    instrument: str
    """Instrument of the outcome."""
    scale: str = "total"
    """Its scale; in `other_outcomes` also an item that the instrument flags (`suicidal_ideation` of the PHQ-9)."""
    role: Literal["patient", "therapist", "observer"] = "patient"
    """Who rated it: `therapist` or `observer` if a measure of patients in the study file has that `role`."""
    about: str | None = None
    """Whom the ratings are about; by default `self` of patients' own answers, and `patient` of others' ratings."""
    pre: str | None = None
    """Occasion before treatment (needed for the comparison)."""
    post: str | None = None
    """Occasion of the outcome (needed for the comparison, and for `pair` if there are several)."""
    after: int | None = Field(None, ge=1)
    """If it was answered session by session, instead of pre and post: the mean of the sessions up to this one is the
    baseline, that of all later ones the outcome. A model of the single sessions is reported in addition."""
    early: str | None = None
    """Occasion of the outcome at or before the rating of perceived attachment: the comparison is then also adjusted for
    the improvement until then, which may be the cause of what patients perceive."""
    higher_is_better: bool = False
    """Direction; scores of symptom scales are multiplied by −1, so that higher is better everywhere."""
    reliability: float | None = Field(None, gt=0, le=1)
    """Reliability of the outcome before treatment in this study; by default it is computed from the items, and
    is unknown if only scores are given."""
    reference_sd: float | None = Field(None, gt=0)
    """SD of another outcome in the clinical norm sample (for the primary outcome, see the reference)."""
    domain: Literal[
        "depression",
        "anxiety",
        "anger",
        "suicidal ideation",
        "trauma",
        "relationships",
        "attachment",
        "distress",
        "other",
    ] = "distress"
    """Domain, for the report. An outcome of the domain suicidal ideation is also reported in counts and analysed as an
    ordinal outcome."""

    @property
    def whom(self) -> str:
        """Whom the ratings are about."""
        return self.about or ("self" if self.role == "patient" else "patient")


class Scores(Model):
    """A run that scores and audits, and reports reliability, severity and reliable change; no model is fitted."""

    pre: str | None = None
    """Occasion from which change is counted; by default the first at which an instrument was answered."""
    post: str | None = None
    """Occasion up to which change is counted; by default the last."""

    @model_validator(mode="after")
    def _both(self):
        if (self.pre is None) != (self.post is None):
            raise Invalid("change needs two occasions", "give both pre and post, or neither")
        return self


class Reference(Model):
    """Fixed SDs by which P and T are standardised; all given here, or none."""

    outcome_sd: float = Field(gt=0)
    """SD of the outcome in the clinical norm sample."""
    perceived: ReferenceBlock
    """Norms of perceived attachment."""
    therapist_style: ReferenceBlock
    """Norms of the therapists' style."""
    patient_style: ReferenceBlock | None = None
    """Norms of the patients' style (needed if `patient_style` is given)."""
    alliance: ReferenceBlock | None = None
    """Norms of the alliance (needed if `alliance` is given)."""
    mentalizing: ReferenceBlock | None = None
    """Norms of mentalizing (needed if `mentalizing` is given)."""


class Comparison(Model):
    """The question: does perceived attachment predict outcome more strongly than the therapist's style?"""

    perceived: Block
    """Attachment to the therapist as the patient perceives it."""
    therapist_style: Block
    """The therapist's own attachment style."""
    patient_style: Block | None = None
    """The patient's general attachment style before treatment (claim C5); left out, C5 is not tested."""
    alliance: Rating | None = None
    """The alliance as the patient rates it; added to perceived attachment in one model, in its stead in another."""
    mentalizing: Rating | None = None
    """The patient's mentalizing; it is added to perceived attachment in a further model."""
    covariates: list[str] = Field(default_factory=list)
    """Patient covariates; each is split into within and between therapists."""
    unit: str | None = None
    """Patient variable that names the group, couple or family treated together; empty for patients treated alone."""
    reference: Reference | None = None
    """Reference SDs; without it the sample's own SDs are used and the report says so."""
    delta: float = Field(0.10, gt=0)
    """Equivalence bound for "negligible", in SDs of outcome per SD of the predictor."""
    switching: Literal["share", "first", "last", "equal"] = "share"
    """How patients who switch therapist count: by share of sessions, first or last therapist, equally."""


class Registration(Model):
    """Where and when the analysis was registered, and deviations from the registration."""

    address: str = Field(min_length=1, max_length=300)
    """Where it can be read (a DOI, or the address of the registry's page)."""
    date: datetime.date
    """Day of registration: `2025-03-01`."""
    before: Literal["collection", "access", "analysis"] | None = None
    """What had not begun by then: the collection of data, access to them, or their analysis."""
    deviations: list[str] = Field(default_factory=list)
    """Deviations from the registration, one sentence each; printed unchanged."""


class Run(Model):
    """One run."""

    run: str = Field(max_length=60, json_schema_extra={"pattern": NAME})
    """Name of the run and of its folder under `results/`: small letters, digits and hyphens."""
    title: str | None = None
    """Title of the report; by default the study's name, with the name of the run if that differs."""
    study: str
    """The study file, relative to this file."""
    data: str | None = None
    """Folder of the raw files, relative to this file; by default the folder of the study file."""
    instruments: str = "instruments"
    """Folder with your own instruments, relative to this file."""
    results: str = "results"
    """Folder of the results, relative to the working directory."""
    seed: int = Field(1, ge=0)
    """Seed of all random numbers."""
    words: Words | None = None
    """Other words for patients and therapists in the report, its figures and its tables, such as children in classes or
    clients in teams: `words: {patient: [child, children], therapist: [class, classes]}`."""
    privacy: Literal["shareable", "internal"] = "shareable"
    """`shareable` shows no individual patient; `internal` shows points of patients, and the report says so."""
    registration: Registration | None = None
    """Registration of the analysis; left out, the methods say that the configuration names none."""
    scores: Scores | None = None
    """Scores alone (`scores: {}`), with a short report; no outcome is needed, and no analysis is requested with it."""
    outcome: Outcome = Field(default=None)  # type: ignore[assignment]  # checked to be there in all but `scores`
    """The primary outcome; needed for all but `scores`."""
    other_outcomes: list[Outcome] = Field(default_factory=list)
    """Other outcomes (anxiety, anger, trauma, ...): the comparison for each, p adjusted across all of them."""
    pool_outcomes: bool = False
    """Whether all outcomes are also taken together: mean P and T over them, and a test of whether they differ between
    outcomes. It fits the model of each outcome once without every therapist."""
    comparison: Comparison | None = None
    """The comparison; left out, no verdict is written."""
    pair: Pair | None = None
    """Comparison of two predictors of any level; left out, none is made."""
    growth: Growth | None = None
    """The growth model; left out, none is fitted."""
    mediation: Mediation | None = None
    """Mediators of the association of style with outcome; if left out, mediation is not examined."""
    moderation: list[str] = Field(
        default_factory=list, json_schema_extra={"items": {"type": "string", "pattern": PATTERN}}
    )
    """Exploratory interactions, written as `predictor by moderator`: `therapist_style by pretest`. Predictors are
    `therapist_style` and `perceived` of the comparison, or `first` and `second` of `pair`; moderators are `pretest`
    (severity), `patient_style` or another block, one of its scales (`patient_style.anxiety`), or a patient variable of
    the study such as the format of treatment."""
    response_surface: ResponseSurface | None = None
    """Match of the patient's and the therapist's style; if left out, it is not examined."""
    session_to_session: SessionToSession | None = None
    """Temporal order of two scales from session to session; if left out, it is not examined."""
    clinical_change: ClinicalChange | None = None
    """Predictors of reliable and clinically significant change; if left out, change is counted but not modelled."""
    style_transitions: StyleTransitions | None = None
    """Change of the patients' attachment style during treatment; if left out, it is not examined."""
    robustness: Robustness | None = None
    """Robustness checks of the comparison; left out, there are none."""

    def of_domain(self, domain: str) -> list[Outcome]:
        """The outcomes of a domain, the registered one first."""
        every = [*([self.outcome] if self.outcome else []), *self.other_outcomes]
        return [outcome for outcome in every if outcome.domain == domain]

    def with_outcome(self, outcome: Outcome) -> Run:
        """The run with another outcome in the place of the registered one."""
        comparison = self.comparison
        if comparison and comparison.reference and outcome is not self.outcome:
            reference = comparison.reference.model_copy(update={"outcome_sd": outcome.reference_sd})
            comparison = comparison.model_copy(update={"reference": reference})
        return self.model_copy(update={"outcome": outcome, "other_outcomes": [], "comparison": comparison})

    @field_validator("run")
    @classmethod
    def _folder(cls, name: str) -> str:
        if not re.match(NAME, name):
            raise Invalid("can have small letters, digits and hyphens only", "write it so, beginning with a letter")
        return name

    @field_validator("moderation")
    @classmethod
    def _pairs(cls, texts: list[str]) -> list[str]:
        for text in texts:
            if not re.match(PATTERN, text):
                how = "write it as `therapist_style by pretest`; predictors are therapist_style and perceived"
                raise Invalid(f"'{text}' is not an interaction", f"{how}, or first and second of `pair:`")
        return texts

    @field_validator("results")
    @classmethod
    def _plain_folder(cls, folder: str) -> str:
        if any(sign in "{}*?" or not sign.isprintable() for sign in folder):
            raise Invalid("contains characters with a special meaning in paths ({, }, *, ?)", "write a plain folder")
        return folder

    def _alone(self):
        models = ("outcome", "comparison", "pair", "growth", "session_to_session", "other_outcomes",
                  "clinical_change", "moderation", "response_surface", "style_transitions",
                  "robustness")  # fmt: skip
        if asked := [f"`{name}:`" for name in models if getattr(self, name)]:
            raise Invalid(f"`scores:` is a run of its own, and {', '.join(asked)} is there too", "keep one of the two")
        return self

    @model_validator(mode="after")
    def _complete(self):
        if self.scores is not None:
            return self._alone()
        needs_outcome = any(block is not None for block in (self.comparison, self.growth, self.pair))
        if not needs_outcome and self.session_to_session is None:
            choice = "`comparison:`, `pair:`, `growth:`, `session_to_session:` or `scores:`"
            raise Invalid("no analysis is requested", f"add {choice}")
        if self.outcome is None and needs_outcome:
            raise Invalid("outcome is missing", "add `outcome:`, or request `scores: {}` alone")
        if self.comparison and not (self.outcome.after or (self.outcome.pre and self.outcome.post)):
            raise Invalid(
                "the comparison needs outcome.pre and outcome.post", "add both, or outcome.after for session data"
            )
        if self.outcome and self.outcome.after and (self.outcome.pre or self.outcome.post or self.outcome.early):
            raise Invalid("outcome.after replaces pre, post and early", "leave those out")
        if self.other_outcomes and not self.comparison:
            raise Invalid("other_outcomes has no comparison", "add `comparison:` or leave `other_outcomes:` out")
        if self.pool_outcomes and not self.other_outcomes:
            raise Invalid("pool_outcomes has no other outcomes", "add `other_outcomes:` or leave `pool_outcomes:` out")
        if self.mediation and not self.comparison:
            raise Invalid("mediation has no comparison", "add `comparison:` or leave `mediation:` out")
        absent = [m for m in self.mediation.mediators if not getattr(self.comparison, m)] if self.mediation else []
        if absent:
            raise Invalid(f"mediation.mediators: the comparison has no {absent[0]}", f"add `comparison.{absent[0]}`")
        if self.clinical_change and not (self.comparison and self.outcome.pre and self.outcome.post):
            what = "clinical_change needs the comparison, with outcome.pre and outcome.post"
            raise Invalid(what, "add them, or leave `clinical_change:` out")
        if self.response_surface:
            self._can_be_matched()
        if self.robustness and not self.comparison:
            raise Invalid("robustness has no comparison to check", "add `comparison:` or leave `robustness:` out")
        return self

    @property
    def matched(self) -> tuple[str, str, str]:
        """The block and the two sides that a response surface matches."""
        if self.comparison and self.comparison.patient_style:
            return "comparison", "patient_style", "therapist_style"
        return "pair", "first", "second"

    @property
    def matched_blocks(self) -> tuple[Block, Block]:
        """The scales of the two sides that a response surface matches."""
        part, *sides = self.matched
        first, second = (getattr(getattr(self, part), side) for side in sides)
        return first, second

    @property
    def matched_scales(self) -> list[str]:
        """Scales of which there is a response surface."""
        if self.response_surface is None:
            return []
        first, second = self.matched_blocks
        return self.response_surface.scales or [scale for scale in first.weights if scale in second.weights]

    def _can_be_matched(self) -> None:
        part, *sides = self.matched
        if getattr(self, part) is None:
            raise Invalid("response_surface has no two styles to match", "add `comparison.patient_style`, or `pair:`")
        first, second = self.matched_blocks
        one, other = (f"{part}.{side}" for side in sides)
        scales, norms = self.matched_scales, existing(self.response_surface).norms
        if not scales:
            raise Invalid(f"response_surface: {one} and {other} have no scale in common", "give one to both of them")
        for scale in scales:
            for where, block in ((one, first), (other, second)):
                if scale not in block.weights:
                    choice = f"use one of {', '.join(block.weights)}"
                    raise Invalid(f"response_surface.scales: {where} has no scale '{scale}'", choice)
        if norms and set(norms) != set(scales):
            raise Invalid(f"response_surface.norms has to name {', '.join(scales)}", "give the norms of each, or none")
        if first.instrument != second.instrument and not norms:
            what = f"response_surface: {one} is of {first.instrument} and {other} of {second.instrument}"
            raise Invalid(f"{what}, whose scores do not have the same meaning",
                          "give `response_surface.norms`, or use one instrument on both sides")  # fmt: skip
