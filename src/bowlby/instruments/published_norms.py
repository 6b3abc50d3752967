"""What is published about a scale, as numbers: severity, caseness, reliable change, norms, and styles by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from pydantic import Field, model_validator

from bowlby.config.base import Invalid, Model

if TYPE_CHECKING:
    from bowlby.instruments.model import Instrument

Confidence = Literal["verified-2", "verified-1", "consistent", "unverified"]
Higher = Literal["worse", "better", "more of the pattern"]
SIGN: dict[str | None, float] = {"worse": -1.0, "better": 1.0}
"""Sign of a scale by what a higher score means; other scales have none."""
Population = Literal["clinical", "community", "students", "therapists"]
Style = Literal["secure", "preoccupied", "dismissing", "fearful/disorganized"]
Spread = float | tuple[float, float]


class Published(Model):
    """A published number and how sure it is."""

    scale: str
    """Scale that it is about."""
    source: str = ""
    """Document in which it was verified; empty if it was not verified in a document."""
    confidence: Confidence
    """How well it was verified; `unverified` if not in a document."""


class Band(Model):
    """One band of severity."""

    name: str
    """Its name."""
    lowest: float
    """Lowest score that belongs to it, in the scale's own units."""


class Severity(Published):
    """Bands of severity, from the lowest score up."""

    bands: list[Band] = Field(min_length=2)
    """The bands in rising order."""
    name: str = ""
    """Which scheme it is, where several are in use."""


class Caseness(Published):
    """A cut-off between the clinical and the functional side."""

    at: float
    """First score of the clinical side: a case from here on, in the direction that is worse."""
    name: str = "caseness"
    """Which cut-off it is, where several are in use."""


class ReliableChange(Published):
    """A published size of change that counts as reliable."""

    points: Spread
    """In the scale's own units, or [lowest, highest] where sources differ; then the larger is used."""
    name: str = "published"
    """Which one it is, where several are in use."""

    @property
    def size(self) -> float:
        """Points that a change must have."""
        return max(self.points) if isinstance(self.points, tuple) else self.points


class Norm(Published):
    """Mean, SD and reliability of a published sample; [lowest, highest] where sources differ."""

    population: Population
    """Kind of sample."""
    sample: str = ""
    """Which sample."""
    n: int | None = None
    """Its size."""
    mean: Spread | None = None
    """Mean."""
    sd: Spread | None = None
    """Standard deviation."""
    alpha: Spread | None = None
    """Internal consistency."""
    retest: float | None = None
    """Retest correlation."""
    unit: Literal["score", "item mean"] = "score"
    """Whether mean and SD are those of the scale's score or of the mean of its items."""


class Relation(Model):
    """A published correlation between two scales, whose sign a wrong key reverses."""

    scales: tuple[str, str]
    """The two scales."""
    r: Spread
    """Their correlation, or [lowest, highest]."""
    source: str = ""
    """Document in which it was verified; empty if it was not verified in a document."""
    confidence: Confidence
    """How well it was verified."""


class Composite(Model):
    """A score made of scales: their sum, each with a weight."""

    weights: dict[str, float] = Field(min_length=1)
    """Scale: weight."""
    higher: Higher | None = None
    """What a higher score means."""


class StyleRule(Model):
    """How attachment styles are derived from scores. Every such rule divides dimensions into categories."""

    anxiety: list[str] = Field(default_factory=list)
    """Scales whose mean is attachment anxiety."""
    avoidance: list[str] = Field(default_factory=list)
    """Scales whose mean is attachment avoidance."""
    closeness: list[str] = Field(default_factory=list)
    """Scales whose mean is comfort with closeness, the other end of avoidance."""
    prototypes: dict[Style, str] = Field(default_factory=dict)
    """Style: scale that rates its likeness; the highest is the style, a tie is none."""
    warning: str
    """Reservations of the authors about the rule."""
    source: str = ""
    """Source of the rule; empty if the rule was chosen for bowlby."""
    confidence: Confidence
    """How well it was verified that the authors use this rule."""

    @model_validator(mode="after")
    def _one_rule(self):
        dimensions = bool(self.anxiety) and (bool(self.avoidance) != bool(self.closeness))
        if dimensions == bool(self.prototypes):
            raise Invalid("give anxiety with avoidance or closeness, or prototypes", "keep one of them")
        return self

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        if self.prototypes:
            return "the style with the highest rating; a tie is unclassified"
        low = "low" if self.avoidance else "high"
        dimension = " and ".join(self.avoidance or self.closeness)
        return (
            f"each dimension cut at the midpoint of its range; secure is low {' and '.join(self.anxiety)} with {low} "
            f"{dimension}; exactly on a midpoint is unclassified"
        )

    @property
    def scales(self) -> list[str]:
        """Scales that the rule needs."""
        return [*self.anxiety, *self.avoidance, *self.closeness, *self.prototypes.values()]


@overload
def middle(value: Spread) -> float: ...
@overload
def middle(value: None) -> None: ...
@overload
def middle(value: Spread | None) -> float | None: ...
def middle(value: Spread | None) -> float | None:
    """A published number, or the middle of the range where sources differ."""
    return sum(value) / 2 if isinstance(value, tuple) else value


def in_score_units(instrument: Instrument, norm: Norm) -> tuple[float | None, float | None]:
    """Mean and SD of a norm in the units of the scale's score."""
    factor = instrument.terms(norm.scale) if norm.unit == "item mean" else 1
    mean, sd = (None if (m := middle(x)) is None else m * factor for x in (norm.mean, norm.sd))
    return mean, sd


def evidence_faults(instrument: Instrument):
    """What is wrong with the published numbers of an instrument: place in the file, what, and what to do."""
    known = instrument.all_scales()
    published = ("severity", "caseness", "reliable_points", "important_points", "norm_table")
    lists = {key: getattr(instrument, key) for key in published}
    for key, entries in lists.items():
        for n, entry in enumerate(entries):
            if entry.scale not in known:
                yield (key, n, "scale"), f"{key}: there is no scale {entry.scale}", f"use one of {', '.join(known)}"
                continue
            yield from _number_faults(instrument, (key, n), entry)
    for name, composite in instrument.composites.items():
        place = ("composites", name)
        if name in known:
            yield place, f"{name} is a scale and a composite at once", "give one of them another name"
        for scale in composite.weights:
            if scale not in known:
                yield (
                    (*place, "weights"),
                    f"composite {name}: there is no scale {scale}",
                    f"use one of {', '.join(known)}",
                )
    for n, relation in enumerate(instrument.relations):
        for scale in relation.scales:
            if scale not in known:
                what = f"relations: there is no scale {scale}"
                yield ("relations", n, "scales"), what, f"use one of {', '.join(known)}"
        if not -1 < middle(relation.r) < 1:
            yield ("relations", n, "r"), f"relations: r {middle(relation.r):g} is no correlation", "correct `r`"
    for scale in instrument.style.scales if instrument.style else []:
        if scale not in known:
            yield ("style",), f"style: there is no scale {scale}", f"use one of {', '.join(known)}"
    for name, items in instrument.item_flags.items():
        outside = [i for i in items if not 1 <= i <= instrument.n_items]
        if outside:
            yield (
                ("item_flags", name),
                f"item flag {name} has items {', '.join(map(str, outside))} outside 1 to {instrument.n_items}",
                "correct the numbers",
            )


def _number_faults(instrument: Instrument, place: tuple, entry: Published):
    low, high = instrument.range_of(entry.scale)
    where = f"{place[0]} of {entry.scale}"
    if isinstance(entry, Severity):
        starts = [b.lowest for b in entry.bands]
        if starts != sorted(set(starts)) or not low <= starts[0] or not starts[-1] <= high:
            yield place, f"{where}: bands do not rise within {low:g} to {high:g}", "correct `lowest` of the bands"
    if isinstance(entry, Caseness):
        if not low <= entry.at <= high:
            yield place, f"{where}: {entry.at:g} is outside {low:g} to {high:g}", "correct `at`"
        if instrument.all_scales()[entry.scale].higher not in ("worse", "better"):
            yield place, f"{where}: the scale has no worse side", "give the scale `higher: worse` or `better`"
    if isinstance(entry, ReliableChange) and not 0 < entry.size <= high - low:
        yield place, f"{where}: {entry.size:g} points is no possible change", "correct `points`"
    if isinstance(entry, Norm):
        mean, sd = in_score_units(instrument, entry)
        if mean is not None and not low <= mean <= high:
            yield place, f"{where}: mean {mean:g} is outside {low:g} to {high:g}", "correct `mean`, or `unit`"
        if sd is not None and not 0 < sd <= (high - low):
            yield place, f"{where}: SD {sd:g} is not possible within {low:g} to {high:g}", "correct `sd`, or `unit`"
        for name, value in (("alpha", middle(entry.alpha)), ("retest", entry.retest)):
            if value is not None and not 0 < value < 1:
                yield place, f"{where}: {name} {value:g} is not between 0 and 1", f"correct `{name}`"
