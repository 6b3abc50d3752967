"""Distributions of the scales by role, occasion and the person they are about, with the norms that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, bins
from bowlby.figures.canvas import GREY, INK, VERMILION, WIDTH
from bowlby.figures.missing import scales_of
from bowlby.figures.outcome import about_whom, fine_edges, named
from bowlby.results import Results

COLUMNS = [
    "instrument",
    "scale",
    "about",
    "role",
    "place",
    "occasion",
    "kind",
    "low",
    "high",
    "n",
    "density",
    "mean",
    "sd",
    "name",
    "sure",
]
NUMBERS = ["low", "high", "density", "mean", "sd"]
PANELS = 24
SHOWN_OCCASIONS = 3
BLUES = ("#7fb4d8", "#0072b2", "#003e63")


def gather(results: Results) -> pd.DataFrame | None:
    """From the scores and what the instruments say of norms."""
    if not results.scores:
        return None
    from bowlby.errors import UserError
    from bowlby.instruments.catalogue import load_instrument

    norms = {}
    for name in results.scores:
        if f"{name}.yaml" in (results.manifest.get("inputs") or {}):
            continue
        try:
            norms[name] = load_instrument(name)
        except UserError:
            continue
    asked = results.config.get("comparison") or {}
    first = [(results.config.get("outcome") or {}).get("instrument"), *((b or {}).get("instrument") for b in
             (asked.get("perceived"), asked.get("therapist_style"), asked.get("patient_style")))]  # fmt: skip
    return distribution_data(results.scores, norms, results.occasions, first, results.shareable)


def distribution_data(
    scores: dict[str, pd.DataFrame],
    norms: dict,
    occasions: list[str] | None = None,
    first: list[str] | None = None,
    shareable: bool = True,
) -> pd.DataFrame:
    """Bins of five persons or more of each scale, role and occasion; means and SDs; and published norms.

    Where somebody answered an instrument about several persons, each of these has a panel and is named in ``about``;
    everywhere else ``about`` is empty.

    Parameters
    ----------
    scores : dict of DataFrame
        By instrument.
    norms : dict of Instrument
        Instruments whose published norms are to be shown.
    occasions : list of str
        The study's occasions in order; of more than three the first, the middle and the last are shown.
    first : list of str
        Instruments that come first; of very many scales the first ones are shown.
    shareable : bool
        Whether bins of fewer than five persons are to be pooled.
    """
    order = [i for i in dict.fromkeys([*(first or []), *scores]) if i in scores]
    tables = {instrument: scores[instrument].assign(about=about_whom(scores[instrument])) for instrument in order}
    panels = [
        (i, s, about)
        for i in order
        for s in scales_of(scores[i])
        for about in sorted(tables[i].loc[tables[i][s].notna(), "about"].unique())
    ][:PANELS]
    rows: list[dict] = []
    for instrument, scale, about in panels:
        table = tables[instrument]
        table = table[table[scale].notna()]
        # The same bins for every person whom a scale is about, so that their panels can be compared.
        edges = fine_edges(table[scale].min(), table[scale].max(), 16)
        table = table[table["about"] == about]
        for (role, occasion), part in _groups(table, occasions or []):
            values = part[scale].to_numpy(float)
            if shareable and len(values) < SMALLEST:
                continue
            place = occasions.index(occasion) if occasions and occasion in occasions else len(occasions or [])
            head = {"instrument": instrument, "scale": scale, "about": about, "role": role, "place": place}
            head["occasion"] = occasion
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
            rows.append({**head, "kind": "mean", "n": len(values), "mean": values.mean(), "sd": spread})
            for low, high, n in bins(values, edges, shareable):
                density = n / len(values) / (high - low)
                rows.append({**head, "kind": "bin", "low": low, "high": high, "n": n, "density": density})
        rows += [{**norm, "about": about} for norm in _norms(norms.get(instrument), instrument, scale)]
    return (
        pd.DataFrame(rows)
        .reindex(columns=COLUMNS)
        .astype({c: float for c in NUMBERS} | {"n": "Int64", "place": "Int64"})
    )


def _groups(table: pd.DataFrame, occasions: list[str]):
    """Rows of each role and occasion, one for each person."""
    for role, own in table.groupby("role", sort=True):
        own = own.assign(occasion=own["occasion"].astype("str").fillna("once").replace("", "once"))
        found = set(own["occasion"].unique())
        there = [o for o in [*occasions, "once"] if o in found]
        if len(there) > SHOWN_OCCASIONS:
            there = [there[0], there[len(there) // 2], there[-1]]
        for occasion in there:
            yield (role, occasion), own[own["occasion"] == occasion].drop_duplicates("person")


def _norms(instrument, name: str, scale: str) -> list[dict]:
    rows = []
    for norm in instrument.norm_table if instrument else []:
        if norm.scale != scale or norm.mean is None or norm.sd is None:
            continue
        items = len(instrument.all_scales()[scale].items) if scale in instrument.all_scales() else 1
        times = items if norm.unit == "item mean" and instrument.how(scale) == "sum" else 1
        mean, sd = (times * float(np.mean(v)) for v in (norm.mean, norm.sd))
        words = norm.population if not norm.sample else f"{norm.population}, {norm.sample}"
        rows.append({"instrument": name, "scale": scale, "kind": "norm", "mean": mean, "sd": sd, "name": words,
                     "sure": norm.confidence})  # fmt: skip
    return rows


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a panel for each scale, two in a row."""
    from matplotlib.lines import Line2D

    figure = ax.figure
    ax.remove()
    data = data.assign(about=data["about"].fillna(""))
    panels = list(data[["instrument", "scale", "about"]].drop_duplicates().itertuples(index=False, name=None))
    rows = -(-len(panels) // 2)
    figure.set_size_inches(WIDTH, 1.72 * rows + 0.7)
    grid = figure.subplots(rows, 2, squeeze=False).ravel()
    groups: dict[tuple[str, str], str] = {}
    for (role, _, occasion), _ in data[data["kind"] == "bin"].groupby(["role", "place", "occasion"], sort=True):
        blues = sum(1 for r, _ in groups if r != "therapist")
        groups[role, occasion] = VERMILION if role == "therapist" else BLUES[min(blues, 2)]
    for place, (instrument, scale, about) in zip(grid, panels):
        own = data[(data["instrument"] == instrument) & (data["scale"] == scale) & (data["about"] == about)]
        _panel(place, own, groups)
        title = named(instrument, scale) + (f", {about}".replace("_", " ") if about else "")
        place.set_title(title[:34], fontsize=10, loc="left")
    for place in grid[len(panels) :]:
        place.remove()
    keys = [
        Line2D(
            [], [], color=colour, lw=2, label=role if occasion == "once" else f"{role}, {occasion}".replace("_", " ")
        )
        for (role, occasion), colour in groups.items()
    ]
    if (data["kind"] == "norm").any():
        keys.append(Line2D([], [], color=INK, marker="|", ms=8, lw=1, label="published mean ± SD"))
    figure.legend(handles=keys, loc="outside upper center", ncols=2, fontsize=9.5)


def _panel(place, own: pd.DataFrame, groups: dict[tuple[str, str], str]) -> None:
    bins = own[own["kind"] == "bin"]
    top = float(bins["density"].max()) if len(bins) else 1.0
    for (role, occasion), part in bins.groupby(["role", "occasion"], sort=False):
        edges = [*part["low"], part["high"].iloc[-1]]
        colour = groups[role, occasion]
        place.stairs(part["density"], edges, color=colour, lw=1.6, fill=False, baseline=0)
        place.stairs(part["density"], edges, color=colour, alpha=0.1, fill=True, lw=0)
    for i, norm in enumerate(own[own["kind"] == "norm"].head(3).itertuples(index=False)):
        y = top * (1.1 + 0.13 * i)
        place.plot(
            [norm.mean - norm.sd, norm.mean + norm.sd],
            [y, y],
            color=INK,
            lw=1,
            ls="-" if norm.sure != "unverified" else ":",
        )
        place.plot(norm.mean, y, marker="|", ms=8, color=INK)
    place.set_yticks([])
    place.spines["left"].set_visible(False)
    place.spines["bottom"].set_color(GREY)
    place.tick_params(labelsize=9)
    place.set_ylim(0, top * (1.1 + 0.13 * min(3, (own["kind"] == "norm").sum())))
