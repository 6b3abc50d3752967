"""The two validations, of the scenarios and of studies with sessions: their cases, studies, tables and pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bowlby.simulate.batched_analysis import analysed, studies
from bowlby.simulate.scenarios import SCENARIOS, Scenario
from bowlby.simulate.study_analysis import StudyAddress
from validation import session_studies as sessions
from validation.characteristics import DESIGNS, characteristics
from validation.page import HEAD, SESSIONS_HEAD, number, page
from validation.scenario_checks import ScenarioValidator
from validation.world_rates import WORLD_DESIGNS, world_characteristics
from validation.worlds import WORLDS, World, WorldStudies, WorldValidator


@dataclass(frozen=True)
class Kind:
    """One validation.

    Attributes
    ----------
    id : str
    name : str
        Of its files.
    seed : int
    cases : dict of Scenario
        By id.
    studies : callable
        Rows of simulated studies by case, design, seed, numbers, and how many of them have what takes long too: the
        model of the single sessions; a world's warnings.
    head : str
        How the page begins.
    unjudged : tuple of str
        Cases that show something and have no bar.
    """

    id: str
    name: str
    seed: int
    cases: dict[str, Scenario]
    studies: Callable[..., pd.DataFrame]
    head: str
    unjudged: tuple[str, ...] = ()

    @property
    def slow(self) -> set[str]:
        """Cases that are not judged or are analysed one by one."""
        long = {name for name, case in self.cases.items() if case.switching or case.unit}
        return long | {*self.unjudged}

    def designs(self, name: str) -> tuple[str, ...]:
        """Designs of a case's studies."""
        return WORLD_DESIGNS if isinstance(self.cases[name], World) else DESIGNS

    def characteristics(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rates of simulated studies."""
        of_world = rows["scenario"].isin(WORLDS)
        table = characteristics(rows[~of_world], self.cases, self.unjudged)
        return pd.concat([table, world_characteristics(rows[of_world])], ignore_index=True) if of_world.any() else table

    def judged(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rates of scenarios that are judged by their verdicts."""
        return table[~table["scenario"].isin({*self.unjudged, *WORLDS})]

    def page(self, table: pd.DataFrame, seed: int, notes: str = "") -> str:
        """The page of rates (Markdown)."""
        return page(table, seed, notes, self.cases, self.head, self.name, self._more())

    def _more(self) -> dict[str, dict[str, str]]:
        if self.id != "sessions":
            return {}
        return {"slope of the true level": {name: number(sessions.drawn_scenario(case).p)
                                            for name, case in sessions.CASES.items()}}  # fmt: skip


def _claims(case: str, design: str, seed: int, numbers, detailed: int = 0) -> pd.DataFrame:
    if case not in WORLDS:
        return studies(case, design, seed, numbers, validator=ScenarioValidator(SCENARIOS[case]))
    source = WorldStudies(WORLDS[case])
    addresses = [StudyAddress(WORLDS[case], design, seed, number) for number in numbers]
    return analysed(source, addresses, validator=WorldValidator(source, detailed))


KINDS = {kind.id: kind for kind in (
    Kind("claims", "validation", 1, {name: case for name, case in (SCENARIOS | WORLDS).items() if name != "example"},
         _claims, HEAD),
    Kind("sessions", "validation_sessions", 2, {name: case.scenario for name, case in sessions.CASES.items()},
         sessions.session_studies, SESSIONS_HEAD, sessions.VARIANTS),
)}  # fmt: skip
