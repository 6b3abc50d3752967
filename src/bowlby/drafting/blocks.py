"""Column names as item blocks: a pattern with {n} where the item number stands, {t} where the occasion stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

FEWEST = 3
NUMBER = re.compile(r"\d+")
PIECE = re.compile(r"[^\W\d_]+\d*|\d+[^\W\d_]*|[\W_]+")
UNIT = (
    "t|s|w|wk|v|m|d|y|fu|tp|mo|time|week|woche|month|monat|months|day|tag|year|session|sess|sitzung|visit|wave|"
    "followup|kat|katamnese|mzp|occ|occasion|event|measurement|meas"
)
WORDS = (
    "pre|post|prae|prä|baseline|bl|base|intake|aufnahme|entlassung|admission|discharge|termination|end|ende|start|"
    "begin|mid|middle|before|after|screening|fu|followup|katamnese|initial|final|enrol|enrolment|enrollment"
)
TIMELIKE = re.compile(rf"(?:{UNIT})\d+|\d+(?:d|w|wk|m|mo|months?|weeks?|y)|(?:{WORDS})\d*", re.IGNORECASE)


@dataclass
class Block:
    """Columns that differ only in a running number, or one column; over occasions where the names hold them.

    Attributes
    ----------
    pattern : str
        Column name with {n} for the item number and {t} for the occasion, where they stand.
    columns : list of str
        All columns of it, in order.
    n : int
        Items at one occasion; 0 where it is a single column.
    times : list of str
        The texts at {t}; empty where the names hold no occasion.
    when : str or None
        The occasion in the names, where they hold one only.
    """

    pattern: str
    columns: list[str]
    n: int
    times: list[str] = field(default_factory=list)
    when: str | None = None

    @property
    def words(self) -> list[str]:
        """The words of the name, in small letters, without numbers and occasions."""
        name = self.pattern.replace("{t}", " ").replace("{n}", " ")
        return [w.lower() for w in re.findall(r"[^\W\d_]+", name)]


def blocks(columns: list[str]) -> list[Block]:
    """All blocks and single columns of a file, in the order of the file.

    Parameters
    ----------
    columns : list of str

    Returns
    -------
    list of Block
        Each column is in exactly one.
    """
    found, single = _numbered(columns)
    return sorted(_over_time([*found, *single]), key=lambda b: columns.index(b.columns[0]))


def _numbered(columns: list[str]) -> tuple[list[Block], list[Block]]:
    candidates: dict[str, dict[int, str]] = {}
    for name in columns:
        for match in NUMBER.finditer(name):
            if _is_time(name, match):
                continue
            key = f"{name[: match.start()]}{{n}}{name[match.end() :]}"
            candidates.setdefault(key, {})[int(match.group())] = name
    found, taken = [], set()
    for key, held in sorted(candidates.items(), key=lambda item: -len(item[1])):
        held = {n: c for n, c in held.items() if c not in taken}
        n = 0
        while n + 1 in held:
            n += 1
        if n >= FEWEST:
            run = [held[i] for i in range(1, n + 1)]
            taken |= set(run)
            found.append(Block(_padded(key, run), run, n))
    return found, [Block(c, [c], 0) for c in columns if c not in taken]


def _padded(key: str, run: list[str]) -> str:
    """The pattern, with the width of zero-padded numbers."""
    at = key.index("{n}")
    width = len(run[0]) - len(key) + 3
    return f"{key[:at]}{{n:0{width}}}{key[at + 3 :]}" if width > 1 else key


def _is_time(name: str, match: re.Match) -> bool:
    """Whether a number belongs to an occasion: `t2_phq_1`, but not `s2` alone, which is an item."""
    start = 0
    for piece in PIECE.findall(name):
        end = start + len(piece)
        if start <= match.start() < end:
            rest = name[:start] + name[end:]
            return bool(TIMELIKE.fullmatch(piece)) and bool(re.search(r"[^\W\d_]", rest))
        start = end
    return False


def _over_time(found: list[Block]) -> list[Block]:
    """Blocks and columns whose names differ only in the occasion, put together."""
    groups: dict[tuple[str, int], list[tuple[str, Block]]] = {}
    alone = []
    for block in found:
        split = _time_piece(block.pattern)
        if split:
            groups.setdefault((split[0], block.n), []).append((split[1], block))
        else:
            alone.append(block)
    merged = []
    for (pattern, n), members in groups.items():
        if len(members) > 1:
            columns = [c for _, b in members for c in b.columns]
            merged.append(Block(pattern, columns, n, [text for text, _ in members]))
        else:
            text, only = members[0]
            merged.append(replace(only, when=text))
    return [*alone, *merged]


def _time_piece(pattern: str) -> tuple[str, str] | None:
    pieces = re.split(r"(\{n(?::\d+)?\})", pattern)
    for at, part in enumerate(pieces):
        start = 0
        for piece in PIECE.findall(part) if not part.startswith("{n") else []:
            end = start + len(piece)
            new = part[:start] + "{t}" + part[end:]
            rest = "".join(pieces[:at]) + part[:start] + part[end:] + "".join(pieces[at + 1 :])
            if TIMELIKE.fullmatch(piece) and re.search(r"[^\W\d_]", rest.replace("{n", "")):
                return "".join(pieces[:at]) + new + "".join(pieces[at + 1 :]), piece
            start = end
    return None
