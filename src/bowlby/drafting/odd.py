"""Columns that look like an item whose name is misspelt: asked about, never taken for a score."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from bowlby.drafting.blocks import Block
from bowlby.drafting.match import family, named_by
from bowlby.instruments.model import Instrument

FEWEST = 3
MOST = 2
NEAR = 0.6


@dataclass(frozen=True)
class Odd:
    """Columns with an item's number that are in no running block.

    Attributes
    ----------
    columns : list of str
        The columns whose names are odd.
    nearest : dict of str
        Column: the nearest name of an item.
    instrument : str or None
        The instrument that would be whole with them.
    items : tuple of str
        All its item columns in order, the odd ones in their places.
    """

    columns: list[str]
    nearest: dict[str, str]
    instrument: str | None = None
    items: tuple[str, ...] = ()

    @property
    def used(self) -> set[str]:
        """All columns that it speaks for."""
        return {*self.columns, *self.items}


def odd_items(found: list[Block], known: list[Instrument], matched: set[str]) -> list[Odd]:
    """Columns to ask about, each once; those that make an instrument whole come with all its items.

    Parameters
    ----------
    found : list of Block
        All blocks and single columns of a file.
    known : list of Instrument
    matched : set of str
        Columns of the blocks that an instrument was found for.
    """
    named = [i for i in known if len(family(i.id)) > 2]
    blocks = [(b, own) for b in found if b.n >= FEWEST and (own := [i for i in named if family(i.id) in b.words])]
    single = [b for b in found if not (b.n or b.times)]
    asked = {b.pattern: near for b in single if (near := [k for k, own in blocks if _like_item(b, k, own)])}
    names, told = {c for b in found for c in b.columns}, []
    for block, own in blocks:
        if block.times or set(block.columns) & matched:
            continue
        free = [c for c, near in asked.items() if block in near]
        likely = sorted(own, key=lambda i, block=block: -named_by(i.id, block))
        told += [odd for i in likely if (odd := _whole(block.pattern, i, names, free))][:1]
    left = [c for c in asked if not any(c in odd.used for odd in told)]
    longest = max((i.n_items for _, own in blocks for i in own), default=0)
    return told + [Odd([c], _nearest(c, asked[c], longest)) for c in left]


def _like_item(single: Block, block: Block, own: list[Instrument]) -> bool:
    """Whether a column carries the word of a block's instruments, and a number that is not part of their name."""
    if not {family(i.id) for i in own} & set(single.words):
        return False
    bare = _bare(single.pattern.replace(single.when or "\0", ""))
    stems = [_bare(block.pattern.partition("{n")[0]), *(_bare(i.id) for i in own)]
    return all(re.search(r"\d", bare.replace(stem, "", 1)) for stem in stems)


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.replace("{t}", "")).lower()


def _whole(pattern: str, instrument: Instrument, names: set[str], asked: list[str]) -> Odd | None:
    """An instrument whose few missing items have an odd column each; None where it is not whole even so."""
    items = [_item(pattern, k) for k in range(1, instrument.n_items + 1)]
    missing = [name for name in items if name not in names]
    if not 1 <= len(missing) <= MOST or _item(pattern, instrument.n_items + 1) in names:
        return None
    place: dict[str, str] = {}
    for name in missing:
        free = [c for c in asked if c not in items and c not in place.values()]
        near = difflib.get_close_matches(name, free, n=1, cutoff=NEAR)
        if not near:
            return None
        place[name] = near[0]
    nearest = {column: name for name, column in place.items()}
    return Odd(list(nearest), nearest, instrument.id, tuple(place.get(name, name) for name in items))


def _item(pattern: str, number: int) -> str:
    return pattern.format(n=number, t="{t}")


def _nearest(column: str, blocks: list[Block], longest: int) -> dict[str, str]:
    """The item's name that is nearest to a column."""
    items = [_item(b.pattern, k) for b in blocks for k in range(1, longest + 1)]
    near = difflib.get_close_matches(column, items, n=1, cutoff=NEAR)
    return {column: near[0]} if near else {}
