"""Where the variance of outcome lies, and what accounts for it: in all, within therapists, between them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bowlby.figures.canvas import BLUE, GREY, INK, VERMILION, WIDTH
from bowlby.figures.forest import rows_named
from bowlby.results import Results

LEVELS = {"total": "all outcome\nvariance", "within": "within\ntherapists", "between": "between\ntherapists"}
# Part: level it belongs to, colour, hatch and words.
PARTS = {
    "before_within": ("within", "#c9d3da", "", "before treatment, within"),
    "perceived": ("within", BLUE, "", "perceived attachment"),
    "rest_within": ("within", "#f2f4f6", "", "not explained, within"),
    "before_between": ("between", "#8c9aa5", "", "before treatment, between"),
    "style": ("between", VERMILION, "///", "therapist's own style"),
    "rest_between": ("between", "#e3c9a8", "\\\\", "other differences between therapists"),
}
LABELLED = 0.045


def gather(results: Results) -> pd.DataFrame | None:
    """From ``estimands/e2.json``."""
    record = results.json("estimands/e2.json")
    return partition_data(record) if record else None


def partition_data(record: Mapping) -> pd.DataFrame:
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
    import seaborn
    from matplotlib.colors import to_hex
    from matplotlib.patches import Patch

    ax.figure.set_size_inches(WIDTH, 4.4)
    levels, colours = list(LEVELS), {part: colour for part, (_, colour, *_) in PARTS.items()}
    table = data.assign(at=len(levels) - 1 - data["level"].map(levels.index))
    table = table[table["drawn"] > 0]
    seaborn.histplot(table, y="at", weights="drawn", hue="part", hue_order=list(PARTS)[::-1], multiple="stack",
                     discrete=True, palette=colours, alpha=1, shrink=0.62, edgecolor="white", linewidth=0.8,
                     legend=False, ax=ax)  # fmt: skip
    for bar in ax.patches:
        _, colour, hatch, _ = PARTS[next(p for p, c in colours.items() if c == to_hex(bar.get_facecolor()))]
        bar.set_hatch(hatch)
        if bar.get_width() >= LABELLED:
            x, y = bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height() / 2
            box = {"boxstyle": "round,pad=0.15", "fc": colour, "ec": "none"} if hatch else None
            ax.text(x, y, f"{100 * bar.get_width():.0f}%", ha="center", va="center", fontsize=10.5,
                    color="white" if colour in (BLUE, VERMILION) else INK, bbox=box)  # fmt: skip
    keys = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white" if hatch else GREY, lw=0.6, label=words)
        for _, colour, hatch, words in PARTS.values()
    ]
    rows_named(ax, LEVELS.values())
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    ax.set_xlabel("share of variance (each bar is 100%)")
    ax.figure.legend(handles=keys, loc="outside lower center", ncols=2, columnspacing=1.0, handlelength=1.2)
