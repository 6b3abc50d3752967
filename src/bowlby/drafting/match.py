"""Blocks of columns to instruments of the library: by name, number of items, and range of the answers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bowlby.drafting.blocks import Block
from bowlby.drafting.profile import Column
from bowlby.ingest.issues import count
from bowlby.instruments.catalogue import list_instruments, load_instrument
from bowlby.instruments.model import Instrument

SENTINELS = {-1, -7, -8, -9, -77, -88, -99, -777, -888, -999, -9999, 77, 88, 99, 777, 888, 999, 9999}
SLACK = 0.05
FAULTS = 0.02
FAMILY = re.compile(r"[a-z]+")


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
        Whether the columns' name speaks for it; else only number and range do.
    doubts : list of str
        What the reader should check.
    response : tuple or None
        Another response range, where the answers show one.
    missing : list of str
        Codes outside the range that look like codes for missing.
    """

    instrument: str
    scale: str | None = None
    named: bool = True
    doubts: list[str] = field(default_factory=list)
    response: tuple[float, float] | None = None
    missing: list[str] = field(default_factory=list)


def family(instrument: str) -> str:
    """The word that an instrument and its versions share: phq of phq9, wai of wai_sr."""
    return FAMILY.match(instrument).group()


def library(own_dir: Path | None = None) -> list[Instrument]:
    """All instruments that have items."""
    return [load_instrument(name, own_dir) for name in list_instruments(own_dir)]


def match(block: Block, columns: dict[str, Column], known: list[Instrument]) -> Match | None:
    """The instrument of a block, or None where nothing speaks for one."""
    profiles = [columns[c] for c in block.columns]
    if block.pattern.endswith("_complete"):
        return None
    if not all(p.numeric or p.empty for p in profiles) or all(p.empty for p in profiles):
        return None
    if block.n:
        return _items(block, profiles, known)
    return _score(block, profiles, known)


def _items(block: Block, profiles: list[Column], known: list[Instrument]) -> Match | None:
    counts: Counter[float] = Counter()
    for p in profiles:
        counts.update(p.levels)
    named = [i for i in known if family(i.id) in block.words]
    alike = [i for i in named or known if i.n_items == block.n]
    if not alike or not counts or not all(p.whole or p.empty for p in profiles):
        return None
    codes = {v for v in counts if v in SENTINELS and all(not _within(v, i) for i in alike)}
    answers = {v: n for v, n in counts.items() if v not in codes}
    if not answers:
        return None
    inside = [i for i in alike if _outside(answers, i) <= FAULTS * sum(answers.values())]
    low, high = min(answers), max(answers)
    found = Match(alike[0].id, missing=[f"{v:g}" for v in sorted(codes)])
    if not named:
        inside = [i for i in inside if i.response == (low, high)]
        found.named = False
        found.doubts.append(f"only the number of items and the range ({low:g} to {high:g}) speak for it")
        if not inside:
            return None
    best = sorted(inside, key=lambda i: (named_by(i.id, block), -_outside(answers, i), -i.response[1]), reverse=True)
    if best:
        _tell(found, best, answers)
    else:
        found.response = (min(low, 1), high)
        own = alike[0].response
        found.doubts.append(
            f"answers run from {low:g} to {high:g}, the instrument's from {own[0]:g} to {own[1]:g}; "
            "is it another version?"
        )
    if codes:
        found.doubts.append(f"{', '.join(found.missing)} taken as codes for missing")
    return found


def _tell(found: Match, best: list[Instrument], answers: dict[float, int]) -> None:
    found.instrument, (low, high) = best[0].id, best[0].response
    faults, top = _outside(answers, best[0]), max(v for v in answers if _within(v, best[0]))
    if len(best) > 1:
        found.doubts.append(f"could be {', '.join(i.id for i in best[1:])} as well")
    if faults:
        found.doubts.append(f"{count(faults, 'answer')} outside {low:g} to {high:g}")
    if top <= high - 2 and high - low >= 4:
        found.doubts.append(f"no answer above {top:g}; if the form ends there, add `response:`")


def _within(value: float, instrument: Instrument) -> bool:
    return instrument.response[0] <= value <= instrument.response[1]


def _outside(answers: dict[float, int], instrument: Instrument) -> int:
    return sum(n for v, n in answers.items() if not _within(v, instrument))


def named_by(name: str, block: Block) -> int:
    """How much of an instrument's id the columns' name holds."""
    bare = re.sub(r"[\W_]+", "", block.pattern.replace("{t}", "").replace("{n}", "")).lower()
    whole = name.replace("_", "")
    return 2 if whole in bare else int(all(part in bare for part in re.findall("[a-z]+", name)))


def _score(block: Block, profiles: list[Column], known: list[Instrument]) -> Match | None:
    words = set(re.findall(r"[^\W\d_]+", block.pattern.replace("{t}", " ").lower()))
    levels = {v for p in profiles for v in (*p.levels, p.low, p.high) if v is not None}
    codes = {v for v in levels if v in SENTINELS and v < 0}
    seen = sorted(levels - codes) or sorted(levels)
    for instrument in known:
        word, scales = family(instrument.id), instrument.all_scales()
        if word not in words or len(word) < 3:
            continue
        scale = next((s for s in scales if set(s.split("_")) <= words), "total")
        if scale not in scales:
            continue
        low, high = instrument.range_of(scale)
        slack = SLACK * (high - low)
        if not (low - slack <= seen[0] and seen[-1] <= high + slack):
            continue
        doubts = [
            f"a score already? its values run from {seen[0]:.4g} to {seen[-1]:.4g}, {scale} from {low:g} to {high:g}"
        ]
        others = [i.id for i in known if family(i.id) == word and i.id != instrument.id]
        doubts += [f"could be of {', '.join(others)} as well"] if others else []
        return Match(instrument.id, scale, doubts=doubts, missing=[f"{v:g}" for v in sorted(codes)])
    return None
