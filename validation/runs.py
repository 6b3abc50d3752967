"""The two validations, of the scenarios and of studies with sessions: their cases, studies, tables and pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bowlby.simulate.batched_analysis import studies
from bowlby.simulate.scenarios import SCENARIOS, Scenario
from validation import session_studies as sessions
from validation.characteristics import characteristics
from validation.page import HEAD, SESSIONS_HEAD, number, page
from validation.scenario_checks import ScenarioValidator


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
        Rows of simulated studies by case, design, seed, numbers, and studies with the model of the single sessions.
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
        return {*self.unjudged, *(name for name, case in self.cases.items() if case.switching or case.unit)}

    def characteristics(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rates of simulated studies."""
        return characteristics(rows, self.cases, self.unjudged)

    def page(self, table: pd.DataFrame, seed: int, notes: str = "") -> str:
        """The page of rates (Markdown)."""
        return page(table, seed, notes, self.cases, self.head, self.name, self._more())

    def _more(self) -> dict[str, dict[str, str]]:
        if self.id != "sessions":
            return {}
        return {"slope of the true level": {name: number(sessions.drawn_scenario(case).p)
                                            for name, case in sessions.CASES.items()}}  # fmt: skip


def _claims(case: str, design: str, seed: int, numbers, with_sessions: int = 0) -> pd.DataFrame:
    return studies(case, design, seed, numbers, validator=ScenarioValidator(SCENARIOS[case]))


KINDS = {kind.id: kind for kind in (
    Kind("claims", "validation", 1, {name: case for name, case in SCENARIOS.items() if name != "example"}, _claims,
         HEAD),
    Kind("sessions", "validation_sessions", 2, {name: case.scenario for name, case in sessions.CASES.items()},
         sessions.session_studies, SESSIONS_HEAD, sessions.VARIANTS),
)}  # fmt: skip
