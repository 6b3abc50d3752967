"""Text files: encoding and separator are found and stated, cells stay as written; read in pieces, whatever the size."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute
from pyarrow import csv as arrow_csv

from bowlby.config.study import DataFile
from bowlby.ingest.issues import Issues
from bowlby.ingest.readers.base import Table, Unreadable, framed
from bowlby.ingest.readers.column_selection import Selection

PIECE = 50_000
ESCAPED = re.compile("[\udc80-\udcff]")
CHANCE = 0.2
# Letters and quotes whose UTF-8 bytes are no two signs that follow each other in cp1252; of others, such as a sharp s
# before a closing quote, a few may stand in any German text.
LATIN = re.compile("[À-ÿ‐-›]")
BLOCK = 1 << 20
SAMPLE = 1 << 18
SAMPLE_ROWS = 60
DELIMITERS = ",;\t|"
SPACES = "whitespace"
SPACED = re.compile(r'"[^"]*"|\S+')
REGULAR = 0.8
"""Share of rows of one width, of three columns or more, from which blanks separate columns and not words."""
NOT_CP1252 = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])


def read_text(path: Path, selection: Selection, issues: Issues) -> Table:
    """Read a text file with columns."""
    spec = selection.spec
    encoding = stated_encoding(spec.encoding) if spec.encoding else find_encoding(path)
    if not spec.encoding and encoding != "utf-8":
        issues.add("note", "encoding", f"read as {encoding}", "none needed; `encoding:` sets another", file=path.name)
    delimiter, line = "\t" if spec.delimiter in ("tab", "\\t") else spec.delimiter, 0
    try:
        delimiter = delimiter or find_delimiter(path, encoding, spec)
        with path.open(encoding=encoding, newline="") as file:
            records = _records(file, delimiter, spec.quote, strict=True)
            try:
                return _table(records, selection, partial(_unquoted, path, encoding, delimiter))
            finally:
                line = records.line_num
    except UnicodeError:
        do = "correct `encoding:`, or leave it out" if spec.encoding else "say its `encoding:` in the study file"
        raise Unreadable(f"the text is not {encoding}", do) from None
    except csv.Error as error:
        if "field larger" in str(error):
            raise Unreadable(
                f"a cell at line {line} is longer than 131,072 characters", "check the quotes there"
            ) from None
        raise Unreadable(f"cannot be read as CSV (line {line})", "check quotes and `delimiter:`") from None
    except TypeError:
        raise Unreadable("`delimiter:` and `quote:` are one character each", "correct them") from None


def _records(file: Iterable[str], delimiter: str, quote: str, strict: bool = False):
    """The records of a text; columns that blanks separate are read as if by tabs."""
    if delimiter == SPACES:
        file = ("\t".join(SPACED.findall(line)) + "\n" for line in file)
    return csv.reader(file, delimiter="\t" if delimiter == SPACES else delimiter, quotechar=quote, strict=strict)


def _table(records: Iterator[list[str]], selection: Selection, whole: Callable[..., pa.Table | None]) -> Table:
    spec = selection.spec
    header, names, keep = selection.read_header(records)
    first = spec.header_row + spec.header_rows + spec.skip_rows
    if (read := whole(selection, len(header), keep)) is not None:
        index = pd.RangeIndex(first, first + read.num_rows)
        return Table(header, framed([c.chunks for c in read.columns], [names[i] for i in keep], index))
    stop = None if selection.limit is None else spec.skip_rows + selection.limit
    rows = itertools.islice(records, spec.skip_rows, stop)
    columns: list[list[pa.Array]] = [[] for _ in keep]
    numbers: list[np.ndarray] = []
    wide: list[int] = []
    short: list[int] = []
    width, at = len(header), first
    while piece := list(itertools.islice(rows, PIECE)):
        there = np.fromiter(map(bool, piece), bool, len(piece))  # a line without any cell is no row
        numbers.append(at + np.flatnonzero(there))
        at += len(piece)
        if not there.all():
            piece = [row for row in piece if row]
        if any(len(row) != width for row in piece):
            piece = [_fitted(row, width, n, wide, short) for n, row in zip(numbers[-1], piece, strict=True)]
        across = list(zip(*piece, strict=True))
        for column, i in zip(columns, keep, strict=True):
            column.append(pa.array(across[i] if across else [], pa.large_string()))
    index = pd.Index(np.concatenate(numbers) if numbers else [], dtype="int64")
    return Table(header, framed(columns, [names[i] for i in keep], index), wide=wide, short=short)


def _unquoted(path: Path, encoding: str, delimiter: str, selection: Selection, width: int, keep: list[int]):
    """The columns of a file in UTF-8 without quotes, of which each line has all columns; None for any other.

    Such a file has one reading only, so Arrow's reader gives the cells that :func:`csv.reader` gives.
    """
    spec = selection.spec
    regular = encoding == "utf-8" and len(delimiter) == 1 and delimiter.isascii() and width > 1
    if not (regular and keep) or selection.limit is not None or _holds(path, spec.quote.encode()):
        return None
    places = [str(i) for i in range(width)]
    skipped = spec.header_row - 1 + spec.header_rows + spec.skip_rows
    try:
        table = arrow_csv.read_csv(
            pa.OSFile(str(path)),
            arrow_csv.ReadOptions(column_names=places, skip_rows=skipped),
            arrow_csv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.large_string()), include_columns=[places[i] for i in keep]
            ),
        )
    except pa.ArrowInvalid:  # lines of several widths
        return None
    return None if _empty_rows(table) else table


def _empty_rows(table: pa.Table) -> bool:
    """Whether a row has no cell; Arrow makes such rows of empty lines, which are none."""
    empty: pa.ChunkedArray | None = None
    for column in table.columns:
        here = compute.equal(column, "")
        empty = here if empty is None else compute.and_(empty, here)
        if not compute.any(empty).as_py():
            return False
    return len(table) > 0


def _holds(path: Path, sign: bytes) -> bool:
    """Whether a file holds some bytes."""
    with path.open("rb") as file:
        return any(sign in block for block in iter(partial(file.read, BLOCK), b""))


def _fitted(row: list[str], width: int, number: np.int64, wide: list[int], short: list[int]) -> list[str]:
    if any(cell.strip() for cell in row[width:]):
        wide.append(int(number))
    elif len(row) < width and any(cell.strip() for cell in row):
        short.append(int(number))
    return [*row[:width], *[""] * (width - len(row))]


def stated_encoding(name: str) -> str:
    """An encoding that the study file states."""
    try:
        with io.TextIOWrapper(io.BytesIO(), encoding=name):  # of texts, not one that packs bytes
            return name
    except (LookupError, ValueError):
        raise Unreadable(f"encoding '{name}' is unknown", "correct `encoding:`, or leave it out") from None


def find_encoding(path: Path) -> str:
    """The encoding of a text file: its mark, else UTF-8 where all of it is, else cp1252, else Latin-1.

    Raises
    ------
    Unreadable
        If it is no text, or mixes UTF-8 with something else.
    """
    decoder, odd = codecs.getincrementaldecoder("utf-8")("surrogateescape"), False
    marks = plain = broken = 0
    with path.open("rb") as file:
        head = file.read(4)
        if head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
            return "utf-32"
        if head[:3] == codecs.BOM_UTF8:
            return "utf-8-sig"
        if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        block = file.read(BLOCK)
        if b"\0" in block:
            return _without_mark(block)
        while block:
            if b"\0" in block:
                raise Unreadable("not a text file", "check `format:`, or export it again as CSV")
            if not block.isascii() or decoder.getstate()[0]:
                text = decoder.decode(block)
                bad = len(ESCAPED.findall(text))
                broken += bad
                marks += sum(not c.isascii() for c in text) - bad
                plain += len(LATIN.findall(text))
                odd |= any(bytes([b]) in block for b in NOT_CP1252)
            block = file.read(BLOCK)
    broken += len(ESCAPED.findall(decoder.decode(b"", True)))
    if not broken:
        return "utf-8"
    if marks > broken or plain > CHANCE * broken:
        raise Unreadable("mixes UTF-8 with another encoding", "save it again as UTF-8, or say its `encoding:`")
    return "latin-1" if odd else "cp1252"


def _without_mark(block: bytes) -> str:
    even, odd = block[0::2].count(0), block[1::2].count(0)
    if max(even, odd) > 0.3 * len(block) / 2 and min(even, odd) < 0.02 * len(block) / 2:
        return "utf-16-le" if odd > even else "utf-16-be"
    raise Unreadable("not a text file", "check `format:`, or export it again as CSV")


def find_delimiter(path: Path, encoding: str, spec: DataFile) -> str:
    """The separator that makes rows of one width."""
    return best_delimiter(sample(path, encoding), spec.quote, spec.header_row - 1)[0]


def sample(path: Path, encoding: str) -> str:
    """The beginning of a text file, up to the end of a line."""
    with path.open(encoding=encoding, newline="", errors="replace") as file:
        text = file.read(SAMPLE)
        return text if len(text) < SAMPLE else text[: text.rfind("\n") + 1] or text


def best_delimiter(text: str, quote: str = '"', skip: int = 0) -> tuple[str, list[list[str]]]:
    """The separator that makes the most regular rows, and those rows."""
    best, best_rows, best_score = ",", [], -1.0
    for delimiter in [*DELIMITERS, SPACES]:
        if delimiter == SPACES and best_score > 0:
            break
        try:
            reader = _records(io.StringIO(text, newline=""), delimiter, quote)
            rows = list(itertools.islice(reader, skip + SAMPLE_ROWS))
        except csv.Error:
            continue
        widths = [len(row) for row in rows[skip:] if row]
        if not widths:
            continue
        common = max(set(widths), key=widths.count)
        regular = delimiter != SPACES or (common > 2 and widths.count(common) >= REGULAR * len(widths))
        score = common * widths.count(common) / len(widths) if common > 1 and regular else 0.0
        if score > best_score:
            best, best_rows, best_score = delimiter, rows, score
    return best, best_rows
