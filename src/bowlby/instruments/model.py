"""An instrument as data: items, response range, scales, reverse key, missing rule, confidence of the key."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from bowlby.config.base import Model, parse
from bowlby.config.yamlfile import read_yaml
from bowlby.errors import Place, UserError, problem
from bowlby.instruments.key_faults import key_faults
from bowlby.instruments.published_norms import (
    Caseness,
    Composite,
    Confidence,
    Higher,
    Norm,
    Relation,
    ReliableChange,
    Severity,
    StyleRule,
)

Aggregate = Literal["sum", "mean", "item", "max"]
Range = tuple[float, float]


class Recode(Model):
    """New values of some items, in the order of the response categories from lowest to highest."""

    items: list[int]
    """Item numbers."""
    to: list[float]
    """One new value for each response category."""


class Scale(Model):
    """One scale of an instrument."""

    items: list[int]
    """Item numbers, from 1."""
    reverse: list[int] = Field(default_factory=list)
    """Those that are reversed (lowest + highest - answer)."""
    min_answered: int
    """Smallest number of answered items that gives a score; fewer give none."""
    higher: Higher | None = None
    """What a higher score means."""
    aggregate: Aggregate | None = None
    """Sum, mean or highest answer (`max`); by default the instrument's own."""
    recode: list[Recode] = Field(default_factory=list)
    """New values before adding up, in place of reversing; 0 and 1 count the answers that are 1."""
    confidence: Confidence | None = None
    """Confidence of the key of this scale; by default the instrument's own."""


class Total(Model):
    """A total over the items of all scales, or of some."""

    scales: list[str] | None = None
    """The scales of which it is the total; by default all."""
    of: Literal["items", "scales"] = "items"
    """What the published rule adds if items are missing: `items` (a missing item is replaced by the mean of all
    answered items) or `scales` (by the mean of the answered items of its own scale)."""
    min_answered: int
    """Smallest number of answered items, of all, that gives a total."""
    every_scale: bool = False
    """Whether a total also needs a score on every scale."""
    higher: Higher | None = None
    """What a higher total means."""


class Instrument(Model):
    """One questionnaire."""

    id: str
    """Short name, used in study files and in file names."""
    name: str
    """Full name."""
    citation: str = ""
    """Where it was published."""
    n_items: int = Field(ge=0)
    """Number of items of the form; 0 where raters give categories (`codes`)."""
    response: tuple[float, float] | None = None
    """Lowest and highest answer as stored; of all items together, where they differ."""
    item_response: dict[int, tuple[float, float]] = Field(default_factory=dict)
    """Lowest and highest answer of items whose range is narrower than `response`, by item number."""
    anchors: str = ""
    """What the lowest and highest answer mean."""
    aggregate: Aggregate = "sum"
    """Whether scales are sums, means, single items or the highest of their items (`max`)."""
    aggregate_note: str = ""
    """Other ways of reporting that are in use."""
    direction: str = ""
    """What a higher score means, in words."""
    scales: dict[str, Scale] = Field(default_factory=dict)
    """Scales by name."""
    total: Total | None = None
    """A total of all scales' items, if the instrument has one."""
    overlap_ok: bool = False
    """Whether an item may belong to several scales."""
    unused_ok: bool = False
    """Whether some items may belong to no scale."""
    cannot_score: list[str] = Field(default_factory=list)
    """Parts of the instrument for which the file contains no key."""
    derived: dict[str, str] = Field(default_factory=dict)
    """Scores that others compute from the scales; described, not computed."""
    composites: dict[str, Composite] = Field(default_factory=dict)
    """Scores computed from scales, if all of these are available."""
    style: StyleRule | None = None
    """How attachment styles are derived from the scores."""
    codes: dict[str, str] = Field(default_factory=dict)
    """Categories of a coded interview, code: what it means."""
    item_flags: dict[str, list[int]] = Field(default_factory=dict)
    """Items with a meaning of their own, such as suicidal ideation."""
    original_items: dict[int, int] = Field(default_factory=dict)
    """Item numbers in the longer form from which this one was derived."""
    confidence: Confidence
    """How well the key was verified: in two independent sources (`verified-2`), in one (`verified-1`), in none but
    consistent with published values (`consistent`), or not (`unverified`)."""
    confidence_note: str = ""
    """Grounds for this."""
    missing_rule: str = ""
    """The rule for missing items in words, and whose it is."""
    cutoffs: str = ""
    """Published cut-offs."""
    reliable_change: str = ""
    """Published reliable change."""
    norms: list[str] = Field(default_factory=list)
    """Published means, SDs and reliabilities; [unchecked] marks values that were not verified in a document."""
    severity: list[Severity] = Field(default_factory=list)
    """Bands of severity, as numbers."""
    caseness: list[Caseness] = Field(default_factory=list)
    """Cut-offs as numbers; of several for one scale, the first decides who has recovered."""
    reliable_points: list[ReliableChange] = Field(default_factory=list)
    """Published reliable change, as numbers."""
    important_points: list[ReliableChange] = Field(default_factory=list)
    """Published smallest important differences (the smallest change that patients themselves notice)."""
    norm_table: list[Norm] = Field(default_factory=list)
    """Published means, SDs and reliabilities, as numbers."""
    relations: list[Relation] = Field(default_factory=list)
    """Published correlations between scales; their sign is compared with the data's."""
    licence: str = ""
    """Who holds the rights."""
    sources: list[str] = Field(default_factory=list)
    """What the key was checked against."""
    traps: list[str] = Field(default_factory=list)
    """Known mistakes."""

    def all_scales(self) -> dict[str, Scale]:
        """The scales, and the total as a scale over all its items."""
        scales = dict(self.scales)
        if self.total is not None:
            items = sorted({i for s in self.totalled().values() for i in s.items})
            reverse = sorted({i for s in self.totalled().values() for i in s.reverse})
            scales["total"] = Scale(
                items=items, reverse=reverse, min_answered=self.total.min_answered, higher=self.total.higher
            )
        return scales

    def flagged(self) -> dict[str, int]:
        """Items with a meaning of their own that are no scale, by name."""
        scales = self.all_scales()
        return {name: items[0] for name, items in self.item_flags.items() if len(items) == 1 and name not in scales}

    @property
    def answers(self) -> tuple[float, float]:
        """Lowest and highest answer, of an instrument that has items."""
        if self.response is None:
            raise ValueError(f"{self.id} has no items")
        return self.response

    def range_of(self, name: str) -> tuple[float, float]:
        """Lowest and highest possible score of a scale, or of a flagged item."""
        if name in (flagged := self.flagged()):
            return self.answers_to(flagged[name])
        scale = self.all_scales()[name]
        low, high = self.answers
        if scale.recode:
            values = [v for r in scale.recode for v in r.to]
            low, high = min(values), max(values)
        n = self.terms(name)
        if self.item_response and n > 1:
            own = [self.answers_to(i) for i in scale.items]
            return sum(one[0] for one in own), sum(one[1] for one in own)
        return low * n, high * n

    def answers_to(self, item: int) -> Range:
        """Lowest and highest answer to one item."""
        return self.item_response.get(item, self.answers)

    def terms(self, name: str) -> int:
        """How many answers are added up to a score: the items of a sum; 1 of a mean, a single item or a highest one."""
        if parts := self.added(name):
            return sum(self.terms(part) for part in parts)
        return len(self.all_scales()[name].items) if self.how(name) == "sum" else 1

    def words(self, name: str) -> str:
        """What a score is made of."""
        how, items = self.how(name), self.all_scales()[name].items
        if self.of_highest(name) and how != "max":
            return f"sum of {', '.join(self.added(name))}"
        made = f"{'highest' if how == 'max' else how} of items" if len(items) > 1 else "the single item"
        return f"{made} {', '.join(map(str, items))}"

    def of_highest(self, name: str) -> bool:
        """Whether a score is a highest answer, or has one among what is added up to it."""
        return self.how(name) == "max" or any(self.how(part) == "max" for part in self.added(name))

    def how(self, name: str) -> Aggregate:
        """Sum, mean, single item or highest answer: how a scale is scored."""
        return self.all_scales()[name].aggregate or self.aggregate

    def added(self, name: str) -> list[str]:
        """The scales whose scores are added up to a score; none where it is made of items."""
        of_scales = name == "total" and self.total is not None and self.total.of == "scales"
        return list(self.totalled()) if of_scales else []

    def totalled(self) -> dict[str, Scale]:
        """The scales that a total is made of."""
        named = self.total.scales if self.total is not None else None
        return {k: s for k, s in self.scales.items() if named is None or k in named}

    def sure(self, name: str) -> Confidence:
        """How sure the key of a scale is."""
        return self.all_scales()[name].confidence or self.confidence

    def on_response(self, low: float, high: float) -> Instrument:
        """The same instrument for a form with another response range; what is published is about its own.

        Raises
        ------
        UserError
            If its key cannot score that form, by its own rules (:meth:`faults`).
        """
        if (low, high) == self.response:
            return self
        other = [n.model_copy(update={"mean": None, "sd": None}) for n in self.norm_table]
        changed = self.model_copy(
            update={
                "response": (float(low), float(high)),
                "severity": [],
                "caseness": [],
                "reliable_points": [],
                "important_points": [],
                "norm_table": other,
            }
        )
        if faults := changed.faults():
            said = ", ".join(dict.fromkeys(what for _, what, _ in faults))
            do = "correct `response:`, or give the form an instrument file of its own"
            raise UserError(problem(f"{self.id} cannot be scored on a form from {low:g} to {high:g} ({said})", do))
        return changed

    def faults(self) -> list[tuple[tuple, str, str]]:
        """What is wrong with the key: place in the file, what, and what to do."""
        return key_faults(self)


def read_instrument(path: str | Path) -> Instrument:
    """Read and check one instrument file.

    Raises
    ------
    UserError
        One line for each fault, with file and line.
    """
    document = read_yaml(path)
    instrument = parse(document, Instrument)
    faults = instrument.faults()
    if faults:
        raise UserError(
            [problem(what, do, Place(document.path.name, document.line(place))) for place, what, do in faults]
        )
    return instrument


def on_forms(instrument: Instrument, responses: Iterable[Range | None]) -> Instrument:
    """The instrument as the forms of a study ask it.

    Parameters
    ----------
    instrument : Instrument
    responses : iterable of (lowest, highest) or None
        Response range of each form; None for the instrument's own.

    Returns
    -------
    Instrument
        As it is where all forms have its number of categories, whatever number they count from; else on the lowest of
        their ranges, without what is published for its own.

    Raises
    ------
    UserError
        If one key cannot score all forms, or the key cannot score a form with another number of categories.
    """
    ranges = {given for response in responses if (given := response or instrument.response) is not None}
    if len({high - low for low, high in ranges}) > 1:
        said = " and ".join(f"{low:g} to {high:g}" for low, high in sorted(ranges))
        what = f"forms of {instrument.id} have different numbers of categories: {said}"
        raise UserError(problem(what, "give one of the forms an instrument file of its own"))
    if not ranges or instrument.response is None:
        return instrument
    (low, high), own = min(ranges), instrument.response
    return instrument if high - low == own[1] - own[0] else instrument.on_response(low, high)


def counted_from(instrument: Instrument, response: Range | None) -> float:
    """By how much the answers of a form are higher than those of the instrument that :func:`on_forms` made for it."""
    return 0.0 if response is None or instrument.response is None else float(response[0] - instrument.response[0])
