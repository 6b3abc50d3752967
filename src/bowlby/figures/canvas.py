"""The sheet that every figure is drawn on, and its four files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bowlby.config.words import Wording
from bowlby.files import atomic, harmless, write_csv

KINDS = ("svg", "pdf", "png")
METADATA = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
# Okabe and Ito's palette: told apart with any colour vision, and in grey.
BLUE, VERMILION, INK, GREY, BAND, PALE = "#0072b2", "#d55e00", "#222222", "#6b6b6b", "#dfe4e8", "#eef3f7"
WIDTH = 5.4
STYLE = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "white",
    "font.size": 12,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "savefig.facecolor": "white",
    "svg.hashsalt": "bowlby",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


USUAL = Wording()


def nothing(ax, data: pd.DataFrame) -> None:
    """A sheet that says that there is nothing to draw."""
    ax.axis("off")
    ax.text(0.5, 0.5, "not available with these data", ha="center", va="center", color=GREY)


def save(folder: Path, name: str, data: pd.DataFrame, draw: Callable, wording: Wording = USUAL) -> list[Path]:
    """Draw data and write ``figures/<name>.svg``, ``.pdf``, ``.png`` and ``figures/data/<name>.csv``.

    Parameters
    ----------
    folder : Path
        The run's folder.
    name : str
        The figure's name.
    data : DataFrame
        What is drawn; the same bytes of all four files come from the same data.
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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        (nothing if data.empty else draw)(figure.subplots(), data)
        if wording.words:
            _reword(figure, wording)
        written = [
            atomic(
                folder / f"figures/{name}.{kind}",
                lambda path, kind=kind: figure.savefig(path, format=kind, metadata=METADATA[kind], dpi=200),
            )
            for kind in KINDS
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
