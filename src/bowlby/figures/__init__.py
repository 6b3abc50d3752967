"""Figures of a run, each as SVG, PDF and PNG with its data as CSV; a file for each figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bowlby.config.run import IDEATION, Run
from bowlby.figures import (
    adequacy,
    association,
    change,
    clinical_change,
    course,
    distributions,
    forest,
    mediation,
    moderation,
    multiverse,
    outcomes,
    participants,
    partition,
    residuals,
    response_surface,
    session_to_session,
    style_transitions,
    suicidal_ideation,
    therapists,
    trajectory,
)
from bowlby.figures.canvas import FORMATS, save
from bowlby.processes import side_by_side
from bowlby.results import Results

__all__ = ["KINDS", "PLOTS", "Plot", "build", "draw", "names", "outputs"]


@dataclass(frozen=True)
class Plot:
    """One figure.

    Attributes
    ----------
    gather : callable
        What is drawn, from the run's files; None where the run lacks them.
    draw : callable
        ``draw(ax, data)``.
    wanted : callable
        Whether a run calls for it.
    """

    gather: Callable[[Results], pd.DataFrame | None]
    draw: Callable
    wanted: Callable[[Run], bool]


def _comparison(run: Run) -> bool:
    return run.comparison is not None


def _before_after(run: Run) -> bool:
    return bool(run.outcome and run.outcome.pre and run.outcome.post)


def _domains(run: Run) -> bool:
    return bool(run.other_outcomes)


def _pooled(run: Run) -> bool:
    return run.pool_outcomes


def _ideation(run: Run) -> bool:
    return bool(run.of_domain(IDEATION))


def _pair(run: Run) -> bool:
    return run.pair is not None


def _mediation(run: Run) -> bool:
    return run.mediation is not None


def _clinical_change(run: Run) -> bool:
    return run.clinical_change is not None


def _moderation(run: Run) -> bool:
    return bool(run.moderation)


def _matched(run: Run) -> bool:
    return run.response_surface is not None


def _style_transitions(run: Run) -> bool:
    return run.style_transitions is not None


def _sessions(run: Run) -> bool:
    return run.session_to_session is not None


def _compared_before_after(run: Run) -> bool:
    return _comparison(run) and _before_after(run)


def _growth(run: Run) -> bool:
    return run.growth is not None


def _doubted(*kinds: str) -> Callable[[Run], bool]:
    """Whether one of these kinds of robustness is asked for."""
    return lambda run: run.robustness is not None and not set(kinds).isdisjoint(run.robustness.kinds)


def _modelled(run: Run) -> bool:
    """Whether an outcome is regressed on something: not where scores or sessions alone are asked for."""
    return any(block is not None for block in (run.comparison, run.pair, run.growth))


def _always(run: Run) -> bool:
    return True


PLOTS = {
    "forest": Plot(forest.gather, forest.draw, _comparison),
    "association": Plot(association.gather, association.draw, _comparison),
    "domains": Plot(forest.gather_domains, forest.draw_domains, _domains),
    "outcomes": Plot(outcomes.gather, outcomes.draw, _pooled),
    "suicidal_ideation": Plot(suicidal_ideation.gather, suicidal_ideation.draw, _ideation),
    "pair": Plot(forest.gather_pair, forest.draw_pair, _pair),
    "mediation": Plot(mediation.gather, mediation.draw, _mediation),
    "moderation": Plot(moderation.gather, moderation.draw, _moderation),
    "response_surface": Plot(response_surface.gather, response_surface.draw, _matched),
    "session_to_session": Plot(session_to_session.gather, session_to_session.draw, _sessions),
    "clinical_change": Plot(clinical_change.gather, clinical_change.draw, _clinical_change),
    "style_transitions": Plot(style_transitions.gather, style_transitions.draw, _style_transitions),
    "adequacy": Plot(adequacy.gather, adequacy.draw, _comparison),
    "partition": Plot(partition.gather, partition.draw, _comparison),
    "prepost": Plot(course.gather, course.draw, _compared_before_after),
    "trajectory": Plot(trajectory.gather, trajectory.draw, _growth),
    "caterpillar": Plot(therapists.gather, therapists.draw, _modelled),
    "multiverse": Plot(multiverse.gather, multiverse.draw, _doubted("multiverse")),
    "influence": Plot(therapists.gather_influence, therapists.draw_influence, _doubted("influence", "cluster")),
    "change": Plot(change.gather, change.draw, _before_after),
    "flow": Plot(participants.gather, participants.draw, _always),
    "missing": Plot(participants.gather_missing, participants.draw_missing, _always),
    "distributions": Plot(distributions.gather, distributions.draw, _always),
    "residuals": Plot(residuals.gather, residuals.draw, _modelled),
}


def names(run: Run) -> list[str]:
    """Figures that a run calls for."""
    return [name for name, plot in PLOTS.items() if plot.wanted(run)]


def outputs(run: Run) -> list[str]:
    """Files that :func:`build` writes, relative to the run's folder."""
    return [
        f for name in names(run) for f in (*(f"figures/{name}.{kind}" for kind in FORMATS), f"figures/data/{name}.csv")
    ]


def build(folder: Path, processes: int = 1) -> list[Path]:
    """Draw the figures that the run has files for, and return the files written.

    Parameters
    ----------
    folder : Path
        ``results/<run>``.
    processes : int
        Number of figures drawn in parallel (:func:`bowlby.processes.side_by_side`).
    """
    results = Results(Path(folder))
    gathered = {name: data for name, plot in PLOTS.items() if (data := plot.gather(results)) is not None}
    gathered = dict(sorted(gathered.items(), key=lambda item: -len(item[1])))  # what takes longest first
    import seaborn  # noqa: F401 - once, and not by each process

    drawn = side_by_side(draw, [*gathered], [*gathered.values()], [folder] * len(gathered), processes=processes)
    return [path for paths in drawn for path in paths]


def draw(name: str, data: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw one figure from its data into a run's folder; returns the files written."""
    return save(Path(folder), name, data, PLOTS[name].draw, Results(Path(folder)).wording)
