"""Two predictors: both slopes, their difference and their sum, as in the forest of the comparison."""

from __future__ import annotations

import textwrap

import pandas as pd

from bowlby.figures.forest import draw as draw_forest
from bowlby.figures.forest import forest_data
from bowlby.results import Results

EFFECTS = {"first": "P", "second": "T", "first-second": "P-T", "first+second": "P+T"}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``pair.json``."""
    pair = results.json("pair.json")
    if not pair:
        return None
    table = forest_data({EFFECTS[name]: c for name, c in pair["contrasts"].items()} | {"delta": pair["delta"]})
    first, second = (textwrap.fill(pair["labels"][side], 22) for side in ("first", "second"))
    return table.assign(label=[first, second, "difference", "sum"])


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the forest of two predictors."""
    draw_forest(ax, data)
