"""The scales that a run asks for: whose answers about whom, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bowlby.config.blocks import Block
from bowlby.config.run import Outcome, Run
from bowlby.errors import problem

ROLES = {
    "perceived": "patient",
    "therapist_style": "therapist",
    "patient_style": "patient",
    "alliance": "patient",
    "mentalizing": "patient",
}
SIDES = ("first", "second")


@dataclass(frozen=True)
class Demand:
    """Scales that one part of the run's file asks for.

    Attributes
    ----------
    key : str
        Where the run's file asks for them (``comparison.perceived``).
    instrument, role, about : str
        Which questionnaire, who answered it, about whom.
    scales : list of str
    occasions : dict
        Key: the occasion it names, None where it names none.
    open : str or None
        The key that has to name an occasion where there are several; None where it is settled.
    """

    key: str
    instrument: str
    role: str
    about: str
    scales: list[str]
    occasions: dict[str, str | None] = field(default_factory=dict)
    open: str | None = None


def demands(run: Run) -> list[Demand]:
    """All that a run asks for."""
    return [
        *of_outcome(run),
        *of_others(run),
        *of_comparison(run),
        *of_pair(run),
    ]


def of_outcome(run: Run) -> list[Demand]:
    """What the registered outcome asks for."""
    return [_of_outcome("outcome", run.outcome, "outcome.post" if run.pair else None)]


def of_others(run: Run) -> list[Demand]:
    """What the other outcomes ask for."""
    return [_of_outcome(f"other_outcomes[{n}]", outcome) for n, outcome in enumerate(run.other_outcomes)]


def of_comparison(run: Run) -> list[Demand]:
    """What the sides of the comparison ask for."""
    given = {name: getattr(run.comparison, name) for name in ROLES} if run.comparison else {}
    return [_of_block(f"comparison.{name}", ROLES[name], block) for name, block in given.items() if block is not None]


def of_pair(run: Run) -> list[Demand]:
    """What the two predictors ask for."""
    given = {name: getattr(run.pair, name) for name in SIDES} if run.pair else {}
    return [_of_block(f"pair.{name}", side.role, side) for name, side in given.items()]


def unsaid_occasions(asked: Iterable[Demand], tables: dict) -> list[str]:
    """Answers given several times where the run's file does not say which of them counts.

    Parameters
    ----------
    asked : iterable of Demand
    tables : dict of DataFrame
        Measures or scores by instrument, with person, role, about and occasion.
    """
    lines = []
    for demand in asked:
        table = tables.get(demand.instrument)
        if demand.open is None or table is None:
            continue
        own = table[(table["role"] == demand.role) & (table["about"] == demand.about)]
        when = [str(o) for o in own["occasion"].dropna().unique() if str(o)]
        if len(when) < 2 and not own["person"].duplicated().any():
            continue
        often = f"at {', '.join(when)}" if len(when) > 1 else "several times by the same persons"
        sessions = "outcome.after" if demand.key == "outcome" else f"{demand.key}.sessions"
        lines.append(
            problem(f"{demand.open} is not given, and {demand.instrument} was answered {often}",
                    f"say which counts, or give {sessions}")
        )  # fmt: skip
    return lines


def _of_outcome(key: str, outcome: Outcome, needed: str | None = None) -> Demand:
    occasions = {f"{key}.{when}": getattr(outcome, when) for when in ("pre", "post", "early")}
    settled = outcome.post is not None or outcome.after is not None
    return Demand(
        key, outcome.instrument, outcome.role, outcome.whom, [outcome.scale], occasions, None if settled else needed
    )


def _of_block(key: str, role: str, block: Block) -> Demand:
    where = f"{key}.occasion"
    settled = block.occasion is not None or block.sessions is not None
    return Demand(
        key, block.instrument, role, block.about, block.scales, {where: block.occasion}, None if settled else where
    )
