"""Numbers written as text: which sign is the decimal sign, and whether the other one separates thousands."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

OTHER = {".": ",", ",": "."}


def read_numerals(texts: pd.Series, decimal: str, thousands: bool | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Texts as numbers.

    The sign that is not the decimal sign separates thousands only if each one in the column has three digits after it
    and one value settles it (two such signs, or one and a decimal sign: ``1.234,5``). If it could be either, as in
    ``1.234`` with a decimal comma, the text is not read. With a decimal comma a point is read where it can only be a
    decimal sign (``22.1``), as programs write it in what they calculate.

    Parameters
    ----------
    texts : Series of str
    decimal : {".", ","}
        The file's decimal sign.
    thousands : bool, optional
        Whether the study file says that the other sign separates thousands (True) or is a decimal sign too (False).

    Returns
    -------
    numbers : ndarray of float
        NaN for what is no number, and for what could be two.
    ambiguous : ndarray of bool
        Texts that could be either of two numbers.
    """
    other = OTHER[decimal]
    mixed = texts.str.contains(other, regex=False).to_numpy(bool)
    read = _numbers(texts if decimal == "." else texts.str.replace(",", ".", regex=False))
    if not mixed.any():
        return read, np.zeros(len(texts), dtype=bool)
    grouped = texts.str.fullmatch(_grouped(decimal)).to_numpy(bool) & mixed
    settled = texts.str.fullmatch(_grouped(decimal, settled=True)).to_numpy(bool)
    as_thousands = _numbers(texts.str.replace(other, "", regex=False).str.replace(decimal, ".", regex=False))
    if thousands is None and grouped.any():
        single = mixed & ~grouped & texts.str.fullmatch(rf"[+-]?\d*{re.escape(other)}\d+").to_numpy(bool)
        if single.any() or not settled.any():
            return np.where(grouped, np.nan, read), grouped
        thousands = True
    if thousands:
        return np.where(mixed, np.where(grouped, as_thousands, np.nan), read), np.zeros(len(texts), dtype=bool)
    if thousands is False:
        return _numbers(texts.str.replace(",", ".", regex=False)), np.zeros(len(texts), dtype=bool)
    return read, np.zeros(len(texts), dtype=bool)


def _grouped(decimal: str, settled: bool = False) -> str:
    """Digits in groups of three; ``settled``: such as can be read in one way only."""
    other, point = re.escape(OTHER[decimal]), re.escape(decimal)
    first = r"[+-]?[1-9]\d{0,2}"
    if settled:
        return rf"{first}(?:(?:{other}\d{{3}}){{2,}}(?:{point}\d+)?|{other}\d{{3}}{point}\d+)"
    return rf"{first}(?:{other}\d{{3}})+(?:{point}\d+)?"


def _numbers(texts: pd.Series) -> np.ndarray:
    return pd.to_numeric(texts.astype(object), errors="coerce").to_numpy(float)
