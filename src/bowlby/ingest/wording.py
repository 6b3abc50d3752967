"""Texts as they are compared, and the words that mean that nothing is known."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pandas as pd

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
    found = [text for text in cells.dropna().unique() if plain(text) in wanted]
    return cells.isin(found)
