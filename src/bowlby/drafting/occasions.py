"""Texts that name occasions of measurement, and their order in time."""

from __future__ import annotations

import re
from functools import cache

from bowlby.drafting.columns import natural
from bowlby.drafting.vocabulary import CAPITAL, keyed, listed, words

SHORT = 2
PIECE = re.compile(r"[^\W\d_]+\d*|\d+[^\W\d_]*|[\W_]+")
THE_TREATMENT = r"[ -]+(?:(?:of|the|der|einer) )*(?:treatment|therapy|intervention|therapie|behandlung)"
OF_TREATMENT = [
    (re.compile(rf"\b(?:{begin}){THE_TREATMENT}\b|\b(?:therapie|behandlungs)(?:{begin})\b", re.IGNORECASE), word)
    for begin, word in (
        ("before|start|beginning|vor|beginn|anfang", "pre"),
        ("after|end|completion|nach|ende|abschluss", "post"),
        ("during|middle|mid|mitte|während", "mid"),
    )
]
"""Times of the treatment in several words, and the one word for each."""
START = re.compile(rf"(?:{'|'.join(keyed('occasions')['before'])})\d*", re.IGNORECASE)


@cache
def _occasion_pattern() -> re.Pattern:
    units, named = "|".join(listed("units")), "|".join(w for e in keyed("occasions").values() for w in e)
    return re.compile(rf"(?:{units})\d+|\d+(?:d|w|wk|m|mo|months?|weeks?|y)|(?:{named})\d*", re.IGNORECASE)


def is_occasion(text: str) -> bool:
    """Whether a text reads like an occasion: `t2`, `pre`, `fu3`, `12w`."""
    return bool(_occasion_pattern().fullmatch(text))


def pieces_of(text: str) -> list[str]:
    """The pieces of a text that may be an occasion; a capital begins a new one, except within an occasion."""
    return [p for piece in PIECE.findall(text) for p in ([piece] if is_occasion(piece) else CAPITAL.split(piece))]


def occasion_in(text: str) -> str | None:
    """The occasion that a label names, where it names exactly one; words of any sentence do not count."""
    pieces = pieces_of(_closed(text))
    named = dict.fromkeys(p for p in pieces if is_occasion(p) and p.lower() not in listed("weak"))
    return next(iter(named)) if len(named) == 1 else None


def _closed(text: str) -> str:
    """A text with the number of an occasion at its unit, and one word for a time of the treatment.

    `session 5` and `5. session` are `session5`, and `end of treatment` is `post`.
    """
    units = "|".join(u for u in listed("units") if len(u) > 2)
    for pattern, word in OF_TREATMENT:
        text = pattern.sub(word, text)
    text = re.sub(rf"\b(\d+)(?:\.|st|nd|rd|th)? ({units})\b", r"\2\1", text, flags=re.IGNORECASE)
    return re.sub(rf"\b({units}) (\d+)\b", r"\1\2", text, flags=re.IGNORECASE)


def occasions_after(text: str) -> list[str]:
    """The occasions in what follows an item's number; words count only where no sentence follows."""
    found = []
    for part in re.split(r"[():;,\[\]]", _closed(text)):
        short = len(words(part)) <= SHORT
        found += [p for p in pieces_of(part) if is_occasion(p) and (short or re.search(r"\d", p))]
    return found


def like_occasions(texts: list[str]) -> bool:
    """Whether texts all read like occasions."""
    return bool(texts) and all(any(is_occasion(p) for p in re.findall(r"[^\W_]+", t)) for t in texts)


def ordered(texts: list[str]) -> list[str]:
    """Occasions in time, as far as their names tell; otherwise in the order of the file."""
    numeric = natural(texts)
    if numeric != texts or all(t.isdigit() for t in texts):
        return numeric
    units = {re.split(r"\d", t)[0].lower() for t in texts if re.search(r"\d", t) and _stage(t) == 1}

    def place(item: tuple[int, str]):
        position, text = item
        number = re.search(r"\d+", text)
        stage = _stage(text)
        if not number or (stage == 1 and len(units) > 1):
            return (stage, 0, position)
        return (stage, int(number.group()), position)

    return [text for _, text in sorted(enumerate(texts), key=place)]


def is_later(text: str) -> bool:
    """Whether an occasion is long after the treatment: a follow-up."""
    return _stage(text) == 3


def _stage(text: str) -> int:
    """Before (0), during (1), after (2) or long after (3) the treatment; during where nothing says it."""
    said = [re.sub(r"\d", "", w) for w in re.findall(r"[^\W_]+", text.lower())]
    if len(text) == 1 and text in "AME":
        return "AME".index(text)
    return next((k for k, names in enumerate(keyed("occasions").values()) if set(said) & set(names)), 1)
