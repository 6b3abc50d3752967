"""All outcomes at a glance: slopes and what was decided of them, as a heat map."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bowlby.figures.canvas import INK, WIDTH
from bowlby.figures.forest import gather_domains
from bowlby.reasons import decimals
from bowlby.results import Results

EFFECTS = {"P": "P", "T": "T", "P-T": "P \N{MINUS SIGN} T", "P+T": "P + T"}
POOLED = "all together"


def gather(results: Results) -> pd.DataFrame | None:
    """From ``domains.json``: a row for each outcome, and for all together, and each contrast; None where not pooled."""
    record = results.json("domains.json")
    together = (record or {}).get("pooled") or {}
    if not record or "effects" not in together:
        return None
    labels = list(dict.fromkeys(gather_domains(results)["outcome"]))
    named = zip([*labels, POOLED], [*record["outcomes"], together], strict=True)
    rows = [
        {"outcome": label, "effect": effect, "estimate": e["estimate"], "ci_low": e["ci"][0], "ci_high": e["ci"][1]}
        for label, row in named
        for effect, e in ((name, row["effects"][name]) for name in EFFECTS)
    ]
    return pd.DataFrame(rows)


def draw(ax, data: pd.DataFrame) -> None:
    """Estimates on a scale that is even around 0; bold where the 95% interval does not include 0."""
    import seaborn

    outcomes = list(dict.fromkeys(data["outcome"]))
    wide = data.pivot_table(index="outcome", columns="effect", values="estimate").loc[outcomes, list(EFFECTS)]
    places = decimals(float((data["ci_high"] - data["ci_low"]).max()) / 2)
    words = wide.map(lambda value: f"{value:.{places}f}".replace("-", "\N{MINUS SIGN}"))
    most = max(0.1, float(np.abs(wide.to_numpy()).max()))
    ax.figure.set_size_inches(WIDTH, 1.6 + 0.55 * len(outcomes))
    seaborn.heatmap(wide, annot=words, fmt="", center=0, vmin=-most, vmax=most, cmap="PuOr_r", linewidths=1.2, ax=ax,
                    annot_kws={"fontsize": 10}, cbar_kws={"label": "SD of outcome per SD"})  # fmt: skip
    sure = {(r.outcome, r.effect) for r in data.itertuples() if r.ci_low > 0 or r.ci_high < 0}
    cells = [(outcome, effect) for outcome in outcomes for effect in EFFECTS]
    for cell, text in zip(cells, ax.texts, strict=True):
        shade = abs(wide.loc[cell]) / most
        text.set(color="white" if shade > 0.75 else INK, fontweight="bold" if cell in sure else "normal")
    ax.set_xticklabels(EFFECTS.values())
    ax.set(xlabel="", ylabel="")
    ax.axhline(len(outcomes) - 1, color=INK, lw=2)
    ax.tick_params(axis="y", rotation=0, length=0)
    ax.tick_params(axis="x", length=0)
