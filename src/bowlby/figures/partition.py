"""Where the variance of outcome lies, and what accounts for it: in all, within therapists, between them."""

from __future__ import annotations

import pandas as pd

from bowlby.figures.canvas import BLUE, GREY, INK, VERMILION, WIDTH
from bowlby.results import Results

LEVELS = {"total": "all outcome\nvariance", "within": "within\ntherapists", "between": "between\ntherapists"}
# Part: level it belongs to, colour, hatch and words.
PARTS = {
    "before_within": ("within", "#c9d3da", "", "before treatment, within"),
    "perceived": ("within", BLUE, "", "perceived attachment"),
    "rest_within": ("within", "#f2f4f6", "", "not explained, within"),
    "before_between": ("between", "#8c9aa5", "", "before treatment, between"),
    "style": ("between", VERMILION, "///", "therapist's own style"),
    "rest_between": ("between", "#e3c9a8", "", "other differences between therapists"),
}
LABELLED = 0.045


def gather(results: Results) -> pd.DataFrame | None:
    """From ``estimands/e2.json``."""
    record = results.json("estimands/e2.json")
    return partition_data(record) if record else None


def partition_data(record: dict) -> pd.DataFrame:
    """Shares of all variance and of each level's own, in bars that each sum to 1.

    The denominators are those of the model without either predictor, as for E2 and E3. A share that is estimated
    below 0 (a predictor worth less than chance would give) is drawn as 0.

    Returns
    -------
    DataFrame
        level (total, within, between), part, share, drawn.
    """
    base, full = record["base"], record["full"]
    perceived = full["f1_corrected"] - base["f1_corrected"]
    style = full["f2_corrected"] - base["f2_corrected"]
    before = {"within": max(base["f1_corrected"], 0.0), "between": max(base["f2_corrected"], 0.0)}
    sizes = {
        "before_within": before["within"],
        "perceived": perceived,
        "rest_within": base["within"] - before["within"] - max(perceived, 0.0),
        "before_between": before["between"],
        "style": style,
        "rest_between": base["between"] - before["between"] - max(style, 0.0),
    }
    rows = []
    for level in LEVELS:
        parts = {k: v for k, v in sizes.items() if level in ("total", PARTS[k][0])}
        drawn = sum(max(v, 0.0) for v in parts.values())
        whole = base[level]
        for part, size in parts.items():
            rows.append((level, part, size / whole if whole else None, max(size, 0.0) / drawn if drawn else None))
    return pd.DataFrame(rows, columns=["level", "part", "share", "drawn"]).astype({"share": float, "drawn": float})


def draw(ax, data: pd.DataFrame) -> None:
    """Draw three bars of parts, each part named once below."""
    from matplotlib.patches import Patch

    ax.figure.set_size_inches(WIDTH, 4.4)
    for y, level in enumerate(reversed(LEVELS)):
        left = 0.0
        for row in data[data["level"] == level].itertuples(index=False):
            if not row.drawn > 0:
                continue
            _, colour, hatch, _ = PARTS[row.part]
            ax.barh(y, row.drawn, left=left, height=0.62, color=colour, hatch=hatch, edgecolor="white", lw=0.8)
            if row.drawn >= LABELLED:
                dark = colour in (BLUE, VERMILION)
                box = {"boxstyle": "round,pad=0.15", "fc": colour, "ec": "none"} if hatch else None
                ax.text(left + row.drawn / 2, y, f"{100 * row.drawn:.0f}%", ha="center", va="center", fontsize=10.5,
                        color="white" if dark else INK, bbox=box)  # fmt: skip
            left += row.drawn
    keys = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white" if hatch else GREY, lw=0.6, label=words)
        for _, colour, hatch, words in PARTS.values()
    ]
    ax.set_yticks(range(len(LEVELS)), list(reversed(LEVELS.values())))
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    ax.set_xlabel("share of the bar's variance")
    ax.figure.legend(handles=keys, loc="outside lower center", ncols=2, columnspacing=1.0, handlelength=1.2)
