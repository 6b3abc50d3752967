"""Column names and labels as blocks of items: what differs only in a running number, at one occasion or several."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

from bowlby.drafting.occasions import is_occasion, occasion_in, occasions_after, pieces_of
from bowlby.drafting.vocabulary import bare, listed, vocabulary, words

FEWEST, LONG, MOST_WAVES = 3, 4, 8
EXTRA = 2
"""Most columns that may follow the items of an instrument under its name, such as a question on impairment."""
NUMBER = re.compile(r"\d+")
MARKED_ITEM = re.compile(r"\{n(?::\d+)?\}")
WAVE = re.compile(r"(?<=[\W_])\d+$|(?<=[\W_])\d+(?=[\W_])|(?<=[A-Za-z])\d+(?=[\W_])|(?<![^\W_])[A-Za-z](?![^\W_])")
SPLIT = re.compile(r" / | - | – |: |\. |\[|\? ")


def says_score(text: str) -> bool:
    """Whether a name or label says that the column is a score."""
    said = {*words(text), *re.findall(r"[a-zäöü]+", text.lower())}
    return bool(said & {*listed("scores", "total"), *listed("scores", "mean")})


@dataclass
class Block:
    """Columns that differ only in a running number, or one column; over occasions where the names hold them.

    Attributes
    ----------
    pattern : str
        Column name with {n} for the item number and {t} for the occasion, where they stand; of columns without a
        common pattern, what their names or labels share.
    columns : list of str
        All columns of it, in order.
    n : int
        Items at one occasion; 0 where it is a single column.
    times : list of str
        The texts at {t}; empty where the names hold no occasion.
    when : str or None
        The occasion in the names, where they hold one only.
    label : str
        What the labels of its columns share.
    regular : bool
        Whether ``pattern`` gives the columns' names.
    """

    pattern: str
    columns: list[str]
    n: int
    times: list[str] = field(default_factory=list)
    when: str | None = None
    label: str = ""
    regular: bool = True

    @property
    def words(self) -> list[str]:
        """The words of the name, in small letters, without numbers and occasions."""
        return words(self.stem)

    @property
    def stem(self) -> str:
        """The name without numbers and occasions."""
        return MARKED_ITEM.sub(" ", self.pattern.replace("{t}", " "))

    @property
    def text(self) -> str:
        """Name and label."""
        return f"{self.stem} {self.label}".strip()


def blocks(
    columns: list[str],
    labels: dict[str, str] | None = None,
    sizes: Callable[[str], set[int]] = lambda text: set(),
    alike: Callable[[str, str], bool] = lambda one, other: True,
) -> list[Block]:
    """All blocks and single columns of a file, in the order of the file.

    Parameters
    ----------
    columns : list of str
    labels : dict of str, optional
        What the file says that columns mean.
    sizes : callable
        Numbers of items of the instruments that a text names.
    alike : callable
        Whether two columns next to each other hold the same kind of answers.

    Returns
    -------
    list of Block
        Each column is in exactly one.
    """
    labels, place = labels or {}, {c: i for i, c in enumerate(columns)}
    found: list[Block] = []
    left = list(columns)
    for handles in (_by_name, _by_label, _by_side, _by_name_alone):
        new, left = handles(left, labels, place, sizes, alike)
        found += new
    found = [part for block in found for part in _fitted(block, labels, sizes)]
    single = [Block(c, [c], 0, label=labels.get(c, "")) for c in left]
    merged = _over_time(_waves([*found, *single], sizes))
    for block in merged:
        if block.when and not block.regular and (m := re.search(re.escape(block.when), block.label, re.IGNORECASE)):
            block.when = m.group()
        if not (block.times or block.when) and block.label and (block.n or says_score(block.label)):
            block.when = occasion_in(block.label)
    return sorted(merged, key=lambda b: place[b.columns[0]])


def _by_name(columns, labels, place, sizes, alike) -> tuple[list[Block], list[str]]:
    """Blocks by a number in the names; capitals and separators do not count."""
    whole: dict[str, dict[int, str]] = {}
    begun: dict[str, dict[int, str]] = {}
    for name in columns:
        for match in NUMBER.finditer(name):
            if _is_time(name, match):
                continue
            before, after = _folded(name[: match.start()]), _folded(name[match.end() :])
            _hold(whole, f"{before}{{n}}{after}", int(match.group()), name)
            if len(after) > 2 and bare(before):
                times = occasions_after(name[match.end() :])
                _hold(begun, f"{before}{{n}}|{'|'.join(times)}", int(match.group()), name)
    found, taken = _runs(whole, set(), lambda key, run: _coherent(key, run, labels, sizes))
    more, taken = _runs(begun, taken)
    letters, taken = _lettered([c for c in columns if c not in taken], taken, sizes)
    blocks_ = [_block(run, key, labels) for key, run in [*found, *more, *letters]]
    return blocks_, [c for c in columns if c not in taken]


def _coherent(key: str, run: list[str], labels: dict[str, str], sizes) -> bool:
    """Whether columns whose names are alike belong together by their labels too, or by an instrument in the name."""
    texts = [labels[c] for c in run if c in labels]
    if len(texts) < len(run) / 2 or sizes(key.replace("{n}", " ")):
        return True
    first = [words(t)[:1] for t in texts]
    return all(f == first[0] for f in first) and bool(first[0])


def _by_name_alone(columns, labels, place, sizes, alike) -> tuple[list[Block], list[str]]:
    """Blocks by a number in the names of columns whose labels have nothing in common, of the same kind of answers."""
    held: dict[str, dict[int, str]] = {}
    for name in columns:
        for match in NUMBER.finditer(name):
            key = f"{_folded(name[: match.start()])}{{n}}{_folded(name[match.end() :])}"
            _hold(held, key, int(match.group()), name)
    found, taken = _runs(held, set(), lambda key, run: all(map(alike, run, run[1:])))
    return [_block(run, key, labels) for key, run in found], [c for c in columns if c not in taken]


def _by_label(columns, labels, place, sizes, alike) -> tuple[list[Block], list[str]]:
    """Blocks by a number in the labels, of columns whose names say nothing."""
    held: dict[str, dict[int, str]] = {}
    for name in columns:
        text = labels.get(name, "")
        for match in NUMBER.finditer(text):
            before = _folded(text[: match.start()])
            if bare(before) and not _is_time(text, match):
                times = occasions_after(text[match.end() :])
                _hold(held, f"{before}{{n}}|{'|'.join(times)}", int(match.group()), name)
    found, taken = _runs(held, set())
    return [_block(run, key, labels) for key, run in found], [c for c in columns if c not in taken]


def _by_side(columns, labels, place, sizes, alike) -> tuple[list[Block], list[str]]:
    """Blocks of columns side by side whose labels, or names, begin alike and that hold the same kind of answers."""
    runs: list[list[str]] = []
    for name in columns:
        text = labels.get(name) or name
        last = runs[-1][-1] if runs else None
        if (
            last is not None
            and place[name] == place[last] + 1
            and _lead(text)
            and _lead(text) == _lead(labels.get(last) or last)
            and alike(last, name)
        ):
            runs[-1].append(name)
        else:
            runs.append([name])
    long = [run for run in runs if len(run) >= FEWEST]
    taken = {c for run in long for c in run}
    named = [_block(run, _lead(labels.get(run[0]) or run[0]) + "{n}", labels) for run in long]
    return named, [c for c in columns if c not in taken]


def _lead(text: str) -> str:
    """What stands before the last separator of a label: the question above a grid."""
    parts = list(SPLIT.finditer(text))
    return text[: parts[-1].start()].strip() if parts else ""


def _hold(held: dict[str, dict[int, str]], key: str, number: int, name: str) -> None:
    """Keep a column under a key and a number; numbers that begin anew have a group of their own."""
    while held.setdefault(key, {}).setdefault(number, name) != name:
        key = f"{key} "


def _runs(
    held: dict[str, dict[int, str]], taken: set[str], fits=lambda key, run: True
) -> tuple[list[tuple[str, list[str]]], set[str]]:
    """The longest runs of numbers from 1, each column once."""
    found = []
    for key, group in sorted(held.items(), key=lambda item: -len(item[1])):
        free = {n: c for n, c in group.items() if c not in taken}
        n = 0
        while n + 1 in free:
            n += 1
        run = [free[i] for i in range(1, n + 1)]
        if n >= FEWEST and fits(key, run):
            taken = taken | set(run)
            found.append((key, run))
    return found, taken


def _lettered(columns: list[str], taken: set[str], sizes) -> tuple[list[tuple[str, list[str]]], set[str]]:
    """Items by letters, as `rq_a` to `rq_d`, where an instrument of that many items is named."""
    held: dict[str, dict[int, str]] = {}
    for name in columns:
        if match := re.fullmatch(r"(.*[^a-zA-Z]|.*(?=[A-Z]$))([a-hA-H])", name):
            _hold(held, f"{_folded(match[1])}{{n}}", ord(match[2].lower()) - 96, name)
    return _runs({k: h for k, h in held.items() if len(h) in sizes(k.replace("{n}", " "))}, taken)


def _folded(text: str) -> str:
    """A piece of a name, with one sign for all separators."""
    return re.sub(r"[\W_]+", "_", text).lower()


def _block(run: list[str], key: str, labels: dict[str, str]) -> Block:
    """The block of a run; its pattern is that of the names, where they have one."""
    label = _common([labels.get(c, "") for c in run])
    for match in NUMBER.finditer(run[0]):
        for width in (1, len(match.group())):
            number = "{n}" if width == 1 else f"{{n:0{width}}}"
            before, after = run[0][: match.start()], run[0][match.end() :]
            if run == [f"{before}{k:0{width}}{after}" for k in range(1, len(run) + 1)]:
                pattern = f"{before}{number}{after}".replace("{t}", "")
                return Block(pattern, run, len(run), when=_after_bar(key, pattern), label=label)
    stem = f"{key.partition('|')[0]} "
    return Block(stem, run, len(run), when=_after_bar(key, stem), label=label or _common(run), regular=False)


def _after_bar(key: str, pattern: str) -> str | None:
    """The one occasion that the columns of a key have in common, where their pattern does not hold it."""
    texts = [t for t in key.partition("|")[2].split("|") if t]
    return texts[0] if len(texts) == 1 and texts[0] not in pattern else None


def _common(texts: list[str]) -> str:
    """What texts share at their beginning, or else the first of them; empty where there are none."""
    filled = [t for t in texts if t]
    if not filled:
        return ""
    shortest = min(map(len, filled))
    end = next((i for i in range(shortest) if len({text[i] for text in filled}) > 1), shortest)
    return filled[0][:end].strip() or filled[0]


def _fitted(block: Block, labels: dict[str, str], sizes) -> list[Block]:
    """A block without the few columns that follow the items of the instrument it names."""
    known = sizes(block.text)
    fitting = [n for n in known if 0 < block.n - n <= EXTRA]
    if len(known) != 1 or not fitting:
        return [block]
    n = max(fitting)
    rest = [Block(c, [c], 0, label=labels.get(c, "")) for c in block.columns[n:]]
    return [replace(block, columns=block.columns[:n], n=n), *rest]


def _is_time(name: str, match: re.Match) -> bool:
    """Whether a number belongs to an occasion: `t2_phq_1`, but not `s2` alone, which is an item."""
    start = 0
    for piece in pieces_of(name):
        end = start + len(piece)
        if start <= match.start() < end:
            rest = name[:start] + name[end:]
            return is_occasion(piece) and bool(re.search(r"[^\W\d_]", rest))
        start = end
    return False


def _waves(found: list[Block], sizes) -> list[Block]:
    """Blocks whose names differ only in a number before the item, or in a letter for the occasion, with {t} there."""
    groups: dict[tuple[str, int], list[tuple[str, Block]]] = {}
    for block in found:
        fits = block.n in sizes(block.text) if block.n else bool(sizes(block.text))
        if block.regular and fits and _time_piece(block.pattern) is None:
            for key, text in _pieces(block.pattern):
                groups.setdefault((key, block.n), []).append((text, block))
    done: dict[int, Block] = {}
    for (key, n), members in groups.items():
        texts = [text for text, _ in members]
        numbers = all(t.isdigit() for t in texts)
        letters = sorted(t.lower() for t in texts) in [sorted(e) for e in keyed_letters()]
        one_label = len({bare(b.label) for _, b in members}) == 1
        fresh = not any(id(b) in done for _, b in members)
        waves = numbers and (n or (says_score(key) and len(texts) <= MOST_WAVES))
        if len(set(texts)) < 2 or not (fresh and one_label and (waves or letters)):
            continue
        merged = Block(key, [c for _, b in members for c in b.columns], n, texts, label=members[0][1].label)
        done |= {id(b): merged for _, b in members}
    return list({id(b): b for b in (done.get(id(b), b) for b in found)}.values())


@cache
def keyed_letters() -> tuple[tuple[str, ...], ...]:
    """Sets of single letters that stand for occasions: Anfang, Mitte, Ende."""
    return tuple(tuple(e) for e in vocabulary()["letters"])


def _pieces(pattern: str):
    """Each number or single letter of a pattern that may be the occasion: the pattern with {t}, and the text."""
    for match in WAVE.finditer(pattern):
        if not any(m.start() <= match.start() < m.end() for m in MARKED_ITEM.finditer(pattern)):
            yield pattern[: match.start()] + "{t}" + pattern[match.end() :], match.group()


def _over_time(found: list[Block]) -> list[Block]:
    """Blocks and columns whose names differ only in the occasion, put together."""
    groups: dict[tuple[str, int], list[tuple[str, Block]]] = {}
    alone = []
    for block in found:
        split = _time_piece(block.pattern) if not block.times else None
        if split and block.regular:
            groups.setdefault((split[0], block.n), []).append((split[1], block))
        else:
            alone.append(replace(block, when=split[1]) if split and not block.when else block)
    merged = []
    for (pattern, n), members in groups.items():
        if len(members) > 1:
            columns = [c for _, b in members for c in b.columns]
            label = _common([b.label for _, b in members])
            merged.append(Block(pattern, columns, n, [t for t, _ in members], label=label))
        else:
            text, only = members[0]
            merged.append(replace(only, when=only.when or text))
    return [*alone, *merged]


def _time_piece(pattern: str) -> tuple[str, str] | None:
    pieces = re.split(r"(\{n(?::\d+)?\})", pattern)
    for at, part in enumerate(pieces):
        start = 0
        for piece in pieces_of(part) if not part.startswith("{n") else []:
            end = start + len(piece)
            new = part[:start] + "{t}" + part[end:]
            rest = "".join(pieces[:at]) + part[:start] + part[end:] + "".join(pieces[at + 1 :])
            sentence = piece.lower() in listed("weak") and len(words(pattern)) > LONG
            if is_occasion(piece) and not sentence and re.search(r"[^\W\d_]", rest.replace("{n", "")):
                return "".join(pieces[:at]) + new + "".join(pieces[at + 1 :]), piece
            start = end
    return None
