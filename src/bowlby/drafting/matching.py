"""Blocks of columns to instruments of the library: by name, number of items, and the answers."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bowlby.drafting.columns import Column
from bowlby.drafting.naming import Block, says_score
from bowlby.drafting.vocabulary import bare, graded_answers, keyed, spaced
from bowlby.errors import count, existing
from bowlby.ingest.text_values import folded
from bowlby.instruments.catalogue import list_instruments, load_instrument
from bowlby.instruments.model import Instrument

SENTINELS = {-1, -7, -8, -9, -77, -88, -99, -777, -888, -999, -9999, 77, 88, 99, 777, 888, 999, 9999}
SLACK = 0.05
FAULTS = 0.02
MOST_ODD = 2
"""Different answers outside the range that are codes for missing; more of them are typing errors."""
FEWEST = 3
MOST_MISSING = 2
NEAR = 0.6
FAMILY = re.compile(r"[a-z]+")
TOKEN = re.compile(r"[^\W_]+")


@dataclass
class Match:
    """What a block may be.

    Attributes
    ----------
    instrument : str
        Id in the library.
    scale : str or None
        The scale, where the columns are scores already.
    named : bool
        Whether the columns' name or label speaks for it; else only number and range do.
    doubts : list of str
        What the reader should check.
    uncertain : bool
        Whether the guess rests on little.
    response : tuple or None
        Another response range, where the answers show one.
    missing : list of str
        Codes outside the range that look like codes for missing.
    answers : dict of float
        What answers written as words are taken to mean.
    mean : bool
        Whether given scores look like item means of an instrument that is summed.
    """

    instrument: str
    scale: str | None = None
    named: bool = True
    doubts: list[str] = field(default_factory=list)
    uncertain: bool = False
    response: tuple[float, float] | None = None
    missing: list[str] = field(default_factory=list)
    answers: dict[str, float] = field(default_factory=dict)
    mean: bool = False


def family(instrument: str) -> str:
    """The word that an instrument and its versions share: phq of phq9, wai of wai_sr."""
    return existing(FAMILY.match(instrument)).group()


def library(own_dir: Path | None = None) -> list[Instrument]:
    """All instruments that have items."""
    return [i for name in list_instruments(own_dir) if (i := load_instrument(name, own_dir)).n_items]


@cache
def _aliases(name: str, title: str) -> frozenset[str]:
    """What an instrument is called, as letters and digits: its id, with 2 for II, and the short names in its title."""
    own = {bare(name), bare(name.removesuffix("_ii")) + "2" if name.endswith("_ii") else bare(name)}
    short = {bare(t) for t in re.findall(r"\b[A-Z][A-Za-z]*-?[A-Z0-9][\w-]*", title)}
    return frozenset(own | {t for t in short if t.startswith(family(name)[:2]) and t != family(name)})


def named_by(instrument: Instrument, text: str) -> int:
    """How clearly a text names an instrument: 4 and 3 by its own name, 2 nearly, 1 by its family, 0 not at all."""
    tokens = [t.lower() for t in TOKEN.findall(spaced(text))]
    joined = {"".join(tokens[i : i + k]) for k in (1, 2, 3) for i in range(len(tokens) - k + 1)}
    heads = {m.group() for t in tokens if (m := FAMILY.match(t))}
    own, root = _aliases(instrument.id, instrument.name), family(instrument.id)
    texts = joined | heads
    if own & texts:
        return 3 + any(a != root for a in own & texts)
    if any((t.endswith(a) and len(t) - len(a) <= 2) or t.startswith(a) for a in own if len(a) > 2 for t in texts):
        return 2
    if root in heads | set(tokens):
        return 1
    return int(len(root) > 2 and any(t.startswith(root) and len(t) - len(root) <= 3 for t in heads - _common_words()))


@cache
def _common_words() -> frozenset[str]:
    """Words that name a scale or a score and no instrument."""
    return frozenset(w for each in (*keyed("scales").values(), *keyed("scores").values()) for w in each)


def sizes(known: list[Instrument]):
    """The function from a text to the numbers of items of the instruments that it names best."""

    @cache
    def of(text: str) -> set[int]:
        ranks = {i: rank for i in range(len(known)) if (rank := named_by(known[i], text))}
        return {known[i].n_items for i, rank in ranks.items() if rank == max(ranks.values())}

    return of


def match(block: Block, columns: dict[str, Column], known: list[Instrument]) -> Match | None:
    """The instrument of a block, or None where nothing speaks for one."""
    profiles = [columns[c] for c in block.columns]
    if block.pattern.endswith("_complete") or all(p.empty for p in profiles):
        return None
    if block.n:
        return _items(block, profiles, known)
    return _score(block, profiles, known) if all(p.numeric or p.empty for p in profiles) else None


def _items(block: Block, profiles: list[Column], known: list[Instrument]) -> Match | None:
    named = {i.id: rank for i in known if (rank := max(named_by(i, block.stem), named_by(i, block.label)))}
    alike = [i for i in known if i.n_items == block.n and (not named or i.id in named)]
    if not alike:
        return None
    if not all(p.numeric or p.empty for p in profiles):
        return _in_words(block, profiles, alike, named)
    counts: Counter[float] = Counter()
    for p in profiles:
        counts.update(p.levels or ({p.low: 1, p.high: p.n} if p.low is not None and p.high is not None else {}))
    whole = all(p.whole or p.empty for p in profiles)
    if not whole:
        alike = [i for i in alike if named and i.answers[1] - i.answers[0] >= 10]
    codes = {v for v in counts if v in SENTINELS and all(not _within(v, i) for i in alike)}
    answers = {v: n for v, n in counts.items() if v not in codes}
    if not answers or not alike:
        return None
    if not named:
        return _unnamed(alike, answers, codes)
    best = sorted(alike, key=lambda i: (-named[i.id], _outside(answers, i), i.answers[1]))
    surest, faults = named[best[0].id], FAULTS * sum(answers.values())
    fitting = [i for i in best if named[i.id] == surest and _outside(answers, i) <= faults]
    return _named(fitting or best, answers, codes, surest)


def _named(fitting: list[Instrument], answers: dict[float, int], codes: set[float], surest: int) -> Match:
    """The match of a block whose name speaks for one instrument or several versions of it."""
    chosen = fitting[0]
    found = Match(chosen.id)
    low, high = chosen.answers
    odd = {v for v in answers if not _within(v, chosen)}
    moved = [(low + s, high + s) for s in (-1, 1) if odd and all(low + s <= v <= high + s for v in answers)]
    shifted = moved[0] if moved else None
    rare = sum(answers[v] for v in odd) < 0.5 * sum(answers.values())
    if odd and shifted and not (0 in odd and low == 1 and high in answers):
        found.response = shifted
        found.doubts.append(f"answers run from {min(answers):g} to {max(answers):g}, the instrument's from {low:g} to "
                            f"{high:g}; is it another version?")  # fmt: skip
    elif odd and rare and len(odd) <= MOST_ODD and all(v in (0, 9) or v < 0 or answers[v] > 2 for v in odd):
        codes = codes | odd
    elif odd and rare:
        found.doubts.append(f"{count(sum(answers[v] for v in odd), 'answer')} outside {low:g} to {high:g}")
    elif odd:
        found.response = (min(min(answers), 1), max(answers))
        found.uncertain = True
        found.doubts.append(f"answers run from {min(answers):g} to {max(answers):g}, the instrument's from {low:g} to "
                            f"{high:g}; is it another version?")  # fmt: skip
    top = max((v for v in answers if v not in codes), default=high)
    if not found.response and top <= high - 2 and high - low >= 4:
        found.doubts.append(f"no answer above {top:g}; if the form ends there, add `response:`")
    others = [i.id for i in fitting[1:] if i.id != chosen.id]
    if others and surest < 3:
        found.doubts.append(f"could be {', '.join(others)} as well")
    if codes:
        found.missing = [f"{v:g}" for v in sorted(codes)]
        found.doubts.append(f"{', '.join(found.missing)} taken as codes for missing")
    return found


def _unnamed(alike: list[Instrument], answers: dict[float, int], codes: set[float]) -> Match | None:
    """The match of a block that only the number of items and the range speak for."""
    low, high = min(answers), max(answers)
    fitting = [i for i in alike if i.answers == (low, high)]
    if not fitting:
        return None
    found = Match(fitting[0].id, named=False, uncertain=True, missing=[f"{v:g}" for v in sorted(codes)])
    found.doubts.append(f"inferred only from the number of items and the range ({low:g} to {high:g})")
    found.doubts += [f"could be {', '.join(i.id for i in fitting[1:])} as well"] if len(fitting) > 1 else []
    found.doubts += [f"{', '.join(found.missing)} taken as codes for missing"] if codes else []
    return found


def _in_words(block: Block, profiles: list[Column], alike: list[Instrument], named: dict[str, int]) -> Match | None:
    """The match of a block whose answers are written as words."""
    texts = list(dict.fromkeys(t for p in profiles if not p.numeric for t in p.texts))
    if not texts or any(not p.texts and not p.empty for p in profiles):
        return None
    graded = [(numbers, i) for i in alike if (numbers := meaning(texts, *i.answers)) is not None]
    if graded:
        numbers, chosen = max(graded, key=lambda pair: named.get(pair[1].id, 0))
        found = Match(chosen.id, named=bool(named) or len(graded) == 1, answers=numbers, uncertain=not named)
        found.doubts.append("answers in words; check the numbers that they are given")
        others = [i.id for _, i in graded if i.id != chosen.id and named.get(i.id, 0) == named.get(chosen.id, 0)]
        found.doubts += [f"could be {', '.join(others)} as well"] if others else []
        return found
    best = max(alike, key=lambda i: named.get(i.id, 0))
    if not named or len(texts) > 2 * (best.answers[1] - best.answers[0] + 1):
        return None
    return Match(best.id, uncertain=True, doubts=["answers in words; add `answers:` with what each means as a number"])


def meaning(texts: list[str], low: float, high: float) -> dict[str, float] | None:
    """Answers in words as numbers from ``low`` to ``high``; None where their order is not known."""
    steps = int(high - low) + 1
    coded = {t: m for t in texts if (m := re.fullmatch(r"([A-Za-z]+)(\d)", t.strip()))}
    if len(coded) == len(texts) and len({m[1] for m in coded.values()}) == 1:
        numbers = {t: low + int(m[2]) - 1 for t, m in coded.items()}
        return numbers if all(low <= n <= high for n in numbers.values()) else None
    begun = {t: m for t in texts if (m := re.match(r"\s*(-?\d+)\b|.*\((\d+)\)\s*$", t))}
    if len(begun) == len(texts):
        numbers = {t: float(m.group(1) or m.group(2)) for t, m in begun.items()}
        return numbers if all(low - 1 <= n <= high + 1 for n in numbers.values()) else None
    plain = {t: folded(t) for t in texts if t not in begun}
    for family_ in graded_answers():
        if len(family_) == steps and all(any(p in step for step in family_) for p in plain.values()):
            numbers = {t: low + next(k for k, step in enumerate(family_) if p in step) for t, p in plain.items()}
            return numbers | {t: float(m.group(1) or m.group(2)) for t, m in begun.items()}
    return None


def _within(value: float, instrument: Instrument) -> bool:
    return instrument.answers[0] <= value <= instrument.answers[1]


def _outside(answers: dict[float, int], instrument: Instrument) -> int:
    return sum(n for v, n in answers.items() if not _within(v, instrument))


def _score(block: Block, profiles: list[Column], known: list[Instrument]) -> Match | None:
    """A column of scores: named after an instrument, and within the range of one of its scales, the tightest first."""
    tokens = [t.lower() for t in re.findall(r"[^\W\d_]+", spaced(block.text))]
    levels = {v for p in profiles for v in (*p.levels, p.low, p.high) if v is not None}
    ranked = [(r, i) for i in known if (r := max(named_by(i, block.stem), named_by(i, block.label)))]
    fits = [(rank, fit) for rank, i in ranked for scale in scales_named(tokens, i)
            if (fit := _scale_fit(i, scale, levels, says_score(block.text)))]  # fmt: skip
    if not fits:
        return None
    best, (chosen, scale, width, mean, codes) = max(fits, key=lambda pair: (pair[0], -pair[1][2]))
    seen = sorted(levels - codes) or sorted(levels)
    low, high = chosen.answers if mean else chosen.range_of(scale)
    values = f"its values run from {seen[0]:.4g} to {seen[-1]:.4g}, {scale} from {low:g} to {high:g}"
    doubts = [f"a score already? {values}"]
    others = list(dict.fromkeys(fit[0].id for rank, fit in fits if rank == best and fit[0].id != chosen.id))
    doubts += [f"could be of {', '.join(others)} as well"] if others and best < 3 else []
    unsure = width > 2 or (bool(others) and best < 3)
    missing = [f"{v:g}" for v in sorted(codes)]
    return Match(chosen.id, scale, doubts=doubts, uncertain=unsure, missing=missing, mean=mean)


def _scale_fit(
    instrument: Instrument, scale: str, levels: set[float], said: bool
) -> tuple[Instrument, str, float, bool, set[float]] | None:
    """Whether values fit a scale: the scale's range in units of theirs, if they are item means, codes for missing."""
    terms = instrument.terms(scale)
    codes = {v for v in levels if v in SENTINELS and v < 0}
    for extra in (set(), {v for v in levels if v in SENTINELS}):
        inside = sorted(levels - codes - extra)
        if not inside:
            continue
        mean = terms > 1 and inside[-1] <= instrument.answers[1] and any(v % 1 for v in inside)
        low, high = instrument.answers if mean else instrument.range_of(scale)
        slack = SLACK * (high - low)
        if low - slack <= inside[0] and inside[-1] <= high + slack:
            return instrument, scale, (high - low) / max(inside[-1] - low, 1e-9), mean, codes | extra
    return (instrument, scale, 9.0, False, codes) if said else None


def scales_named(tokens: list[str], instrument: Instrument) -> list[str]:
    """The scales of an instrument that words name; its total where they name none."""
    scales, synonyms = list(instrument.all_scales()), keyed("scales")
    own = [t for t in tokens if not any(t.startswith(a) for a in {family(instrument.id)} if len(a) > 2)]
    found = []
    for scale in scales:
        parts = scale.split("_")
        if scale != "total" and (
            set(parts) <= set(own)
            or any(t in synonyms.get(scale, ()) for t in own)
            or any(len(t) > 2 and parts[0].startswith(t) for t in own)
        ):
            found.append(scale)
    if found:
        return found
    return ["total"] if "total" in scales else scales if len(scales) == 1 else []


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
    runs = [b for b in found if b.n >= FEWEST and b.regular]
    blocks = [(b, own) for b in runs if (own := [i for i in named if named_by(i, b.stem)])]
    single = [b for b in found if not (b.n or b.times)]
    asked = {b.pattern: near for b in single if (near := [k for k, own in blocks if _like_item(b, k, own)])}
    names, whole = {c for b in found for c in b.columns}, []
    for block, own in blocks:
        if block.times or not block.regular or set(block.columns) & matched:
            continue
        free = [c for c, near in asked.items() if block in near]
        likely = sorted(own, key=lambda i, block=block: -named_by(i, block.stem))
        whole += [odd for i in likely if (odd := _whole(block.pattern, i, names, free))][:1]
    left = [c for c in asked if not any(c in odd.used for odd in whole)]
    longest = max((i.n_items for _, own in blocks for i in own), default=0)
    return whole + [Odd([c], _nearest(c, asked[c], longest)) for c in left]


def _like_item(single: Block, block: Block, own: list[Instrument]) -> bool:
    """Whether a column carries the word of a block's instruments, and a number that is not part of their name."""
    if says_score(single.text) or not {family(i.id) for i in own} & {w.rstrip("s") for w in single.words}:
        return False
    plain = _plain(single.pattern.replace(single.when or "\0", ""))
    stems = [_plain(block.pattern.partition("{n")[0]), *(_plain(i.id) for i in own)]
    return all(re.search(r"\d", plain.replace(stem, "", 1)) for stem in stems)


def _plain(name: str) -> str:
    return bare(name.replace("{t}", ""))


def _whole(pattern: str, instrument: Instrument, names: set[str], free: list[str]) -> Odd | None:
    """An instrument whose few missing items have an odd column each; None where it is not whole even so."""
    items = [_item(pattern, k) for k in range(1, instrument.n_items + 1)]
    missing = [name for name in items if name not in names]
    if not 1 <= len(missing) <= MOST_MISSING or _item(pattern, instrument.n_items + 1) in names:
        return None
    place: dict[str, str] = {}
    for name in missing:
        left = [c for c in free if c not in items and c not in place.values()]
        near = difflib.get_close_matches(name, left, n=1, cutoff=NEAR)
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
