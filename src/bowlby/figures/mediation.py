"""Indirect, direct and total effects of styles, by mediator."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bowlby.figures.canvas import BLUE, INK, VERMILION, WIDTH
from bowlby.figures.forest import point_groups
from bowlby.results import Results
from bowlby.terms import IN_SENTENCES

KINDS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "indirect": ("through the mediator", 0.2, {"color": BLUE, "marker": "o"}),
    "direct": ("not through it", 0.0, {"color": VERMILION, "marker": "D"}),
    "total": ("total", -0.2, {"color": INK, "marker": "s", "fill": False}),
}
STYLES = {"patient": "patient's style", "therapist": "therapist's style"}
COLUMNS = ["label", "style", "mediator", "kind", "estimate", "ci_low", "ci_high"]


def gather(results: Results) -> pd.DataFrame | None:
    """From ``mediation.json``: a row for each style, mediator and kind of effect; missing where not estimable."""
    record = results.json("mediation.json")
    if not record:
        return None
    rows = []
    for one in record["mediators"]:
        for style, name in STYLES.items():
            if effects := one[style]:
                label = f"{name}\nthrough {IN_SENTENCES[one['mediator']]}"
                for kind in KINDS:
                    e = effects.get(kind) or {}
                    limits = e.get("ci") or [None, None]
                    rows.append((label, style, one["mediator"], kind, e.get("estimate"), *limits))
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[4:], float))


def draw(ax, data: pd.DataFrame) -> None:
    """Draw the effects from top to bottom; a direct effect without an interval is a point alone."""
    labels = list(dict.fromkeys(data["label"]))
    ax.figure.set_size_inches(WIDTH, 1.7 + 0.85 * len(labels))
    ax.axvline(0, color=INK, lw=1)
    data = data.rename(columns={"estimate": "value"})
    data["low"], data["high"] = data["ci_low"].fillna(data["value"]), data["ci_high"].fillna(data["value"])
    handles = point_groups(ax, data, "label", "kind", KINDS)
    for label in data.loc[(data["kind"] == "indirect") & data["value"].isna(), "label"]:
        at = len(labels) - 1 - labels.index(label) + KINDS["indirect"][1]
        ax.text(0.02, at, "not estimable", transform=ax.get_yaxis_transform(), va="center", fontsize=10.5, color=BLUE)
    ax.set_xlabel("SD of outcome per SD of style\n(above 0: better outcome)")
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1.2)
