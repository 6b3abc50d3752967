"""What the text of a cell means: a number, a date, no answer; and how texts are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa

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
    read = pd.to_datetime(texts, format=_format(style), errors="coerce")
    days = pd.array([None if pd.isna(d) else d.date() for d in [*read, pd.NaT]], dtype=DATE)
    return pd.Series(days[codes], index=cells.index)


def styles_of(cells: pd.Series) -> dict[str, int]:
    """How many of the cells each common style can read; only styles that read any, the most able first."""
    counts = {style: int(parse_dates(cells, style).notna().sum()) for style in COMMON}
    return dict(sorted(((s, n) for s, n in counts.items() if n), key=lambda item: -item[1]))


def _format(style: str) -> str:
    return style.replace("YYYY", "%Y").replace("MMM", "%b").replace("MM", "%m").replace("DD", "%d")


# What word processors and keyboards write for the same sign.
TYPOGRAPHIC = str.maketrans(
    dict.fromkeys("‘’‚‛′`´ʼ", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-")
)
UNKNOWN = frozenset(
    (
        "na n/a #n/a #na n.a. nan null #null! none missing unknown unk . .. ... - -- --- ? ?? k.a. "
        "unbekannt fehlt fehlend inconnu desconocido onbekend"
    ).split()
) | {"k. a.", "not known", "not available", "keine angabe", "nicht bekannt", "no answer", "no data"}
NOBODY = frozenset(
    "nobody unassigned tba tbd n.n. keine keiner kein niemand waitlist wait-list warteliste various multiple several "
    "other others verschiedene mehrere".split()
) | {"not assigned", "no therapist", "kein therapeut", "wait list", "waiting list", "no treatment", "none assigned"}
NOT_ANSWERED = frozenset(
    {
        "missing", "user missing", "user-missing", "system missing", "system-missing", "sysmis", "missing value",
        "missing data", "no answer", "not answered", "unanswered", "no response", "nonresponse", "non-response",
        "not ascertained", "not reported", "not recorded", "not asked", "refused", "refusal", "refused to answer",
        "declined", "declined to answer", "skipped", "seen but not answered", "seen, but not answered", "na", "n/a",
        "no data", "keine angabe", "keine angaben", "keine antwort", "ohne angabe", "k.a.", "k. a.",
        "fehlt", "fehlend", "fehlender wert",
        "nicht beantwortet", "verweigert", "antwort verweigert", "nicht erhoben", "non réponse", "sin respuesta",
    }
)  # fmt: skip
NO_NUMBER = NOT_ANSWERED | {
    "unknown", "not known", "don't know", "dont know", "do not know", "dk", "not applicable", "inapplicable",
    "i don't know", "not available", "prefer not to say", "prefer not to answer",
    "prefer not to disclose", "rather not say", "unbekannt", "weiss nicht", "weiss ich nicht",
    "nicht anwendbar", "möchte nicht antworten", "möchte ich nicht angeben",
}  # fmt: skip


def plain(text: str) -> str:
    """A text with one form for accents, quotes, dashes and spaces; capitals stay."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(TYPOGRAPHIC))
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(text.split())


def folded(text: str) -> str:
    """A text as answers are compared: :func:`plain`, and without case."""
    return plain(text).casefold()


def one_spelling(cells: pd.Series) -> pd.Series:
    """Cells that differ only in the form of accents, quotes, dashes or spaces, all written as the first of them."""
    first: dict[str, str] = {}
    written = {text: first.setdefault(plain(text), text) for text in cells.dropna().unique()}
    return cells.map(written) if any(a != b for a, b in written.items()) else cells


def codes_labelled(labels: dict[str, str], words: frozenset[str]) -> list[str]:
    """The codes whose value label is one of some words."""
    return [code for code, label in labels.items() if {folded(label), folded(label).strip("()[]<>*. ")} & words]


def among(cells: pd.Series, texts: Iterable[str]) -> pd.Series:
    """Which cells are one of some texts, whatever the form of accents, quotes, dashes and spaces."""
    wanted = {plain(text) for text in texts}
    if not wanted:
        return pd.Series(False, index=cells.index)
    matches = [text for text in cells.dropna().unique() if plain(text) in wanted]
    return cells.isin(matches)
