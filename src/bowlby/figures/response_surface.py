"""Response surfaces within the area of the data, with both lines and the therapists by their score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bowlby.figures.canvas import BLUE, GREY, INK, WIDTH, keys
from bowlby.results import Results

GRID = 41
COLUMNS = ["scale", "kind", "x", "w", "y", "low", "high", "n", "x_label", "w_label"]
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "congruence": ("line of congruence", {"color": INK, "lw": 1.8}),
    "incongruence": ("line of incongruence", {"color": INK, "lw": 1.4, "ls": "--"}),
}


def gather(results: Results) -> pd.DataFrame | None:
    """From ``response_surface.json``."""
    record = results.json("response_surface.json")
    if not record:
        return None
    rows = [row for surface in record["surfaces"] for row in surface_data(surface)]
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[2:7], float) | {"n": "Int64"})


def surface_data(surface: Mapping) -> Iterator[dict]:
    """Rows of one panel, in points of the scale.

    Yields
    ------
    dict
        kind ``surface``: predicted outcome y (SD, difference from its mean; higher is better) at X and W within the
        area of the data; ``congruence`` and ``incongruence``: ends of the two lines within it; ``therapists_w`` or
        ``therapists_x``: number n of therapists with scores from low to high.
    """
    if surface["area"] is None:
        return
    x, w = surface["labels"]
    origin, unit = ([0.0, 0.0], [1.0, 1.0]) if surface["standardised"] else (surface["origins"], surface["units"])
    words = "SD from the norm" if surface["standardised"] else "points"
    head = {"scale": surface["scale"], "x_label": f"{x} ({words})", "w_label": f"{w} ({words})"}
    points = _within(np.array(surface["area"]))
    y = surface_at(surface, points) - surface["mean"]
    for (one, other), value in zip((points * unit + origin).tolist(), y.tolist(), strict=True):
        yield {**head, "kind": "surface", "x": one, "w": other, "y": value}
    for line, sign in (("congruence", 1.0), ("incongruence", -1.0)):
        for end in surface["inside"][line] or []:
            yield {**head, "kind": line, "x": origin[0] + end * unit[0], "w": origin[1] + sign * end * unit[1]}
    for side, bins in surface["therapists"].items():
        k = ("surface_x", "surface_w").index(side)
        for low, high, n in bins:
            ends = {"low": origin[k] + low * unit[k], "high": origin[k] + high * unit[k]}
            yield {**head, "kind": f"therapists_{side[-1]}", "n": n, **ends}


def surface_at(surface: Mapping, points: np.ndarray) -> np.ndarray:
    """Predicted outcome in SD at points (X, W), shape (n, 2), without the constant."""
    b1, b2, b3, b4, b5 = (surface["contrasts"][f"b{k}"]["estimate"] for k in range(1, 6))
    x, w = np.asarray(points, float).T
    return b1 * x + b2 * w + b3 * x**2 + b4 * x * w + b5 * w**2


def _within(corners: np.ndarray) -> np.ndarray:
    """Points of a grid within a convex area, and points on its edges."""
    from matplotlib.path import Path

    low, high = corners.min(axis=0), corners.max(axis=0)
    grid = np.stack(np.meshgrid(*(np.linspace(*ends, GRID) for ends in zip(low, high, strict=True))), axis=-1)
    grid = grid.reshape(-1, 2)
    share = np.linspace(0, 1, 9)[:-1, None]
    edges = [a + share * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    return np.vstack([grid[Path(corners).contains_points(grid)], *edges])


def draw(ax, data: pd.DataFrame) -> None:
    """Draw a panel for each scale, one below the other."""
    figure = ax.figure
    ax.remove()
    scales = list(dict.fromkeys(data["scale"]))
    figure.set_size_inches(WIDTH, 4.6 * len(scales) + 0.7)
    for place, scale in zip(figure.subplots(len(scales), 1, squeeze=False)[:, 0], scales, strict=True):
        _panel(place, data[data["scale"] == scale])
    figure.legend(handles=keys(place, *LINES.values()), loc="outside upper center", ncols=2, handlelength=1.8)


def _panel(place, own: pd.DataFrame) -> None:
    import seaborn
    from matplotlib.ticker import MaxNLocator

    surface = own[own["kind"] == "surface"]
    columns = [surface[name].to_numpy(float) for name in ("x", "w", "y")]
    levels = MaxNLocator(8).tick_values(columns[2].min(), columns[2].max())
    place.tricontourf(*columns, levels=levels, cmap=seaborn.light_palette(BLUE, as_cmap=True), alpha=0.75)
    lines = place.tricontour(*columns, levels=levels, colors=GREY, linewidths=0.7, linestyles="solid")
    place.clabel(lines, fontsize=9, fmt=lambda v: f"{v:.2g}".replace("-", "−"), colors=INK)
    for line, (_, how) in LINES.items():
        ends = own[own["kind"] == line]
        place.plot(ends["x"], ends["w"], **how)
    for axis, name in (("x", "x"), ("y", "w")):
        ends = own.loc[own["kind"] == f"therapists_{name}", ["low", "high"]].to_numpy(float).ravel()
        shown = np.concatenate([surface[name].to_numpy(float), ends])
        margin = 0.04 * np.ptp(shown)
        place.set(**{f"{axis}lim": (shown.min() - margin, shown.max() + margin)})
    place.set(aspect="equal", xlabel=own["x_label"].iloc[0], ylabel=own["w_label"].iloc[0])
    place.set_title("on the lines: predicted outcome (SD from its mean; higher is better)", fontsize=9.5, loc="left")
    for side, inset in (("w", [1.02, 0, 0.1, 1]), ("x", [0, 1.1, 1, 0.1])):
        _therapists(place, own[own["kind"] == f"therapists_{side}"], side, inset)


def _therapists(place, bins: pd.DataFrame, side: str, where: list[float]) -> None:
    """Therapists by score along the axis of their side."""
    if bins.empty:
        return
    margin = place.inset_axes(where, **{"sharey" if side == "w" else "sharex": place})
    size, middle = bins["high"] - bins["low"], (bins["high"] + bins["low"]) / 2
    tall = bins["n"].astype(float) / size
    if side == "w":
        margin.barh(middle, tall, height=size, color=GREY, alpha=0.5, edgecolor="white")
    else:
        margin.bar(middle, tall, width=size, color=GREY, alpha=0.5, edgecolor="white")
    margin.axis("off")
    at, turned = ((1.1, 0.5), 270) if side == "w" else ((0.5, 1.1), 0)
    margin.text(*at, f"{int(bins['n'].sum())} therapists", rotation=turned, ha="center", va="center", fontsize=9.5,
                transform=margin.transAxes)  # fmt: skip
