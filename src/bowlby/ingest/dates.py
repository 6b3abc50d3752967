"""Dates in the one style that the study file states; other styles are reported, never guessed."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

DATE = pd.ArrowDtype(pa.date32())
ISO = "YYYY-MM-DD"
COMMON = (
    ISO,
    "DD.MM.YYYY",
    "DD/MM/YYYY",
    "MM/DD/YYYY",
    "DD-MM-YYYY",
    "MM-DD-YYYY",
    "YYYY/MM/DD",
    "YYYYMMDD",
    "DDMMMYYYY",
    "DD-MMM-YYYY",
    "DD MMM YYYY",
)
CLOCK = r"[ T]\d{1,2}:\d{2}.*$"


def parse_dates(cells: pd.Series, style: str) -> pd.Series:
    """Cells as dates; what is not written in the style is missing.

    Parameters
    ----------
    cells : Series of str
        Missing where empty.
    style : str
        Made of YYYY, MM or MMM, and DD.

    Returns
    -------
    Series of date
    """
    codes, written = pd.factorize(cells)
    texts = pd.Series(written, dtype=object).astype(str).str.strip().str.replace(CLOCK, "", regex=True)
    found = pd.to_datetime(texts, format=_format(style), errors="coerce")
    days = pd.array([None if pd.isna(d) else d.date() for d in [*found, pd.NaT]], dtype=DATE)
    return pd.Series(days[codes], index=cells.index)


def styles_of(cells: pd.Series) -> dict[str, int]:
    """How many of the cells each common style can read; only styles that read any, the most able first."""
    counts = {style: int(parse_dates(cells, style).notna().sum()) for style in COMMON}
    return dict(sorted(((s, n) for s, n in counts.items() if n), key=lambda item: -item[1]))


def _format(style: str) -> str:
    return style.replace("YYYY", "%Y").replace("MMM", "%b").replace("MM", "%m").replace("DD", "%d")
