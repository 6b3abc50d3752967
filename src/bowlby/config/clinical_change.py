"""Change of each patient: predictors of reliable change, and change of attachment style."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bowlby.config.base import Invalid, Model


class ClinicalChange(Model):
    """Predictors of reliable and clinically significant change of the outcome."""

    event: Literal["improved", "recovered"] = "improved"
    """Event whose probability is reported: `improved` (reliably improved or recovered) or `recovered` (reliably
    improved and past the cut-off, among patients on the dysfunctional side of it at intake). The other events are
    reported in addition."""
    method: Literal["published", "jacobson_truax", "hageman_arrindell"] | None = None
    """How change is classified: by a published reliable change in points, or by one of two indices. By default the
    published one if the instrument has one, else `jacobson_truax`."""
    criterion: str | None = None
    """Of a published reliable change, its name; of an index, where SD and reliability come from: `this sample` or
    `norms`. By default the first that is known, in the order of `change.csv`."""


class StyleTransitions(Model):
    """Change of the patients' attachment style from one occasion to another."""

    instrument: str
    """Instrument that has attachment styles, by a rule or as raters coded them."""
    about: str = "self"
    """Whom it is about."""
    role: Literal["patient", "observer"] = "patient"
    """Who answered or rated."""
    pre: str = Field(min_length=1)
    """Occasion before treatment."""
    post: str = Field(min_length=1)
    """Occasion after treatment."""

    @model_validator(mode="after")
    def _two(self):
        if self.pre == self.post:
            raise Invalid("pre and post are the same occasion", "name two occasions")
        return self
