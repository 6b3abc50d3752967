"""The sheet that every figure is drawn on, and its four files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.config.labels import Wording
from bowlby.errors import existing
from bowlby.files import atomic, harmless, write_csv

FORMATS = ("svg", "pdf", "png")
METADATA = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
# Okabe and Ito's palette is safe for any colour vision. Blue and vermilion are alike in grey, so that no figure
# distinguishes things by hue alone: each has a marker, a line style or a label of its own too.
BLUE, VERMILION, INK, GREY, BAND, PALE = "#0072b2", "#d55e00", "#222222", "#6b6b6b", "#dfe4e8", "#eef3f7"
WIDTH = 5.4
DPI = 200
STYLE = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 12,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.facecolor": "white",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 12,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "legend.title_fontsize": 10.5,
    "savefig.facecolor": "white",
    "svg.hashsalt": "bowlby",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 11,
    "xtick.major.width": 0.8,
    "ytick.color": INK,
    "ytick.labelsize": 11,
    "ytick.major.width": 0.8,
}


USUAL = Wording()


def nothing(ax, data: pd.DataFrame) -> None:
    """A sheet that says that there is nothing to draw."""
    ax.axis("off")
    ax.text(0.5, 0.5, "not available with these data", ha="center", va="center", color=GREY)


def point_ranges(ax, data: pd.DataFrame, along: str = "x", **how) -> None:
    """Draw points with an interval each, rows without an estimate left out.

    Parameters
    ----------
    ax : matplotlib Axes
    data : DataFrame
        ``at`` (place on the other axis), ``value``, ``low`` and ``high``.
    along : {"x", "y"}
        Axis of the values.
    **how
        Of the points ``color``, ``marker``, ``pointsize`` (0: the intervals alone), ``edgecolor``, ``edgewidth`` and
        ``fill`` (False: hollow); of the intervals ``linewidth`` and ``linestyle``.
    """
    rows = data[["at", "value", "low", "high"]].to_numpy(float)
    rows = rows[~np.isnan(rows[:, 1])]
    if not len(rows):
        return
    at, value, low, high = rows.T
    colour, size, fill = how.get("color", INK), how.get("pointsize", 6), how.get("fill", True)
    lines = ax.hlines if along == "x" else ax.vlines
    lines(at, low, high, color=colour, lw=how.get("linewidth"), ls=how.get("linestyle", "-"), capstyle="butt")
    if size:
        ax.scatter(*((value, at) if along == "x" else (at, value)), s=size**2, marker=how.get("marker", "o"),
                   color=colour if fill else "white", edgecolors=how.get("edgecolor", None if fill else colour),
                   linewidths=how.get("edgewidth", 1.2 if fill else 1.6))  # fmt: skip


def dots(ax, x: pd.Series, y: pd.Series, s, **how) -> None:
    """Draw points of such an area, each with a thin white edge."""
    if len(x):
        ax.scatter(x, y, s=s, **{"edgecolor": "white", "linewidth": 0.08 * np.sqrt(np.percentile(s, 10)), **how})


def steps(ax, bins: pd.DataFrame, height: pd.Series, alpha: float, along: str = "x", **how) -> None:
    """Draw the outline of a histogram over a pale area.

    Parameters
    ----------
    ax : matplotlib Axes
    bins : DataFrame
        ``low`` and ``high``, each bin beginning where the one before it ends.
    height : Series
        Of each bin.
    alpha : float
        Opacity of the area.
    along : {"x", "y"}
        Axis of the bins.
    **how
        Properties of the outline, ``color`` among them.
    """
    from matplotlib.colors import to_rgba

    colour = how.pop("color")
    draw, across = (ax.fill_between, "y") if along == "x" else (ax.fill_betweenx, "x")
    area = draw([*bins["low"], bins["high"].iloc[-1]], 0, [*height, height.iloc[-1]], step="post",
                facecolor=to_rgba(colour, alpha), edgecolor=colour, **how)  # fmt: skip
    getattr(area.sticky_edges, across).append(0)


def note(ax, x: float, y: float, text: str, **how):
    """Words on a drawing, legible over what is below them."""
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0}
    return ax.text(x, y, text, **{"fontsize": 10.5, "bbox": box, **how})


def keys(ax, *entries: tuple[str, dict]) -> list:
    """Entries of a legend: words and the properties of an empty line."""
    return [ax.plot([], [], label=label, **how)[0] for label, how in entries]


def save(folder: Path, name: str, data: pd.DataFrame, draw: Callable, wording: Wording = USUAL) -> list[Path]:
    """Draw data and write ``figures/<name>.svg``, ``.pdf``, ``.png`` and ``figures/data/<name>.csv``.

    Parameters
    ----------
    folder : Path
        The run's folder.
    name : str
        The figure's name.
    data : DataFrame
        What is drawn; the same data give the same bytes of all four files.
    draw : callable
        ``draw(ax, data)``; may set the size of ``ax.figure``. Not called where there are no data.
    wording : Wording
        What patients and therapists are called in it.

    Returns
    -------
    list of Path
        The four files.
    """
    import matplotlib
    import seaborn
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        # what seaborn itself calls in matplotlib and pandas is no result of a run
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="seaborn")
        matplotlib.rcdefaults()
        seaborn.set_theme("paper", "ticks", rc=STYLE)
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained", dpi=DPI)  # widths of letters depend on it
        FigureCanvasAgg(figure)
        (nothing if data.empty else draw)(figure.subplots(), data)
        if wording.words:
            _reword(figure, wording)
        for _ in range(2):  # the second pass knows the ticks of the first
            existing(figure.get_layout_engine()).execute(figure)
        figure.set_layout_engine(None)  # laid out here, and not drawn once more for each file
        written = [
            atomic(
                folder / f"figures/{name}.{kind}",
                lambda path, kind=kind: figure.savefig(path, format=kind, metadata=METADATA[kind], dpi=DPI),
            )
            for kind in FORMATS
        ]
    return [*written, write_csv(folder / f"figures/data/{name}.csv", harmless(data))]


def _reword(figure, wording: Wording) -> None:
    """Put a run's own words into everything written on a figure, the names on its axes included."""
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            named = axis.get_major_formatter()
            if isinstance(named, FixedFormatter | FuncFormatter):
                axis.set_major_formatter(FuncFormatter(lambda x, at=None, named=named: wording(named(x, at))))
    for text in figure.findobj(Text):
        text.set_text(wording(text.get_text()))
