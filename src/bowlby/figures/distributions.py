"""Distributions of the scales by role, occasion and the person they are about, with the norms that are known."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from bowlby.disclosure import SMALLEST, pooled_histogram
from bowlby.figures.canvas import BLUE, GREY, INK, WIDTH, keys, point_ranges, steps
from bowlby.figures.outcome import about_whom, fine_edges, named
from bowlby.figures.participants import scales_of
from bowlby.results import Results

HEAD = ["instrument", "scale", "about", "role"]
NUMBERS = ["low", "high", "density", "persons", "mean", "sd"]
COLUMNS = [*HEAD, "place", "occasion", "kind", "n", *NUMBERS, "name", "sure"]
PANELS = 24
SHOWN_OCCASIONS = 3
BINS = 16
LETTERS = 34
"""Letters of a line above a panel."""
LINES = ({"color": GREY, "linestyle": "-"}, {"color": BLUE, "linestyle": "--"}, {"color": INK, "linestyle": ":"},
         {"color": BLUE, "linestyle": "-."})  # fmt: skip

NORMS: dict[bool, tuple[dict, str]] = {
    True: ({"marker": "|", "pointsize": 8}, ""),
    False: ({"marker": "o", "pointsize": 5, "fill": False}, ", unverified"),
}
"""Marker of a published mean and words of the legend, by whether it was verified against a published source."""


def gather(results: Results) -> pd.DataFrame | None:
    """From the scores and what the instruments say of norms."""
    if not results.scale_scores:
        return None
    from bowlby.errors import UserError
    from bowlby.instruments.catalogue import load_instrument

    norms = {}
    for name in results.scale_scores:
        if f"{name}.yaml" in (results.manifest.get("inputs") or {}):
            continue
        try:
            norms[name] = load_instrument(name)
        except UserError:
            continue
    asked = results.config.get("comparison") or {}
    instruments = [(results.config.get("outcome") or {}).get("instrument"), *((b or {}).get("instrument") for b in
             (asked.get("perceived"), asked.get("therapist_style"), asked.get("patient_style")))]  # fmt: skip
    return distribution_data(
        results.scale_scores, norms, results.occasions, [name for name in instruments if name], results.shareable
    )


def distribution_data(
    scores: dict[str, pd.DataFrame],
    norms: dict,
    occasions: list[str] | None = None,
    first: list[str] | None = None,
    shareable: bool = True,
) -> pd.DataFrame:
    """Bins of five persons or more of each scale, role and occasion; means and SDs; and published norms.

    Of a bin, ``n`` are its persons, ``density`` its share by unit of the scale, and ``persons`` those by bin of the
    finest width, so that bins that were pooled are as high as the mean of their parts. A row of kind ``range`` has the
    lowest and highest edge.

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
    whom = {instrument: about_whom(scores[instrument]) for instrument in order}
    panels = [
        (i, s, about)
        for i in order
        for s in scales_of(scores[i])
        for about in sorted(whom[i][scores[i][s].notna()].unique())
    ][:PANELS]
    rows: list[dict] = []
    for instrument, scale, about in panels:
        table = scores[instrument]
        # The same bins for patients and therapists and for every person whom a scale is about: panels are compared.
        edges = fine_edges(*_range(norms.get(instrument), scale, table[scale]), BINS)
        there = table[scale].notna() & (whom[instrument] == about)
        for role, occasion, rows_of in _groups(table, there, occasions or []):
            values = table.loc[rows_of, ["person", scale]].drop_duplicates("person")[scale].to_numpy(float)
            if shareable and len(values) < SMALLEST:
                continue
            place = occasions.index(occasion) if occasions and occasion in occasions else len(occasions or [])
            head = {"instrument": instrument, "scale": scale, "about": about, "role": role, "place": place}
            head["occasion"] = occasion
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
            rows.append({**head, "kind": "mean", "n": len(values), "mean": values.mean(), "sd": spread})
            for low, high, n in pooled_histogram(values, edges, shareable):
                density = n / len(values) / (high - low)
                persons = n * (edges[1] - edges[0]) / (high - low)
                one = {"low": low, "high": high, "n": n, "density": density, "persons": persons}
                rows.append({**head, "kind": "bin", **one})
        ends = {"low": edges[0], "high": edges[-1]}
        rows.append({"instrument": instrument, "scale": scale, "about": about, "kind": "range", **ends})
        rows += [{**norm, "about": about} for norm in _norms(norms.get(instrument), instrument, scale)]
    return (
        pd.DataFrame(rows)
        .reindex(columns=COLUMNS)
        .astype({c: float for c in NUMBERS} | {"n": "Int64", "place": "Int64"})
    )


def _range(instrument, scale: str, values: pd.Series) -> tuple[float, float]:
    """Possible scores; those observed where the instrument is not known or its scores are in other units."""
    low, high = float(values.min()), float(values.max())
    if instrument and scale in instrument.all_scales():
        least, most = instrument.range_of(scale)
        if least <= low and high <= most and high - low > 0.2 * (most - least):
            return least, most
    return low, high


def _groups(table: pd.DataFrame, there: pd.Series, occasions: list[str]):
    """Each role and occasion with the rows of it that are there."""
    occasion = table["occasion"].astype("category")
    once = occasion.isna() | occasion.isin(["", "once"])
    for role in sorted(table.loc[there, "role"].unique()):
        own = there & (table["role"] == role)
        rows = {name: own & (once if name == "once" else occasion == name) for name in (*occasions, "once")}
        shown = [name for name, of in rows.items() if of.any()]
        if len(shown) > SHOWN_OCCASIONS:
            shown = [shown[0], shown[len(shown) // 2], shown[-1]]
        for name in shown:
            yield role, name, rows[name]


def _norms(instrument, name: str, scale: str) -> list[dict]:
    rows = []
    for norm in instrument.norm_table if instrument else []:
        if norm.scale != scale or norm.mean is None or norm.sd is None:
            continue
        times = instrument.terms(scale) if norm.unit == "item mean" else 1
        mean, sd = (times * float(np.mean(v)) for v in (norm.mean, norm.sd))
        words = norm.population if not norm.sample else f"{norm.population}, {norm.sample}"
        rows.append({"instrument": name, "scale": scale, "kind": "norm", "mean": mean, "sd": sd, "name": words,
                     "sure": norm.confidence})  # fmt: skip
    return rows


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a panel for each scale and role, two in a row; panels of a scale share the x axis, of a role the y axis."""
    figure = ax.figure
    ax.remove()
    data = data.assign(about=data["about"].fillna(""))
    shown = data[data["kind"] == "bin"]
    panels = list(shown[HEAD].drop_duplicates().itertuples(index=False, name=None))[:PANELS]
    rows = max(-(-len(panels) // 2), 1)
    figure.set_size_inches(WIDTH, 1.85 * rows + 0.6)
    grid = figure.subplots(rows, 2, squeeze=False).ravel()
    top = shown.groupby("role")["persons"].max()
    named_ones = shown[shown["occasion"] != "once"].sort_values("place")["occasion"].drop_duplicates()
    lines = {"once": LINES[0], **{occasion: LINES[min(k, len(LINES) - 1)] for k, occasion in enumerate(named_ones)}}
    for place, (instrument, scale, about, role) in zip(grid, panels, strict=False):
        own = data[(data["instrument"] == instrument) & (data["scale"] == scale) & (data["about"] == about)]
        _panel(place, own[own["role"].isna() | (own["role"] == role)], lines, float(top[role]))
        title = named(instrument, scale) + (f", {about}".replace("_", " ") if about else "") + f", {role}s"
        counts = _counts(own[own["role"] == role])
        place.set_title("\n".join(textwrap.fill(line, LETTERS) for line in (title, counts)), fontsize=9, loc="left")
    for place in grid[len(panels) :]:
        place.remove()
    for left in grid[: len(panels) : 2]:
        left.set_ylabel("persons in bin", fontsize=9)
    handles = []
    once = ", or completed only once" * bool((shown["occasion"] == "once").any())  # drawn as the first occasion
    for number, occasion in enumerate(named_ones):
        label = occasion.replace("_", " ") + (once if number == 0 else "")
        handles += keys(grid[0], (label, {**lines[occasion], "lw": 1.8}))
    sure = data.loc[data["kind"] == "norm", "sure"] != "unverified"
    for known, (how, words) in NORMS.items():
        if (sure == known).any():
            mark = {"marker": how["marker"], "mfc": "white", "ms": how["pointsize"]}
            handles += keys(grid[0], (f"published mean ± SD{words}", {"color": INK, "lw": 1, **mark}))
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=9.5)


def _counts(own: pd.DataFrame) -> str:
    """Persons at each occasion that is drawn."""
    means = own[own["kind"] == "mean"].sort_values("place")
    several = len(means) > 1
    said = [f"{r.n:,}" + (f" ({r.occasion.replace('_', ' ')})" if several else "") for r in means.itertuples()]
    return f"n = {', '.join(said)}"


def _panel(place, own: pd.DataFrame, lines: dict[str, dict], top: float) -> None:
    for occasion, part in own[own["kind"] == "bin"].groupby("occasion", sort=False):
        steps(place, part, part["persons"], alpha=0.12, linewidth=1.6, **lines[occasion])
    norms = own[own["kind"] == "norm"].head(3).sort_values("sure").reset_index(drop=True)
    norms = norms.assign(value=norms["mean"], low=norms["mean"] - norms["sd"], high=norms["mean"] + norms["sd"])
    norms = norms.assign(at=top * (1.08 + 0.1 * norms.index))
    for known, (how, _) in NORMS.items():
        some = norms[(norms["sure"] != "unverified") == known]
        point_ranges(place, some, color=INK, edgewidth=1, linewidth=1, **how)
    edge = own[own["kind"] == "range"].iloc[0]
    place.set(xlim=(edge["low"], edge["high"]), ylim=(0, top * 1.3), xlabel="", ylabel="")
    place.spines["left"].set_bounds(0, top)
    place.yaxis.set_major_locator(_whole(top))
    place.tick_params(labelsize=9, pad=2)


def _whole(top: float):
    """Ticks at a few whole numbers of persons up to the highest bin."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    return FixedLocator([v for v in MaxNLocator(3, integer=True).tick_values(0, top) if 0 <= v <= top])
