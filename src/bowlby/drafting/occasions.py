"""Texts that name occasions of measurement, and their order in time."""

from __future__ import annotations

import re
from functools import cache

from bowlby.drafting.columns import natural
from bowlby.drafting.vocabulary import keyed, listed

START = re.compile(rf"(?:{'|'.join(keyed('occasions')['before'])})\d*", re.IGNORECASE)


@cache
def _occasion_pattern() -> re.Pattern:
    units, named = "|".join(listed("units")), "|".join(w for e in keyed("occasions").values() for w in e)
    return re.compile(rf"(?:{units})\d+|\d+(?:d|w|wk|m|mo|months?|weeks?|y)|(?:{named})\d*", re.IGNORECASE)


def is_occasion(text: str) -> bool:
    """Whether a text reads like an occasion: `t2`, `pre`, `fu3`, `12w`."""
    return bool(_occasion_pattern().fullmatch(text))


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


def _stage(text: str) -> int:
    """Before (0), during (1), after (2) or long after (3) the treatment; during where nothing says it."""
    said = [re.sub(r"\d", "", w) for w in re.findall(r"[^\W_]+", text.lower())]
    if len(text) == 1 and text in "AME":
        return "AME".index(text)
    return next((k for k, names in enumerate(keyed("occasions").values()) if set(said) & set(names)), 1)
