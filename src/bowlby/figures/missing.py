"""The map of what is there: scales by occasions, and the share of persons who have a score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import small
from bowlby.figures.canvas import BLUE, GREY, WIDTH
from bowlby.figures.outcome import about_whom, named
from bowlby.results import Results

COLUMNS = ["role", "instrument", "about", "scale", "place", "occasion", "of", "scored", "share", "said"]
HEAD = {"person", "role", "about", "occasion", "session", "therapist", "date", "source", "source_file", "source_row"}
OTHERS = ("_n", "_prorated")
ROWS = 40
FEW, NEARLY = "few", "nearly all"


def gather(results: Results) -> pd.DataFrame | None:
    """From the scores and the lists of patients and therapists."""
    people = {role: results.table(f"people/{role}s.parquet") for role in ("patient", "therapist")}
    if not results.scores or people["patient"] is None:
        return None
    sizes = {role: len(table) for role, table in people.items() if table is not None}
    return missing_data(results.scores, sizes, results.occasions, results.shareable)


def scales_of(table: pd.DataFrame) -> list[str]:
    """Names of the scales in a table of scores."""
    return [
        c for c in table.columns if c not in HEAD and not c.endswith(OTHERS) and pd.api.types.is_numeric_dtype(table[c])
    ]


def missing_data(
    scores: dict[str, pd.DataFrame], sizes: dict[str, int], occasions: list[str], shareable: bool = True
) -> pd.DataFrame:
    """Share of all patients (or therapists) of the study who have a score, by scale and occasion.

    Forms of one questionnaire about several persons (mother, father) are told apart in ``about``, empty elsewhere.
    Where privacy asks for it, one to four persons are "few", and all but one to four "nearly all", without a number.
    An occasion at which nobody answered an instrument has no row.
    """
    order = {name: i for i, name in enumerate(occasions)}
    rows = []
    for instrument, table in scores.items():
        for about, role, occasion, part in _parts(table):
            occasion = occasion if isinstance(occasion, str) and occasion else "once"
            for scale in scales_of(table):
                n = int(part.loc[part[scale].notna(), "person"].nunique())
                of = max(sizes.get(role, 0), n)
                rows.append((role, instrument, about, scale, order.get(occasion, len(order)), occasion, of, n))
    table = pd.DataFrame(rows, columns=COLUMNS[:8])
    table = table[table["scored"] > 0]
    hidden, said = [], []
    for n, of in zip(table["scored"], table["of"]):
        few, nearly = small(n), small(of - n)
        hidden.append(shareable and (few or nearly))
        said.append(FEW if shareable and few else NEARLY if shareable and nearly else f"{100 * n / of:.0f}%")
    table = table.assign(share=table["scored"] / table["of"], said=said).astype({"scored": "Int64", "share": float})
    table.loc[np.array(hidden, bool), ["scored", "share"]] = pd.NA
    keys = ["role", "instrument", "about", "scale", "place"]
    return table.sort_values(keys, kind="stable", ignore_index=True)[COLUMNS]


def _parts(table: pd.DataFrame):
    """Rows of each role and occasion, by whom they are about where that must be told."""
    several = "about" in table and len(table["about"].unique()) > 1  # of a large table the rest is spared
    for about, form in table.groupby(about_whom(table), sort=False) if several else [("", table)]:
        for (role, occasion), part in form.groupby(["role", "occasion"], dropna=False, sort=False):
            yield about, role, occasion, part


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a heat map of scales by occasions, empty where an occasion did not ask a scale."""
    import seaborn

    by = ["role", "instrument", "about", "scale"]
    if data[by].drop_duplicates().shape[0] > ROWS:
        by = by[:3]
    lines = data[by].drop_duplicates()
    occasions = list(dict.fromkeys(data.sort_values("place", kind="stable")["occasion"]))
    ax.figure.set_size_inches(WIDTH, 1.3 + 0.3 * len(lines))
    level = data["said"].map({NEARLY: 1.0, FEW: 0.05}).astype(float).fillna(data["share"].astype(float))
    cells = data.assign(level=level).groupby([*by, "occasion"], sort=False)
    cells = cells.agg(level=("level", "mean"), said=("said", "first"), scales=("said", "size")).reset_index()
    mean = cells["level"].map(lambda share: f"{100 * share:.0f}%")
    cells["said"] = cells["said"].where(cells["scales"] == 1, mean)
    wide = {name: cells.pivot_table(name, by, "occasion", "first").reindex(pd.MultiIndex.from_frame(lines))[occasions]
            for name in ("level", "said")}  # fmt: skip
    seaborn.heatmap(wide["level"].to_numpy(float), vmin=0, vmax=1, cmap=seaborn.light_palette(BLUE, as_cmap=True),
                    annot=wide["said"].fillna("").to_numpy(str) if len(occasions) <= 6 else None, fmt="",
                    annot_kws={"fontsize": 9}, linewidths=1.5, linecolor="white", cbar=False, ax=ax)  # fmt: skip
    names = [_name(*line[1:]) for line in lines.itertuples(index=False, name=None)]
    middle = np.arange(max(len(lines), len(occasions))) + 0.5
    ax.set_yticks(middle[: len(lines)], [n if len(n) <= 30 else n[:29] + "…" for n in names], fontsize=9, rotation=0)
    ax.set_xticks(middle[: len(occasions)], [o.replace("_", " ")[:18] for o in occasions], fontsize=9)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    if len(occasions) > 5:
        ax.tick_params(axis="x", labelrotation=60)
    for y in np.flatnonzero(lines["role"].to_numpy()[1:] != lines["role"].to_numpy()[:-1]):
        ax.axhline(y + 1, color=GREY, lw=1)


def _name(instrument: str, about: str, scale: str = "total") -> str:
    return named(instrument, scale) + (f", {about}".replace("_", " ") if about else "")
