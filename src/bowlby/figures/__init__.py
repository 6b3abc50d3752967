"""Figures of a run, each as SVG, PDF and PNG with its data as CSV; a file for each figure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bowlby.config.run import Run
from bowlby.figures.adequacy import adequacy_data
from bowlby.figures.adequacy import draw as _adequacy
from bowlby.figures.canvas import KINDS
from bowlby.figures.canvas import save as _save
from bowlby.figures.caterpillar import caterpillar_data
from bowlby.figures.caterpillar import draw as _caterpillar
from bowlby.figures.flow import draw as _flow
from bowlby.figures.flow import flow_data
from bowlby.figures.forest import draw as _forest
from bowlby.figures.forest import forest_data
from bowlby.figures.trajectory import draw as _trajectory
from bowlby.figures.trajectory import trajectory_data
from bowlby.files import read_json

__all__ = [
    "KINDS",
    "adequacy_data",
    "build",
    "caterpillar_data",
    "draw_adequacy",
    "draw_caterpillar",
    "draw_flow",
    "draw_forest",
    "draw_trajectory",
    "flow_data",
    "forest_data",
    "names",
    "outputs",
    "trajectory_data",
]


def names(run: Run) -> list[str]:
    """Figures that a run calls for."""
    asked = {
        "forest": run.comparison,
        "adequacy": run.comparison,
        "trajectory": run.growth,
        "caterpillar": run.comparison or run.growth,
        "flow": run,
    }
    return [name for name, wanted in asked.items() if wanted]


def outputs(run: Run) -> list[str]:
    """Files that :func:`build` writes, relative to the run's folder."""
    return [
        f for name in names(run) for f in (*(f"figures/{name}.{kind}" for kind in KINDS), f"figures/data/{name}.csv")
    ]


def build(folder: Path) -> list[Path]:
    """Draw the figures that the results call for, and return the files written."""
    folder = Path(folder)
    stem = folder / "figures"
    written = []
    if (folder / "comparison.json").is_file():
        written += draw_forest(read_json(folder / "comparison.json"), stem / "forest")
    if (folder / "adequacy.json").is_file():
        written += draw_adequacy(read_json(folder / "adequacy.json"), stem / "adequacy")
    if (folder / "fits/growth.json").is_file():
        fit, data = read_json(folder / "fits/growth.json"), pd.read_parquet(folder / "analysis/growth.parquet")
        written += draw_trajectory(fit, data, stem / "trajectory")
    for model in ("primary", "growth"):
        effects = folder / f"fits/{model}.random.parquet"
        if effects.is_file():
            written += draw_caterpillar(pd.read_parquet(effects), stem / "caterpillar")
            break
    written += draw_flow(flow_steps(folder), stem / "flow", privacy(folder))
    return written


def draw_forest(comparison: dict, stem: Path) -> list[Path]:
    """Draw ``comparison.json`` to ``<run>/figures/forest``; returns the files written."""
    return _save(stem.parents[1], stem.name, forest_data(comparison), _forest)


def draw_adequacy(adequacy: dict, stem: Path) -> list[Path]:
    """Draw ``adequacy.json``; returns the files written."""
    return _save(stem.parents[1], stem.name, adequacy_data(adequacy), _adequacy)


def draw_caterpillar(effects: pd.DataFrame, stem: Path) -> list[Path]:
    """Draw the therapists' random intercepts (``fits/<model>.random.parquet``); returns the files written."""
    return _save(stem.parents[1], stem.name, caterpillar_data(effects), _caterpillar)


def draw_trajectory(fit: dict, data: pd.DataFrame, stem: Path) -> list[Path]:
    """Draw the growth fit over its analysis set; returns the files written."""
    return _save(stem.parents[1], stem.name, trajectory_data(fit, data), _trajectory)


def draw_flow(steps: list[dict], stem: Path, privacy: str = "shareable") -> list[Path]:
    """Draw the steps of a ``flow.json``; returns the files written."""
    return _save(stem.parents[1], stem.name, flow_data(steps, privacy), _flow)


def flow_steps(folder: Path) -> list[dict]:
    """Steps of the run's first model; where it keeps none, those of reading the files."""
    for model in ("primary", "growth"):
        path = folder / f"analysis/{model}.flow.json"
        if path.is_file():
            return read_json(path)["steps"]
    return read_json(folder / "flow.json")["steps"]


def privacy(folder: Path) -> str:
    """The run's privacy; shareable where it does not say."""
    path = folder / "manifest.json"
    return read_json(path).get("privacy", "shareable") if path.is_file() else "shareable"
